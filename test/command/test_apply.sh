#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim apply on real programs. What their sockets have then is asked of
# themselves, of ss(8), or of peek.py, and not of kashim. All of it runs in
# network, mount and process namespaces of this script, so that --all reaches
# nobody else, and all ends with it. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart -mnp --fork --kill-child --mount-proc

pids=
# The namespace's first process ends all others with itself.
cgroup=
cleanup() {
	# shellcheck disable=SC2086 # words
	kill -9 $pids 2>/dev/null
	# shellcheck disable=SC2086
	wait $pids 2>/dev/null
	if [ -n "$cgroup" ]; then
		rmdir "$cgroup"
		umount "$work/cgroup"
	fi
}
begin
export LC_ALL=C
# The build directory may not be everybody's to read.
cp "$build/kashim" "$build/test/holds" . || exit 2
PATH=$work:$PATH:/usr/sbin:/sbin
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups --'
ip link set lo up || exit 2
# The programs here take ports of their own below these.
echo 45000 60999 >/proc/sys/net/ipv4/ip_local_port_range || exit 2

# wait_for COMMAND...: until it succeeds, for 20 s at most.
wait_for() {
	until_true 20 "$@"
}

# start NAME COMMAND...: its pid is in $pid, its input and output in NAME.in and
# NAME.out. It has to say that it is ready.
start() {
	name=$1
	shift
	rm -f "$name.in" "$name.out"
	mkfifo "$name.in"
	: >"$name.out"
	"$@" <>"$name.in" >"$name.out" 2>"$name.err" &
	pid=$!
	pids="$pids $pid"
	wait_for grep -q '^ready' "$name.out" || {
		fail "$name does not start: $(tail -n 1 "$name.err")"
		return 1
	}
}

# client NAME PORT REQUEST ANSWER: netcat has asked, and waits; $client is its pid.
client() {
	mkfifo "$1.in"
	nc 127.0.0.1 "$2" <>"$1.in" >"$1.out" &
	client=$!
	pids="$pids $client"
	printf '%s\r\n' "$3" '' >"$1.in"
	wait_for grep -q "$4" "$1.out" || fail "$1: no answer"
}

# has_connections FILTER PORT N: that many, at least.
has_connections() {
	[ "$(ss -tnH "$1" = ":$2" | wc -l)" -ge "$3" ]
}

has_none() {
	[ -z "$(ss -tnH state connected exclude time-wait "sport = :$1")" ]
}

