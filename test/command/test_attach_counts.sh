#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What the kernel counts for each control group that kashim attach has attached,
# as kashim status shows it: exactly what happened there, from attach to detach,
# whatever is reloaded meanwhile. BUILD names the build directory. As in
# test_attach.sh, all is below a control group of the test's own, and goes with
# this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
optmem=/proc/sys/net/core/optmem_max
own_cgroup kashimcounts
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g"
}

# inside CGROUP COMMAND...: runs it there.
inside() {
	# shellcheck disable=SC2016 # the inner shell expands
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@"
}

# Connections: one that has a rule, whose program sets another idle time on both
# sides later, which is held on the side with the rule; one that has none; two
# that are accepted by a rule, whichever that program has made.
connections() {
	inside "$1" /usr/bin/python3 "$here/attach_host.py" \
		127.0.0.1,7001,127.0.0.1,,later 127.0.0.1,7101,127.0.0.1 \
		127.0.0.1,7102,127.0.0.1,127.0.0.2 \
		127.0.0.1,7103,127.0.0.1,127.0.0.2 >/dev/null
}

# What the sum says of the kernel.
said() {
	"$kashim" status --in-force --pid $$ 2>/dev/null | sed -n '/^# kernel/,$p'
}

# And in the forms that programs read.
status_of_this() {
	"$kashim" status --in-force --pid $$ --json >json
	"$kashim" status --in-force --pid $$ --openmetrics >metrics
}

# As JSON, a line for each control group; the same in the metrics.
counts() {
	status_of_this 2>/dev/null
	/usr/bin/python3 "$here/status_check.py" schema \
		"$root/docs/kashim-status.schema.json" json &&
		/usr/bin/python3 "$here/status_check.py" openmetrics json \
			metrics &&
		/usr/bin/python3 - <<'END'
import json

names = "connected", "accepted", "no_rule", "held", "failed"
for group in json.load(open("json", encoding="utf-8"))["attached"]:
    counts = group["counts"]
    print(group["cgroup"], *(f"{name} {counts[name]}" for name in names))
END
}

cat >conf <<'END'
rule made {
	direction   = connect
	destination = { "127.0.0.1" }
	port        = { "7001" }
	idle        = "11s"
}
rule from { direction = accept source = { "127.0.0.2" } idle = "13s" }
rule not { port = { "7101" } action = ignore }
END
holds 'attach' attach --cgroup "$own/a"
check 'nothing was done yet' 0 counts <<END
OWN/a connected 0 accepted 0 no_rule 0 held 0 failed 0
END
connections "$own/a/below"
check 'each of them' 0 counts <<END
OWN/a connected 1 accepted 2 no_rule 5 held 1 failed 0
END
connections "$own/b"
check 'not what is elsewhere' 0 counts <<END
OWN/a connected 1 accepted 2 no_rule 5 held 1 failed 0
END
check 'in words' 0 said <<END
# kernel: OWN/a: 3 rules of WORK/conf
#   got their rule: 1 when connecting, 2 when accepting; without a rule: 5; settings held: 1
END
same 'in the metrics' \
	"$(sed -n 's/^kashim_attached_\([a-z_]*_total\){.*below.*//p
		s/^kashim_attached_\([a-z_]*_total\){cgroup="[^"]*"/\1/p' metrics)" \
	'connections_total,result="connected"} 1
connections_total,result="accepted"} 2
connections_total,result="no rule"} 5
settings_held_total} 1
failures_total} 0'

# Each control group counts for itself, also if one reload is for both.

holds 'attach another one' attach --cgroup "$own/b"
echo '# more' >>conf
holds 'reload' "$kashim" reload
processor=$(taskset --pid --cpu-list $$ | sed 's/.*[ ,-]//')
taskset --pid --cpu-list "$processor" $$ >/dev/null || exit 2
connections "$own/b"
check 'the other one, on another processor' 0 counts <<END
OWN/a connected 1 accepted 2 no_rule 5 held 1 failed 0
OWN/b connected 1 accepted 2 no_rule 5 held 1 failed 0
END
connections "$own/a"
sed -i 's/^rule not.*/rule all { app-settings = respect }/' conf || exit 2
holds 'reload other rules' "$kashim" reload
connections "$own/a"
check 'it goes on' 0 counts <<END
OWN/a connected 6 accepted 8 no_rule 10 held 3 failed 0
OWN/b connected 1 accepted 2 no_rule 5 held 1 failed 0
END
echo 'rule all { idle = "11s" app-settings = respect }' >conf
holds 'reload what holds nothing' "$kashim" reload
connections "$own/b"
check 'and without holding' 0 counts <<END
OWN/a connected 6 accepted 8 no_rule 10 held 3 failed 0
OWN/b connected 5 accepted 6 no_rule 5 held 1 failed 0
END
none='program = { "none" }'
[ -n "$programs" ] || none='port = { "9" }'
echo "rule none { $none idle = \"9s\" }" >conf
holds 'attach once more' attach --cgroup "$own/a"
connections "$own/a"
check 'that goes on, too' 0 counts <<END
OWN/a connected 6 accepted 8 no_rule 18 held 3 failed 0
OWN/b connected 5 accepted 6 no_rule 5 held 1 failed 0
END

