#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: libraries in LD_PRELOAD that hook connect() form a chain: each calls the
# next one by dlsym(RTLD_NEXT), so that a library sees the connections of the
# program in whatever place it stands.
#
# Really: torsocks takes connect() from the C library's own handle. What stands
# behind it in LD_PRELOAD sees no connection at all, and torsocks(1) puts itself
# in front of what LD_PRELOAD holds already. proxychains is the other way round:
# it connects a socket of its own by RTLD_NEXT and puts that in the place of the
# program's by dup2(), so that what stands in front of it sees a connection to
# the server on a socket that is thrown away, and what stands behind it the one
# to the proxy.
#
# Seen with torsocks 2.4.0-1, libproxychains4 4.16-2 and microsocks 1.0.3-2
# (Debian 12). "3" is the program's socket, "other" one that the program did not
# make:
#   torsocks, hook: none
#   hook, torsocks: 3 to 10.77.0.1:7001
#   env LD_PRELOAD=hook torsocks: none
#   proxychains, hook: other to 127.0.0.1:1080
#   hook, proxychains: 3 to 10.77.0.1:7001
#
# Why it matters: a library that sets options when a program connects does
# nothing behind the one and nothing of use in front of the other, without a
# message. Needs root, gcc, and apt-get with a mirror of Debian.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
chmod 755 .
for package in torsocks=2.4.0-1 libproxychains4=4.16-2 microsocks=1.0.3-2; do
	apt-get download "$package" >/dev/null 2>&1
	dpkg -x "${package%%=*}"_*.deb .
done

# A library that says what it sees of connect(), and a program.
cat >hook.c <<'END'
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int (*next)(int, const struct sockaddr *, socklen_t) =
	    (int (*)(int, const struct sockaddr *, socklen_t))dlsym(
		RTLD_NEXT, "connect");
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;

	if (to->sa_family == AF_INET)
		dprintf(1, "%s to %s:%d\n", fd == 3 ? "3" : "other",
		    inet_ntoa(in->sin_addr), ntohs(in->sin_port));
	return next(fd, to, len);
}
END
cat >program.c <<'END'
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

int
main(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7001)};

	inet_aton("10.77.0.1", &to.sin_addr);
	return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&to, sizeof(to));
}
END
gcc -D_GNU_SOURCE -shared -fPIC -o hook.so hook.c
gcc -o program program.c
printf 'strict_chain\n[ProxyList]\nsocks5 127.0.0.1 1080\n' >proxychains.conf
printf 'TorAddress 127.0.0.1\nTorPort 1080\n' >torsocks.conf

# The rest has a network of its own.
cat >apart <<'END'
set -eu
ip link set lo up
ip address add 10.77.0.1/32 dev lo
usr/bin/microsocks -i 127.0.0.1 -p 1080 >/dev/null 2>&1 &
socks=$!
python3 -c 'import socket
server = socket.create_server(("10.77.0.1", 7001))
while True:
	server.accept()' &
server=$!
trap 'kill $socks $server' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(ss -Htnl | wc -l)" -lt 2 ] || break
	sleep 0.2
done
export TORSOCKS_CONF_FILE=$PWD/torsocks.conf
export PROXYCHAINS_CONF_FILE=$PWD/proxychains.conf PROXYCHAINS_QUIET_MODE=1
tor=$(find "$PWD/usr" -name libtorsocks.so)
chains=$(find "$PWD/usr" -name libproxychains.so.4)
hook=$PWD/hook.so

# saw WHAT COMMAND...: what the hook says when the program connects
saw() {
	what=$1
	shift
	"$@" ./program >out
	[ -s out ] || echo none >out
	printf '%s: %s\n' "$what" "$(cat out)"
}
saw 'torsocks, hook' env LD_PRELOAD="$tor:$hook"
saw 'hook, torsocks' env LD_PRELOAD="$hook:$tor"
sed "s|^SHLIB=.*|SHLIB=$tor|" usr/bin/torsocks >torsocks
saw 'env LD_PRELOAD=hook torsocks' env LD_PRELOAD="$hook" sh torsocks
saw 'proxychains, hook' env LD_PRELOAD="$chains:$hook"
saw 'hook, proxychains' env LD_PRELOAD="$hook:$chains"
END
unshare --net sh apart | tee seen
diff - seen <<'END'
torsocks, hook: none
hook, torsocks: 3 to 10.77.0.1:7001
env LD_PRELOAD=hook torsocks: none
proxychains, hook: other to 127.0.0.1:1080
hook, proxychains: 3 to 10.77.0.1:7001
END