stop() {
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# ask NAME WORD: prints what the program NAME says to it.
ask() {
	lines=$(($(wc -l <"$1.out") + 1))
	echo "$2" >"$1.in"
	wait_for has_lines "$1.out" $lines || echo 'no answer'
	tail -n 1 "$1.out"
}

# apply STATUS ARGUMENT...: what it prints, with "! " before what goes to
# stderr, and without what hangs on this run, is in the file "said".
apply() {
	expected=$1
	shift
	kashim apply -c "$work/conf" "$@" >out 2>err </dev/null
	status=$?
	{
		sed 's/^/! /' err
		sed 's/, process [0-9]*/, process N/' out
	} >said
	if [ $status -eq "$expected" ]; then
		pass
	else
		fail "kashim apply $*: exit status $status, not $expected"
		{ grep '^!' said; tail -n 20 said; } | sed 's/^/	/'
	fi
}

# says NAME: is that, on standard input, what the last apply printed?
says() {
	cat >expected
	if diff -u expected said >differences; then
		pass
	else
		fail "$1"
		sed 's/^/	/' differences
	fi
}

# The sockets of a process, as they really are.
peek() {
	python3 "$here/peek.py" "$1" 2>&1
}

cat >conf <<'END'
interval = "30s"
count    = 5
rule clients { port = { "3301", "6379", "9100" } idle = "5min" }
rule tight   { port = { "3302" } idle = "5min" app-settings = tighten }
rule polite  { port = { "3303" } idle = "5min" app-settings = respect }
rule alone   { port = { "3304" } action = ignore }
rule give-up { port = { "3306" } idle = "5min" user-timeout = "2min" }
rule in      { port = { "3307" } direction = accept idle = "5min" }
rule near    { port = { "3308" } source = { "127.0.0.0/8" }
               direction = accept idle = "5min" }
rule far     { port = { "3308" } direction = accept idle = "10min" }
rule held    { program = { "holds*" } idle = "4min" }
rule timers  { port = { "3309" } direction = connect idle = "5min"
               interval = "75s" count = 9 }
rule whatever { port = { "3310" } direction = connect interval = "75s"
               count = 9 }
rule theirs  { port = { "3311" } direction = connect idle = "5min"
               interval = "75s" count = 9 app-settings = respect }
END
header='  CONNECTION                                  BEFORE  AFTER       RULE'

# Wrong use.

apply 2
says 'nothing is chosen' <<'END'
! kashim: whose connections? --pid, --unit, --program, or --all
! Try 'kashim apply --help'.
END
apply 2 --all --pid $$
says 'all, and some' <<'END'
! kashim: --all is for all: leave out --pid, --unit and --program
! Try 'kashim apply --help'.
END
apply 2 --all redis
says 'an argument' <<'END'
! kashim: apply takes options only, not 'redis'
! Try 'kashim apply --help'.
END
apply 2 -p 31999
says 'no such process' <<'END'
! kashim: there is no process 31999
END
apply 2 -a -c ./none.conf
says 'no configuration' <<END
! kashim: $work/none.conf: there is no such file; write it, or name another one
END
apply 1 -P nosuchprogram -u nosuchunit -P sh --dry-run
says 'nothing of them runs' <<'END'
! kashim: no process of unit 'nosuchunit' runs
! kashim: no program 'nosuchprogram' runs
0 sockets would be changed, 0 are right
END
apply 0 -P sh
says 'it runs, and has no sockets' <<'END'
0 sockets changed, 0 were right
END

# What is printed, and what is set: the rule's values.

python='python3*'
start own python3 "$here/apply_host.py" own 3301 40001 40002 40003 40004
own=$pid
before=$(peek "$own")
changes="$header
python3, process N
  127.0.0.1:3301 listens                         off  300s/30s/5  clients
  127.0.0.1:40001 -> 127.0.0.1:3301              off  300s/30s/5  clients
  127.0.0.1:3301 <- 127.0.0.1:40001              off  300s/30s/5  clients
  127.0.0.1:40002 -> 127.0.0.1:3301      7200s/75s/9  300s/30s/5  clients
  127.0.0.1:3301 <- 127.0.0.1:40002              off  300s/30s/5  clients
  127.0.0.1:40003 -> 127.0.0.1:3301         20s/5s/3  300s/30s/5  clients
  127.0.0.1:3301 <- 127.0.0.1:40003              off  300s/30s/5  clients
  127.0.0.1:40004 -> 127.0.0.1:3301       900s/90s/9  300s/30s/5  clients
  127.0.0.1:3301 <- 127.0.0.1:40004              off  300s/30s/5  clients"
apply 1 --dry-run --pid "$own"
says 'dry run' <<END
$changes
9 sockets would be changed, 0 are right
END
same 'a dry run changes nothing' "$(peek "$own")" "$before"
apply 0 --pid "$own"
says 'override' <<END
$changes
9 sockets changed, 0 were right
END
after="127.0.0.1:3301 - 1 300/30/5+0"
for from in 40001 40002 40003 40004; do
	after="$after
127.0.0.1:$from 127.0.0.1:3301 1 300/30/5+0
127.0.0.1:3301 127.0.0.1:$from 1 300/30/5+0"
done
same 'override: the sockets' "$(peek "$own")" "$after"
apply 0 --pid "$own"
says 'a second time' <<'END'
0 sockets changed, 9 were right
END
apply 0 --dry-run --pid "$own"
says 'nothing to do' <<'END'
0 sockets would be changed, 9 are right
END
stop "$own"

start tight python3 "$here/apply_host.py" own 3302 40101 40102 40103 40104 \
	40105
apply 0 -P "$python"
same 'tighten' "$(peek "$pid" | grep ' 127.0.0.1:3302 ')" \
	'127.0.0.1:40101 127.0.0.1:3302 1 300/30/5+0
127.0.0.1:40102 127.0.0.1:3302 1 300/30/5+0
127.0.0.1:40103 127.0.0.1:3302 1 20/5/3+0
127.0.0.1:40104 127.0.0.1:3302 1 300/30/5+0
127.0.0.1:40105 127.0.0.1:3302 1 20/30/5+0'
stop "$pid"

start polite python3 "$here/apply_host.py" own 3303 40201 40202 40203 40204
apply 0 -P "$python"
same 'respect' "$(peek "$pid" | grep ' 127.0.0.1:3303 ')" \
	'127.0.0.1:40201 127.0.0.1:3303 1 300/30/5+0
127.0.0.1:40202 127.0.0.1:3303 1 7200/75/9+0
127.0.0.1:40203 127.0.0.1:3303 1 20/5/3+0
127.0.0.1:40204 127.0.0.1:3303 1 900/90/9+0'
stop "$pid"

for port in 3304 3305; do
	start alone python3 "$here/apply_host.py" own $port 40301 40302
	before=$(peek "$pid")
	apply 0 -p "$pid"
	same "port $port is left alone" "$(peek "$pid")" "$before"
	cp said said.$port
	stop "$pid"
done
same 'to ignore is right' "$(cat said.3304)" '0 sockets changed, 5 were right'
same 'without a rule' "$(cat said.3305)" \
	'0 sockets changed, 0 were right, 5 without a rule'

start give-up python3 "$here/apply_host.py" own 3306 40401
apply 0 -p "$pid"
says 'user timeout' <<END
$header
python3, process N
  127.0.0.1:3306 listens                         off  300s/30s/5+120s give-up
  127.0.0.1:40401 -> 127.0.0.1:3306              off  300s/30s/5+120s give-up
  127.0.0.1:3306 <- 127.0.0.1:40401              off  300s/30s/5+120s give-up
3 sockets changed, 0 were right
END
same 'user timeout: the sockets' "$(peek "$pid" | cut -d ' ' -f 3- | uniq)" \
	'1 300/30/5+120000'
stop "$pid"

# What this listener accepts gets a rule or not, by who sends it.
start near python3 "$here/apply_host.py" own 3308 40451
apply 0 -p "$pid"
says 'a rule for some peers' <<END
$header
python3, process N
  127.0.0.1:3308 <- 127.0.0.1:40451              off  300s/30s/5  near
1 socket changed, 0 were right, 2 without a rule
END
stop "$pid"

# MPTCP has no user timeout, and that is nothing that could be mended.
if [ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" = 1 ]; then
	start mptcp python3 "$here/apply_host.py" mptcp 3306 40501
	apply 0 -p "$pid"
	same 'MPTCP' "$(tail -n 1 said)" '3 sockets changed, 0 were right'
	apply 0 -p "$pid"
	same 'MPTCP, again' "$(tail -n 1 said)" '0 sockets changed, 3 were right'
	# Its subflows are nobody's, and do not count.
	apply 0 --all
	same 'MPTCP, all' "$(tail -n 1 said)" '0 sockets changed, 3 were right'
	same 'MPTCP: the timers of its subflows' \
		"$(ss -tno state established sport = :40501 |
			grep -c 'timer:(keepalive,4min')" 1
	stop "$pid"
fi

# A timer that was set before its time became shorter is later than what the
# socket tells: the sysctl is read when it is asked for.

# lowered COMMAND...: where the sysctl is.
lowered() {
	nsenter -t "$lowered" -n "$@"
}
kinds=
[ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" != 1 ] || kinds=mptcp
for kind in own $kinds; do
	# shellcheck disable=SC2016 # it is for the inner shell
	start lowered unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
		python3 "$here/apply_host.py" "late-$kind" 3309 3310 3311
	lowered=$pid
	lowered sh -c 'echo 300 >/proc/sys/net/ipv4/tcp_keepalive_time'
	same "late, $kind: what the sockets tell" "$(peek "$pid" |
		sed -n 's/.*:33.. 1 \(.*\)+.*/\1/p' | uniq)" 300/75/9
	same "late, $kind: the timer" "$(lowered ss -tnoH state established \
		dport = :3309 | grep -cE 'keepalive,(119|120)min')" 1
	kashim status -c "$work/conf" -p "$pid" |
		awk '!/^#/ && $3 == "connect" { print $15, $16 }' >out
	same "late, $kind: status" "$(cat out)" 'differs timers
differs whatever
ok theirs'
	apply 1 --dry-run -p "$pid"
	apply 0 -p "$pid"
	sed 's/127.0.0.1:4[0-9]*/CLIENT/' said >late
	same "late, $kind: apply" "$(cat late)" "$header
python3, process N
  CLIENT -> 127.0.0.1:3309       late timer  300s/75s/9  timers
  CLIENT -> 127.0.0.1:3310       late timer  300s/75s/9  whatever
2 sockets changed, 1 was right, 6 without a rule"
	same "late, $kind: the timers are set anew" \
		"$(for port in 3309 3310 3311; do
			lowered ss -tnoH state established dport = :$port |
				grep -oE 'keepalive,[0-9]*min'
		done)" 'keepalive,4min
