#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim status against real programs, in namespaces of its own: processes,
# mounts, and two networks with a link between them. What it says is held
# against ss(8) and against what the programs know of their own sockets. BUILD
# names the build directory.
#
# What stands in single quotes is for another shell, or awk.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
flags=-mnip
[ "$(id -u)" -eq 0 ] || flags=-Urmnip
apart $flags --fork --kill-child --mount-proc
mount -t tmpfs -o mode=755 tmpfs /run || exit 2
begin
unset NO_COLOR COLUMNS LINES COLORTERM
# What is published goes to a directory of its own.
mkdir cache
export LC_ALL=C.UTF-8 TMUX_TMPDIR="$work" KASHIM_CACHE="$work/cache"
PATH=$build:/usr/sbin:/usr/bin:/sbin:/bin
schema=$root/docs/kashim-status.schema.json
escape=$(printf '\033')

has() {
	if grep -qF -- "$3" "$2"; then
		pass
	else
		fail "$1: no '$3' in:"
		sed 's/^/	/' "$2"
	fi
}

has_not() {
	if grep -qF -- "$3" "$2"; then
		fail "$1: '$3' in:"
		sed 's/^/	/' "$2"
	else
		pass
	fi
}

judge() {
	/usr/bin/python3 "$here/status_check.py" "$@"
}

# host NET NAME ARGUMENT...: a program called NAME, with sockets as
# tcp_host.py makes them, which tells of them in NAME.out. $! is its pid.
host() {
	net=$1 name=$2
	shift 2
	cp /usr/bin/python3 "$work/$name" && mkfifo "$name.in" || exit 2
	"in_$net" "./$name" "$here/tcp_host.py" "$@" \
	    <"$name.in" >"$name.out" 2>&1 &
	# It lives as long as somebody could write.
	sleep 600 >"$name.in" &
	if ! until_true 40 grep -q '^ready' "$name.out"; then
		fail "$name does not start:"
		cat "$name.out"
	fi
	pid=$(pgrep -n -f "^\./$name ")
}

in_ours() {
	exec "$@"
}

in_peers() {
	exec nsenter --net=/run/peer -- "$@"
}

# As "kashim status", on our configuration.
status() {
	kashim status -c k.conf "$@"
}

# How many connections of a program have this verdict; $3 is where.
count_of() {
	judge rows "$3" |
	    awk -v name="$1" -v verdict="$2" \
		'$1 == name && $3 == verdict { n++ } END { print n + 0 }'
}

# in_terminal VARIABLE=VALUE... COMMAND: what it writes on a terminal, as
# script(1) has one, goes to the file shown, without the carriage returns.
in_terminal() {
	status=0
	timeout 20 env "$@" >shown.raw 2>&1 </dev/null || status=$?
	tr -d '\r' <shown.raw >shown
}

# Two networks.

touch /run/peer
unshare --net=/run/peer true || exit 2
ip link set lo up
ip link add ours type veth peer name theirs || exit 2
ip link set theirs netns /run/peer || exit 2
ip addr add 10.77.0.1/24 dev ours
ip addr add 2001:db8:77::1/64 dev ours nodad
ip link set ours up
(in_peers ip link set lo up)
(in_peers ip addr add 10.77.0.2/24 dev theirs)
(in_peers ip addr add 2001:db8:77::2/64 dev theirs nodad)
(in_peers ip link set theirs up)

cat >k.conf <<'EOF'
rule loopback {
	destination = { "127.0.0.0/8", "::1" }
	action      = ignore
}
rule backup {
	direction        = connect
	destination      = { "10.77.0.2", "2001:db8:77::/64" }
	port             = { "3300-3399" }
	program          = { "sm_*" }
	firewall-timeout = "15min"
}
rule gateway {
	direction    = accept
	source       = { "10.77.0.0/24" }
	port         = { "3400" }
	idle         = "5min"
	user-timeout = "2min"
	app-settings = tighten
}
rule quick {
	direction        = connect
	port             = { "4444", "4445" }
	idle             = "1s"
	interval         = "1s"
	count            = 60
	firewall-timeout = "1min"
}
rule redis {
	direction = accept
	port      = { "6379" }
	idle      = "60s"
	interval  = "20s"
	count     = 3
}
rule listened {
	direction = accept
	port      = { "3500" }
	idle      = "5min"
}
rule "everything else for java, static" {
	direction = connect
	program   = { "java", "static_host" }
	idle      = "10min"
}
EOF

# Nothing there, and nobody to say it to.

check 'no connections' 0 status <<'EOF'
#PROCESS PID DIRECTION LOCAL REMOTE STATE KEEPALIVE IDLE INTERVAL COUNT USER-TIMEOUT NEXT-PROBE UNANSWERED TIME-LEFT VERDICT RULE BY
# 0 connections
EOF

for form in '' --json --openmetrics; do
	# shellcheck disable=SC2086 # none or one
	status $form >/dev/full 2>err
	same "a full disk: $form" "$?: $(cat err)" \
	    '2: kashim: cannot write the answer: No space left on device'
done

# Wrong use.

