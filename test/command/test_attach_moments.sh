#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach, detach and reload, killed, or without memory, or with something
# else that happens, at each of their moments: behind that it is as before, or as
# it was to be, or it is said that it is half done; and the next command does the
# whole. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashim-moments.
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
cc -shared -fPIC -o moments.so "$here/moments.c" || exit 2

# at MOMENT WHAT ARGUMENT...: kashim, and what happens then.
at() {
	rm -f moment
	MOMENT=$1 MOMENT_DOES=$2
	shift 2
	MOMENT=$MOMENT MOMENT_DOES=$MOMENT_DOES LD_PRELOAD="$work/moments.so" \
		"$kashim" "$@" >said 2>&1
}

# The idle times of a new connection's two ends, and those that they have when
# the program has set 66 s.
cat >idle.py <<'END'
import socket
idle = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
ends = socket.create_connection(listener.getsockname()), listener.accept()[0]
has = [end.getsockopt(*idle) for end in ends]
for end in ends:
	end.setsockopt(*idle, 66)
print(*has, *(end.getsockopt(*idle) for end in ends))
END
idle() {
	inside "$own/a" /usr/bin/python3 idle.py
}

one='rule all { idle = "300s" }'
two='rule all { idle = "400s" }
rule two { idle = "500s" }'
weak='app-settings = respect
rule all { idle = "300s" }'

# rules_are TEXT: these are attached, and published if "published" says so,
# whatever was before.
published=
rules_are() {
	printf '%s\n' "$1" >conf
	holds 'attach' attach --cgroup "$own/a"
	[ -z "$published" ] || holds 'publish' "$kashim" reload
}

# What is listed, in two words; "half" if it says that something is missing.
listed() {
	"$kashim" attach --list 2>&1 |
		sed 's/.*not held.*/half/; s/.*nothing is attached.*/none/;
			s/.*: \([12]\) rule.*/\1/'
}
# Is that so? The kernel lets go of what was not pinned yet a while later.
is_so() {
	idle=$(idle) list=$(listed)
	case $list,$idle in
	"none,7200 7200 66 66" | "2,400 400 400 400" | half,*) true ;;
	"1,300 300 300 300") [ "$before" != "$weak" ] ;;
	"1,300 300 66 66") [ "$before" = "$weak" ] ;;
	*) false ;;
	esac
}

# each WHAT HAPPENS BEFORE ARGUMENT...: at each moment of that.
each() {
	what=$1 happens=$2 before=$3
	shift 3
	moment=1 halves=0
	while [ $moment -le 99 ]; do
		rules_are "$before"
		[ "$what" != new ] || "$kashim" detach >said 2>&1
		printf '%s\n' "$two" >conf
		at $moment "$happens" "$@"
		[ -e moment ] || break
		until_true 20 is_so ||
			fail "$what, $happens, $moment: listed $list, has $idle" \
				said
		[ "$list" != half ] || halves=$((halves + 1))
		moment=$((moment + 1))
	done
	rules_are "$one"
	same "$what, $happens: behind it" "$(listed) $(idle)" \
		'1 300 300 300 300'
	same "$what, $happens: and no more" "$(find /sys/fs/bpf/kashim -type f | wc -l)" 5
	"$kashim" detach >said 2>&1
	same "$what, $happens: nothing is left" "$(ls /sys/fs/bpf/kashim)" ''
	[ $moment -gt 3 ] || fail "$what: $moment moments"
	[ $halves -le "$half" ] || fail "$what, $happens: half done $halves times"
}

# shellcheck disable=SC2016 # the shell that is started expands
killed='kill -KILL $PPID'
half=1
each update "$killed" "$one" attach --cgroup "$own/a"
each update "exit 1" "$one" attach --cgroup "$own/a"
published=yes
each reload "$killed" "$weak" reload
published=
half=0
each new "$killed" "$one" attach --cgroup "$own/a"
each new "exit 1" "$one" attach --cgroup "$own/a"
half=3
each detach "$killed" "$one" detach

# What asks it to end has it end behind the whole: a reload is not half done.

published=yes
# shellcheck disable=SC2016 # the shell that is started expands
for signal in TERM PIPE; do
	rules_are "$one"
	printf '%s\n' "$two" >conf
	at 2 "kill -$signal "'$PPID' reload
	holds "$signal: it came in the middle" test -e moment
	same "$signal: all of it" "$(listed) $(idle)" '2 400 400 400 400'
	in_file "$signal: and by the file" said 'generation'
	check "$signal: status" 0 sh -c '"$0" status --in-force --pid $$ \
		2>&1 | grep -c "^# kernel: .*: 2 rules of .*, generation"' \
		"$kashim" <<'END'
1
END
done

# A reload whose policy can't be published leaves nothing that holds it.

rules_are "$weak"
printf '%s\n' "$two" >conf
chmod o+w ./*.shared
"$kashim" reload >said 2>&1
same 'not published' "$? $(grep -c 'is not trusted' said)" '2 1'
chmod o-w ./*.shared
same 'nothing holds' "$(find /sys/fs/bpf/kashim -name '*-hold*')" ''
same 'it is as before' "$(listed) $(idle)" '1 300 300 66 66'

# What is detached, or removed, while a reload publishes stays so.

rules_are "$one"
at 1 "'$kashim' detach" reload
same 'reload' $? 0
same 'detached meanwhile' "$(listed) $(idle)" 'none 7200 7200 66 66'
same 'nothing is left of it' "$(ls /sys/fs/bpf/kashim)" ''
mkdir "$own/c" || exit 2
holds 'another one' attach --cgroup "$own/c"
at 1 "rmdir '$own/c'" reload
same 'removed meanwhile' "$?" 0
"$kashim" detach >said 2>&1
published=

# What can't be read can be taken away.

rules_are "$one"
rm /sys/fs/bpf/kashim/*[0-9]-counters-* /sys/fs/bpf/kashim/*[0-9]-[0-9]*
fails "$kashim" attach --list >said 2>&1
"$kashim" detach >said 2>&1
same 'what can not be read' "$(ls /sys/fs/bpf/kashim) $(idle)" \
	' 7200 7200 66 66'
finish
