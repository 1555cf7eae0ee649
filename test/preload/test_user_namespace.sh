#!/bin/sh
# SPDX-License-Identifier: ISC
#
# In a user namespace that does not know root, as bwrap (flatpak) and rootless
# containers make it: root's configuration is not believed there, which is said,
# and a copy of one's own is. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs user-namespaces
apart --mount --net
begin
export LC_ALL=C
ip link set lo up || exit 2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" . &&
	mkdir home && chown 1234:1234 home || exit 2
echo 'rule all { idle = 77 }' >kashim.conf
cat >client.py <<'EOF'
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
keepalive = client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
print(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
      if keepalive else "off")
EOF

# idle WHAT WANTED CONFIG COMMAND...: the timer of a program that an ordinary
# user starts by kashim run and COMMAND.
idle() {
	what=$1 wanted=$2 config=$3
	shift 3
	rm -f home/trace
	same "$what" "$(setpriv --reuid=1234 --regid=1234 --clear-groups \
		env HOME="$work/home" ./kashim run -c "$config" \
		--trace="$work/home/trace" "$@" \
		/usr/bin/python3 client.py 2>&1)" "$wanted"
}
says() {
	in_file "$what: the reason" home/trace "$1"
}

idle 'no namespace' 77 "$work/kashim.conf" env
cp kashim.conf home/own.conf && chown 1234:1234 home/own.conf || exit 2
unknown='not believed, because it belongs to user 65534, as all files do whose '
unknown=$unknown'owner this user namespace does not know'
idle 'unshare' off "$work/kashim.conf" unshare --user
says "$unknown"
idle 'unshare, a file of his own' 77 "$work/home/own.conf" \
	unshare --user --map-root-user

# doctor sees it as the process does, though it may read the file itself.
mkfifo hold
setpriv --reuid=1234 --regid=1234 --clear-groups \
	./kashim run -c "$work/kashim.conf" unshare --user /bin/cat hold &
until_true 40 sh -c "[ \"\$(cat /proc/$!/comm)\" = cat ]"
./kashim doctor $! >out 2>&1
tr -s ' \n' ' ' <out >said
in_file 'doctor' said "$work/kashim.conf belongs to user 0, whom the process's user namespace does not know, so that it is not believed there Copy it to a file of user 1234, and name that by KASHIM_CONFIG."
: >hold
wait $!

if found command:bwrap bwrap; then
	idle 'bwrap' off "$work/kashim.conf" bwrap --dev-bind / /
	says "$unknown"
	says "copy it to a file of user 1234, and name that by KASHIM_CONFIG"
	idle 'bwrap, a file of his own' 77 "$work/home/own.conf" \
		bwrap --dev-bind / /
fi
finish
