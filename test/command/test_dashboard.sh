#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/grafana/kashim.json: each of its queries, put to a real Prometheus that
# asks two hosts' node_exporters for what kashim status wrote, gets the numbers
# that these hosts have. Needs root. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net --ipc --pid --fork --kill-child --mount-proc
begin
export LC_ALL=C
# shellcheck source=test/command/fleet.sh
. "$here/fleet.sh"

dashboard() {
	/usr/bin/python3 "$here/dashboard.py" "$@"
}

same 'its form' "$(dashboard lint)" ''
for it in command:prometheus command:prometheus-node-exporter command:nft; do
	found "$it" 'the dashboard' || {
		finish
		exit
	}
done

cat >kashim.conf <<'CONF'
rule backup { direction = connect port = 3300 firewall-timeout = 15min }
rule lost { direction = connect port = 3302 idle = 1 interval = 1 count = 100 }
CONF
library=$build/libkashim.so

fleet_host db1
fleet_program db1 server '' listen,127.0.0.1,3300
fleet_program db1 agent "$library" connect,127.0.0.1,3300,times=3
fleet_program db1 plain '' connect,127.0.0.1,3300,times=2
fleet_program db1 other '' connect,127.0.0.1,3300,on,idle=100

# There probes are lost, two programs keep the policy that they began with, since
# the next one came in another file, and the text was changed behind that.
fleet_host db2
fleet_in db2 "$build/kashim" reload >/dev/null || exit 2
fleet_program db2 server '' listen,127.0.0.1,3300 listen,127.0.0.1,3302
fleet_program db2 agent "$library" connect,127.0.0.1,3300,times=4
fleet_program db2 lost "$library" connect,127.0.0.1,3302
rm db2/cache/*
fleet_in db2 "$build/kashim" reload >/dev/null || exit 2
echo '# changed' >>kashim.conf
fleet_in db2 nft 'add table t; add chain t in { type filter hook input priority 0; };
	add rule t in tcp dport 3302 drop'
probes_are_lost() {
	fleet_in db2 "$build/kashim" status -o |
		grep -qE '^kashim_unanswered_probes.*"lost".* [1-9]'
}
holds 'probes are lost' until_true 40 probes_are_lost

# A byte behind a silence.
silence_is_survived() {
	fleet_collect db1
	fleet_collect db1
	echo >db1/agent.in
	fleet_collect db1
	grep -q '^kashim_survived_silence.*"agent"' db1/textfiles/kashim.prom
}
holds 'silence is survived' until_true 40 silence_is_survived

before=$(date +%s)
fleet_collect db2
fleet_watch
holds 'Prometheus asks' until_true 60 fleet_is_asked || cat prometheus.log

# value HOST METRIC RULE: as kashim says it, in Prometheus's form.
value() {
	sed -n "s/^$2{.*rule=\"$3\"} //p" "$1/textfiles/kashim.prom" |
		sed '/[.]/s/[.]*0*$//'
}
lost=$(value db2 kashim_unanswered_probes lost)
left=$(for it in db1 db2; do
	value $it kashim_firewall_timeout_left_seconds backup
done | sort -n | head -n 1)
survived=$(value db1 kashim_survived_silence_seconds backup)

# asked HOST...: what the dashboard shows of them, without what passes with time.
asked() {
	dashboard ask "$fleet_url" "$@" | sort >answers
	grep -v '^Oldest metrics' answers
}
alerts_came() {
	[ "$(asked | grep -c '^Alerts.*=pending')" -eq 5 ]
}
holds 'the alerts' until_true 60 alerts_came
all=$(asked)
same 'all hosts' "$all" "\$instance: db1 db2
Alerts, A: alertname=KashimConnectionsNotCovered alertstate=pending instance=db1 program=other rule=backup 1
Alerts, A: alertname=KashimConnectionsNotCovered alertstate=pending instance=db1 program=plain rule=backup 1
Alerts, A: alertname=KashimPolicyOlderThanText alertstate=pending instance=db2 1
Alerts, A: alertname=KashimProbesUnanswered alertstate=pending instance=db2 program=lost rule=lost 1
Alerts, A: alertname=KashimProcessesWithOlderPolicy alertstate=pending instance=db2 1
Attached, behind, A: 0
Attached, broken, A: 0
Connections, A: verdict=differs 1
Connections, A: verdict=no rule 11
Connections, A: verdict=off 2
Connections, A: verdict=ok 8
Hosts not covered, A: 1
Hosts, A: 2
Not covered, A: instance=db1 program=other rule=backup verdict=differs 1
Not covered, A: instance=db1 program=plain rule=backup verdict=off 2
Probes unanswered, A: $lost
Probes unanswered, the ten highest, A: instance=db2 program=lost rule=lost $lost
Programs behind, A: 2
Silence, by rule, A: rule=backup 900
Silence, by rule, B: rule=backup $survived
Silence, by rule, C: rule=backup $left
Text not in force, A: 1"
age=$(sed -n 's/^Oldest metrics, A: //p' answers)
holds "the age of the metrics, $age" awk "BEGIN {
	exit !($age >= 0 && $age <= $(date +%s) - $before + 1) }"

same 'both hosts by name' "$(asked db1 db2)" "$all"
same 'one host' "$(asked db2 | grep -v '^Alerts')" "\$instance: db1 db2
Attached, behind, A: 0
Attached, broken, A: 0
Connections, A: verdict=no rule 5
Connections, A: verdict=ok 5
Hosts not covered, A: 0
Hosts, A: 1
Not covered, A: no data
Probes unanswered, A: $lost
Probes unanswered, the ten highest, A: instance=db2 program=lost rule=lost $lost
Programs behind, A: 2
Silence, by rule, A: rule=backup 900
Silence, by rule, B: no data
Silence, by rule, C: rule=backup $(value db2 \
	kashim_firewall_timeout_left_seconds backup)
Text not in force, A: 1"
same 'its alerts' "$(asked db2 | grep '^Alerts')" \
	"$(echo "$all" | grep '^Alerts.*db2')"

# Anybody could have put there what is attached, so it is not believed.
fleet_in db2 sh -c 'mount -t tmpfs tmpfs /sys/fs/bpf &&
	mkdir -m 777 /sys/fs/bpf/kashim' || exit 2
fleet_collect db2
is_broken() {
	asked | grep -qx 'Attached, broken, A: 1'
}
holds 'what is attached is not known' until_true 60 is_broken

finish
