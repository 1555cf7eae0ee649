#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The name of a control group may be a user's who was given one above it
# (Delegate= of systemd.resource-control(5)), and root prints it: whatever bytes
# it has, it is one line that does nothing to a terminal, and valid JSON and
# OpenMetrics. BUILD names the build directory. As in test_attach.sh, all is
# below a control group of the test's own, and goes with this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashimnames
cc -o waits "$here/waits.c" && cc -o other_tool "$here/other_tool.c" -lbpf &&
	mkfifo in || exit 2
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
echo 'rule all { idle = "300s" }' >conf

# A tab, an escape sequence that colours, quotes, a backslash; then, as UTF-8, a
# control character that begins such a sequence, too, and one that turns the
# direction of text; and a byte that is no UTF-8.
evil=$own/$(printf 'a\tb\033[31mc"d\\e\302\233f\342\200\256g\377')
# Two that are alike where these are not shown.
tab=$own/$(printf 'x\ty') escape=$own/$(printf 'x\033y')
mkdir "$evil" "$evil/below" "$tab" "$escape" || exit 2
holds 'the kernel takes no newline in a name' fails mkdir "$own/a
b"

plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g; s|process $waits|process N|" \
		-e "s|--pid $waits|--pid N|g; s|port [0-9][0-9]*|port N|g"
}

# What is attached is found, and said harmlessly.

