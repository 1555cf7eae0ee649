#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim doctor: what it says of a program is compared with what happens when
# that program is started with the library: do its sockets have the options of
# the rule? What it says of processes and units is looked at in the same way
# where that can be. The programs with more rights, and the units, live in a
# mount namespace of this test's own. BUILD names the build directory.
# shellcheck disable=SC2086 # lists of words
# shellcheck disable=SC2016 # text for other shells
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
begin
COLUMNS=10000
export COLUMNS

hosts=
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
user='setpriv --reuid=1234 --regid=1234 --clear-groups'
as=

stop_hosts() {
	exec 9>&-
	for host in $hosts; do
		kill "$host"
		wait "$host"
	done 2>/dev/null
	hosts=
}
cleanup() {
	stop_hosts
}

cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" . ||
	exit 2
kashim=$work/kashim
library=$work/libkashim.so
printf 'rule r { idle = 300 }\n' >conf
printf 'rule r { program = { "other" } idle = 300 }\n' >other.conf
KASHIM_CONFIG=$work/conf
export KASHIM_CONFIG

# The program that says what its sockets have, in many kinds.
source=$root/test/preload/connects.c
define=-D_GNU_SOURCE
{
	cc $define -o connects "$source" &&
		cc $define -static -o static "$source" &&
		cc $define -static-pie -o static-pie "$source" &&
		gcc $define -m32 -idirafter "/usr/include/$(cc -dumpmachine)" \
			-o m32 "$source" &&
		musl-gcc $define -idirafter /usr/include \
			-idirafter "/usr/include/$(cc -dumpmachine)" \
			-o musl "$source" &&
		gcc $define -fsanitize=address -o asan "$source" &&
		cc $define -o host "$here/doctor_host.c" &&
		cc $define -static -o host-static "$here/doctor_host.c"
} || exit 2

# doctor WHAT STATUS TEXT COMMAND...: it exits so, and says so.
doctor() {
	what=$1 expected=$2 text=$3
	shift 3
	$as "$kashim" doctor "$@" >"$work/out" 2>&1
	status=$?
	right=yes
	if ! grep -qF -- "$text" "$work/out"; then
		echo "it does not say: $text" >>"$work/out"
		right=
	fi
	if [ "$status" -ne "$expected" ]; then
		echo "status $status in place of $expected" >>"$work/out"
		right=
	fi
	if [ "$right" ]; then
		pass
	else
		fail "$what" "$work/out"
	fi
}

# agree WHAT yes|no TEXT PROGRAM: what happens, what doctor says, and what is
# expected, are the same. $preload is what is preloaded. With $in_part doctor
# has something to say against it.
preload=$library
in_part=
agree() {
	what=$1 expected=$2 text=$3
	$as env LD_PRELOAD="$preload" "$4" 0 >"$work/happened" 2>&1
	effect=no
	grep -q 'connect 0 idle 300 on 1' "$work/happened" && effect=yes
	if [ "$effect" = "$expected" ]; then
		pass
	else
		fail "$what: in truth, the effect is: $effect" "$work/happened"
	fi
	case $expected$in_part in
	yes) expected=0 ;;
	*) expected=1 ;;
	esac
	doctor "$what" "$expected" "$text" "$4"
}

# A library that asks for what no C library has yet would end the program.
mkdir late && cp kashim libkashim-config.so late && late_library late || exit 2
kashim=$work/late/kashim preload=$work/late/libkashim.so
agree 'a library of a newer release' no \
	"has no GLIBC_2.99, which $preload asks for" ./connects
if "$kashim" run ./connects 0 >out 2>&1 &&
	grep -q 'connect 0 idle 300 on 1' out; then
	pass
else
	fail 'run with a library of a newer release' out
fi
mkdir cut && cp kashim libkashim-config.so cut &&
	head -c 20000 libkashim.so >cut/libkashim.so || exit 2
