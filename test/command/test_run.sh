#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim run: which way it goes, and the program under supervision: that its
# sockets get what the rules say, and that it sees nothing of it. BUILD names
# the build directory. What stands in single quotes is for other shells.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# Supervisors are looked for by their name: here are only ours. All that is
# left ends with its first process.
apart -mp --fork --kill-child --mount-proc
started=
cleanup() {
	! mountpoint -q "$work/frozen" || {
		fsfreeze -u "$work/frozen" 2>/dev/null
		umount "$work/frozen"
	}
}
begin
PATH=$build:$PATH
export PATH TMUX_TMPDIR="$work"

# The supervisor's processes for the program with pid $1: guard, then worker.
supervisors() {
	pgrep -f "^kashim-watch: $1 *\$"
}

guard_of() {
	for supervisor in $(supervisors "$1"); do
		# The worker's parent is one, too.
		supervisors "$1" | grep -qx "$(ps -o ppid= -p "$supervisor" |
			tr -d ' ')" || echo "$supervisor"
	done
}

worker_of() {
	guard_=$(guard_of "$1")
	[ -n "$guard_" ] && pgrep -P "$guard_" 2>/dev/null
}

# Has the program with pid $pid both of them?
two() {
	[ "$(supervisors "$pid" | wc -l)" = 2 ] && [ -n "$(worker_of "$pid")" ]
}

