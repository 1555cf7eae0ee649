#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Makes docs/dashboard.svg: three hosts in namespaces, with real connections and
# real troubles, are asked by a real Prometheus for two minutes, and its answers
# drawn. Not a test. BUILD names the build directory; needs root.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net --ipc --pid --fork --kill-child --mount-proc
begin
export LC_ALL=C
# shellcheck source=test/command/fleet.sh
. "$here/fleet.sh"
library=$build/libkashim.so
seconds=120

cat >kashim.conf <<'CONF'
rule backup { direction = connect port = 3300 firewall-timeout = 15min }
rule gateway { direction = connect port = 3302 idle = 5 interval = 1
	count = 100 firewall-timeout = 20 }
CONF
for host in db1 db2 db3; do
	fleet_host $host
	fleet_program $host server '' listen,127.0.0.1,3300 \
		listen,127.0.0.1,3302
done
fleet_program db1 agent "$library" connect,127.0.0.1,3300,times=6
fleet_program db2 agent "$library" connect,127.0.0.1,3300,times=4
fleet_program db3 agent "$library" connect,127.0.0.1,3300,times=3
fleet_program db3 batch "$library" connect,127.0.0.1,3302,times=2
fleet_in db3 "$build/kashim" reload >/dev/null || exit 2

# What happens, at which second.
at() {
	case $1 in
	30) # Started anew, without the library.
		# shellcheck disable=SC2016 # for that shell
		fleet_in db2 sh -c 'kill "$(pgrep -x agent)"'
		rm db2/agent.in
		fleet_program db2 agent '' connect,127.0.0.1,3300,times=4
		;;
	40) # A firewall forgets.
		fleet_in db3 nft 'add table t
			add chain t in { type filter hook input priority 0; }
			add rule t in tcp dport 3302 drop'
		;;
	70) echo >db1/agent.in ;;
	80) fleet_in db3 nft delete table t ;;
	90) # Edited, and not put in force where one is published.
		echo '# changed' >>kashim.conf
		;;
	esac
}

fleet_watch
begun=$(clock_ms)
for second in $(seq 0 2 $seconds); do
	at "$second"
	for host in $fleet_hosts; do
		fleet_collect "$host"
	done
	while [ "$(clock_ms)" -lt $((begun + second * 1000 + 2000)) ]; do
		sleep 0.1
	done
done
/usr/bin/python3 "$here/picture.py" "$fleet_url" $seconds >dashboard.svg &&
	cp dashboard.svg "$root/docs/dashboard.svg"
