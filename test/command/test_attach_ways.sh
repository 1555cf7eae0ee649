#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach, and the programs that judge the library: each way into a
# connection gets the same rule, and each call is answered as without; and what
# only the kernel reaches: io_uring, and the subflows of MPTCP. BUILD names the
# build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashim-ways.
mkdir "$own/c" || exit 2

# Side by side, each in a control group of its own.
judged() {
	"$build/test/$1" "$build" --attach "$own/$2" >"$1.out" 2>"$1.err"
	echo $? >"$1.status"
}
judged sockets_static a &
judged ways_static b &
judged fastopen_static c &
wait
for program in sockets_static ways_static fastopen_static; do
	failed=0 which=
	# Of its cases, one has a rule that names programs.
	[ -n "$programs" ] || [ $program != sockets_static ] ||
		failed=1 which='failed: program'
	same "$program: status" "$(cat $program.status)" $failed
	same "$program: failed" "$(grep failed: $program.out)" "$which"
	in_file "$program" $program.out " passed, $failed failed"
	[ "$(cat $program.status)" = $failed ] || sed 's/^/	/; 40q' $program.err
done
holds 'detach' "$kashim" detach

# io_uring, in each of its ways; and where the socket was made counts: not where
# its program is by then, and with it the kernel's threads that work for it.

printf 'rule all { idle = "%ss" interval = "3s" count = 4 user-timeout = "9s" }\n' \
	11 >a.conf
sed s/11s/12s/ a.conf >b.conf
for group in a b; do
	holds "attach, $group" "$kashim" attach --cgroup "$own/$group" \
		--config $group.conf
done
mkfifo in
# ask WORD: what the program answers.
ask() {
	: >out
	echo "$1" >&9
	until_true 20 grep -q . out
	cat out
}
in_a='1 11/3/4+9000' in_b='1 12/3/4+9000'
ways=call
! needs io-uring 'connections of io_uring' || ways='call inline async polled'
for way in $ways; do
	ring=$way
	[ "$way" != call ] || ring=
	exec_inside "$own/a" "$build/test/holds" 7400 ${ring:+"$ring"} \
		<in >out 2>err &
	host=$!
	exec 9>in
	until_true 20 grep -q ready out
	same "$way" "$(ask show)" "listener 0 7200/75/9+0 client $in_a client $in_a server $in_a "
	ask socket >/dev/null
	echo $host >"$own/b/cgroup.procs"
	same "$way: made before it was moved" "$(ask make)" \
		"client $in_a server $in_a "
	same "$way: made since" "$(ask make)" "client $in_b server $in_a "
	exec 9>&-
	wait $host
	same "$way: status" $? 0
done
holds 'detach them' "$kashim" detach

# MPTCP: each subflow has the rule for its own ends, those that the kernel adds,
# too; and it is not held against what the program sets on its socket (BUGS).

cat >mptcp.conf <<'END'
rule in    { direction = accept  idle = "630s" }
rule added { direction = connect source = { "127.0.0.2" } idle = "930s" }
rule out   { direction = connect idle = "330s" }
END
cat >mptcp.py <<'END'
import socket
import sys
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
listener.bind(("127.0.0.1", 7500))
listener.listen()
connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
connection.connect(listener.getsockname())
accepted = listener.accept()[0]
connection.send(b"!")
accepted.recv(1)
for line in sys.stdin:
	connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 90)
END
# subflows: their ends and the minutes of their timers.
subflows() {
	ss -Htno state established '( sport = :7500 or dport = :7500 )' | sed -n \
		's/%lo//g; s/:[0-9]\{5\}/:N/g; s/  */ /g
		s/^0 0 \(.*\) timer:(keepalive,\([0-9]*\)min.*/\1 \2/p' | sort
}
have_subflows() {
	[ "$(subflows)" = "$1" ]
}
# expect_subflows WHAT SUBFLOWS
expect_subflows() {
	until_true 20 have_subflows "$2"
	same "MPTCP: $1" "$(subflows)" "$2"
}
if needs mptcp 'connections of MPTCP'; then
	ip mptcp limits set subflow 2 && ip mptcp endpoint add 127.0.0.2 \
		dev lo subflow || exit 2
	holds 'attach, for MPTCP' "$kashim" attach --cgroup "$own/a" \
		--config mptcp.conf
	inside "$own/a" /usr/bin/python3 mptcp.py <in >out 2>err &
	exec 9>in
	subflows_in='127.0.0.1:7500 127.0.0.1:N 10
127.0.0.1:7500 127.0.0.2:N 10'
	expect_subflows 'the rules' "$subflows_in
127.0.0.1:N 127.0.0.1:7500 5
127.0.0.2:N 127.0.0.1:7500 15"
	echo >&9
	expect_subflows 'not held' "$subflows_in
127.0.0.1:N 127.0.0.1:7500 1
127.0.0.2:N 127.0.0.1:7500 1"
	exec 9>&-
	wait
fi
finish