check 'an operand' 2 status 17 <<'EOF'
! kashim: status takes options only, not '17'
! Try 'kashim status --help'.
EOF
check 'an unknown option' 2 status --wach <<'EOF'
! kashim status: unrecognized option '--wach'
! Try 'kashim status --help'.
EOF
check 'two forms' 2 status --json --openmetrics <<'EOF'
! kashim: of --watch, --json and --openmetrics only one can be
! Try 'kashim status --help'.
EOF
check 'to watch JSON' 2 status -w -j <<'EOF'
! kashim: of --watch, --json and --openmetrics only one can be
! Try 'kashim status --help'.
EOF
check 'to watch a pipe' 2 status --watch <<'EOF'
! kashim: --watch needs a terminal that can draw, not a file or a pipe
EOF
check 'no number' 2 status --pid 1x <<'EOF'
! kashim: pid '1x': write the number of a process
EOF
check 'no process' 2 status --pid 4194304 <<'EOF'
! kashim: there is no process 4194304
EOF
check 'a path for a program' 2 status --program /bin/sh <<'EOF'
! kashim: program '/bin/sh': write the name of the executable alone, such as sm_*
EOF
check 'no unit' 2 status --unit '' <<'EOF'
! kashim: unit '': write the name of a unit, such as backup.service
EOF
check 'no configuration' 2 kashim status -c missing.conf <<EOF
! kashim: $work/missing.conf: there is no such file; write it, or name another one
EOF
kashim status --help >out 2>&1
same 'help: exit status' $? 0
same 'help: within 80 columns' "$(awk 'length > 80' out)" ''

# Programs of many kinds.

host peers peer listen,0.0.0.0,3300 listen,::,3301 listen,0.0.0.0,4444 \
    listen,0.0.0.0,4445 listen,0.0.0.0,9999
host ours sm_agent \
    connect,10.77.0.2,3300,on,idle=450,interval=90,count=5 \
    connect,2001:db8:77::2,3301,on,idle=450,interval=90,count=5 \
    connect,10.77.0.2,3300 \
    connect,10.77.0.2,3300,on \
    connect,10.77.0.2,3300,on,idle=450,interval=90,count=4 \
    connect,10.77.0.2,3300,on,idle=450,interval=90,count=5,timeout=90500 \
    connect,10.77.0.2,9999 \
    listen,127.0.0.1,7000 connect,127.0.0.1,7000
sm_agent=$pid
host ours gwrd listen,10.77.0.1,3400,on,idle=200,interval=75,count=9,timeout=60000 \
    listen,10.77.0.1,3500
host peers client connect,10.77.0.1,3400 connect,10.77.0.1,3400 \
    connect,10.77.0.1,3500 connect,10.77.0.1,6379,times=0
host ours waiting half,10.77.0.1,5556
host peers eager connect,10.77.0.1,5556

redis-server --bind 10.77.0.1 --port 6379 --protected-mode no --save '' \
    --tcp-keepalive 60 --dir "$work" --logfile "$work/redis.log" &
until_true 40 redis-cli -h 10.77.0.1 ping || fail 'redis does not start'
host peers redis_client connect,10.77.0.1,6379

cat >Host.java <<'EOF'
import java.net.Socket;
import jdk.net.ExtendedSocketOptions;

public class Host {
	public static void main(String[] arguments) throws Exception {
		try (Socket socket = new Socket("10.77.0.2", 3300);
		    Socket bare = new Socket("10.77.0.2", 3300)) {
			socket.setKeepAlive(true);
			socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, 600);
			System.out.println("ready");
			Thread.sleep(300000);
		}
	}
}
EOF
JAVA_TOOL_OPTIONS='' java -Xshare:auto -XX:TieredStopAtLevel=1 Host.java \
    >java.out 2>&1 &

cat >static_host.c <<'EOF'
#include <arpa/inet.h>
#include <unistd.h>

int
main(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(3300)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "10.77.0.2", &sa.sin_addr);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return 1;
	alarm(300);
	pause();
}
EOF
cc -static -o static_host static_host.c || fail 'no static program'
./static_host &

# In other namespaces altogether, on its own loopback.
cp /usr/bin/python3 far_away
mkfifo far.in
unshare -mn sh -c 'ip link set lo up && exec ./far_away "$@"' sh \
    "$here/tcp_host.py" listen,127.0.0.1,8000 \
    connect,127.0.0.1,8000,on,idle=33 <far.in >far.out 2>&1 &
sleep 600 >far.in &

# A name that is meant to harm whoever looks at it.
evil=$(printf 'e vil\\"\033[31m\033]0;x\a')
host ours "$evil" connect,10.77.0.2,9999

until_true 30 grep -q '^ready' java.out || fail 'java does not start'
until_true 40 grep -q '^ready' far.out || fail 'far_away does not start'
# Until all that was connected was accepted, and nothing more is sent.
settled() {
	status -j >settle.json
	[ "$(count_of peer no-rule settle.json)" -ge 11 ] &&
	    [ "$(count_of redis-server ok settle.json)" -ge 1 ] &&
	    [ "$(count_of gwrd ok settle.json)" -ge 2 ] &&
	    [ "$(count_of static_host off settle.json)" -ge 1 ]
}
until_true 40 settled || fail 'not all is connected'

