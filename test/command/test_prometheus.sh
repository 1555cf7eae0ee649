#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/prometheus: each alert fires when it should, and not a moment or a host
# besides; and all, also in conf/grafana, goes by metrics that kashim status
# has. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
export LC_ALL=C

set -- "$root/conf/prometheus" "$root/conf/grafana"
cp "$1/kashim.rules.yml" "$here/alerts.yml" . || exit 2

# TYPE is there for each metric, also for one without a value.
echo 'rule all { idle = 300 }' >k.conf
"$build/kashim" status -c k.conf -p $$ --openmetrics >metrics
holds 'there are metrics' test -s metrics
# Of a counter, what has values has "_total" behind that.
sed -n 's/^# TYPE \(kashim_[a-z_]*\) gauge$/\1/p
	s/^# TYPE \(kashim_[a-z_]*\) counter$/\1_total/p' metrics | sort >known
grep -ohE 'kashim_[a-z_]+' -r "$@" | sort -u >used
same 'only metrics that there are' "$(comm -23 used known)" ''
grep -ohE 'verdict=~?\\*"[^"\\]*' -r "$@" | sed 's/.*"//' | tr '|' '\n' |
	sort -u >used
holds 'there are verdicts' test -s used
while read -r verdict; do
	in_file 'only verdicts that there are' \
		"$root/docs/kashim-status.schema.json" "\"$verdict\""
done <used

sed -n 's/^ *- alert: //p' kashim.rules.yml | sort >alerts
grep -B 1 -A 1 'alertname' alerts.yml |
	awk '/alertname:/ { name = $2 } /exp_alerts:/ { print name }' |
	sort -u >tested
same 'a test fires each alert' "$(cat tested)" "$(cat alerts)"
awk '/alertname:/ { if (name) print name; name = $2 } /exp_alerts:/ { name = "" }
	END { if (name) print name }' alerts.yml | sort -u >silent
same 'and in another it is silent' "$(cat silent)" "$(cat alerts)"

if found command:promtool 'the alerts'; then
	holds 'promtool check rules' promtool check rules kashim.rules.yml
	holds 'promtool test rules' promtool test rules alerts.yml
	sed '/^# EOF/d; /^# UNIT/d' metrics >text
	promtool check metrics <text >lint 2>&1
	same 'promtool check metrics' "$(cat lint)" ''
fi

finish