keepalive,4min
keepalive,119min'
	apply 0 -p "$pid"
	same "late, $kind: again" "$(cat said)" \
		'0 sockets changed, 3 were right, 6 without a rule'
	stop "$pid"
done

# So is the one that was switched on after a silence.
start silent python3 "$here/apply_host.py" silent 3309
apply 1 --dry-run -p "$pid"
same 'switched on after a silence' "$(sed -n 's/.*  \(late.*\)/\1/p' said)" \
	'late timer  300s/75s/9  timers'
apply 0 -p "$pid"
same 'after a silence: the timer' "$(ss -tnoH dport = :3309 |
	grep -cE 'keepalive,4min5[0-7]sec')" 1
stop "$pid"

# Whose sockets they are.

start forked python3 "$here/apply_host.py" forked 3301 40601
apply 0 -P "$python"
same 'shared sockets count once' "$(tail -n 1 said)" \
	'3 sockets changed, 0 were right'
same 'shared sockets, by status' "$(kashim status -c conf -P "$python" -j |
	grep '"sharers"' | uniq -c | tr -s ' ')" ' 2 "sharers": 1,'
same 'those of the child' "$(peek "$(cat "/proc/$pid/task/$pid/children")" |
	cut -d ' ' -f 3- | uniq)" '1 300/30/5+0'
