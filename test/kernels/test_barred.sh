#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What kashim attach says where it may not, or cannot; and under lockdown, see
# kernel_lockdown(7), which is turned on here and stays so: for a kernel that
# run boots. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
[ -n "${KASHIM_KERNELS-}" ] || exit 2
apart --mount --net
begin
kashim=$build/kashim
own=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)/kashim-test.$$
cleanup() {
	[ ! -d "$own" ] || find "$own" -depth -type d -exec rmdir {} +
}
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g"
}
ip link set lo up && mkdir "$own" "$own/a" || exit 2
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
echo 'rule all { idle = "300s" }' >conf

# No control groups of version 2.

# shellcheck disable=SC2016 # for the shell inside
without='umount --lazy --recursive /sys/fs/cgroup && exec "$0" attach --all'
check 'no control groups of version 2' 2 \
	unshare --mount sh -c "$without" "$kashim" <<'END'
! kashim: there are no control groups of version 2
END

# Not root, or root of a user namespace alone.

check 'a user' 2 setpriv --reuid 65533 --clear-groups \
	"$kashim" attach --cgroup "$own/a" <<'END'
! kashim: the kernel takes programs from root alone (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN), and not in a user namespace
END
check 'a user namespace' 2 unshare --user --map-root-user \
	"$kashim" attach --cgroup "$own/a" <<'END'
! kashim: the kernel takes programs from root alone (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN), and not in a user namespace
END

# Older than Linux 5.10.

if ! needs bpf 'rules in the kernel'; then
	check 'an old kernel' 2 "$kashim" attach --cgroup "$own/a" <<-'END'
	! kashim: in this kernel no program sets keepalive, as in Linux 5.10: preload, supervise or apply instead
	END
	finish
	exit
fi

# Under lockdown.

programs=yes
needs bpf-loop 'rules that name programs' || programs=
static() {
	# shellcheck disable=SC2016 # the inner shell expands
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$own/a" \
		"$build/test/connects_static" 0 |
		grep -o 'connect 0 idle.*' | uniq
}
bare='connect 0 idle 7200 on 0, accept idle 7200 on 0'
cat >named <<'END'
rule in  { direction = accept idle = "300s" }
rule out { program = { "connects_*" } idle = "200s" }
END
# attached: the one rule for all is attached, holds, and is detached.
attached() {
	check "$1: attach" 0 "$kashim" attach --cgroup "$own/a" <<-'END'
	OWN/a: the kernel has 1 rule of WORK/conf
	END
	same "$1: a program there" "$(static)" \
		'connect 0 idle 300 on 1, accept idle 300 on 1'
}
detached() {
	check "$1: detach" 0 "$kashim" detach <<-'END'
	OWN/a: detached
	END
	same "$1: after" "$(static)" "$bare"
}
same 'before' "$(static)" "$bare"
for level in none integrity; do
	[ $level = none ] || echo $level >/sys/kernel/security/lockdown
	same "$level" "$(sed 's/.*\[\(.*\)\].*/\1/' \
		/sys/kernel/security/lockdown)" $level
	attached $level
	if [ -n "$programs" ]; then
		check "$level: programs by name" 0 \
			"$kashim" attach --cgroup "$own/a" --config named <<-'END'
		OWN/a: the kernel has now 2 rules of WORK/named
		END
		same "$level: its rule" "$(static)" \
			'connect 0 idle 200 on 1, accept idle 300 on 1'
	fi
	detached $level
done

# Then no new program may read the kernel's memory, where the names are.

level=confidentiality
[ -z "$programs" ] ||
	holds 'before that' "$kashim" attach --cgroup "$own/a" --config named
echo $level >/sys/kernel/security/lockdown
if [ -n "$programs" ]; then
	same 'what was attached before goes on' "$(static)" \
		'connect 0 idle 200 on 1, accept idle 300 on 1'
	detached 'attached before'
fi
attached $level
if [ -z "$programs" ]; then
	detached $level
	finish
	exit
fi
check "$level: programs by name" 2 \
	"$kashim" attach --cgroup "$own/a" --config named <<'END'
! kashim: WORK/named:2: rule out names programs, and this kernel lets nobody read what a program is called (lockdown=confidentiality)
END
cp named conf
check "$level: reload" 2 "$kashim" reload <<'END'
! kashim: WORK/conf:2: rule out names programs, and this kernel lets nobody read what a program is called (lockdown=confidentiality)
! kashim: programs keep the policy that they have, as the kernel does
END
same "$level: the old rules stay" "$(static)" \
	'connect 0 idle 300 on 1, accept idle 300 on 1'
detached $level
finish
