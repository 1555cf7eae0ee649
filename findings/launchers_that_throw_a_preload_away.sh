#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: a launcher that works by LD_PRELOAD puts its library in front of or
# behind what the variable holds, as torsocks, proxychains4 and faketime do; so
# whatever order they are in, all libraries are loaded.
#
# Really: socksify, "mptcpize run", trickle, fiu-run and hugectl set the variable
# anew. What it held is not loaded, in the program and in all that it starts, and
# none of them says so.
#
# Seen with the packages below (Debian 12), LD_PRELOAD=/hook.so before:
#   proxychains4 keeps it
#   faketime keeps it
#   datefudge keeps it
#   eatmydata keeps it
#   nocache keeps it
#   tsocks keeps it
#   stdbuf keeps it
#   socksify throws it away
#   mptcpize throws it away
#   trickle throws it away
#   fiu-run throws it away
#   hugectl throws it away
#
# Why it matters: a library that looks after a service's connections, set in its
# unit or its shell, is gone from the program behind "trickle" or "mptcpize run".
# There both have to be set by hand, behind it. Needs root, overlayfs, gcc, and
# apt-get for the pinned packages.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
apt-get download libproxychains4=4.16-2 proxychains4=4.16-2 \
	libfaketime=0.9.10-2.1 faketime=0.9.10-2.1 datefudge=1.24 \
	libeatmydata1=130-2+b1 eatmydata=130-2 nocache=1.1-1+b1 \
	tsocks=1.8beta5+ds1-1+b3 dante-client=1.4.2+dfsg-7 mptcpd=0.12-1 \
	trickle=1.07-12 fiu-utils=1.1-3+b2 libfiu0=1.1-3+b2 \
	libhugetlbfs-bin=2.23-5 libhugetlbfs0=2.23-5 >/dev/null 2>&1
for package in *.deb; do
	dpkg -x "$package" .
done

# A static program, for which nothing is loaded.
cat >show.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (!preload || strcmp(preload, "/hook.so") == 0)
		puts("does nothing");
	else
		puts(strstr(preload, "/hook.so") ? "keeps it" :
						   "throws it away");
	return 0;
}
END
gcc -static -o show show.c
printf 'strict_chain\n[ProxyList]\nsocks5 127.0.0.1 1080\n' >proxychains.conf

# They have absolute names of files under /usr in them, so it looks installed.
cat >apart <<'END'
set -eu
mount -t overlay overlay -o "lowerdir=$PWD/usr:/usr" /usr
export PROXYCHAINS_CONF_FILE=$PWD/proxychains.conf PROXYCHAINS_QUIET_MODE=1

# start COMMAND...: what becomes of LD_PRELOAD when COMMAND starts a program
start() {
	printf '%s %s\n' "$1" \
		"$(env LD_PRELOAD=/hook.so timeout 10 "$@" ./show 2>/dev/null)"
}
start proxychains4
start faketime '2026-01-01'
start datefudge 2026-01-01
start eatmydata
start nocache
start tsocks
start stdbuf -oL
start socksify
start mptcpize run
start trickle -s -d 10
start fiu-run -x
start hugectl --heap
END
unshare --mount sh apart | tee seen
diff - seen <<'END'
proxychains4 keeps it
faketime keeps it
datefudge keeps it
eatmydata keeps it
nocache keeps it
tsocks keeps it
stdbuf keeps it
socksify throws it away
mptcpize throws it away
trickle throws it away
fiu-run throws it away
hugectl throws it away
END