stop "$pid"
for child in $(pgrep -f 'apply_host.py forked'); do
	kill -9 "$child"
done

start foreign python3 "$here/apply_host.py" foreign 3301 40701
apply 0 -p "$pid"
same 'from a namespace where nobody lives' "$(peek "$pid" |
	cut -d ' ' -f 3- | uniq)" '1 300/30/5+0'
stop "$pid"

# A name that is meant to harm whoever looks at it: a newline, an escape
# sequence, and what turns the direction (U+202E).
evil=$(printf 'e\nvil\033[31m\342\200\256x')
cp /usr/bin/python3 "$evil"
start evil "./$evil" "$here/apply_host.py" own 3304 40461
LC_ALL=C.UTF-8 apply 0 -P 'e?vil*'
same 'nothing to do for a hostile name' "$(cat said)" \
	'0 sockets changed, 3 were right'
stop "$pid"
start evil "./$evil" "$here/apply_host.py" own 3301 40462
for locale in C C.UTF-8; do
	LC_ALL=$locale apply 1 --dry-run -P 'e?vil*'
	same "a hostile name, $locale" "$(sed -n 2p said | sed 's/??*x/?x/')" \
		'e?vil?[31m?x, process N'
	LC_ALL=$locale kashim apply -c "$work/conf" -P 'e?vil*' -P "$evil" \
		-p 31999 >out 2>&1
	LC_ALL=$locale kashim apply -c "$work/conf" -P "/$evil" >>out 2>&1
	same "a hostile name, $locale: bytes" \
		"$(LC_ALL=C tr -d '\n -~' <out)" ''