status -j >all.json
same 'exit status: not all is covered' $? 1
{
	ss -tnoH state connected exclude time-wait
	in_peers=$(in_peers ss -tnoH state connected exclude time-wait)
	printf '%s\n' "$in_peers"
	nsenter -t "$(pgrep -f '^\./far_away ')" -n \
	    ss -tnoH state connected exclude time-wait
} | awk 'NF' >ss.out
status >list.out
status -o >metrics.out
quiet 'the schema' judge schema "$schema" all.json
quiet 'the options, as the programs know them' \
    judge options all.json sm_agent.out client.out far.out redis_client.out
# What waits to be accepted is seen on the other side only.
awk '$4 != "10.77.0.1:5556"' ss.out >ss.accepted
quiet 'connections, states and timers, as ss has them' \
    judge ss all.json ss.accepted
quiet 'the list for awk' judge list all.json list.out
quiet 'OpenMetrics' judge openmetrics all.json metrics.out
same 'OpenMetrics: ends' "$(tail -n 1 metrics.out)" '# EOF'

same 'ok' "$(count_of sm_agent ok all.json)" 5
same 'off' "$(count_of sm_agent off all.json)" 1
same 'differs' "$(count_of sm_agent differs all.json)" 2
same 'no rule' "$(count_of sm_agent no-rule all.json)" 1
same 'tightened is ok' "$(count_of gwrd ok all.json)" 2
same 'inherited from a listener without options' \
    "$(count_of gwrd off all.json)" 1
same 'redis sets its own' "$(count_of redis-server ok all.json)" 1
same 'java: idle only' "$(count_of java ok all.json)" 1
same 'java: off' "$(count_of java off all.json)" 1
same 'a static program' "$(count_of static_host off all.json)" 1
same 'other namespaces' "$(count_of far_away ok all.json)" 2
has 'not accepted' list.out '# 1 more that no program has accepted yet'

# Rows for awk, and what differs.

status -p "$sm_agent" | awk '!/^#/ { print $3 == "accept" ? $3 : $3 " " $5, $7, $8, $9, $10, $11, $15, $16 }' >rows
check 'rows' 0 cat rows <<'EOF'
connect 10.77.0.2:3300 on 450 90 5 0 ok backup
connect [2001:db8:77::2]:3301 on 450 90 5 0 ok backup
connect 10.77.0.2:3300 off 7200 75 9 0 off backup
connect 10.77.0.2:3300 on 7200 75 9 0 differs backup
connect 10.77.0.2:3300 on 450 90 4 0 differs backup
connect 10.77.0.2:3300 on 450 90 5 90.5 ok backup
connect 10.77.0.2:9999 off 7200 75 9 0 no-rule -
connect 127.0.0.1:7000 off 7200 75 9 0 ok loopback
accept off 7200 75 9 0 ok loopback
EOF

# A listener that decides for all that it accepts.

printf 'rule listened { port = { "3500" } idle = "5min" }\n' >listener.conf
kashim status -c listener.conf -P gwrd >out
has 'a listener without options' out \
    "# 1 listener without what the rule says"

# One whose connections get different rules: it has what most of them get.

cat >apart.conf <<'EOF'
rule loopback {
	destination = "127.0.0.0/8"
	action      = ignore
}
rule all {
	direction = accept
	idle      = "5min"
}
EOF
in_apart() {
	LD_PRELOAD=$build/libkashim.so KASHIM_CONFIG=$work/apart.conf exec "$@"
}
host apart apart_server listen,0.0.0.0,3600
apart=$pid
host ours apart_bare listen,0.0.0.0,3601
bare=$pid
host ours apart_near connect,127.0.0.1,3600 connect,127.0.0.1,3601
near=$pid
host peers apart_far connect,10.77.0.1,3600 connect,10.77.0.1,3601
for of in "$apart" "$bare"; do
	kashim status -c apart.conf -p "$of" >"$of.out"
	awk '!/^#/ { print $7, $8, $15, $16 }' "$of.out" | sort >"$of.rows"
	has_not 'different rules: the listener' "$of.out" 'listener'
done
same 'different rules: with the library' "$(cat "$apart.rows")" 'off 7200 ok loopback
on 300 ok all'
same 'different rules: without it' "$(cat "$bare.rows")" 'off 7200 off all
off 7200 ok loopback'
kill "$apart" "$bare" "$near" "$pid"

# Whose.

status -P 'sm_*' -P static_host -j >out.json
same 'patterns' "$(judge rows out.json | awk '{ print $1 }' | uniq -c |
    tr -s ' \n' ' ')" ' 9 sm_agent 1 static_host '
status -p "$sm_agent" -P sm_agent -j >out.json
same 'a union' "$(judge rows out.json | awk 'END { print NR }')" 9
check 'a unit and programs that do not run' 1 \
    status -u no-such-unit -P 'no_such*' -P nobody_else <<'EOF'
