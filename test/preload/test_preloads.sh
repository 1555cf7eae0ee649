#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Beside other libraries that are preloaded: Debian's own proxychains4 and
# torsocks, with a real SOCKS server, in both orders, and what kashim run,
# kashim-wrapper and kashim doctor make of them. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
begin
export LC_ALL=C
ip link set lo up && ip address add 10.77.0.1/32 dev lo || exit 2

kashim=$build/kashim
ours=$build/libkashim.so
library() {
	find /usr/lib -name "$1" | head -n 1
}

cat >k.conf <<'EOF'
rule proxy { destination = "127.0.0.1" port = "1080" idle = 77 }
rule server { destination = "10.77.0.1" idle = 99 }
EOF
export KASHIM_CONFIG="$work/k.conf"
cat >proxychains.conf <<'EOF'
strict_chain
[ProxyList]
socks5 127.0.0.1 1080
EOF
export PROXYCHAINS_CONF_FILE="$work/proxychains.conf" PROXYCHAINS_QUIET_MODE=1
printf 'TorAddress 127.0.0.1\nTorPort 1080\n' >torsocks.conf
export TORSOCKS_CONF_FILE="$work/torsocks.conf"

# A server, and a program that connects to it and tells its timers.
cat >server.py <<'EOF'
import socket
server = socket.create_server(("10.77.0.1", 7001))
while True:
    connection, _ = server.accept()
    connection.recv(1)
    connection.close()
EOF
cat >client.py <<'EOF'
import os, socket
client = socket.create_connection(("10.77.0.1", 7001))
keepalive = client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
idle = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
with open("told", "w") as told:
    print("idle", idle if keepalive else "off", file=told)
    print(os.environ.get("LD_PRELOAD"), file=told)
EOF
/usr/bin/python3 server.py >/dev/null 2>&1 &
server=$!
microsocks -i 127.0.0.1 -p 1080 >/dev/null 2>&1 &
socks=$!
cleanup() {
	kill "$server" "$socks"
}
until_true 40 sh -c 'ss -Htnl | grep -q :7001 && ss -Htnl | grep -q :1080' ||
	fail 'the servers do not start'

# timers WHAT WANTED COMMAND...: what the program says that it has.
timers() {
	what=$1 wanted=$2
	shift 2
	rm -f told
	"$@" /usr/bin/python3 client.py >out 2>&1 || fail "$what: fails" out
	same "$what" "$(sed 1q told)" "$wanted"
}

# told LIST: what LD_PRELOAD was.
told() {
	same "$what: LD_PRELOAD" "$(sed -n 2p told)" "$1"
}

# doctor WHAT LIST TEXT: doctor says so of a process with that list.
doctor() {
	mkfifo hold
	LD_PRELOAD=$2 /bin/cat hold >/dev/null 2>&1 &
	until_true 40 sh -c "tr '\\0' '\\n' </proc/$!/environ | grep -q ^LD_PRELOAD="
	until_true 40 grep -qF libkashim "/proc/$!/maps"
	"$kashim" doctor $! >out 2>&1
	if tr -s ' \n' ' ' <out | grep -qF -- "$3"; then
		pass
	else
		fail "$1" out
	fi
	: >hold
	rm hold
}

# wrap NAME PROGRAM: the wrapper in the place of a program.
wrap() {
	sed "s|^kashim_libdir=.*|kashim_libdir=$build|" \
		"$root/tools/kashim-wrapper" >"$1" && chmod 755 "$1" &&
		cp "$2" "$1.real" || exit 2
}

timers 'no proxy' 'idle 99' "$kashim" run

if found command:proxychains4 'proxychains4' &&
	found command:microsocks 'proxychains4'; then
	theirs=$(library libproxychains.so.4)
	# What happens to it in either order, whoever wrote the list.
	timers 'proxychains' 'idle off' env LD_PRELOAD="$theirs"
	timers 'behind proxychains' 'idle 77' env LD_PRELOAD="$theirs:$ours"
	timers 'in front of proxychains' 'idle off' \
		env LD_PRELOAD="$ours:$theirs"
	timers 'run proxychains4' 'idle 77' "$kashim" run proxychains4
	timers 'proxychains4, and run in it' 'idle 77' \
		proxychains4 "$kashim" run
	told "$theirs:$ours"
	timers 'run mends the order' 'idle 77' \
		env LD_PRELOAD="$ours:$theirs" "$kashim" run
	told "$theirs:$ours"
	doctor 'doctor: in front of proxychains' "$ours:$theirs" \
		"LD_PRELOAD holds $theirs behind us: it connects a socket of its own, and puts it in the place of the one that gets its rule Write it in front of libkashim.so."
	doctor 'doctor: behind proxychains' "$theirs:$ours" \
		"LD_PRELOAD holds $theirs, which works in front of us"

	wrap python /usr/bin/python3
	rm -f told
	proxychains4 ./python client.py >out 2>&1
	same 'the wrapper' "$(cat told)" "idle 77