done
stop "$pid"
rm "$evil" evil.*

# A static program, from inside: the queue of its listener, and what inherits.

inside='server 1 240/30/5+0 '
mended="listener 1 240/30/5+0 client 1 240/30/5+0 client 1 240/30/5+0 $inside"
for how in '' inline; do
	# shellcheck disable=SC2086 # nothing, if it is empty
	start holds ./holds 3401 $how
	apply 1 -P 'holds*'
	sed '$d' said | grep -c '  [0-9]*s/[0-9]*s/5' >lines
	same "static $how: changes" "$(cat lines)" 4
	same "static $how: what waits" "$(grep ! said)" \
		'! kashim: 1 connection was not accepted yet: when it is, run it again'
	apply 1 -P 'holds*'
	same "static $how: still waits" "$(cat said)" \
		'! kashim: 1 connection was not accepted yet: when it is, run it again
0 sockets changed, 4 were right'
	same "static $how: from inside" "$(ask holds show)" "$mended"
	same "static $how: made before" "$(ask holds accept)" \
		'server 0 7200/75/9+0 '
	same "static $how: made behind" "$(ask holds make)" \
		"client 0 7200/75/9+0 $inside"
	apply 0 -P 'holds*'
	same "static $how: accepted since" "$(tail -n 1 said)" \
		'2 sockets changed, 5 were right'
	stop "$pid"
done

# One that waits, with keepalive that its program asked for.
start half python3 "$here/tcp_host.py" half,127.0.0.1,3301,on \
	connect,127.0.0.1,3301
apply 1 -p "$pid"
apply 1 -p "$pid"
same 'longer keepalive: still waits' "$(cat said)" \
	'! kashim: 1 connection was not accepted yet: when it is, run it again
0 sockets changed, 2 were right'
stop "$pid"

# What is accepted while it runs is waited for.
start holds ./holds 3401
(
	sleep 0.3
	echo accept >holds.in
) &
apply 0 -P 'holds*'
same 'accepted meanwhile' "$(tail -n 1 said)" '5 sockets changed, 0 were right'
same 'accepted meanwhile: the sockets' "$(peek "$pid" | cut -d ' ' -f 3- |
	uniq)" '1 240/30/5+0'
stop "$pid"

# With other rights, elsewhere.

cp holds holds_setuid && chmod 4755 holds_setuid
# shellcheck disable=SC2086
start setuid $nobody ./holds_setuid 3402
before=$(peek "$pid")
# shellcheck disable=SC2086
$nobody kashim apply -c "$work/conf" -p "$pid" >out 2>err
same 'by nobody: status' $? 1
same 'by nobody' "$(cat out err)" '0 sockets changed, 0 were right
kashim: 1 process may not be looked into: run it as root'
same 'by nobody: nothing is changed' "$(peek "$pid")" "$before"
# shellcheck disable=SC2086
$nobody kashim apply -c "$work/conf" -a >out 2>err
same 'all, by nobody: status' $? 1
sed 's/:[0-9]\{4,5\} / /g; s/  */ /g' out >said
same 'all, by nobody' "$(sort said | uniq -c | tr -s ' ')" \
	' 2 127.0.0.1 -> 127.0.0.1 not permitted
 1 127.0.0.1 <- 127.0.0.1 not permitted
 1 127.0.0.1 listens not permitted
 1 CONNECTION BEFORE AFTER RULE
 1 0 sockets changed, 0 were right, 4 not permitted
 1 process not known'
same 'all, by nobody: nothing is changed' "$(peek "$pid")" "$before"
apply 1 -p "$pid"
same 'setuid, by root' "$(ask setuid show)" "$mended"
stop "$pid"