kashim=$work/cut/kashim preload=$work/cut/libkashim.so
doctor 'a library that is cut short' 1 "$preload is cut short" ./connects
kashim=$work/kashim preload=$library

# The kind of program.

agree 'dynamic' yes 'connects: the preload takes effect' ./connects
agree 'dynamic as nobody' yes 'libkashim.so is there, and fits' ./connects
agree 'static' no './static is static: no loader runs' ./static
agree 'static-pie' no './static-pie is static: no loader runs' ./static-pie
agree '32-bit' no './m32 is a 32-bit program for i386' ./m32
agree 'musl, not compiled' no 'uses musl: there the library reads only' ./musl
"$kashim" compile "$work/conf" >/dev/null || exit 2
agree 'musl, compiled' yes '1 rule, compiled' ./musl
agree 'compiled' yes '1 rule, compiled' ./connects
touch conf
agree 'stale' yes 'the configuration was changed since; run kashim compile' \
	./connects
# It works, by the old rules: with others than the rules that are there now.
in_part=yes
agree 'musl, stale' yes 'a parser for musl the library goes by the last' ./musl
printf 'rule r {\n' >conf
agree 'the last good one' yes 'goes by the last good policy' ./connects
in_part=
printf 'rule r { idle = 300 }\n' >conf
rm conf.policy
KASHIM_CONFIG=$work/none.conf
agree 'no configuration' no \
	'connects: the preload works, but there is no configuration yet' ./connects
in_file 'no configuration: what to do' out 'Without rules the library sets nothing: '
agree 'no configuration, and static' no 'static: the preload will NOT take' \
	./static
KASHIM_CONFIG=$work/conf
agree 'AddressSanitizer' no 'linked to libasan' ./asan
cp /dev/null empty && chmod 755 empty
printf '\177ELF-but-no-more' >broken && chmod 755 broken
agree 'damaged' no 'will not take it' ./broken

# Where it is looked for, and what can't be one.

mkdir -p path1/connects path2 path3
cp connects path3
printf 'not executable\n' >path2/connects
saved=$PATH
PATH=$work/path1:$work/path2:$work/path3:$PATH
doctor 'in PATH' 0 'connects: the preload takes effect' connects
PATH=$work/path2:$saved
doctor 'in PATH, not executable' 2 'connects: Permission denied' connects
PATH=$saved
as='env PATH='
doctor 'an empty PATH is this directory' 0 'takes effect' connects
as='env -u PATH'
doctor 'no PATH' 0 'takes effect' cat
as=
doctor 'no such program' 2 \
	'kashim: nope-nope: there is no such program in PATH, and no such unit' nope-nope
doctor 'no such path' 2 './nope: No such file or directory' ./nope
doctor 'a directory' 2 '/: Permission denied' /
mkfifo -m 755 fifo
doctor 'a FIFO' 2 './fifo: Permission denied' ./fifo
doctor 'an empty name' 2 ': No such file or directory' ''
doctor 'two programs' 2 'one program, process or unit' a b
doctor 'no program' 2 'one program, process or unit'
doctor 'help' 0 'Usage: kashim doctor' --help
doctor 'wrong option' 2 "Try 'kashim doctor --help'" --nope
loader=$(ldd connects | sed -n 's|^[[:space:]]*\(/[^ ]*\) (.*|\1|p')
doctor 'the loader itself' 0 'is the loader itself' "$loader"
chmod 711 connects && chown 0:0 connects
as=$nobody
doctor 'executable, not readable' 1 'but not read' ./connects
as=
chmod 755 connects

# More rights.

# variant NAME MODE OWNER
variant() {
	cp connects "$1" && chown "$3" "$1" && chmod "$2" "$1"
}
variant setuid 4755 0:0
variant setuid-nobody 4755 65534:0
variant setgid 2755 0:1
variant setgid-no-x 2745 65534:1
for file in effective permitted inheritable; do
	cp connects "$file"
