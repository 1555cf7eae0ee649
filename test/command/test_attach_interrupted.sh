#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach on kernels without bpf_loop(), before Linux 5.17: there a
# processor has one search, and what interrupts it searches, too. This machine's
# kernel passes for one; handshakes end on the processor of a program which
# connects all the time (RPS: Documentation/networking/scaling.rst of the
# kernel). BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
if [ "$(nproc)" -lt 2 ]; then
	skip "${0##*/}" 'there is one processor'
	finish
	exit
fi
cc -shared -fPIC -o no_loop.so "$here/no_loop.c" || exit 2
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
cleanup() {
	unset LD_PRELOAD
	own_cgroup_down
}
own_cgroup kashim-test.
# Not before: what this machine's kernel can do has been tried there.
export LD_PRELOAD="$work/no_loop.so"
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf &&
	echo 1 >/sys/class/net/lo/queues/rx-0/rps_cpus || exit 2

# Rules through which a search takes its time.
{
	echo 'app-settings = respect'
	seq 200 | sed 's|.*|rule r& { source = { "127.0.0.0/8" } \
		destination = { "127.&.0.0/30" } port = { "&-65535" } }|'
	cat <<'END'
rule out { direction = connect source = { "127.0.0.0/8" } idle = "100s" }
rule in  { direction = accept  source = { "127.0.0.0/8" } idle = "200s" }
END
} >conf
cat >both.py <<'END'
import os
import socket
import sys
import time
os.sched_setaffinity(0, {int(sys.argv[1])})
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
idle = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE
count = wrong = 0
end = time.monotonic() + 5
while time.monotonic() < end:
	connection = socket.create_connection(listener.getsockname())
	accepted = listener.accept()[0]
	count += 1
	wrong += connection.getsockopt(*idle) != 100
	wrong += accepted.getsockopt(*idle) != 200
	connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	    b"\1\0\0\0\0\0\0\0")
	connection.close()
	accepted.close()
os.write(1, f"{wrong if count else 'nothing connected,'} wrong\n".encode())
END
holds 'attach' "$kashim" attach --cgroup "$own/a"
for processor in 0 1 1; do
	inside "$own/a" /usr/bin/python3 both.py $processor \
		>>both.out 2>&1 &
done
wait
same 'all have their rule' "$(cat both.out)" '0 wrong
0 wrong
0 wrong'
finish