mkdir root
cp holds root/holds_elsewhere
start elsewhere unshare -nm sh -c \
	'ip link set lo up; exec chroot root /holds_elsewhere 3403'
apply 1 -P holds_elsewhere
same 'in other namespaces and a chroot' "$(ask elsewhere show)" "$mended"
same 'and it is still in its own' "$(ss -tnH | wc -l)" 0
stop "$pid"

# The first thread has ended, and another one goes on.
cat >headless.py <<'END'
import ctypes, socket, threading, time
listener = socket.create_server(("127.0.0.1", 3301))
client = socket.create_connection(("127.0.0.1", 3301))
accepted = listener.accept()
threading.Thread(target=time.sleep, args=(600,)).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
END
start headless python3 headless.py
wait_for grep -q '^State:.Z' "/proc/$pid/status" || fail 'the first thread is there'
kashim status -c conf -p "$pid" >out
same 'no first thread: status' "$(awk '!/^#/ { print $1, $15 }' out | uniq -c |
	tr -s ' ')" ' 2 python3 off'
apply 0 -P python3
same 'no first thread: apply' "$(tail -n 1 said)" '3 sockets changed, 0 were right'
same 'no first thread: the sockets' "$(ss -tnoH state established \
	'( sport = :3301 or dport = :3301 )' | grep -c 'timer:(keepalive,[45]min')" 2
KASHIM_CONFIG=$work/conf kashim doctor "$pid" >out
same 'no first thread: doctor' "$(grep -c '2 TCP connections: 2 ok' out)" 0
same 'no first thread: doctor, why' \
	"$(grep -c 'it was started without LD_PRELOAD' out)" 1
stop "$pid"

# Too few descriptors: that is told, and nothing left out.
start few python3 "$here/apply_host.py" own 3301 40521 40522
same 'enough descriptors' "$(kashim status -c conf -p "$pid" | grep -vc '^#')" 4
full=0
for limit in 4 5 6 7 8 9 10 11 12; do
	for who in "-p $pid" "-P python3" ''; do
		# shellcheck disable=SC2086,SC3045 # words; dash(1) has it, too
		(ulimit -n $limit && exec kashim status -c conf $who) >out 2>err
		case $?:$(cat err) in
		1:)
			full=$((full + 1))
			same "$limit descriptors, $who" "$(grep -c '^python3' out)" 4
			;;
		2:*'Too many open files'*) pass ;;
		*) fail "$limit descriptors, $who" out err ;;
		esac
	done
done
holds 'sometimes there were enough descriptors' test $full -gt 3
stop "$pid"

# Real programs.

start redis sh -c 'redis-server --port 6379 --save "" --tcp-keepalive 0 \
	--daemonize no & echo ready; wait'
redis=$(wait_for pgrep redis-server >/dev/null && pgrep redis-server)
pids="$pids $redis"
wait_for redis-cli ping >/dev/null 2>&1 || fail 'redis does not start'
client first 6379 PING PONG
first=$client
apply 0 --program redis-server
# As status names it, by the link that it was started by.
same 'redis, by its name' "$(sed -n 2p said)" 'redis-server, process N'
same 'redis, by its name: doctor' "$(kashim doctor "$redis" | sed -n 1p)" \
	"process $redis (redis-server): the preload is NOT in effect"
same 'redis' "$(peek "$redis" | grep -v '\[' | cut -d ' ' -f 3- | uniq)" \
	'1 300/30/5+0'
same 'redis, by ss' "$(ss -tnoH state established sport = :6379 |
	grep -c 'keepalive,4min5')" 1
client second 6379 PING PONG
same 'what redis accepts behind' "$(ss -tnoH state established \
	sport = :6379 | grep -c 'keepalive,4min5')" 2
kill "$redis"
stop "$pid"
stop $first
stop $client

cat >Holds.java <<'END'
import java.io.*;
import java.net.*;
import jdk.net.ExtendedSocketOptions;

