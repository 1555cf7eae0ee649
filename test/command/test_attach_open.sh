#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What was open before kashim attach, or before the first rules that hold or
# name programs: the kernel knows it as if it had been there. BUILD names the
# build directory. As in test_attach.sh, all is below a control group of the
# test's own, and goes with this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
host=
own_cgroup kashimopen
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
mkfifo in
cp "$here/attach_open.py" host && cp host other && chmod +x host other || exit 2

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|group [0-9][0-9]*|group N|"
}

# host [HOW]: begins in its control group; "told" is what it says.
host() {
	: >told
	# shellcheck disable=SC2016 # the inner shell expands
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$own/a" \
		./host "$@" <in >told 2>&1 &
	host=$!
	exec 9>in
	until_true 20 grep -q open told || exit 2
}
host_down() {
	exec 9>&-
	wait $host
	"$kashim" detach >detached 2>&1
}
# does WORD...: what it answers.
does() {
	: >told
	echo "$@" >&9
	until_true 20 grep -q . told
	cat told
}
# rules TEXT: as the configuration.
rules() {
	printf '%s\n' "$1" >conf
}
attached() {
	if "$kashim" attach --cgroup "$own/a" >attached.out 2>&1; then
		pass
	else
		fail "attach: $1" attached.out
	fi
}

# A rule that holds: what the program sets itself, on both sides. The idle time
# that it sets, and that it has then, of the connecting side and the other.

host
rules 'rule all { idle = "300s" }'
attached 'override'
same 'override' "$(does set 66)" '300 300'
same 'a value that the kernel refuses' "$(does set 0)" 'refused 300 300'
same 'nothing is held on a listener' "$(does listener 66)" 66
host_down
host
same 'not without' "$(does set 66)" '66 66'
rules 'rule all { idle = "300s" app-settings = respect }'
attached 'respect'
# Others are held already.
echo 'rule other { idle = "10s" }' >other.conf
holds 'beside' "$kashim" attach --cgroup "$own/b" --config other.conf
same 'respect' "$(does set 67)" '67 67'
holds 'reload respect' "$kashim" reload
rules 'rule all { idle = "200s" }'
holds 'reload override' "$kashim" reload
same 'no option is set by that' "$(does tell)" '67 67'
same 'but it holds' "$(does set 68)" '200 200'

# With less than root has: CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and with
# CAP_DAC_READ_SEARCH, but not CAP_SYS_PTRACE.

# few CAPABILITY: reloads the first that holds, and what it says on stderr.
few() {
	rules 'rule all { idle = "200s" app-settings = respect }'
	"$kashim" reload >respect.out 2>&1 || return
	sed -i 's/respect/override/' conf
	setpriv --bounding-set "-all,+cap_39,+cap_38,+net_admin$1" \
		"$kashim" reload >few.out
}
check 'few rights' 2 few '' <<'END'
! kashim: control group N: Operation not permitted
! kashim: programs keep the policy that they have, as the kernel does
END
check 'a few more' 1 few ,+dac_read_search <<'END'
! kashim: OWN/a: the kernel does not know 2 sockets that are open: not permitted
END
host_down

# A connection that gets its first rule by a reload is not held; attach it again.

host
rules 'rule other { port = "1" idle = "200s" }'
attached 'another rule'
holds 'reload another rule' "$kashim" reload
rules 'rule all { idle = "300s" }'
holds 'reload a first rule' "$kashim" reload
same 'it had none before' "$(does set 66)" '66 66'
attached 'once more'
same 'attached once more' "$(does set 67)" '300 300'
host_down

# Each side has its rule; one that is ignored has none.

host
rules 'rule out { direction = connect idle = "300s" }
rule in { action = ignore }'
attached 'one side'
same 'one side' "$(does set 66)" '300 66'
host_down
host
rules 'rule in { direction = accept idle = "300s" }
rule out { app-settings = respect idle = "100s" }'
attached 'each side'
same 'each side' "$(does set 66)" '66 300'
host_down

# MPTCP is not held, as what comes of it is not.

if needs mptcp 'open connections of MPTCP'; then
	host mptcp
	rules 'rule all { idle = "300s" }'
	attached 'MPTCP'
	same 'MPTCP' "$(does tell; does set 66)" '300 300
66 66'
	host_down
fi

# Where nobody knows who sent the SYN, it is what is set.

