# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# systemd: a real system manager, as process 1 of namespaces of its own, for
# units that a test brings. To be sourced behind the "begin" of lib.sh, by a
# script that is apart with its mounts. /usr is the host's,
# read-only; everything else below $SYSTEMD_ROOT is new, so that none of the
# host's units or settings are there. It has a loopback interface, and nothing
# beyond that.
#
# systemd_tree                  makes $SYSTEMD_ROOT
# systemd_install               puts there what "make install" would
# systemd_boot                  starts it; files go to $SYSTEMD_ROOT before
# systemd_run COMMAND...        runs a command in there
# systemd_down                  ends it with all that it has started

SYSTEMD_ROOT=${work:?}/system
SYSTEMD_PID=
SYSTEMD_OUTER=
SYSTEMD_CGROUP=

# The tree that it sees as "/". $build is at /kashim.
systemd_tree() {
	mkdir -p "$SYSTEMD_ROOT" && mount -t tmpfs tmpfs "$SYSTEMD_ROOT" ||
		return 1
	(
		cd "$SYSTEMD_ROOT" || exit 1
		mkdir -p usr etc/systemd/network tmp var/log var/lib var/tmp \
			proc sys root kashim
		chmod 1777 tmp var/tmp
		for link in bin sbin lib lib32 lib64 libx32; do
			[ ! -L "/$link" ] || cp -P "/$link" .
		done
		mount --bind /usr usr && mount -o remount,bind,ro usr &&
			mount --bind "${build:?}" kashim &&
			mount -o remount,bind,ro kashim || exit 1
		for file in passwd group nsswitch.conf ld.so.cache; do
			cp "/etc/$file" etc/ || exit 1
		done
		cp -RL /etc/alternatives etc/ 2>/dev/null
		systemd_furnish
	)
}

# What each tree needs that is to boot, in the current directory.
systemd_furnish() {
	mkdir -p run etc/systemd/system etc/systemd/system.conf.d dev/pts dev/shm
	chmod 1777 dev/shm
	# Without the tree's own units, so that what starts is ours.
	mount -t tmpfs tmpfs run &&
		mount -t tmpfs tmpfs usr/lib/systemd/system || return 1
	echo 0123456789abcdef0123456789abcdef >etc/machine-id
	# A test may start a service as often as it likes.
	printf '[Manager]\nDefaultStartLimitIntervalSec=0\n' \
		>etc/systemd/system.conf.d/test.conf
	for device in null zero full random urandom tty; do
		[ -e "dev/$device" ] || : >"dev/$device"
		mount --bind "/dev/$device" "dev/$device" || return 1
	done
	cat >etc/systemd/system/default.target <<-END
	[Unit]
	DefaultDependencies=no
	END
	for unit in -.slice system.slice sysinit.target basic.target \
		sockets.target shutdown.target; do
		printf '[Unit]\nDefaultDependencies=no\n' \
			>"etc/systemd/system/$unit"
	done
}

# Below the default prefix: the command, the libraries, and the units.
systemd_install() {
	mount -t tmpfs tmpfs "$SYSTEMD_ROOT/usr/local" &&
		mkdir -p "$SYSTEMD_ROOT/usr/local/bin" \
			"$SYSTEMD_ROOT/usr/local/lib/systemd/system" &&
		cp "$build/kashim" "$SYSTEMD_ROOT/usr/local/bin" &&
		cp "$build/libkashim.so" "$build/libkashim-config.so" \
			"$SYSTEMD_ROOT/usr/local/lib" &&
		cp "${root:?}"/tools/package/kashim-*.service \
			"$root"/tools/package/kashim-*.timer \
			"$SYSTEMD_ROOT/usr/local/lib/systemd/system"
}

systemd_is_up() {
	systemd_run systemctl is-system-running >/dev/null 2>&1 ||
		[ "$(systemd_run systemctl is-system-running 2>/dev/null)" = \
			degraded ]
}

# Returns 1 after a message if it does not come up. After systemd_down again.
systemd_boot() {
	[ -d "$work/cgroup" ] || { mkdir "$work/cgroup" &&
		mount -t cgroup2 cgroup2 "$work/cgroup"; } || return 1
	SYSTEMD_CGROUP=$work/cgroup/kashim-test.$$
	mkdir "$SYSTEMD_CGROUP" || return 1
	# shellcheck disable=SC2016 # for the shell inside
	sh -c '
		echo $$ >"$2/cgroup.procs" || exit 1
		exec unshare --fork --kill-child --pid --mount --uts --ipc \
			--net --cgroup -- sh -c "
			cd \"\$1\" &&
			mount -t proc proc proc &&
			mount --bind proc/sys proc/sys &&
			mount -o remount,bind,ro proc/sys &&
			mount -t sysfs -o ro sysfs sys &&
			mount -t cgroup2 cgroup2 sys/fs/cgroup &&
			{ mount -t bpf bpf sys/fs/bpf || :; } &&
			ip link set lo up &&
			mkdir .old && pivot_root . .old && cd / &&
			umount -l .old && rmdir .old &&
			exec env -i PATH=/usr/bin:/usr/sbin container=kashim \
				/lib/systemd/systemd --system \
				--unit=default.target --log-target=console \
				--show-status=0" sh "$1"
		' sh "$SYSTEMD_ROOT" "$SYSTEMD_CGROUP" \
		</dev/null >"$work/systemd.log" 2>&1 &
	SYSTEMD_OUTER=$!
	# Its only child becomes the manager.
	until_true 20 systemd_find || {
		echo 'no process 1 was started' >&2
		return 1
	}
	until_true 30 systemd_is_up || {
		echo 'systemd does not come up:' >&2
		sed 's/^/	/' "$work/systemd.log" >&2
		return 1
	}
}

systemd_find() {
	SYSTEMD_PID=$(pgrep -P "$SYSTEMD_OUTER") &&
		[ "$(cat "/proc/$SYSTEMD_PID/comm" 2>/dev/null)" = systemd ]
}

# Without the caller's environment, as a service is without it.
systemd_run() {
	env -i PATH=/usr/bin:/usr/sbin nsenter --target "$SYSTEMD_PID" \
		--mount --pid --uts --ipc --net --cgroup --root --wd -- "$@"
}

systemd_no_cgroup() {
	find "$SYSTEMD_CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -d "$SYSTEMD_CGROUP" ]
}

# May be called at any time, again too. With process 1 all others there end.
systemd_down() {
	if [ -n "$SYSTEMD_PID" ]; then
		kill -KILL "$SYSTEMD_PID" 2>/dev/null
	elif [ -n "$SYSTEMD_OUTER" ]; then
		kill -KILL "$SYSTEMD_OUTER" 2>/dev/null
	fi
	[ -z "$SYSTEMD_OUTER" ] || wait "$SYSTEMD_OUTER" 2>/dev/null
	SYSTEMD_PID='' SYSTEMD_OUTER=''
	[ -z "$SYSTEMD_CGROUP" ] || until_true 5 systemd_no_cgroup
	SYSTEMD_CGROUP=
}