! kashim: no process of unit 'no-such-unit' runs
! kashim: no program 'no_such*' runs
! kashim: no program 'nobody_else' runs
#PROCESS PID DIRECTION LOCAL REMOTE STATE KEEPALIVE IDLE INTERVAL COUNT USER-TIMEOUT NEXT-PROBE UNANSWERED TIME-LEFT VERDICT RULE BY
# 0 connections
EOF
status -P redis-server -u no-such-unit -j >out.json 2>err
same 'one that runs and one that does not' "$?: $(cat err)" \
    "1: kashim: no process of unit 'no-such-unit' runs"
same 'one that runs is shown' "$(judge rows out.json | awk 'END { print NR }')" 1
same 'JSON says so, too' "$(grep -c '"covered": false' out.json)" 1
status -P redis-server -P nobody_else -o >out 2>err
same 'the metrics say so, too' "$(grep '^kashim_covered' out)" 'kashim_covered 0'
status -P sh >out 2>err
same 'a program without connections' "$?$(cat err)" 0
status -P gwrd >out
same 'exit status: off' $? 1
status -P redis-server >out
same 'exit status: ok' $? 0
status -P client >out
same 'exit status: no rule' $? 0

# Without the permission to look.

if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	unprivileged() {
		setpriv --reuid=65534 --regid=65534 --clear-groups \
		    "$build/kashim" status -c "$work/k.conf" "$@"
	}
	unprivileged >out 2>err
	same 'unprivileged: exit status' $? 1
	same 'unprivileged: messages' "$(cat err)" ''
	same 'unprivileged: all are there, unknown' \
	    "$(awk '!/^#/ { print $1, $7, $15 }' out | sort -u)" '- - unknown'
	same 'unprivileged: what to do' "$(tail -n 1 out | tr -d 0-9)" \
	    '#  processes could not be looked into: run it as root'
	unprivileged -j >out.json
	quiet 'unprivileged: the schema' judge schema "$schema" out.json
	unprivileged -o >metrics.unprivileged
	quiet 'unprivileged: OpenMetrics' \
	    judge openmetrics out.json metrics.unprivileged
	unprivileged -p "$sm_agent" >out
	same 'unprivileged: a process that is asked for' $? 1
	has 'unprivileged: it is named' out \
	    '# 1 process could not be looked into: run it as root'
else
	skip 'unprivileged' 'no other user here'
fi

# Processes that end meanwhile.

churn() {
	while [ ! -e churned ]; do
		./static_host &
		kill $! 2>/dev/null
	done
}
churn &
times=0
while [ $times -lt 20 ]; do
	times=$((times + 1))
	status -j >churn.$times.json 2>churn.err
	status=$?
	cp churn.$times.json churn.json
	# Some that are always off decide.
	if [ $status -ne 1 ] || [ -s churn.err ]; then
		break
	fi
done
: >churned
same 'processes that end: messages' "$(cat churn.err)" ''
same 'processes that end: exit status' "$status" 1
quiet 'processes that end: the schema' judge schema "$schema" churn.json
# Those that come and go have a process, or are not there.
same 'processes that end: each has a process' \
    "$(cat churn.*.json | grep -c '"process": null')" 0
same 'processes that end: none is lost' "$(count_of sm_agent ok churn.json)" 5

# A peer that reads nothing, so that its window is closed, and one that is cut
# off. LEFT is red where nothing would be sent in time.

left_of() {
	in_terminal TERM=xterm script -qec \
	    "stty cols 200; kashim status -c k.conf -p $1" /dev/null
	sed -n 's/.* quick *//p' shown | tr "$escape" E |
	    sed 's/[0-9]*min//; s/[0-9][0-9]*s/TIME/'
}
# timer WHAT PORT PID: of the connection of this process, as ss has it.
timer() {
	ss -tnoH dst "10.77.0.2:$2" >timer.ss
	status -p "$3" -j >timer.json
	grep -q "timer:($1" timer.ss && judge ss timer.json timer.ss
}
host ours filler connect,10.77.0.2,4445,on,idle=1,interval=1,count=60,full
holds 'a closed window, as ss has it' until_true 40 timer persist 4445 "$pid"
same 'a closed window is probed in time' "$(left_of "$pid")" TIME
kill "$pid"

host ours cut_off connect,10.77.0.2,4444,on,idle=1,interval=1,count=60
cut_off=$pid
(in_peers nft 'add table inet t; add chain inet t i {
	type filter hook input priority 0; }; add rule inet t i tcp dport 4444 drop')
cut() {
	status -p "$cut_off" -j >cut.json
	ss -tnoH dst 10.77.0.2:4444 >cut.ss
	grep -q 'keepalive,[^,]*,[3-9])' cut.ss && judge ss cut.json cut.ss
}
holds 'unanswered probes, as ss counts them' until_true 40 cut
same 'unanswered: still ok' "$(judge rows cut.json)" \
    'cut_off 10.77.0.2:4444 ok quick connect'