done
capable=
if needs file-capabilities 'doctor with capabilities of files'; then
	capable=yes
	setcap cap_net_raw+ep effective && setcap cap_net_raw+p permitted &&
		setcap cap_net_raw+i inheritable || exit 2
fi
agree 'setuid root by root' yes 'For other users' ./setuid
agree 'setuid nobody by root' no 'ignores LD_PRELOAD without a word' \
	./setuid-nobody
agree 'setgid by root' no 'is setgid: the loader ignores' ./setgid
as=$nobody
agree 'setuid' no 'is setuid: the loader ignores' ./setuid
agree 'setuid, own' yes 'who has these rights already' ./setuid-nobody
agree 'setgid' no 'is setgid: the loader ignores' ./setgid
agree 'setgid without x' yes 'takes effect' ./setgid-no-x
as="$nobody --no-new-privs"
agree 'setuid, no_new_privs' yes 'no_new_privs is set' ./setuid
if [ "$capable" ]; then
	agree 'capabilities, no_new_privs' no 'has file capabilities' \
		./effective
	agree 'permitted only, no_new_privs' yes 'takes effect' ./permitted
	as=
	agree 'capabilities as root' yes 'no effect for root' ./effective
	as=$nobody
	agree 'capabilities' no 'AmbientCapabilities=' ./effective
	agree 'permitted capabilities' no 'setcap -r' ./permitted
	agree 'inheritable capabilities' yes 'takes effect' ./inheritable
	as="$nobody --inh-caps=+net_raw"
	agree 'inherited capabilities' no 'has file capabilities' ./inheritable
fi
as='setpriv --ruid=65534'
agree 'real and effective user differ' no 'real and effective' ./connects
as=
mkdir nosuid && mount --bind "$work" nosuid &&
	mount -o remount,bind,nosuid nosuid || exit 2
as=$nobody
agree 'setuid, nosuid' yes 'mounted nosuid' ./nosuid/setuid
[ -z "$capable" ] ||
	agree 'capabilities, nosuid' yes 'mounted nosuid' ./nosuid/effective
as=

# Scripts.

# script FILE LINE: a script that the program runs, by its first line.
script() {
	printf '%s\n' "$2" "echo fallback; exec $work/connects 0" >"$1"
	chmod 755 "$1"
}
script script "#!$work/connects"
agree 'script' yes "./script is a script: what counts is $work/connects" \
	./script
script shell '#!/bin/sh'
agree 'shell script' yes 'what counts is /bin/sh' ./shell
script none '# no line'
agree 'no #! line' yes 'what counts is /bin/sh' ./none
script static-script "#!$work/static"
agree 'static interpreter' no "$work/static is static" ./static-script
script lost '#!/nowhere/to/be/found'
agree 'no interpreter' no 'cannot be started' ./lost
script setuid-script "#!$work/connects" && chmod 4755 setuid-script
script by-setuid "#!$work/setuid"
as=$nobody
agree 'setuid script' yes 'ignores the setuid' ./setuid-script
agree 'setuid interpreter' no "$work/setuid is setuid" ./by-setuid
as=
script level1 "#!$work/connects"
for level in 2 3 4 5 6; do
	script level$level "#!$work/level$((level - 1))"
done
agree 'four scripts in a row' yes 'takes effect' ./level4
agree 'five scripts in a row' yes 'takes effect' ./level5
agree 'six scripts in a row' no 'too many scripts' ./level6
script many1 "#!/usr/bin/env $work/level4"
for level in 2 3 4; do
	script many$level "#!$work/many$((level - 1))"
done
agree 'four, then env, then four more' yes 'takes effect' ./many4
PATH=$work:$saved
script by-env "#!/usr/bin/env connects"
agree 'env' yes "what counts is $work/connects, which env(1) finds" ./by-env
for options in '-S A=b' '-S -u C A=b' '-S --' '-S -v -uC --unset=B' \
	'-vS -C /'; do
	script env-split "#!/usr/bin/env $options $work/connects"
	agree "env $options" yes "what counts is $work/connects" ./env-split