# What can't be done: there is no room to note that a rule is held.

echo 'rule all { idle = "11s" }' >conf
holds 'reload what holds' "$kashim" reload
if [ -w $optmem ]; then
	room=$(cat $optmem)
	echo 0 >$optmem
	connections "$own/a"
	echo "$room" >$optmem
	check 'no memory' 0 counts <<END
OWN/a connected 6 accepted 8 no_rule 18 held 3 failed 8
OWN/b connected 5 accepted 6 no_rule 5 held 1 failed 0
END
	check 'in words, too' 0 said <<END
# kernel: OWN/a: 1 rule of WORK/conf, generation 4
#   got their rule: 6 when connecting, 8 when accepting; without a rule: 18; settings held: 3
#   8 failed: not all that the rule says, since memory was out or an option refused
# kernel: OWN/b: 1 rule of WORK/conf, generation 4
#   got their rule: 5 when connecting, 6 when accepting; without a rule: 5; settings held: 1
END
	# shellcheck disable=SC2016 # the inner shell expands
	inside "$own/a" sh -c '"$0" doctor $$' "$kashim" |
		sed 's/^ *//' | tr '\n' ' ' >doctor
	in_file 'doctor' doctor \
		"note  $own/a: for 8 connections or listeners there it could not do all that a rule says"
else
	skip 'no memory' 'net.core.optmem_max is of all namespaces here'
fi
program='program = { "python*" }'
[ -n "$programs" ] || program=
echo "rule all { $program idle = \"11s\" }" >conf
holds 'reload what names programs' "$kashim" reload
if [ -n "$programs" ] && [ -w $optmem ]; then
	echo 0 >$optmem
	inside "$own/b" /usr/bin/python3 "$here/attach_host.py" \
		127.0.0.1,7001,127.0.0.1 >/dev/null
	echo "$room" >$optmem
	# The listener, and what it connects; what it accepts is nobody's.
	check 'not even of a listener' 0 counts <<END
OWN/a connected 6 accepted 8 no_rule 18 held 3 failed 8
OWN/b connected 5 accepted 6 no_rule 6 held 1 failed 2
END
fi

if found header:check.h 'what the kernel refuses'; then
	mkdir "$own/c" || exit 2
	holds 'attach what it refuses' \
		"$build/test/lookups" refused "$own/c"
	connections "$own/c"
	same 'refused' "$(counts | grep -c \
		"/c connected 0 accepted 0 no_rule 0 held 0 failed 8$")" 1
	"$kashim" detach --cgroup "$own/c" >/dev/null
fi

# From attach to detach.

pins() {
	find /sys/fs/bpf/kashim -name '*-counters-*' | wc -l
}
same 'what is pinned' "$(pins)" 2
holds 'detach' "$kashim" detach
same 'nothing is left' "$(ls /sys/fs/bpf/kashim)" ''
holds 'and attach' attach --cgroup "$own/a"
holds 'both' attach --cgroup "$own/b"
check 'it begins anew' 0 counts <<END
OWN/a connected 0 accepted 0 no_rule 0 held 0 failed 0
OWN/b connected 0 accepted 0 no_rule 0 held 0 failed 0
END

# Programs of a kashim that did not count.

rm /sys/fs/bpf/kashim/*-counters-*
status_of_this
same 'not counted' "$(grep -c '"counts": null' json)" 2
quiet 'not counted: the schema' /usr/bin/python3 "$here/status_check.py" \
	schema "$root/docs/kashim-status.schema.json" json
quiet 'not counted: the metrics' /usr/bin/python3 "$here/status_check.py" \
	openmetrics json metrics
check 'not counted, in words' 0 said <<END
# kernel: OWN/a: 1 rule of WORK/conf, generation 5
# kernel: OWN/b: 1 rule of WORK/conf, generation 5
END
echo 'rule all { idle = "11s" }' >conf
holds 'it counts from the reload on' "$kashim" reload
connections "$own/b"
check 'counted' 0 counts <<END
OWN/a connected 0 accepted 0 no_rule 0 held 0 failed 0
OWN/b connected 4 accepted 4 no_rule 0 held 2 failed 0
END

# What can't be told is not nothing.

chown 65533 /sys/fs/bpf/kashim || exit 2
check 'not known' 0 said <<END
# kernel: what is attached is not known: /sys/fs/bpf/kashim is not trusted: you have to own it, and nobody else may write it
END
status_of_this
in_file 'not known: JSON' json '"attached": null'
in_file 'not known: metrics' metrics 'kashim_attached_not_known 1'
quiet 'not known: the metrics' /usr/bin/python3 "$here/status_check.py" \
	openmetrics json metrics
chown 0 /sys/fs/bpf/kashim
holds 'detach all' "$kashim" detach
finish