class Holds {
	static void show(Socket s) throws IOException {
		System.out.println(s.getKeepAlive() + " " +
			s.getOption(ExtendedSocketOptions.TCP_KEEPIDLE));
	}
	public static void main(String[] arguments) throws IOException {
		InetAddress host = InetAddress.getLoopbackAddress();
		ServerSocket server = new ServerSocket(3301, 8, host);
		Socket client = new Socket(host, 3301);
		Socket accepted = server.accept();
		BufferedReader in = new BufferedReader(
			new InputStreamReader(System.in));
		System.out.println("ready");
		while (in.readLine() != null) {
			show(client);
			show(accepted);
			new Socket(host, 3301);
			show(server.accept());
		}
	}
}
END
start java java -Xshare:auto -XX:TieredStopAtLevel=1 Holds.java
apply 0 --program java
same 'Java' "$(tail -n 1 said)" '3 sockets changed, 0 were right'
lines=4
echo >java.in
wait_for has_lines java.out $lines
same 'Java, from inside' "$(sed 1d java.out)" 'true 300
true 300
true 300'
stop "$pid"

# Go sets 15 s on what it accepts.
start go sh -c 'prometheus-node-exporter --web.listen-address=127.0.0.1:9100 \
	--collector.disable-defaults 2>&1 & echo ready; wait'
wait_for pgrep prometheus-node >/dev/null
go=$(pgrep prometheus-node)
pids="$pids $go"
wait_for sh -c 'ss -tlnH sport = :9100 | grep -q .' ||
	fail 'node-exporter does not start'
client third 9100 'GET / HTTP/1.1
Host: a' HTTP/1.1
same 'Go, before' "$(peek "$go" | tail -n 1 | cut -d ' ' -f 3-)" '1 15/15/9+0'
apply 0 --program 'prometheus-*'
same 'Go, a listener and a connection' "$(peek "$go" | cut -d ' ' -f 3- |
	uniq)" '1 300/30/5+0'
kill "$go"
stop "$pid"
stop $client

# Handed over by another process, which has it no more.
cat >handed.py <<'END'
import os, socket, time
near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
if os.fork() == 0:
	own = socket.create_server(("127.0.0.1", 3301))
	made = socket.create_connection(own.getsockname())
	socket.send_fds(far, [b"x"], [made.fileno()])
	made.close()
	near.close()
	far.recv(1)
	os._exit(0)
far.close()
_, numbers, _, _ = socket.recv_fds(near, 1, 1)
print("ready", flush=True)
time.sleep(60)
END
start handed python3 handed.py
apply 0 --pid "$pid"
same 'handed over' "$(tail -n 1 out)" '1 socket changed, 0 were right'
same 'handed over, as it is' "$(peek "$pid" | cut -d ' ' -f 3-)" '1 300/30/5+0'
stop "$pid"

# A unit, as its control group says it.
mkdir cgroup
cgroup=cgroup/kashim-test-$(date +%s%N).service
if mount -t cgroup2 none cgroup && mkdir "$cgroup"; then
	start unit python3 "$here/apply_host.py" own 3301 40801
	start other python3 "$here/apply_host.py" own 3309 40901
	pgrep -f 'own 3301' >"$cgroup/cgroup.procs"
	unit=${cgroup#*/}
	apply 0 --unit "${unit%.service}"
	sed -i '/^  CONN/d' said
	says 'a unit' <<END
python3, process N, $unit
  127.0.0.1:3301 listens                         off  300s/30s/5  clients
  127.0.0.1:40801 -> 127.0.0.1:3301              off  300s/30s/5  clients
  127.0.0.1:3301 <- 127.0.0.1:40801              off  300s/30s/5  clients
3 sockets changed, 0 were right
END
	same 'a unit, as status sees it' \
		"$(kashim status -c "$work/conf" --unit "${unit%.service}" 2>&1 |
			tail -n 1)" '# 2 connections: 2 ok'
	for pid in $(pgrep -f 'apply_host.py own'); do
		stop "$pid"
	done
	rmdir "$cgroup" && umount cgroup && cgroup=
else
	fail 'no control groups here'
fi

# How long it was silent before counts.