for direction in connect accept; do
	host unsure
	rules "rule one { direction = $direction idle = \"300s\" }"
	attached "unsure, $direction"
	same "unsure, $direction" "$(does set 66)" '300 300'
	host_down
done

# tighten: what it has set itself before is tighter still when it connects
# again; what the rule has set is not its own.

host
same 'before' "$(does set 50)" '50 50'
rules 'app-settings = tighten
rule all { idle = "300s" count = 4 }'
attached 'tighten'
same 'it stays' "$(does tell)" '50 50'
same 'longer' "$(does set 400)" '300 300'
same 'shorter' "$(does set 40)" '40 40'
attached 'again'
holds 'reload tighten' "$kashim" reload
sed -i 's/300s/310s/' conf
holds 'reload longer' "$kashim" reload
same 'what is known stays' "$(does again)" 40
host_down
sed -i 's/310s/300s/' conf
host
same 'once more' "$(does set 50)" '50 50'
attached 'tighten, once more'
holds 'reload it once more' "$kashim" reload
sed -i 's/300s/310s/' conf
holds 'reload longer once more' "$kashim" reload
same 'its own' "$(does again)" 50
host_down
host
rules 'rule all { idle = "300s" app-settings = tighten }'
attached 'what it has not set'
sed -i 's/300s/310s/' conf
holds 'reload longer than that' "$kashim" reload
same 'not its own' "$(does again)" 310
host_down
host
rules 'rule all { idle = "300s" app-settings = tighten }'
holds 'apply' "$kashim" apply --pid "$host"
attached 'behind apply'
sed -i 's/300s/310s/' conf
holds 'reload longer, behind apply' "$kashim" reload
same 'nor then' "$(does again)" 310
host_down

host
rules 'rule all { idle = "300s" app-settings = respect }'
attached 'what a rule has set'
holds 'reload what it has set' "$kashim" reload
rules 'rule all { idle = "310s" app-settings = tighten }'
holds 'reload the first that holds' "$kashim" reload
same 'nor of an earlier rule' "$(does again)" 310
host_down

# Connections that wait to be accepted when it is attached.

rules 'rule all { idle = "300s" }'
host waits
attached 'one waits'
until_true 20 grep -q accepted told
same 'it waited' "$(does set 66)" '300 300'
host_down

# A program that sets its own as soon as it has the rule's.

rules 'rule out { direction = connect idle = "300s" }'
host back
attached 'set back'
until_true 20 grep -q back told
same 'not for long' "$(does tell | cut -d ' ' -f 1)" 300
host_down

# Rules that name programs, where the kernel takes them: who has the listener is known, and who has the
# connection, whoever sets something.

[ -n "$programs" ] || {
	finish
	exit
}
rules 'app-settings = respect
rule peer { program = { "host" } source = { "127.0.0.1" } direction = accept idle = "300s" }'
host
attached 'a program'
same 'what its listener accepts' "$(does new)" '7200 300'
sed -i 's/300s/310s/' conf
holds 'reload its rule' "$kashim" reload
same 'after a reload' "$(does new)" '7200 310'
host_down
host
rules 'rule all { idle = "100s" app-settings = respect }'
attached 'none is named'
holds 'reload the same' "$kashim" reload
rules 'rule file { program = { "python3*" } source = { "127.0.0.1" } direction = accept idle = "300s" }
rule rest { idle = "400s" }'
holds 'reload with a program' "$kashim" reload
same 'by the name of the file' "$(does new)" '400 300'
same 'a connection' "$(does set 66)" '400 300'
same 'another program sets it' "$(does child 67)" '400 300'
host_down
host
rules 'rule child { program = { "other" } idle = "100s" }
rule host { program = { "host" } idle = "300s" }'
attached 'two programs'
same 'another one has it as well' "$(does child 67)" '300 300'
host_down

# A name that is too long for the kernel, which may be any: of the file. It was
# started by the name of a link.

long=$(printf '%088d' 0)
cp "$(readlink -f /usr/bin/python3)" "$long" && ln -s "$long" linked &&
	sed -i "1s|.*|#!$work/linked|" host || exit 2
rules 'rule long { program = { "0*" } direction = accept source = { "127.0.0.1" } idle = "300s" }
rule rest { idle = "400s" }'
host
attached 'a long name'
same 'it may be any' "$(does new)" '400 7200'
host_down
finish