done
script env-order '#!/usr/bin/env -S A=b -u C connects'
agree 'env, an option too late' no 'cannot be started' ./env-order
for option in -i - --ignore-environment '-u LD_PRELOAD' '-uLD_PRELOAD' \
	LD_PRELOAD=; do
	script env-clears "#!/usr/bin/env -S $option connects"
	agree "env $option" no 'take LD_PRELOAD away' ./env-clears
done
script env-lost '#!/usr/bin/env nope-nope'
agree 'env, not found' no 'cannot be started' ./env-lost
script env-self '#!/usr/bin/env env-self'
doctor 'env, itself' 1 'starts itself' ./env-self
PATH=$saved

# What the kernel makes of a line that is nearly too long. Two kinds: the path
# is long; or a blank and more follow it.
for length in 252 253 254 255 256 257 258; do
	slashes=$(printf '%*s' $((length - 2 - ${#work} - 9)) '' | tr ' ' /)
	for more in '' ' x' '   x'; do
		script long "#!$slashes$work/connects$more"
		./long >happened 2>&1
		truth=connects
		grep -q fallback happened && truth=/bin/sh
		doctor "a line of $length bytes and '$more'" 0 "$truth" ./long
	done
done

# inherit = false: who starts whom.

cp conf conf.saved
printf 'inherit = false\nrule r { idle = 300 }\n' >conf
agree 'inherit = false' yes 'takes effect' ./connects
PATH=$work:$saved
agree 'inherit = false, env' no 'the library stops at env' ./by-env
PATH=$saved
agree 'inherit = false, shell' no 'only the shell itself' ./shell
cp conf.saved conf

# The configuration.

# configure MODE OWNER TEXT
configure() {
	printf '%s\n' "$3" >conf
	chmod "$1" conf
	chown "$2" conf
}
configure 600 0:0 'rule r { idle = 300 }'
as=$nobody
agree 'configuration not readable' no 'may not read it' ./connects
as=
configure 644 1234:0 'rule r { idle = 300 }'
agree 'configuration of another user' no 'not believed' ./connects
as=$user
agree 'own configuration' yes 'takes effect' ./connects
configure 644 65534:0 'rule r { idle = 300 }'
as=$nobody
agree 'configuration of an owner who may be unknown' no 'not believed' \
	./connects
as=
configure 666 0:0 'rule r { idle = 300 }'
agree 'configuration writable' no 'not believed' ./connects
configure 644 0:0 'rule r {'
agree 'broken configuration' no 'conf:' ./connects
configure 644 0:0 'rule r { program = { "other" } idle = 300 }'
agree 'for another program' no "none of its 1 rules is for connects" ./connects
configure 644 0:0 'rule r { program = { "conn*" } idle = 300 }'
agree 'for this program' yes '1 rule' ./connects
ln -s connects link
doctor 'not by the name of a link' 1 "none of its 1 rules is for link" -c other.conf \
	./link
configure 644 0:0 'rule r { program = { "link" } idle = 300 }'
agree 'by the name of a link' yes '1 rule' ./link
agree 'by the name of a script' no 'none of its 1 rules' ./script
configure 644 0:0 'rule r { program = { "script" } idle = 300 }'
agree 'by the name of a script' yes '1 rule' ./script
rm conf
agree 'no configuration' no 'there is no such file' ./connects
configure 644 0:0 'rule r { idle = 300 }'
mv libkashim-config.so away
agree 'no parser' no 'libkashim-config.so is missing' ./connects
"$kashim" compile "$work/conf" >/dev/null
agree 'no parser, compiled' yes 'compiled' ./connects
touch conf
in_part=yes
agree 'no parser, stale' yes 'goes by the last policy that was' ./connects
in_part=
rm conf.policy
mv away libkashim-config.so
doctor 'another configuration' 2 'empty' -c '' ./connects
printf 'rule r {\n' >bad.conf
doctor 'another configuration' 1 "$work/bad.conf:" -c ./bad.conf ./connects

# The library, and what else is preloaded.

mkdir 'with space' && cp kashim libkashim.so libkashim-config.so 'with space'
kashim="$work/with space/kashim"
preload="$work/with space/libkashim.so"
agree 'a space in the path' no 'with a space or a colon' ./connects
kashim=$work/kashim
preload=$library
mkdir alone && cp kashim alone && mount -t tmpfs tmpfs /usr/local/lib
kashim=$work/alone/kashim
doctor 'no library' 1 '/usr/local/lib/libkashim.so is missing' ./connects
echo nonsense >/usr/local/lib/libkashim.so
doctor 'no library in it' 1 'is no library' ./connects
cp libkashim.so libkashim-config.so /usr/local/lib
doctor 'the installed library' 0 '/usr/local/lib/libkashim.so is there, and fits' ./connects
mount -o remount,noexec /usr/local/lib
preload=/usr/local/lib/libkashim.so
agree 'noexec' no 'mounted noexec' ./connects
preload=$library
umount /usr/local/lib
kashim=$work/kashim
as="env LD_PRELOAD=$library"
doctor 'there already' 0 "holds $library already" ./connects
cp libkashim.so path3
as="env LD_PRELOAD=$work/path3/libkashim.so"
doctor 'another one' 1 'holds another libkashim.so' ./connects
keepalive=$(ldconfig -p | sed -n 's|.*=> \(/.*libkeepalive.so.*\)|\1|p' |
	sed -n 1p)
as="env LD_PRELOAD=$keepalive"
doctor 'libkeepalive' 0 'sets keepalive, too' ./connects
as="env LD_PRELOAD=/nowhere.so"
doctor 'what is not there' 0 'which is not there' ./connects
as=

# A Go program: the library is in it, and sees nothing of it.

# start COMMAND...: in the background, until it says "ready" or for 10 s.
# $pid is its process, which ends with the end of file of descriptor 9.
start() {
	[ -p hold ] || mkfifo hold
	: >ready
	"$@" <hold >ready 2>&1 &
	pid=$!
	hosts="$hosts $pid"
	exec 9>hold
	tries=0
	until grep -qE "${ready:-ready}" ready; do
		tries=$((tries + 1))
		if [ $tries -gt 500 ] || ! kill -0 "$pid" 2>/dev/null; then
			cp ready out
			fail "it does not start: $*"
			break
		fi
		sleep 0.02
	done
}

go=$(command -v prometheus-node-exporter)
doctor 'Go' 1 'made by the Go compiler' "$go"
: >trace
ready='Listening on|listening' start env LD_PRELOAD="$library" \
	KASHIM_TRACE="$work/trace" "$go" --web.listen-address=127.0.0.1:0
cp trace out
if grep -q libkashim.so "/proc/$pid/maps" && [ ! -s trace ]; then
	pass
else
	fail 'Go: the library is not in it, or sees something'
fi
doctor 'Go, running' 1 'made by the Go compiler' "$pid"
stop_hosts
ready='Listening on|listening' start "$go" --web.listen-address=127.0.0.1:0
doctor 'Go, without the library' 1 'made by the Go compiler' "$pid"
holds 'Go: nor is it missed' fails grep 'without LD_PRELOAD' out
stop_hosts

# Processes.

start env LD_PRELOAD="$library" ./host connect
doctor 'loaded' 0 "process $pid (host): the preload is in effect" "$pid"
doctor 'its connections' 0 '2 TCP connections: 2 ok' "$pid"
stop_hosts
start "$kashim" run --supervise sh -c './host connect; :'
child=$(pgrep -P "$pid" host)
for process in "$pid" "$child"; do
	doctor 'supervised' 0 "supervises process $process, in place of" \
		"$process"
done
in_file 'supervised, its connections' out '2 TCP connections: 2 ok'
kill "$child"
stop_hosts
start env LD_PRELOAD="$library" ./host connect
as=$nobody
doctor 'not permitted' 1 'it cannot be told' "$pid"
as=
# Later than it began, by the clock that both are measured with.
tries=0
until touch conf && "$kashim" doctor "$pid" | grep -q 'was changed' ||
	[ $tries -gt 100 ]; do
	tries=$((tries + 1))
	sleep 0.02
done
doctor 'changed since' 1 'was changed after the process began' "$pid"
printf 'rule r { idle = 301 }\n' >conf
doctor 'its connections differ' 1 'connections: 2 differs' "$pid"
printf 'rule {\n' >conf
doctor 'broken since' 1 'it could not read that again' "$pid"
printf 'rule r { idle = 300 }\n' >conf
stop_hosts

start ./host connect
doctor 'not preloaded' 1 'it was started without LD_PRELOAD' "$pid"
doctor 'not preloaded: its connections' 1 'connections: 2 off' "$pid"
stop_hosts
start env LD_PRELOAD="$keepalive" ./host
doctor 'preloaded with others' 1 "LD_PRELOAD=$keepalive, without us" "$pid"
stop_hosts
start env LD_PRELOAD="$library" ./host-static
doctor 'static' 1 'is static: no loader runs' "$pid"
stop_hosts
cp host host-setgid && chgrp 1 host-setgid && chmod 2755 host-setgid
start $nobody env LD_PRELOAD="$library" ./host-setgid
doctor 'AT_SECURE' 1 'AT_SECURE' "$pid"
stop_hosts
start env LD_PRELOAD="$work/nope/libkashim.so" ./host
doctor 'missing' 1 "$work/nope/libkashim.so is missing" "$pid"
mkdir nope && cp libkashim.so nope
doctor 'missing then' 1 'it may have been missing then' "$pid"
stop_hosts
start env LD_PRELOAD="$work/nope/libkashim.so" ./host
doctor 'without its parser' 1 'nope/libkashim-config.so is missing' "$pid"
stop_hosts
cp libkashim-config.so nope
start env LD_PRELOAD="$work/nope/libkashim.so" ./host
doctor 'another path' 0 "it is not $library" "$pid"
rm nope/libkashim.so
doctor 'deleted library' 0 'was replaced or deleted since it started' "$pid"
stop_hosts
cp host gone
start env LD_PRELOAD="$library" ./gone
rm gone
doctor 'deleted program' 0 "process $pid (gone): the preload is in" "$pid"
stop_hosts
start env LD_PRELOAD="$library" ./host seccomp
doctor 'seccomp' 0 'seccomp mode 2' "$pid"
stop_hosts
start env LD_PRELOAD="$library" ./host io_uring
doctor 'io_uring' 1 'it has 1 io_uring:' "$pid"
stop_hosts

# Names that are meant to harm whoever looks at them: an escape sequence, a
# newline, and what turns the direction (U+202E).
evil=$(printf 'e\033[31m\nvil\342\200\256')
cp host "$evil"
start env LD_PRELOAD="/nope/$evil:$library" KASHIM_CONFIG="/nope/$evil" "./$evil"
for locale in C C.UTF-8; do
	as="env LC_ALL=$locale"
	doctor "hostile names, $locale" 1 'e?[31m?vil?' "$pid"
	same "hostile names, $locale: bytes" "$(LC_ALL=C tr -d '\n -~' <out)" ''
	same "hostile names, $locale: no line of their own" \
		"$(grep -c '^ *vil' out)" 0
	doctor "hostile names, $locale: a program" 0 'e?[31m?vil?' "./$evil"
	same "hostile names, $locale: a program: bytes" \
		"$(LC_ALL=C tr -d '\n -~' <out)" ''
	doctor "hostile names, $locale: no rule for it" 1 \
		'none of its 1 rules is for e?[31m?vil?' -c other.conf "./$evil"
	same "hostile names, $locale: no rule for it: bytes" \
		"$(LC_ALL=C tr -d '\n -~' <out)" ''
	same "hostile names, $locale: no rule for it: no line of their own" \
		"$(grep -c '^ *vil' out)" 0
	doctor "hostile names, $locale: no program" 2 'e?[31m?vil?' "/$evil"
	same "hostile names, $locale: no program: bytes" \
		"$(LC_ALL=C tr -d '\n -~' <out)" ''
done
as=
stop_hosts

# Another root directory, another user: before it starts, and after.

mkdir jail
ldd host | grep -o '/[^ ]*' | while read -r file; do
	cp --parents -L "$file" jail
done
cp host libkashim.so libkashim-config.so jail
ldd libkashim.so libkashim-config.so | grep -o '/[^ ]*' | while read -r file; do
	cp --parents -L "$file" jail
done
# jailed WHAT STATUS TEXT USER
jailed() {
	start env LD_PRELOAD=/libkashim.so KASHIM_CONFIG=/conf \
		chroot --userspec="$4:$4" jail /host
	doctor "$1" "$2" "$3" "$pid"
	stop_hosts
}
jailed 'jail without a configuration' 1 '/conf: there is no such file' 0
cp conf jail
jailed 'jail with it' 0 'the text as it was when it started' 0
chmod 600 jail/conf
jailed 'jail, not for this user' 1 'user 65534 may not read it' 65534
chmod 644 jail/conf
jailed 'jail, for this user' 0 'the text as it was when it started' 65534
mkdir -p jail/etc/rules && mv jail/conf jail/etc/rules/real
ln -s /etc/rules/real jail/conf
start env LD_PRELOAD=/libkashim.so KASHIM_CONFIG=/conf chroot jail /host connect
doctor 'jail, the configuration is a link' 0 '2 TCP connections: 2 ok' "$pid"
sed -i 's/300/301/' jail/etc/rules/real
doctor 'jail, the link, changed' 1 'connections: 2 differs' "$pid"
sed -i 's/301/300/' jail/etc/rules/real
stop_hosts
# One that gave up its rights; only the name that is always the same is root's
# to read.
cp conf jail/etc/kashim.conf && chmod 600 jail/etc/kashim.conf
start env -u KASHIM_CONFIG LD_PRELOAD=/libkashim.so \
	chroot jail /host user 65534 connect
doctor 'jail, another user itself' 0 '2 TCP connections: 2 ok' "$pid"
stop_hosts
mv jail/etc/kashim.conf jail/etc/other.conf
start env LD_PRELOAD=/libkashim.so KASHIM_CONFIG=/etc/other.conf \
	chroot jail /host user 65534 connect
doctor 'jail, another user, another file' 0 'user 65534 may not read' "$pid"
stop_hosts
start ./host chroot "$work/jail"
doctor 'jail, not preloaded' 1 'it was started without LD_PRELOAD' "$pid"
stop_hosts
start env LD_PRELOAD="$library" ./host chroot "$work/jail"
doctor 'into the jail itself' 0 'it could not read that again' "$pid"
stop_hosts
chmod 600 conf
start env LD_PRELOAD="$library" ./host user 65534
doctor 'another user itself' 0 'user 65534 may not read it' "$pid"
stop_hosts
chmod 644 conf
start setpriv --reuid=65534 --regid=65534 --clear-groups \
	env LD_PRELOAD="$library" ./host
as=$nobody
doctor 'asked by its user' 0 'the text as it was when it started' "$pid"
as='setpriv --reuid=65533 --regid=65533 --clear-groups'
doctor 'asked by another user' 1 'user 65533 may not look into' "$pid"
as=
stop_hosts
# The process's user may believe it, and root may not.
mkdir own && cp conf own && chown -R 65533 own
start setpriv --reuid=65533 --regid=65533 --clear-groups \
	env LD_PRELOAD="$library" KASHIM_CONFIG="$work/own/conf" ./host connect
doctor "its user's own rules" 0 '2 TCP connections: 2 ok' "$pid"
stop_hosts
mkdir covered && cp conf covered
start env LD_PRELOAD="$library" KASHIM_CONFIG="$work/covered/conf" \
	unshare --mount sh -c "mount -t tmpfs tmpfs $work/covered &&
		exec $work/host"
doctor 'another mount namespace' 1 'covered/conf: there is no such file' "$pid"
stop_hosts
# Groups count: those of the process, not those of who asks.
chmod 640 covered/conf && chgrp daemon covered/conf
for groups in daemon sys; do
	start env LD_PRELOAD="$library" KASHIM_CONFIG="$work/covered/conf" \
		setpriv --reuid=65534 --regid=65534 --groups=$groups ./host
	case $groups in
	daemon) doctor 'readable by a group' 0 'the text as it was' "$pid" ;;
	*) doctor 'not in the group' 1 'user 65534 may not read it' "$pid" ;;
	esac
	stop_hosts
done
stop_hosts

# What was published.

mkdir /var/cache/kashim
"$kashim" reload "$work/conf" >out || fail 'reload'
agree 'published' yes '1 rule, generation 1' ./connects
start env LD_PRELOAD="$library" ./host connect
doctor 'its generation' 0 ': policy generation 1' "$pid"
printf 'rule r { idle = 300 interval = 20 }\n' >conf
doctor 'not published' 1 'and not published since' "$pid"
"$kashim" reload "$work/conf" >out || fail 'reload'
doctor 'it follows' 1 ': policy generation 2' "$pid"
printf 'rule r {\n' >conf
in_part=yes
agree 'published, then broken' yes 'goes by the last good policy' ./connects
in_part=
printf 'rule r { idle = 300 }\n' >conf
"$kashim" reload "$work/conf" >out || fail 'reload'
stop_hosts
rm -r /var/cache/kashim
mkdir cache
start env LD_PRELOAD="$library" KASHIM_CACHE="$work/cache" ./host
KASHIM_CACHE=$work/cache "$kashim" reload "$work/conf" >out || fail 'reload'
stop_hosts
start env LD_PRELOAD="$library" KASHIM_CACHE="$work/cache" ./host
doctor 'KASHIM_CACHE' 0 ': policy generation 1' "$pid"
stop_hosts
rm conf.policy
chmod 600 conf
as=$nobody
doctor 'not for this user' 1 'may not read it' ./connects
as="env KASHIM_CACHE=$work/cache $nobody"
agree 'but published for all' yes 'generation 1' ./connects
as=
chmod 644 conf

doctor 'no such process' 2 'process 4194305: No such process' 4194305
doctor 'not a number of a process' 2 'No such process' 99999999999999999999
doctor 'a zero' 2 'No such process' 0
if needs kernel-threads 'a thread of the kernel'; then
	doctor 'a thread of the kernel' 1 'a thread of the kernel' 2
fi

# shellcheck source=test/command/doctor_units.sh
. "$here/doctor_units.sh"

# Loaded all the same, because the library lies in a directory of the system
# and is setuid: then KASHIM_CONFIG is nothing to it.
system=$(dirname "$(c_library connects)")
system=$(readlink -f "$system")
mkdir upper workdir && mount -t overlay overlay \
	-o "lowerdir=$system,upperdir=$work/upper,workdir=$work/workdir" \
	"$system" || exit 2
cp libkashim.so libkashim-config.so "$system" &&
	chmod 4755 "$system/libkashim.so"
start $nobody env LD_PRELOAD=libkashim.so KASHIM_CONFIG="$work/conf" \
	./host-setgid
doctor 'AT_SECURE, loaded' 1 '/etc/kashim.conf: there is no' "$pid"
service agent.service Environment=LD_PRELOAD=libkashim.so \
	"Environment=KASHIM_CONFIG=$opt/conf" "ExecStart=$opt/bin/connects"
doctor 'unit: no slash' 0 "${system#/usr}/libkashim.so is there" agent.service
stop_hosts

finish