start silent python3 "$here/apply_host.py" own 3301 41001
sleep 2.5
apply 0 --program "$python"
timer=$(ss -tnoH state established sport = :41001 |
	sed 's/.*keepalive,4min\([0-9]*\)sec.*/\1/')
if [ "$timer" -le 57 ]; then
	pass
else
	fail "silent for 2.5 s, and the first probe is sent in 4 min $timer s"
fi
stop "$pid"

# While it goes on: what is accepted meanwhile, what is closed, what ends.

start busy python3 "$here/apply_host.py" busy 3307
wait_for has_connections sport 3307 500
apply 0 --pid "$pid"
bare=$(peek "$pid" | grep -v ' 1 300/30/5+0$')
same 'none slips through while many come' "$bare" ''
if has_connections sport 3307 9000; then
	fail 'all had come before'
else
	pass
fi
for child in $(pgrep -f 'apply_host.py busy'); do
	stop "$child"
done

start churn python3 "$here/apply_host.py" churn 3301 3305
churn=$pid
end=$(($(date +%s) + 4))
runs=0
while [ "$(date +%s)" -lt $end ]; do
	kashim apply -c "$work/conf" --pid "$churn" >out 2>&1 || {
		fail "a busy process: $(cat out)"
		break
	}
	runs=$((runs + 1))
done
kill "$churn"
wait "$churn"
same 'no other socket was changed' $? 0
# shellcheck disable=SC2046 # words
set -- $(tail -n 1 churn.out)
printf '%s times, while %s connections of another rule came and went; ' \
	$runs "$1"
printf '%s were caught\n' "$3"
if [ $runs -gt 2 ] && [ "$1" -gt 100 ]; then
	pass
else
	fail 'that is too few'
fi
for child in $(pgrep -f 'apply_host.py churn'); do
	stop "$child"
done

# Programs that end all the time.
sh -c 'while :; do ./holds 3405 </dev/null >/dev/null 2>&1; done' &
ending=$!
pids="$pids $ending"
tries=0
while [ $tries -lt 40 ]; do
	tries=$((tries + 1))
	kashim apply -c "$work/conf" --program 'holds*' >out 2>&1
	status=$?
	[ $status -eq 0 ] || grep -q 'not accepted yet' out ||
		grep -q "no program 'holds\*' runs" out || break
done
same 'programs that end meanwhile' "$tries" 40
stop $ending

# Many.

start many python3 "$here/apply_host.py" many 3301 10000
many=$pid

wait_for has_connections dport 3301 10000
python3 "$here/cpu.py" took kashim apply -c "$work/conf" --pid "$many" >out 2>&1
read -r cpu clock _ <took
printf '10000 sockets of one process: %s ms of the processor, %s on the clock\n' \
	"$cpu" "$clock"
same 'many' "$(tail -n 1 out)" '10000 sockets changed, 0 were right'
if [ "$cpu" -lt 1000 ]; then
	pass
else
	fail 'that is too long'
fi
same 'many, as they are' "$(peek "$many" | cut -d ' ' -f 3- | uniq -c |
	tr -s ' ')" ' 10000 1 300/30/5+0'
if needs ptrace 'how many system calls apply makes'; then
	strace -f -c -o calls kashim apply -c "$work/conf" --pid "$many" \
		>out 2>&1
	calls=$(awk '$NF == "total" { print $(NF - 1 - (NF > 4)) }' calls)
	printf 'again, all being right: %s system calls\n' "$calls"
	if [ "$calls" -le 125000 ]; then
		pass
	else
		fail 'these are too many'
		cat calls
	fi
fi
for child in $(pgrep -f 'apply_host.py many'); do
	stop "$child"
done

# All.

wait_for has_none 3301
start all python3 "$here/apply_host.py" own 3301 42001
start all2 ./holds 3406
apply 1 --all
same 'all' "$(grep -c 'off  [0-9]' said)" 7
apply 1 --all
same 'all, again' "$(tail -n 1 said)" '0 sockets changed, 7 were right'

finish