$theirs:$ours"
fi

if found command:torsocks 'torsocks' && found command:microsocks 'torsocks'; then
	theirs=$(library libtorsocks.so)
	timers 'torsocks' 'idle off' env LD_PRELOAD="$theirs"
	timers 'in front of torsocks' 'idle 99' env LD_PRELOAD="$ours:$theirs"
	timers 'behind torsocks' 'idle off' env LD_PRELOAD="$theirs:$ours"
	timers 'torsocks, and run in it' 'idle 99' torsocks "$kashim" run
	told "$ours:$theirs"
	# In the wrong order it is told, and supervised.
	"$kashim" run --preload --strict torsocks true >out 2>&1
	same 'run torsocks, by preload only: status' $? 2
	in_file 'run torsocks, by preload only' out \
		'connects past it'
	timers 'run torsocks' 'idle 77' "$kashim" run torsocks
	doctor 'doctor: in front of torsocks' "$ours:$theirs" \
		"LD_PRELOAD holds $theirs, which works behind us"
	doctor 'doctor: behind torsocks' "$theirs:$ours" \
		"LD_PRELOAD holds $theirs in front of us: it takes connect() from the C library, so that we see no connection Write it behind libkashim.so."
fi

# The wrapper puts ours where kashim run does, beside each library that has its
# place. Of those that are not there, the loader complains and goes on.
wrap shell /bin/sh
# shellcheck disable=SC2016 # for the shell that is wrapped
list='echo "$LD_PRELOAD"'
same 'the wrapper: libasan' \
	"$(LD_PRELOAD=/a.so:/none/libasan.so.8:/b.so ./shell -c "$list" 2>/dev/null)" \
	"/a.so:/none/libasan.so.8:$ours:/b.so"
known=$(sed -n 's/.*{"\(lib[^"]*\)", PRELOAD_.*/\1/p' \
	"$root/tools/host/preload.c")
for name in $known; do
	for others in "/none/$name.1" "/a.so:/none/$name.1" \
		"/none/$name.1:/a.so" "$name /a.so  $name.2 /b.so" \
		"$ours:/none/$name.1" "/none/$name.1:$ours:/a.so" \
		"/$name/a.so:/b.so"; do
		same "the wrapper: $others" \
			"$(LD_PRELOAD=$others ./shell -c "$list" 2>/dev/null)" \
			"$(LD_PRELOAD=$others "$kashim" run --preload /bin/sh -c \
				"$list" 2>/dev/null)"
	done
done

# It is not added again: by its own name, or by one for both word sizes.
timers 'run in run' 'idle 99' "$kashim" run "$kashim" run
told "$ours"
mkdir -p other "lib/$(uname -m)-linux-gnu" lib64 && cp "$ours" other/ || exit 2
timers 'run, and another libkashim.so' 'idle 99' \
	env LD_PRELOAD="$work/other/libkashim.so:/none.so" "$kashim" run
told "$ours:/none.so"
for token in "lib/$(uname -m)-linux-gnu" lib64 lib; do
	ln -s "$ours" "$build/libkashim-config.so" "$token"
done
# shellcheck disable=SC2016 # the loader's own
timers 'run, and both word sizes' 'idle 99' \
	env LD_PRELOAD="$work/\$LIB/libkashim.so:/none.so" "$kashim" run
told "$work/\$LIB/libkashim.so:/none.so"
# What kashim is beside, the program may not be.
timers 'run, and a place beside the program' 'idle 99' \
	env LD_PRELOAD="\$ORIGIN/libkashim.so:/none.so" "$kashim" run
told "$ours:/none.so"
finish