status -p "$cut_off" | awk '!/^#/ { print ($13 >= 3), ($14 > 20 && $14 < 60) }' >out
same 'unanswered: in the list, with the time left' "$(cat out)" '1 1'
status -p "$cut_off" -o >out
same 'unanswered: as a metric' "$(awk '/^kashim_unanswered/ {
	print $1, ($2 >= 3) }' out)" \
    'kashim_unanswered_probes{program="cut_off",rule="quick"} 1'

timeout 5 sh -c 'echo >cut_off.in'
holds 'data in flight, as ss has it' \
    until_true 40 timer 'on,[^,]*,[1-9]' 4444 "$cut_off"
same 'data in flight is sent again in time, and gets no answer' \
    "$(left_of "$cut_off")" 'E[35mTIMEE[m'
status -p "$cut_off" | awk '!/^#/ { print $12, $13 }' >out
same 'data in flight: no probe is planned' "$(cat out)" '- -'

# An MPTCP connection of two subflows, one of them a spare one: a firewall
# sees two connections, and in one of them nothing moves.

if [ "$(cat /proc/sys/net/mptcp/enabled 2>/dev/null)" = 1 ]; then
	cp /usr/bin/python3 multi && mkfifo multi.in
	unshare -n sh -c 'ip link set lo up &&
		ip addr add 10.78.0.1/24 dev lo && ip addr add 10.78.0.2/24 dev lo &&
		ip mptcp limits set subflows 1 &&
		ip mptcp endpoint add 10.78.0.2 dev lo subflow backup &&
		exec ./multi "$@"' sh "$here/tcp_host.py" \
	    listen,10.78.0.1,4446,mptcp \
	    connect,10.78.0.1,4446,mptcp,on,idle=60 <multi.in >multi.out 2>&1 &
	multi=$!
	sleep 600 >multi.in &
	# The kernel adds it when the first one has carried data.
	has_subflows() {
		timeout 5 sh -c 'echo >multi.in'
		[ "$(nsenter -t "$multi" -n ss -tnH state established \
		    dport = :4446 | wc -l)" -eq 2 ]
	}
	# A byte each time, until the other subflow is silent for 3 s.
	is_silent() {
		timeout 5 sh -c 'echo >multi.in'
		status -p "$multi" -j >multi.json
		nsenter -t "$multi" -n ss -tniH dport = :4446 >multi.ss
		grep -qE 'lastsnd:[0-9]{1,3} ' multi.ss &&
		    judge silent multi.json connect 3
	}
	if until_true 20 has_subflows; then
		holds 'MPTCP: as silent as its most silent subflow' \
		    until_true 20 is_silent
		has 'MPTCP: one connection at each end' multi.json \
		    '"connections": 2,'
	else
		fail "MPTCP: no second subflow: $(cat multi.out)"
	fi
	kill "$multi"
fi

# Metrics by way of node_exporter.

mkdir textfiles
prometheus-node-exporter --collector.disable-defaults --collector.textfile \
    --collector.textfile.directory=textfiles \
    --web.listen-address=127.0.0.1:9100 >exporter.log 2>&1 &
exporter=$!
exported() {
	/usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(
    "http://127.0.0.1:9100/metrics", timeout=5).read())' >exported.out
}
until_true 40 exported || fail 'node_exporter does not start'
status -j -P 'sm_*' -P 'e vil*' -P redis-server >exported.json
status -o -P 'sm_*' -P 'e vil*' -P redis-server >textfiles/kashim.prom
exported
quiet 'node_exporter' judge exported exported.json exported.out
kill $exporter

# The example of kashim-status.1: a new file takes the place of the old one if
# kashim wrote all of it, whatever it says, and only then.
mkdir collected
mandoc -T ascii -O width=80 "$root/docs/kashim-status.1" | col -b |
    sed -n '/# cd .*node.exporter/,/mv kashim/{
	s/^[[:space:]]*\(# \)*//
	s/^cd .*/cd collected || exit/
	p
    }' >example
same 'kashim-status.1: the example' "$(wc -l <example)" 3
: >collected/kashim.prom
KASHIM_CONFIG=$work/k.conf sh ./example
same 'kashim-status.1: not all is covered' \
    "$(grep -c '^kashim_covered 0' collected/kashim.prom)" 1
printf 'rule all { action = ignore }\n' >all.conf
KASHIM_CONFIG=$work/all.conf sh ./example
same 'kashim-status.1: all is covered' \
    "$(grep -c '^kashim_covered 1' collected/kashim.prom)" 1
cp collected/kashim.prom before
printf 'rule {\n' >bad.conf
KASHIM_CONFIG=$work/bad.conf sh ./example 2>err
quiet 'kashim-status.1: after a mistake the old one stays' \
    cmp before collected/kashim.prom
same 'kashim-status.1: it is told' "$(grep -c 'bad.conf:1' err)" 1
same 'kashim-status.1: nothing else ends in .prom' \
    "$(find collected -name '*.prom')" collected/kashim.prom

# On a terminal.

in_terminal TERM=xterm-256color script -qec \
    'stty cols 80 rows 24; kashim status -c k.conf' /dev/null