check 'no such one' 2 "$kashim" attach --cgroup "$evil/none" <<'END'
! kashim: OWN/a?b?[31mc"d\e?f?g?/none: No such file or directory
END
check 'nothing is attached to it' 1 "$kashim" detach --cgroup "$evil" <<'END'
! kashim: nothing is attached to OWN/a?b?[31mc"d\e?f?g?
END
check 'no such one is listed' 2 \
	"$kashim" attach --list --cgroup "$evil/none" <<'END'
! kashim: OWN/a?b?[31mc"d\e?f?g?/none: No such file or directory
END
check 'an argument' 2 "$kashim" attach "$evil" <<'END'
! kashim: attach takes options only, not 'OWN/a?b?[31mc"d\e?f?g?'
! Try 'kashim attach --help'.
END
check 'dry run' 0 "$kashim" attach --dry-run --cgroup "$evil" <<'END'
OWN/a?b?[31mc"d\e?f?g?: the kernel would get 1 rule of WORK/conf
END
check 'attach' 0 "$kashim" attach --cgroup "$evil" <<'END'
OWN/a?b?[31mc"d\e?f?g?: the kernel has 1 rule of WORK/conf
END
check 'again' 0 "$kashim" attach --cgroup "$evil" <<'END'
OWN/a?b?[31mc"d\e?f?g?: the kernel has now 1 rule of WORK/conf
END
check 'list' 0 "$kashim" attach --list <<'END'
OWN/a?b?[31mc"d\e?f?g?: 1 rule of WORK/conf
END
matched() {
	"$kashim" match 10.0.0.1 80 2>&1 | grep '^the kernel'
}
check 'match' 0 matched <<'END'
the kernel goes by the same rules in OWN/a?b?[31mc"d\e?f?g?
END
echo 'rule all { idle = "200s" }' >conf
check 'match: others' 0 matched <<'END'
the kernel has other rules in OWN/a?b?[31mc"d\e?f?g?: rule all decides there
END
sed -i 's/all/new/' conf
echo 'rule v6 { destination = { "::/0" } idle = "9s" }' >v6
cp conf before.conf && cp v6 conf
holds 'attach what does not match' "$kashim" attach --cgroup "$evil"
cp before.conf conf
check 'match: others, and none' 0 matched <<'END'
the kernel has other rules in OWN/a?b?[31mc"d\e?f?g?: none matches there
END
reloaded() {
	"$kashim" reload | grep -v '^/.*conf'
}
check 'reload' 0 reloaded <<'END'
OWN/a?b?[31mc"d\e?f?g?: the kernel has now 1 rule
END

# What is in its way, with the name of another one, too.

fails "$kashim" detach >out
holds 'without' test -s out
./other_tool "$evil" alone <in >other 2>&1 &
exec 9>in
until_true 20 grep -q . other
check 'one that admits no other' 2 "$kashim" attach --cgroup "$evil/below" <<'END'
! kashim: OWN/a?b?[31mc"d\e?f?g?/below: a program that admits no other is attached to OWN/a?b?[31mc"d\e?f?g?
END
exec 9>&-
wait
echo 'rule all { idle = "200s" app-settings = respect }' >conf
holds 'what does not hold' "$kashim" attach --cgroup "$evil"
./other_tool "$evil" alone setsockopt <in >other 2>&1 &
exec 9>in
until_true 20 grep -q . other
sed -i 's/ app.*/ }/' conf
check 'reload is refused' 2 "$kashim" reload <<'END'
! kashim: OWN/a?b?[31mc"d\e?f?g?: a program that admits no other is attached to OWN/a?b?[31mc"d\e?f?g?
! kashim: programs keep the policy that they have, as the kernel does
END
exec 9>&-
wait
holds 'reload' "$kashim" reload

# Who looks after a process there.

waits_in "$evil/below"
doctor() {
	"$kashim" doctor "$1" |
		awk -v RS= '{ gsub(/\n */, " "); gsub(/  +/, " "); print }' |
		grep '^ok .*kernel'
}
check 'doctor' 0 doctor "$waits" <<'END'
ok the kernel sets the rules on connections of what is in OWN/a?b?[31mc"d\e?f?g?: 1 rule of WORK/conf
END
said() {
	"$kashim" status --pid "$waits" | grep '^# kernel'
}
check 'status' 0 said <<'END'
# kernel: OWN/a?b?[31mc"d\e?f?g?: 1 rule of WORK/conf, generation 2
END
way() {
	rm -f trace
	inside "$evil" "$kashim" run --trace="$work/trace" true
	sed 's/^kashim\[[0-9]*\]: //' trace
}
check 'run' 0 way <<'END'
true: neither way is needed: the kernel sets the same rules in OWN/a?b?[31mc"d\e?f?g?
END

# And for programs, to which two that are alike are two.

for it in "$tab" "$escape"; do
	holds 'one of two' "$kashim" attach --cgroup "$it"
	inside "$it" /usr/bin/python3 "$here/attach_host.py" \
		127.0.0.1,7001,127.0.0.1 >out 2>&1
done
"$kashim" status --pid "$waits" --json >json
"$kashim" status --pid "$waits" --openmetrics >metrics
quiet 'the schema' /usr/bin/python3 "$here/status_check.py" schema \
	"$root/docs/kashim-status.schema.json" json
quiet 'the metrics' /usr/bin/python3 "$here/status_check.py" openmetrics json \
	metrics
same 'as JSON' "$(/usr/bin/python3 -c 'import json, os
groups = json.load(open("json", encoding="utf-8"))["attached"]
print(*sorted(ascii(os.path.basename(g["cgroup"])) for g in groups), sep="\n")')" \
	"'a\\ufffdb\\ufffd[31mc\"d\\\\e\\ufffdf\\ufffdg\\ufffd'
'x\\ufffdy'
'x\\ufffdy'"
same 'none comes twice' "$(sed 's/ [^ ]*$//' metrics | grep -v '^#' | sort |
	uniq -d)" ''
same 'each of them' "$(grep -c 'group [0-9]*",result="connected"} 1$' metrics)" 3
if found command:promtool 'the metrics, to Prometheus'; then
	sed '/^# EOF/d; /^# UNIT/d' metrics >text
	promtool check metrics <text >lint 2>&1
	# In that format a counter has no HELP (status_openmetrics.c).
	same 'promtool check metrics' "$(grep -v '_total no help' lint)" ''
fi

# What is lost, and what goes.

rm /sys/fs/bpf/kashim/"$(stat -c %i "$evil")"-hold
lost() {
	"$kashim" attach --list --cgroup "$evil"
}
check 'a part is lost' 1 lost <<'END'
OWN/a?b?[31mc"d\e?f?g?: 1 rule of WORK/conf, not held against what programs set: attach again
END
check 'detach' 0 "$kashim" detach --cgroup "$evil" <<'END'
OWN/a?b?[31mc"d\e?f?g?: detached
END
check 'detach all' 0 "$kashim" detach <<'END'
OWN/x?y: detached
OWN/x?y: detached
END
finish