count_files() {
	set -- "$1"/*
	echo $#
}

# has_files PID COUNT
has_files() {
	[ "$(count_files "/proc/$1/fd")" = "$2" ]
}

# Does the guard with this pid sleep? poll(2) of three, for ten seconds.
sleeps() {
	grep -q ' 0x3 0x2710 ' "/proc/$1/syscall"
}

unsupervised() {
	[ -z "$(supervisors "$1")" ]
}

# ends NAME PID: is the supervisor of a program that has ended gone soon?
ends() {
	if until_true 5 unsupervised "$2"; then
		pass
	else
		fail "$1: the supervisor of $2 is still there"
	fi
}

printf 'rule all { idle = "77s" }\n' >all.conf
printf 'rule near { source = { "127.0.0.0/8" } idle = "77s" }\n' >source.conf
printf 'rule x { idel = 1 }\n' >bad.conf
cp "$build/test/connects_static" static
cp "$build/test/supervised" supervised
static=$work/static
set_both='connect 0 idle 77 on 1, accept idle 77 on 1'
set_none='connect 0 idle 7200 on 0, accept idle 7200 on 0'
export KASHIM_CONFIG="$work/all.conf"

# Which way

ways() {
	name=$1 expected=$2
	shift 2
	rm -f trace
	kashim run --trace="$work/trace" "$@" >out 2>err
	same "$name" "$(sed -n '1s/^kashim\[[0-9]*\]: //p' trace)" "$expected"
}
ways 'way: dynamic' 'true: preload: the loader takes the library' true
ways 'way: static' "$static: supervised: $static is static: no loader runs \
that could preload anything" "$static"
same 'way: static: options' "$(sed -n '2,$p' out)" "$set_both
$set_both"
in_file 'way: static: trace' trace ': rule all: keepalive idle 77 s'
same 'way: static: the trace has the pid of the program' \
	"$(cut -d: -f1 trace | sort -u | wc -l)" 1
ways 'way: --supervise' 'true: supervised: --supervise asks for it' \
	--supervise true
ways 'way: --preload' 'true: preload: --preload asks for it' --preload true
ways 'way: --preload, static' "$static: preload, which has no effect: $static \
is static: no loader runs that could preload anything" --preload "$static"
in_file 'way: --preload, static' err "kashim: $static runs without the shim"
same 'way: --preload, static: ran' "$(sed -n 2p out)" "$set_none"
kashim run --preload --supervise true 2>err
same 'way: both: status' $? 2
in_file 'way: both' err '--preload and --supervise exclude each other'
kashim run -t=here true 2>err
same 'trace: -t=FILE: status' $? 2
in_file 'trace: -t=FILE' err 'FILE stands right behind -t, as in -there'
kashim run -t nowhere true 2>err
same 'trace: -t FILE: status' $? 127
in_file 'trace: -t FILE' err 'stands right behind -t, as in -tnowhere'
rm kashim.trace
kashim run --trace true 2>err
same 'trace: the file' "$(sed -n '1s/^kashim\[[0-9]*\]: //p' kashim.trace)" \
	'true: preload: the loader takes the library'
kashim run --trace="$work" sh -c 'exit 9' 2>err
same 'trace: a directory: status' $? 9
in_file 'trace: a directory' err 'kashim: sh runs without a trace'
: >inherited
KASHIM_TRACE=$work/inherited kashim run "$static" >out 2>err
in_file 'trace: KASHIM_TRACE, supervised' inherited ': rule all: '
same 'way: LD_PRELOAD is not set for a supervised program' \
	"$(kashim run --supervise sh -c 'echo "${LD_PRELOAD-unset}"')" unset
same 'way: no rules, nothing to supervise for' \
	"$(kashim run -c bad.conf --supervise sh -c 'grep Seccomp: \
	/proc/self/status; echo ran' 2>/dev/null)" "Seccomp:	0
ran"

# Who may not make a file longer would be ended by SIGXFSZ.
echo 'kashim[1]: ' >large
truncate -s 4096 large
for way in --preload --supervise; do
	same "trace: as large as files may be, $way" "$(ulimit -f 0
		kashim run $way --trace="$work/large" perl -e '
		use IO::Socket::INET;
		my $l = IO::Socket::INET->new(Listen => 1,
			LocalAddr => "127.0.0.1");
		IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			PeerPort => $l->sockport) or die;
		print "ran"' 2>&1)" ran
done

# --strict

refuses() {
	name=$1 text=$2
	shift 2
	kashim run --strict "$@" >out 2>err
	same "strict: $name: status" "$?" 2
	same "strict: $name: did not run" "$(cat out)" ''
	in_file "strict: $name" err "$text"
	in_file "strict: $name" err 'is not started (--strict)'
}
refuses 'bad configuration' 'unknown key' -c bad.conf echo ran
refuses 'no configuration' 'no such file' -c none.conf echo ran
refuses '--preload of a static program' 'the preload has no effect' \
	--preload "$static"
refuses 'trace' "$work" --trace="$work" echo ran
kashim run --strict sh -c 'exit 7'
same 'strict: what works' $? 7
kashim run --strict "$static" 7 >/dev/null
same 'strict: what works, static' $? 7

# What can't be read, or told

as_user() {
	setpriv --reuid=64998 --regid=64998 --clear-groups "$@"
}
chmod 755 static
chmod 644 ./*.conf
cp "$static" unreadable
chmod 711 unreadable
cp "$static" unreadable-setuid
chmod 4711 unreadable-setuid
unread="$work/unreadable may be executed, but not read: what it is can't be told"
untold() {
	name=$1 expected=$2
	shift 2
	: >trace
	chown 64998 trace
	as_user kashim run "$@" >out 2>err
	same "$name: status" $? 0
	same "$name" "$(cat err)" "$expected"
	same "$name: ran" "$(sed -n 2p out)" "$set_none"
}
untold 'unreadable' "kashim: whether the preload has an effect can't be told: \
$unread" --trace="$work/trace" "$work/unreadable"
same 'unreadable: trace' "$(sed -n '1s/^kashim\[[0-9]*\]: //p' trace)" \
	"$work/unreadable: preload, of doubtful effect: $unread"
untold 'unreadable, --supervise' \
	"kashim: $unread; the supervisor could not look into it
kashim: 'kashim apply', as root, reaches it while it runs
kashim: $work/unreadable runs without kashim" --supervise "$work/unreadable"
for way in --preload --supervise; do
	as_user kashim run --strict "$way" "$work/unreadable" >out 2>err
	same "unreadable, --strict $way" \
		"$?, $(cat out), $(sed -n '$p' err)" \
		"2, , kashim: $work/unreadable is not started (--strict)"
done
kashim run --strict ./unreadable >out 2>err
same 'unreadable, but not for root' "$?, $(sed -n 2p out)" "0, $set_both"
untold 'unreadable, setuid' \
	"kashim: $work/unreadable-setuid: $work/unreadable-setuid is setuid: the \
loader ignores LD_PRELOAD without a word; supervised it would not get these \
rights
kashim: 'kashim apply', as root, reaches it while it runs
kashim: $work/unreadable-setuid runs without kashim" "$work/unreadable-setuid"
same 'unreadable, setuid: it has its rights' "$(sed -n 1p out)" 'secure 1'
printf '#!/usr/bin/env -iS %s\n' "$static" >script
chmod 755 script
ways 'way: nobody knows what it starts' "./script: supervised: ./script: \
what env(1) will start by '-iS $static' can't be told" ./script
same 'way: nobody knows what it starts: options' "$(sed -n 2p out)" "$set_both"

# The same calls with the same results: test/preload has these programs.

# As 32-bit programs, too: those are of x86-64 alone.
programs='sockets_static ways_static fastopen_static'
for program in sockets_static32 ways_static32; do
	[ "$(uname -m)" = x86_64 ] || continue
	if [ ! -e "$build/test/$program" ]; then
		skip "$program" 'no gcc -m32, or no C library for it'
	elif needs 32-bit "$program"; then
		programs="$programs $program"
	fi
done
for program in $programs; do
	"$build/test/$program" "$build" --supervise >out 2>err
	same "$program: status" $? 0
	grep '^test/' err | sed 's/^/	/'
	in_file "$program" out ' passed, 0 failed'
done

for arguments in 'threads 77 400' 'signals 1 8000' 'signals 0 8000' \
	'children 77' 'filter 77'; do
	# shellcheck disable=SC2086 # words
	timeout 60 kashim run ./supervised $arguments >out 2>err
	same "supervised $arguments: status" $? 0
	in_file "supervised $arguments" out 'ran, all right'
done
timeout 60 kashim run -c source.conf ./supervised later 77 >out 2>err
same 'accepted: status' $? 0
cat err
# What the program sets right after a call comes after the rule for that call,
# though the rule is set late; "respect" lets it stand.
cat >respect.py <<'END'
import socket, time
IDLE = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE
own = socket.create_server(("127.0.0.1", 0))
pairs = []
for i in range(2):
	s = socket.create_connection(own.getsockname())
	if i == 0:
		s.setsockopt(*IDLE, 5)
	a, _ = own.accept()
	if i == 0:
		a.setsockopt(*IDLE, 5)
	pairs.append((s, a))
end = time.monotonic() + 10
while any(x.getsockopt(*IDLE) != 77 for x in pairs[1]):
	if time.monotonic() > end:
		break
	time.sleep(0.001)
print(*(x.getsockopt(*IDLE) for pair in pairs for x in pair))
END
printf 'rule r { source = { "127.0.0.0/8" } app-settings = respect idle = 77 }\n' \
	>respect-source.conf
same 'respect: the order of rule and program' "$(timeout 60 kashim run \
	-c respect-source.conf --supervise python3 respect.py 2>&1)" '5 5 77 77'
for how in again forks; do
	timeout 60 kashim run -c source.conf ./supervised $how 77 >out 2>err
	same "accepted, $how" "$?, $(cat out err)" "0, $how: ran, all right"
done
timeout 60 kashim run -c source.conf ./supervised acceptors 77 300 >out 2>err
same '300 that accept' "$?, $(cat out err)" '0, acceptors: ran, all right'
# How long a connect takes beside them is printed, and not judged but for the
# median: others may have the processor.
timeout 60 kashim run -c source.conf ./supervised many 77 9000 >out 2>err
same 'connects beside 9,000 connections' "$?, $(cat out)" \
	'0, many: ran, all right'
cat err

# It keeps its process: what it and its parent see is the same.

cat >look <<'END'
#!/usr/bin/perl
use POSIX;
sub show { open(my $f, "<", $_[0]) or return; print grep { /$_[1]/ } <$f>; }
show("/proc/self/status",
	"^(PPid|Uid|Gid|Groups|Sig[PBIC]|Shd|Cap|NoNewPrivs|Umask)");
show("/proc/self/limits", ".");
show("/proc/self/oom_score_adj", ".");
print getpgrp() == $$ ? "own" : getpgrp(), " ",
	POSIX::getsid(0) == $$ ? "own" : POSIX::getsid(0), " ", getppid(), "\n";
for (0 .. 40) {
	my $l = readlink("/proc/self/fd/$_") or next;
	print "$_ $l\n";
}
print getcwd(), "\n";
for (sort keys %ENV) {
	print "$_=$ENV{$_}\n" unless /^(KASHIM|_$|LD_PRELOAD)/;
}
END
chmod 755 look
compare() {
	name=$1
	shift
	"$@" ./look <input >now 2>&1
	mv now bare
	"$@" kashim run --supervise ./look <input >now 2>&1
	mv now seen
	if diff -u bare seen >differ; then
		pass
	else
		fail "the same to see: $name"
		sed 's/^/	/' differ
	fi
}
echo text >input
compare plain env
compare 'SIGCHLD blocked' perl -MPOSIX -e '
	sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGCHLD)); exec @ARGV'
compare 'SIGCHLD ignored' perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV'
compare nohup nohup
compare 'a session of its own' setsid -w
compare 'few descriptors' prlimit --nofile=16
compare 'no standard input' sh -c 'exec "$@" <&-' sh
compare 'no standard error' sh -c 'exec "$@" 2>&-' sh
kashim run --supervise sh -c 'echo text >file' <&- >&- 2>&-
same 'no standard streams' "$?, $(cat file)" '0, text'

statuses() {
	perl -e 'system(@ARGV); print $?, "\n"' "$@"
}
for signal in TERM KILL SEGV ABRT INT; do
	program="ulimit -c unlimited; kill -$signal \$\$"
	same "death by SIG$signal" \
		"$(statuses kashim run --supervise sh -c "$program")" \
		"$(statuses sh -c "$program")"
done
rm -f core*
for status in 0 1 126 127 255; do
	kashim run --supervise sh -c "exit $status"
	same "exit status $status" $? "$status"
done
kashim run --supervise ./missing 2>err
same 'not found' "$?, $(cat err)" '127, kashim: ./missing: No such file or directory'
kashim run --supervise ./all.conf 2>err
same 'not executable' "$?, $(cat err)" '126, kashim: ./all.conf: Permission denied'
same 'pipe: it ends' "$(timeout 5 sh -c 'kashim run --supervise echo text | cat'
)" text
same 'pipe: it reads' "$(echo text | timeout 5 kashim run --supervise cat)" text
same 'pid' "$(sh -c 'echo $$; exec kashim run --supervise sh -c "echo \$\$"' |
	uniq | wc -l)" 1
timeout 1 kashim run --supervise sleep 30
same timeout $? 124
same 'no stranger among the children' "$(kashim run --supervise perl -e '
	print waitpid(-1, 0), " ", $!{ECHILD} ? "ECHILD" : $!')" '-1 ECHILD'

same 'no orphan of one that takes orphans' "$(python3 -c '
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' kashim run --supervise python3 -c '
import ctypes, os
reaper = ctypes.c_int(0)
ctypes.CDLL(None).prctl(37, ctypes.byref(reaper), 0, 0, 0)
try:
	os.waitpid(-1, 0)
except ChildProcessError:
	print("alone", reaper.value)')" 'alone 1'

# Whoever ends the program ends it, and the supervisor ends with it.

for signal in 15 9; do
	kashim run --supervise sleep 60 &
	pid=$!
	started="$started $pid"
	until_true 5 sh -c "ps -o args= -p $pid | grep -q '^sleep'"
	same "signal $signal: two supervise" "$(supervisors $pid | wc -l)" 2
	# As systemd does: to all of the control group.
	for supervisor in $(supervisors $pid); do
		# ABRT is what a watchdog sends.
		for other in TERM HUP INT QUIT ABRT SEGV; do
			kill -$other "$supervisor"
		done
	done
	same "signal $signal: the supervisor stays" "$(supervisors $pid | wc -l)" 2
	kill -$signal $pid
	wait $pid 2>/dev/null
	same "signal $signal: status" $? $((128 + signal))
	ends "signal $signal" $pid
done
kashim run --supervise sh -c 'sleep 0.5 & exec true'
kashim run --supervise sh -c 'echo $$ >pid; sleep 1 >/dev/null 2>&1 &'
same 'a child that is left: still supervised' "$(supervisors "$(cat pid)" |
	wc -l)" 2
ends 'a child that is left' "$(cat pid)"
(exec kashim run --supervise ./missing 2>err) &
pid=$!
wait $pid
same 'what cannot be started: status' $? 127
ends 'what cannot be started' $pid

# Stopped and continued, by the keys of a terminal.

tmux -L "kashim-$$" -f /dev/null new-session -d -x 80 -y 24 \
	"env PS1=prompt: KASHIM_CONFIG=$KASHIM_CONFIG PATH=$PATH \
	bash --norc --noprofile -i"
keys() {
	tmux -L "kashim-$$" send-keys "$@"
}
# shows TEXT: does the terminal, in the end?
shows() {
	if until_true 10 sh -c "tmux -L kashim-$$ capture-pane -p |
		grep -q -- '$1'"; then
		pass
	else
		fail "terminal: no '$1' in:"
		tmux -L "kashim-$$" capture-pane -p | sed 's/^/	/'
	fi
}
shows '^prompt:'
keys 'kashim run --supervise sh -c "trap \"echo caught\" INT; echo up; while :; do read -r line; done"' Enter
shows '^up'
keys C-z
shows 'Stopped'
keys 'fg; echo status $?' Enter
sleep 0.2
keys C-c
shows 'caught'
# shellcheck disable=SC1003 # a key
keys 'C-\'
shows '^status 131'
keys 'kashim run --supervise cat; echo after $?' Enter
keys 'typed' Enter
shows '^typed'
keys C-d
shows '^after 0'

kashim run ./supervised signals 1 8000 >out 2>err &
pid=$!
started="$started $pid"
stops=0
while kill -STOP $pid 2>/dev/null && [ $stops -lt 200 ]; do
	stops=$((stops + 1))
	kill -CONT $pid
done
kill -CONT $pid 2>/dev/null
wait $pid
same 'stopped and continued' "$?, $(cat out)" '0, signals: ran, all right'

# Whoever kills the supervisor does not harm the program.

mkfifo stop
exec 3<>stop
kashim run ./supervised load <&3 >out 2>err &
pid=$!
started="$started $pid"
until_true 5 sh -c "pgrep -f '^kashim-watch: $pid *\$' >/dev/null"
kills=0
while [ $kills -lt 100 ]; do
	victim=$(worker_of $pid)
	# The guard, too: then the worker takes its place.
	[ $((kills % 10)) -ne 9 ] || victim=$(guard_of $pid)
	kill -9 "$victim"
	# Not while the one that was killed is still seen: the next one would
	# be the last.
	until_true 5 sh -c "! pgrep -f '^kashim-watch: $pid *\$' |
		grep -qx '$victim'" || break
	until_true 5 two || break
	kills=$((kills + 1))
done
same 'killed' $kills 100
echo >&3
wait $pid
same "workers killed: status" $? 0
in_file 'workers killed' out 'load: ran, all right'
[ ! -s err ] || sed 's/^/	/' err
ends 'workers killed' $pid

# What ps(1) shows is right, or nothing.

printf '#!/bin/sh\nexec sleep 60\n' >a
chmod 755 a
(exec kashim run -S ./a) &
pid=$!
started="$started $pid"
until_true 5 two || fail "a short command line: no supervisor of $pid"
same 'a short command line: an environment that it had' \
	"$(tr '\0' '\n' <"/proc/$pid/environ" | grep ^KASHIM_CONFIG)" \
	"KASHIM_CONFIG=$KASHIM_CONFIG"
kill $pid
wait $pid 2>/dev/null
ends 'a short command line' $pid
cp all.conf c
perl -e '%ENV = (); exec { shift } @ARGV' "$build/kashim" k run -S -c c ./a &
pid=$!
started="$started $pid"
until_true 5 pgrep -f "^kashim-watch *\$" >/dev/null ||
	fail 'no environment: no kashim-watch'
same 'no environment: no number' "$(supervisors $pid)" ''
kill $pid
wait $pid 2>/dev/null

# One that is stopped, or held up, is replaced: within 2.5 seconds, 3.5 if not
# even SIGKILL ends it.

cat >steps.py <<'END'
import socket, sys, time
own = socket.create_server(("127.0.0.1", 0))
longest = 0
for line in sys.stdin:
	start = time.monotonic()
	try:
		s = socket.create_connection(own.getsockname())
	except OSError as error:
		print(error.errno, flush=True)
		continue
	longest = max(longest, time.monotonic() - start)
	own.accept()
	print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), flush=True)
print("%.1f s at most" % longest, file=sys.stderr)
sys.exit(longest > float(sys.argv[1]))
END
mkfifo ask
answers() {
	[ "$(wc -l <steps)" -ge "$1" ]
}
# begins_steps SECONDS OPTION...: the program, which waits to be asked.
begins_steps() {
	seconds=$1
	shift
	: >steps
	kashim run "$@" --supervise python3 steps.py "$seconds" <ask >>steps \
		2>err &
	pid=$!
	started="$started $pid"
	exec 4>ask
	asked=0
	step
}
# step: one connection more. Was it soon there?
step() {
	echo >&4
	asked=$((asked + 1))
	until_true 10 answers $asked || fail "no answer to step $asked"
}
# ends_steps NAME STEPS
ends_steps() {
	exec 4>&-
	wait $pid
	same "$1: nobody waited for long" "$?" 0
	same "$1" "$(paste -sd ' ' steps)" "$2"
	[ ! -s err ] || sed 's/^/	/' err
}
# stops PID: and it has stopped, with no request in its hand.
stops() {
	kill -STOP "$1"
	until_true 5 grep -q '^State:.T' "/proc/$1/status" ||
		fail "$1 does not stop"
}
begins_steps 3
victim=$(worker_of $pid)
stops "$victim"
step
replaced=$(worker_of $pid)
case $replaced in
'' | "$victim") fail "stopped: worker '$victim', then '$replaced'" ;;
esac
# In the midst of requests, too; and its guard is then not asleep.
step
stops "$replaced"
step
step
ends_steps 'worker stopped' '77 77 77 77 77'

# What no rule needs does not go by way of the supervisor at all.
cat >options.py <<'END'
import socket, sys, time
s = socket.socket()
print("up", flush=True)
sys.stdin.readline()
start = time.monotonic()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
print("late" if time.monotonic() - start > 1 else "at once")
END
printf 'rule r { direction = connect app-settings = respect idle = 9 }\n' \
	>respect.conf
for policy in respect.conf all.conf; do
	kashim run -c $policy --supervise python3 options.py <ask >out &
	pid=$!
	started="$started $pid"
	exec 4>ask
	until_true 10 grep -q up out
	until_true 5 two || fail "$policy: no supervisor"
	stops "$(worker_of $pid)"
	exec 4>&-
	wait $pid
	case $policy in
	respect.conf) expected='at once' ;;
	*) expected=late ;;
	esac
	same "setsockopt, worker stopped, $policy" "$(sed -n 2p out)" \
		"$expected"
done

# Its trace is the file that it was, whatever has the name now.
begins_steps 3 --trace="$work/moved"
mv moved moved.old
echo theirs >theirs
ln theirs moved
step
ends_steps 'trace moved' '77 77'
same 'trace moved: what has the name now' "$(cat theirs)" theirs
same 'trace moved: the file that it was' \
	"$(grep -c ': connect fd .*: rule all: ' moved.old)" 2

# Whoever takes the guard's place keeps nothing of the worker that it was.
begins_steps 5 -c source.conf
until_true 5 two
until_true 5 sleeps "$(guard_of $pid)"
few=$(count_files "/proc/$(guard_of $pid)/fd")
for kill in 1 2 3 4 5; do
	kill -9 "$(guard_of $pid)"
	until_true 5 two || fail "guard killed: no other, time $kill"
	step
done
guard=$(guard_of $pid)
until_true 5 has_files "$guard" "$few"
same 'guard killed: descriptors' "$(count_files "/proc/$guard/fd")" "$few"
exec 4>&-
wait $pid

# Both at once: calls fail, as documented, and nothing waits.
begins_steps 3
both=$(supervisors $pid)
# Neither is to take the other's place in between.
# shellcheck disable=SC2086 # two numbers
kill -STOP $both && kill -9 $both
until_true 5 unsupervised $pid
step
ends_steps 'both killed' '77 38'

timeout 60 kashim run ./supervised stuck 1500 77 >out 2>err
same 'memory that nobody gives' "$?, $(cat out)" '0, stuck: ran, all right'
cat err

# A trace on a file system that is frozen, for a snapshot, say: even SIGKILL
# does not end whoever writes to it.
# (The cases above have workers that SIGKILL ends.)
if needs loop-devices 'a file system that is frozen'; then
	truncate -s 16M disk
	mkfs.ext4 -q disk
	mkdir frozen
	mount -o loop disk frozen || exit 2
	chmod 755 frozen
	begins_steps 4 --trace="$work/frozen/trace"
	# The guard sleeps by then, and has to be woken.
	until_true 5 sleeps "$(guard_of $pid)" ||
		fail 'frozen: the guard does not go to sleep'
	fsfreeze -f frozen
	step
	step
	# What is held up is not waited for either when the program ends.
	exec 4>&-
	wait $pid
	same 'frozen: nobody waited for long' $? 0
	same 'frozen: no socket of the program is held' \
		"$(ss -tanpH | grep kashim-watch)" ''
	fsfreeze -u frozen
	ends 'frozen' $pid
	until_true 5 umount frozen
	same 'frozen: steps' "$(sed -n 1p steps) $(wc -l <steps)" '77 3'
fi

# Nothing is left open, however many connections.

kashim run ./supervised descriptors 100 <&3 >out 2>err &
pid=$!
started="$started $pid"
until_true 20 grep -q calls out
worker=$(worker_of $pid)
few=$(count_files "/proc/$worker/fd")
# Ticks of its processor time: the kernel may take one of another's for its own.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$worker/stat"
}
idle_before=$(ticks)
sleep 0.5
holds 'idle: the worker sleeps' test $(($(ticks) - idle_before)) -lt 10
kill $pid
wait $pid 2>/dev/null
kashim run ./supervised descriptors 10000 <&3 >out 2>err &
pid=$!
started="$started $pid"
until_true 20 grep -q calls out
until_true 5 has_files "$(worker_of $pid)" "$few"
same '10,000 connections: descriptors of the worker' \
	"$(count_files "/proc/$(worker_of $pid)/fd")" "$few"
kill $pid
wait $pid 2>/dev/null
exec 3>&-

# Without privileges, and programs that gain some.

chmod 755 "$work"/*
same 'unprivileged' "$(as_user kashim run "$static" | sed -n 2p)" "$set_both"
same 'unprivileged: no_new_privs' "$(as_user kashim run --supervise \
	grep NoNewPrivs /proc/self/status)" 'NoNewPrivs:	1'
same 'root: no no_new_privs' "$(kashim run --supervise \
	grep NoNewPrivs /proc/self/status)" 'NoNewPrivs:	0'
same 'no no_new_privs for nothing' "$(kashim run --supervise setpriv \
	--reuid=64998 --regid=64998 --clear-groups "$build/kashim" run \
	--supervise grep NoNewPrivs /proc/self/status 2>err)" 'NoNewPrivs:	0'
in_file 'no no_new_privs for nothing' err 'no seccomp filter can be installed: '
cp "$static" setuid
chown 64997 setuid
chmod 4755 setuid
kashim run ./setuid >out 2>err
same 'setuid, as root: rights' "$(sed -n 1p out)" 'secure 1'
same 'setuid, as root: options' "$(sed -n 2p out)" "$set_both"
cp "$static" setuid-root
chmod 4755 setuid-root
if as_user ./setuid-root | grep -q 'secure 1'; then
	as_user kashim run ./setuid-root >out 2>err
	same 'setuid, unprivileged: it has its rights' "$?, $(sed -n 1,2p out)" \
		"0, secure 1
$set_none"
	in_file 'setuid, unprivileged' err \
		'kashim: ./setuid-root runs without kashim'
	as_user kashim run --strict ./setuid-root >out 2>err
	same 'setuid, unprivileged, strict' "$?, $(cat out)" '2, '
else
	skip 'setuid, unprivileged' "setuid does not work in $work"
fi

# Sockets that it is started with

cat >activate.py <<'END'
import os, socket, subprocess, sys
own = socket.create_server(("127.0.0.1", 0))
os.dup2(own.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[1], sys.argv[1:])
END
same 'socket activation' "$(python3 activate.py kashim run --supervise perl -e '
	use Socket;
	open(my $s, "+<&=", 3);
	print unpack("i", getsockopt($s, 6, 4)), "\n"')" 77

cat >hand_on.py <<'END'
import os, socket, subprocess, sys
passed, kept = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
there = socket.create_connection(kept.getsockname())
for number, own in (7, passed), (8, there), (900, passed):
	os.dup2(own.fileno(), number)
	os.set_inheritable(number, True)
subprocess.run(sys.argv[1:], close_fds=False, check=True)
print(*(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
	for s in (passed, there, kept)))
END
same 'a listener at any number, what it accepts; no connection; none that is
kept' "$(python3 hand_on.py kashim run --supervise python3 -c '
import socket
listener = socket.socket(fileno=7)
own = socket.create_connection(listener.getsockname())
accepted, _ = listener.accept()
print(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))' 2>&1 |
	paste -sd ' ')" '77 77 7200 7200'

# kashim reload reaches it at its next connection.

export KASHIM_CACHE="$work/cache"
mkdir -m 755 cache
printf 'rule all { idle = "77s" }\n' >live.conf
kashim reload live.conf >out 2>err || sed 's/^/	/' err
begins_steps 5 -c live.conf --trace="$work/reloads"
printf 'rule x { program = { "nobody" } idle = 5 }\nrule all { idle = "88s" }\n' \
	>live.conf
kashim reload live.conf >out 2>err || sed 's/^/	/' err
step
printf 'rule x { idel = 5 }\n' >live.conf
kashim reload live.conf >out 2>&1
step
printf 'rule all { idle = "99s" }\n' >live.conf
kashim reload live.conf >out 2>err || sed 's/^/	/' err
victim=$(worker_of $pid)
kill -9 "$victim"
# One that is about to die may still take a request.
until_true 5 sh -c "! kill -0 $victim 2>/dev/null" && until_true 5 two
step
news='the reload brought rules that look at who connects, or hold against the'
same 'reload: nothing that needs another filter' "$(grep -c "$news" reloads)" 0
printf 'rule near { source = { "127.0.0.0/8" } idle = "99s" }\n' >live.conf
kashim reload live.conf >out 2>err || sed 's/^/	/' err
step
step
same 'reload: what needs another filter is said once' \
	"$(grep "$news" reloads | cut -d: -f1)" "kashim[$pid]"
ends_steps 'reload' "77 88 88 99 $(sed -n '5,6p' steps | paste -sd ' ')"
unset KASHIM_CACHE

# In company

kashim run --supervise kashim run --supervise "$static" >out 2>err
same 'nested: the outer one covers it' "$(sed -n 2p out)" "$set_both"
in_file 'nested' err 'cannot be supervised: '
same 'nested, preload inside' "$(kashim run --supervise kashim run \
	"$build/test/calls" >/dev/null 2>&1; echo $?)" \
	"$("$build/test/calls" >/dev/null 2>&1; echo $?)"
if needs ptrace 'in company of strace'; then
	strace -f -o strace.out kashim run "$static" >out 2>err
	same 'under strace' "$(sed -n 2p out)" "$set_both"
	kashim run --supervise strace -f -o strace.out "$static" >out 2>err
	same 'strace of it' "$(sed -n 2p out)" "$set_both"
	in_file 'strace of it' strace.out 'TCP_KEEPIDLE'
fi
contained() {
	timeout 10 unshare --pid --fork --kill-child "$@"
}
same 'as process 1 of a container' "$(contained --mount-proc \
	kashim run "$static" 2>&1 | sed -n 2p)" "$set_both"
same 'as process 1 of a container: it has its own children and no other' \
	"$(contained --mount-proc kashim run --supervise perl -e '
	my $child = fork() || exit(3);
	print waitpid(-1, 0) == $child ? "its own " : "another ", $? >> 8;
	print " ", waitpid(-1, 0), " ", $!{ECHILD} ? "ECHILD" : $!' 2>&1
	echo ", $?")" 'its own 3 -1 ECHILD, 0'

# Where /proc shows other processes

setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace \
	"$build/kashim" run --supervise ./supervised idle 77 >out 2>err
in_file 'no CAP_SYS_PTRACE' err 'CAP_SYS_PTRACE is missing: programs that take another user get no timers'
lacks="/proc is missing, or is another pid namespace's: rules with program, \
and rules for accept with source or destination, do not hold"
printf 'rule a { program = { "static" } idle = 5 }\nrule b { idle = "77s" }\n' \
	>program.conf
same 'another /proc: all that needs none' "$(contained \
	kashim run --strict "$static" 2>&1 | sed -n 2p)" "$set_both"
for policy in program.conf source.conf; do
	contained kashim run -c $policy "$static" >out 2>err
	same "another /proc: $policy" "$?, $(cat err)" "0, kashim: $lacks"
	contained kashim run -c $policy --strict "$static" >out 2>err
	same "another /proc, strict: $policy" "$?, $(cat out), $(cat err)" \
		"2, , kashim: $lacks
kashim: $static is not started (--strict)"
done
same 'its own /proc' "$(contained --mount-proc kashim run -c program.conf \
	--strict "$static" 2>&1 | sed -n 2p)" \
	'connect 0 idle 5 on 1, accept idle 5 on 1'

# Real programs

cat >connect.py <<'END'
import socket
own = socket.create_server(("127.0.0.1", 0))
s = socket.create_connection(own.getsockname())
a, _ = own.accept()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
print(*(x.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) for x in (s, a)))
END
same python "$(kashim run --supervise python3 connect.py)" '77 77'
cat >Connect.java <<'END'
import java.net.*;
import jdk.net.ExtendedSocketOptions;
public class Connect {
	public static void main(String[] args) throws Exception {
		ServerSocket own = new ServerSocket(0, 8,
			InetAddress.getByName("127.0.0.1"));
		Socket s = new Socket("127.0.0.1", own.getLocalPort());
		Socket a = own.accept();
		s.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, 5);
		System.out.println(
			s.getOption(ExtendedSocketOptions.TCP_KEEPIDLE) + " " +
			a.getOption(ExtendedSocketOptions.TCP_KEEPIDLE));
	}
}
END
! found command:java java || same java "$(kashim run --supervise java -XX:-UsePerfData \
	-XX:TieredStopAtLevel=1 -Xshare:auto Connect.java 2>&1)" '77 77'

# Go switches keepalive on by itself, every 15 seconds, after the connect.
nc -lk 127.0.0.1 0 >/dev/null 2>&1 &
nc=$!
started="$started $nc"
listens() {
	port=$(ss -tlnpH | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$1,.*/\1/p")
	[ -n "$port" ]
}
timer() {
	ss -tnoH state established "( dport = :$1 )" |
		sed -n 's/.*timer:(keepalive,\([^,]*\),.*/\1/p'
}
has_timer() {
	[ -n "$(timer "$1")" ]
}
if ! found command:restic 'Go, in restic'; then
	:
elif until_true 5 listens $nc; then
	export RESTIC_PASSWORD=x RESTIC_CACHE_DIR="$work/restic"
	restic -r "rest:http://127.0.0.1:$port/" snapshots >out 2>err &
	pid=$!
	started="$started $pid"
	until_true 10 has_timer "$port"
	case $(timer "$port") in
	[1-3][0-9]sec | [1-3][0-9].*sec) pass ;;
	*) fail "restic, bare: timer '$(timer "$port")'" ;;
	esac
	kill -9 $pid
	wait $pid 2>/dev/null
	kashim run restic -r "rest:http://127.0.0.1:$port/" snapshots \
		>out 2>err &
	pid=$!
	started="$started $pid"
	until_true 10 has_timer "$port"
	case $(timer "$port") in
	1min1[0-9]sec) pass ;;
	*) fail "restic, supervised: timer '$(timer "$port")'" ;;
	esac
	kill -9 $pid
	wait $pid 2>/dev/null
	ends restic $pid
else
	fail 'nc does not listen'
fi

kashim run prometheus-node-exporter --web.listen-address=127.0.0.1:0 \
	--web.disable-exporter-metrics >out 2>err &
pid=$!
started="$started $pid"
if until_true 10 listens $pid; then
	nc 127.0.0.1 "$port" <&0 >/dev/null 2>&1 &
	client=$!
	started="$started $client"
	accepted() {
		ss -tnoH state established "( sport = :$port )" |
			grep -q 'keepalive,1min1[0-9]sec'
	}
	if until_true 5 accepted; then
		pass
	else
		fail "node-exporter: $(ss -tnoH "( sport = :$port )")"
	fi
	kill $client
else
	fail "node-exporter does not listen: $(cat err)"
fi
kill $pid
wait $pid 2>/dev/null
ends node-exporter $pid

finish