same 'terminal: exit status' "$status" 1
has 'terminal: colour' shown "${escape}[38;5;160moff${escape}[m"
sed "s/${escape}\[[0-9;]*m//g" shown >plain
same 'terminal: nothing but colours' "$(grep -c "$escape" plain)" 0
same 'terminal: 80 columns' "$(awk 'length > 80' plain)" ''
has 'terminal: what differs' plain \
    '         idle 7200 s, rule: 450 s; interval 75 s, rule: 90 s; count 9, rule: 5'
has 'terminal: what is missing' plain \
    '         rule: idle 450 s, interval 90 s, count 5'
has 'terminal: a name without harm' plain 'e vil\"?[31m?]0;x?['
in_terminal TERM=xterm script -qec \
    'stty cols 80; kashim status -c k.conf' /dev/null
has 'terminal: 16 colours' shown "${escape}[31moff${escape}[m"
for setting in NO_COLOR=1 TERM=dumb; do
	in_terminal TERM=xterm $setting script -qec \
	    'stty cols 80; kashim status -c k.conf' /dev/null
	has "$setting: a table" shown 'VERDICT  LOCAL'
	has_not "$setting: no escape sequences" shown "$escape"
done
in_terminal NO_COLOR='' TERM=xterm script -qec \
    'kashim status -c k.conf' /dev/null
has 'NO_COLOR, empty' shown "${escape}[31m"
in_terminal TERM=dumb script -qec 'kashim status --watch -c k.conf' /dev/null
same 'TERM=dumb: exit status' $status 2
has 'TERM=dumb: message' shown \
    'kashim: --watch needs a terminal that can draw, not TERM=dumb'
for form in '' --json --openmetrics; do
	# shellcheck disable=SC2086 # none or one
	TERM=xterm status $form >out
	has_not "no terminal, no escape sequences: $form" out "$escape"
done
in_terminal TERM=xterm script -qec 'stty cols 200; kashim status -c k.conf
	stty cols 40; kashim status -c k.conf -p '"$sm_agent" /dev/null
sed "s/${escape}\[[0-9;]*m//g" shown >plain
has 'terminal: 200 columns: one line' plain \
    'KEEPALIVE    USER     PROBE-IN  LOST  RULE'
has 'terminal: 40 columns: many lines' plain '         -> 10.77.0.2:3300'

# Watched, in tmux(1).

pane() {
	tmux -f /dev/null -L status "$@"
}
screen_has() {
	pane capture-pane -p | grep -qF -- "$1"
}
screen_has_not() {
	! screen_has "$1"
}

# watched NAME STATUS HOW...: starts watching, has HOW end it, and looks at
# what is left.
watched() {
	title=$1 expected=$2
	shift 2
	rm -f watched.status before after
	pane send-keys ' clear; stty -a >before; kashim status -w -c k.conf' \
	    "$watch_options; echo \$? >watched.status; stty -a >after" Enter
	until_true 40 screen_has 'q: quit' || fail "$title: nothing is drawn"
	"$@"
	if until_true 40 test -s after; then
		same "$title: exit status" "$(cat watched.status)" "$expected"
	else
		fail "$title: does not end"
	fi
	quiet "$title: settings of the terminal" same_settings
	same "$title: the terminal is as before" \
	    "$(pane display -p '#{alternate_on} #{cursor_flag} #{wrap_flag}')" \
	    '0 1 1'
	holds "$title: the picture is gone" screen_has_not 'q: quit'
}

# Of the terminal, but for its size.
same_settings() {
	sed -i 's/rows.*columns [0-9]*//' before after
	diff before after
}

watching() {
	pgrep -f '^kashim status -w'
}

by_key() {
	pane send-keys "$1"
}

by_signal() {
	kill "-$1" "$(watching)"
}

# Looks at the picture first: it is drawn in place, and follows the window.
by_key_after_looking() {
	same 'watch: the whole terminal' \
	    "$(pane display -p '#{alternate_on} #{cursor_flag} #{wrap_flag}')" \
	    '1 0 0'
	pane capture-pane -p >first
	history=$(pane display -p '#{history_size}')
	# To its last column.
	holds 'watch: a bar, and its time' \
	    grep -qE '█[█░┃]* [0-9]+(min[0-9]+)?s' first
	has 'watch: the worst first' first 'off '
	same 'watch: 24 rows, the sum below' "$(sed -n '24p' first)" \
	    '2 listeners without what the rule says'
	clock=$(awk 'NR == 1 { print $3 }' first)
	until_true 40 screen_has_not "$clock" || fail 'watch: is not drawn anew'
	pane capture-pane -p >second
	same 'watch: in the same place' \
	    "$(sed 's/[0-9][0-9:]*//; q' second)" \
	    "$(sed 's/[0-9][0-9:]*//; q' first)"
	same 'watch: nothing scrolls' "$(pane display -p '#{history_size}')" \
	    "$history"
	pane resize-window -x 60 -y 12
	until_true 40 eval 'pane capture-pane -p >third
		[ "$(sed -n "12p" third)" = \
		    "2 listeners without what the rule says" ]' || {
		fail 'watch: 12 rows'
		sed 's/^/	/' third
	}
	has 'watch: a smaller window' third ' more'
	# Too small for any connection, and for the sum.
	pane resize-window -x 60 -y 4
	holds 'watch: 4 rows' until_true 40 eval \
	    'pane capture-pane -p | sed q | grep "^kashim status "'
	pane resize-window -x 80 -y 24
	by_key q
}

