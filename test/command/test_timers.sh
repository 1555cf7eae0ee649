#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The units that are installed, with a real systemd: what they may do is enough
# for all that root sees and sets, and their timers start them. Needs root.
# BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount

cleanup() {
	systemd_down
}
begin
export LC_ALL=C
# shellcheck source=test/command/systemd.sh
. "$here/systemd.sh"
collected=$SYSTEMD_ROOT/var/lib/prometheus/node-exporter

systemd_tree && systemd_install || exit 1
places=$SYSTEMD_ROOT/usr/local/lib/systemd/system
mkdir -p "$collected"
# As the package has it: of its own user.
chown 65534 "$collected"
cat >"$SYSTEMD_ROOT/etc/kashim.conf" <<'CONF'
rule preload { port = 6001 idle = 301 }
rule apply { port = 6002 idle = 302 firewall-timeout = 350 }
rule apart { port = 6003 idle = 303 }
rule script { program = agent port = 6005 idle = 305 }
rule listener { port = 6004 idle = 304 }
CONF

# service NAME LINE...
service() {
	name=$1
	shift
	printf '%s\n' '[Service]' "$@" \
		>"$SYSTEMD_ROOT/etc/systemd/system/$name.service"
}

# Other users' programs, also one in a network namespace of its own.
service server 'ExecStart=/bin/sh -c "nc -lk 127.0.0.1 6001 & \
	nc -lk 127.0.0.1 6004 & nc -lk 127.0.0.1 6005 & exec nc -lk 127.0.0.1 6002"'
service preload User=nobody Environment=LD_PRELOAD=/usr/local/lib/libkashim.so \
	'ExecStart=/usr/bin/nc -d 127.0.0.1 6001'
service plain User=nobody 'ExecStart=/usr/bin/nc -d 127.0.0.1 6002'
service apart PrivateNetwork=yes User=nobody 'ExecStart=/bin/sh -c \
	"nc -lk 127.0.0.1 6003 & while ! nc -d 127.0.0.1 6003; do :; done"'
# A program by the name of its script, which is read from its memory.
printf '%s\n' '#!/bin/bash' 'exec 3<>/dev/tcp/127.0.0.1/6005' 'read <&3' \
	>"$SYSTEMD_ROOT/usr/local/bin/agent"
chmod 755 "$SYSTEMD_ROOT/usr/local/bin/agent"
service script User=nobody ExecStart=/usr/local/bin/agent
systemd_boot || exit 1

systemctl() {
	systemd_run systemctl "$@"
}

metrics() {
	systemd_run /usr/local/bin/kashim status --openmetrics
}

# What does not change by itself, of a file with metrics.
lasting() {
	grep -E '^kashim_(connections\{|covered|listeners|proc|namesp)' "$1"
}

connected() {
	metrics >now
	[ "$(grep -cE '_connections\{program="nc",rule="(preload|apply|apart)"' \
		now)" -ge 3 ] && grep -q 'program="agent"' now
}

systemctl start server
until_true 10 systemd_run sh -c 'ss -tlnH | grep -c 600 | grep -x 4'
systemctl start preload plain apart script
holds 'the services are connected' until_true 20 connected

holds 'kashim-metrics.service' systemctl start kashim-metrics.service
metrics >now
same 'it sees what root sees' "$(lasting "$collected/kashim.prom")" \
	"$(lasting now)"
in_file 'not all is covered' "$collected/kashim.prom" 'kashim_covered 0'
same 'one file, for everybody' \
	"$(cd "$collected" && stat -c '%a %n' -- *)" '644 kashim.prom'
holds 'kashim-apply.service' systemctl start kashim-apply.service
holds 'it sets what root can set' systemd_run /usr/local/bin/kashim \
	apply --all --dry-run
holds 'kashim-metrics.service, again' systemctl start kashim-metrics.service
in_file 'all is covered' "$collected/kashim.prom" 'kashim_covered 1'

same 'what it saw, for the next run' "$(find \
	"$SYSTEMD_ROOT/run/kashim-metrics" -printf '%m %P\n' | sort)" \
	"644 seen
755 "

# After a failure the old one stays.
cp "$collected/kashim.prom" before
cp "$SYSTEMD_ROOT/etc/kashim.conf" kashim.conf
echo 'rule {' >"$SYSTEMD_ROOT/etc/kashim.conf"
holds 'a mistake: it fails' fails systemctl start kashim-metrics.service
holds 'a mistake: the old one stays' cmp before "$collected/kashim.prom"
cp kashim.conf "$SYSTEMD_ROOT/etc/kashim.conf"

# Disabled, and enabled as the administrator does it.
for name in metrics apply; do
	same "$name: at first" \
		"$(systemctl is-enabled "kashim-$name.timer")" disabled
done
rm "$collected"/*
systemctl restart plain
holds 'there is one to be set' until_true 10 fails systemd_run \
	/usr/local/bin/kashim apply --all --dry-run
holds 'enable --now' systemctl enable --now kashim-metrics.timer \
	kashim-apply.timer
holds 'the first timer' until_true 10 test -e "$collected/kashim.prom"
holds 'the second timer' until_true 10 systemd_run /usr/local/bin/kashim \
	apply --all --dry-run
systemctl list-timers --all --no-legend >timers
same 'and again in a minute' "$(grep -c 'kashim-.*\.timer' timers)" 2

# What is said of how far they are shut in.
for unit in kashim-metrics kashim-apply; do
	systemd_run systemd-analyze security --no-pager "$unit.service" \
		>exposure 2>&1
	got=$(sed -n 's/.*exposure level .*: \([0-9.]*\) .*/\1/p' exposure)
	said=$(sed -n 's/.*systemd-analyze security \(.*\)\.$/\1/p' \
		"$places/$unit.service")
	holds "$unit.service: $got, at most $said" \
		awk "BEGIN { exit !(${got:-99} <= ${said:-0}) }"
done

finish