# The rules may change meanwhile; a mistake leaves those that were.
by_key_after_new_rules() {
	holds 'watch: the old rules' until_true 40 screen_has 'off '
	mv k.conf old.conf
	echo 'rule none { port = "1" }' >k.conf
	holds 'watch: new rules' until_true 40 screen_has_not 'off '
	echo 'rule {' >k.conf
	clock=$(pane capture-pane -p | awk 'NR == 1 { print $3 }')
	until_true 40 screen_has_not "$clock"
	holds 'watch: a mistake' screen_has 'no rule'
	holds 'watch: a mistake: as before' screen_has_not 'off '
	mv old.conf k.conf
	holds 'watch: the old rules again' until_true 40 screen_has 'off '
	by_key q
}

# For a picture no text is read that has not changed.
by_key_after_two_pictures() {
	strace -qq -e trace=open,openat -o opens -p "$(watching)" &
	until_true 40 test -s opens || fail 'watch: opens nothing'
	clock=$(pane capture-pane -p | awk 'NR == 1 { print $3 }')
	until_true 40 screen_has_not "$clock"
	clock=$(pane capture-pane -p | awk 'NR == 1 { print $3 }')
	until_true 40 screen_has_not "$clock"
	by_key q
	wait $!
	same 'watch: reads the rules again' "$(grep -F k.conf opens)" ''
}

# Stopped, it gives the terminal back, to what was typed behind it; continued,
# it draws again.
by_key_after_stopping() {
	by_key C-z
	until_true 40 test -s after || fail 'watch: does not stop'
	same 'watch: stopped' "$(cat watched.status)" 148
	quiet 'watch: stopped: settings of the terminal' same_settings
	same 'watch: stopped: the terminal' \
	    "$(pane display -p '#{alternate_on} #{cursor_flag} #{wrap_flag}')" \
	    '0 1 1'
	rm after
	pane send-keys ' fg; echo $? >watched.status; stty -a >after' Enter
	until_true 40 screen_has 'q: quit' || fail 'watch: does not go on'
	by_key q
}

TERM=xterm pane new-session -d -x 80 -y 24 'PS1="$ " exec bash --norc --noprofile'
pane send-keys ' set +o history' Enter
watch_options=
watched 'q' 1 by_key_after_looking
watched 'Ctrl-C' 1 by_key C-c
watched 'Ctrl-Z' 1 by_key_after_stopping
! needs ptrace 'what is read for a picture' ||
	watched 'two pictures' 1 by_key_after_two_pictures
watched 'new rules' 1 by_key_after_new_rules
for signal in TERM HUP INT; do
	watched "SIG$signal" 1 by_signal $signal
done
watch_options=" -P redis-server"
watched 'all is covered' 0 by_key q
host ours short connect,10.77.0.2,3300
watch_options=" -p $pid"
watched 'the process ends' 0 kill "$pid"
holds 'the process ends: message' \
    until_true 40 screen_has "kashim: process $pid has ended"
watch_options=' -p 4194304'
pane send-keys " clear; kashim status -w -c k.conf$watch_options" Enter
holds 'watch: no process' \
    until_true 40 screen_has 'kashim: there is no process 4194304'

# The peer's keepalive probes, which no clock of the kernel's counts: silent for
# longer than the firewall-timeout, to one look; not to several.
echo 'rule short { port = "5555" firewall-timeout = "5s" }' >short.conf
host peers prober listen,10.77.0.2,5555,on,idle=1,interval=1,count=99
# And one whose own probes are answered.
host ours prober_too connect,10.77.0.2,5555,on,idle=1,interval=1
prober_too=$pid
host ours probed connect,10.77.0.2,5555
left_over() {
	kashim status -c short.conf -p "$pid" -j | grep -q '"time_left_s": -'
}
until_true 40 left_over || fail 'the peer probes: not silent to one look'
pane send-keys " clear; kashim status -w -c short.conf -p $pid" Enter
holds 'the peer probes: to several looks' until_true 40 sh -c '
	tmux -f /dev/null -L status capture-pane -p >probed.screen
	grep -qF "10.77.0.2:5555" probed.screen && ! grep -qF over probed.screen'
holds 'the peer probes: one look still' left_over
clock=$(pane capture-pane -p | awk 'NR == 1 { print $3 }')
until_true 40 screen_has_not "$clock"
holds 'the peer probes: and so it stays' screen_has_not over
kept_alive() {
	kashim status -c short.conf -p "$prober_too" >kept.out
	grep -qxF "# 1 connection kept alive: no data for longer than the \
firewall-timeout" kept.out
}
until_true 40 kept_alive
holds 'kept alive' kept_alive
kashim status -c short.conf -p "$prober_too" -j >kept.json
kashim status -c short.conf -p "$prober_too" -o >kept.metrics
quiet 'kept alive: JSON' judge schema "$schema" kept.json
quiet 'kept alive: metrics' judge openmetrics kept.json kept.metrics
has 'kept alive: one' kept.metrics \
    'kashim_connections_kept_alive{program="prober_too",rule="short"} 1'
by_key q

# One that is silent for longer than its rule's firewall-timeout, and lives.
echo 'rule slow { port = "5556" firewall-timeout = "5s" }' >slow.conf
host peers rare listen,10.77.0.2,5556,on,idle=7,interval=1,count=99
host ours rarely connect,10.77.0.2,5556
pane send-keys " clear; kashim status -w -c slow.conf -p $pid" Enter
holds 'watch: a silence that was survived' until_true 40 screen_has \
    's of silence were survived, more than its firewall-timeout'
by_key q
pane kill-server

# The same, by runs with a file between them.
survived() {
	kashim status -c slow.conf -p "$pid" -o "$@" >seen.metrics
	sed -n 's/^kashim_survived_silence_seconds{program="rarely",rule="slow"} //p' \
	    seen.metrics >seen.s
	[ -s seen.s ]
}
survived_more() {
	survived -s seen && awk '{ exit !($1 > 5) }' seen.s
}
begun=$(clock_ms)
holds 'a single look: no silence' fails survived
has 'the timeout' seen.metrics \
    'kashim_firewall_timeout_seconds{program="rarely",rule="slow"} 5.000'
holds 'runs: a silence that was survived' until_true 40 survived_more
holds "runs: not longer than they took: $(cat seen.s) s" \
    awk "{ exit !(\$1 * 1000 <= $(clock_ms) - $begun) }" seen.s
awk 'NR > 1 { $9 = "5184000000" } 1' seen >long
survived -s long
same 'runs: 60 days, of which 49 are told' "$(cat seen.s)" 4294967.295
chmod o+w seen
check 'a state that others can write' 2 status -o -s seen <<'EOF'
! kashim: seen: not believed: others can write it
EOF
cp k.conf other
check 'a state that is something else' 2 status -o -s other <<'EOF'
! kashim: other: not written: it is no such file
EOF
same 'and stays' "$(cat other)" "$(cat k.conf)"
mkfifo waits
check 'a state that nobody writes' 2 timeout 20 "$build/kashim" status -c k.conf -o -s waits \
	<<'EOF'
! kashim: waits: not believed: it is no regular file
EOF
mkdir directory
check 'a state that is a directory' 2 status -o --state=directory <<'EOF'
! kashim: directory: not believed: it is no regular file
EOF
check 'a state that cannot be written' 2 status -o -s none/seen <<'EOF'
! kashim: none/seen: No such file or directory
EOF
check 'a state for nothing' 2 kashim status -s seen <<'EOF'
! kashim: --state is for --openmetrics
! Try 'kashim status --help'.
EOF

# Under the library, with the policy that it goes by.

in_library() {
	LD_PRELOAD=$build/libkashim.so KASHIM_CONFIG=$work/k.conf exec "$@"
}
policy_of() {
	status -p "$1" -j | /usr/bin/python3 -c 'import json, sys
row = json.load(sys.stdin)["connections"][0]
policy = row["process"]["policy"]
print(row["verdict"], *policy.values() if policy else [policy])'
}
host library sm_text connect,10.77.0.2,3300
same 'a policy from the text' "$(policy_of "$pid")" 'ok text None None False'
same 'no library, no policy' "$(policy_of "$sm_agent")" 'ok None'
kashim reload k.conf >out 2>&1 || fail 'reload'
host library sm_published connect,10.77.0.2,3300
same 'a published policy' "$(policy_of "$pid")" 'ok published 1 1 True'
in_terminal TERM=xterm NO_COLOR=1 script -qec \
    "kashim status -c k.conf -p $pid" /dev/null
has 'a published policy, in the table' shown "sm_published[$pid]  goes by policy "
same 'a published policy, to whom it is' $status 0

# Many.

# shellcheck disable=SC3045 # dash(1) has it, too
ulimit -n "$(ulimit -Hn)"
host peers many_in listen,0.0.0.0,2000
host ours many connect,10.77.0.2,2000,times=10000,on,idle=450
/usr/bin/python3 "$here/cpu.py" took kashim status -c k.conf -p "$pid" >many.out
read -r cpu clock memory <took
same 'many: all' "$(tail -n 1 many.out)" '# 10000 connections: 10000 no rule'
printf '10000 sockets of one process: %s ms of the processor, %s on the clock\n' \
    "$cpu" "$clock"
holds "many: $cpu ms of the processor" test "$cpu" -lt 2000
plain=$memory
/usr/bin/python3 "$here/cpu.py" took kashim status -c k.conf -j >many.json
read -r cpu clock memory <took
printf '20000 and the rest as JSON: %s ms of the processor, %s on the clock\n' \
    "$cpu" "$clock"
holds "many: as JSON: $memory KiB, plain $plain KiB" \
    test "$memory" -lt $((plain * 3))
same 'many: as JSON' "$(count_of many no-rule many.json)" 10000

finish
