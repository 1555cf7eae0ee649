#!/bin/sh
# SPDX-License-Identifier: ISC
# Whole programs that the library cannot reach, or may reach only with care:
# static ones, setuid ones, those with file capabilities. Each has to run as
# it does bare, with the kernel's own options, and to end with its status.
# The programs with more rights live in a mount namespace of this test's own,
# and so does the library that the loader then takes along: nothing of the
# machine changes. $1 is the build directory. Needs root.
# shellcheck disable=SC2086 # lists of words
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
begin
dir=$work
connects=$dir/connects
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'

cp "$build/test/connects" "$build/test/connects_static" "$dir" || exit 2
cp "$build/libkashim.so" "$build/libkashim-config.so" "$dir" || exit 2
library=$dir/libkashim.so
printf 'rule r { destination = { "127.0.0.1", "::1" } idle = 300 }\n' \
    >"$dir/conf"
printf 'rule r { idle = 300 }\n' >"$dir/uniform"
chmod 644 "$dir/conf" "$dir/uniform"
touch "$dir/trace"
chmod 644 "$dir/trace"

# run PRELOAD CONF COMMAND...: its output, then its status.
run()
{
	preload=$1
	conf=$2
	shift 2
	env ${preload:+"LD_PRELOAD=$preload"} "KASHIM_CONFIG=$conf" \
	    "KASHIM_TRACE=$dir/trace" "$@" 2>&1
	echo "status $?"
}

# with SECURE IDLE ON STATUS: what the program then prints.
with()
{
	line="connect 0 idle $2 on $3, accept idle $2 on $3"
	printf 'secure %s\n%s\n%s\nstatus %s' "$1" "$line" "$line" "$4"
}

no_trace()
{
	same "$1: trace" "$(wc -c <"$dir/trace" | tr -d ' ')" 0
}

idle=$(cat /proc/sys/net/ipv4/tcp_keepalive_time)

# That the same program is reached when nothing is in the way.
same 'bare' "$(run '' "$dir/conf" "$connects" 7)" "$(with 0 "$idle" 0 7)"
same 'reached' "$(run "$library" "$dir/conf" "$connects" 7)" \
    "$(with 0 300 1 7)"
same 'reached as nobody' \
    "$(run "$library" "$dir/conf" $nobody "$connects" 7)" \
    "$(with 0 300 1 7)"
holds 'reached: trace' test -s "$dir/trace"
: >"$dir/trace"

for conf in conf uniform; do
	same "static, $conf" \
	    "$(run "$library" "$dir/$conf" "${connects}_static" 7)" \
	    "$(with 0 "$idle" 0 7)"
	no_trace "static, $conf"
done

# AT_SECURE: a path with a slash in LD_PRELOAD is not taken at all.
cp "$connects" "$dir/setuid" && chmod 4755 "$dir/setuid"
cp "$connects" "$dir/setgid" && chgrp 1 "$dir/setgid" &&
    chmod 2755 "$dir/setgid"
cp "$connects" "$dir/capable" && chmod 755 "$dir/capable"
capable=
if needs file-capabilities 'programs with capabilities of their own'; then
	capable=capable
	setcap cap_net_raw+ep "$dir/capable" || exit 2
fi
for program in setuid setgid $capable; do
	for conf in conf uniform; do
		same "$program, $conf" "$(run "$library" "$dir/$conf" \
		    $nobody "$dir/$program" 7)" "$(with 1 "$idle" 0 7)"
		no_trace "$program, $conf"
	done
done

# Ambient capabilities do not make a program AT_SECURE.
same 'ambient capability' "$(run "$library" "$dir/conf" setpriv --reuid=65534 \
    --regid=65534 --clear-groups --inh-caps=+net_raw --ambient-caps=+net_raw \
    "$connects" 7)" "$(with 0 300 1 7)"
: >"$dir/trace"

# In a directory of the system, and marked setuid itself, the library is
# taken. Then it must believe nobody but /etc/kashim.conf.
over()
{
	mkdir -p "$dir/over$1/upper" "$dir/over$1/work" &&
	    mount -t overlay overlay -o \
	        "lowerdir=$1,upperdir=$dir/over$1/upper,workdir=$dir/over$1/work" \
	        "$1"
}

# Where the loader itself looks, in the order of its own list.
system=$(ldd "$connects" | sed -n 's|.*=> \(/.*\)/libc\.so\..*|\1|p')
system=$(readlink -f "$system")
if needs overlay 'installed, and setuid'; then
	over "$system" && over /etc || exit 2
	rm -f /etc/kashim.conf /etc/kashim.conf.policy
	cp "$library" "$dir/libkashim-config.so" "$system" || exit 2
	chmod 4755 "$system/libkashim.so"
	for program in setuid setgid $capable; do
		same "$program, installed, no rules" "$(run libkashim.so \
		    "$dir/conf" $nobody "$dir/$program" 7)" \
		    "$(with 1 "$idle" 0 7)"
		no_trace "$program, installed, no rules"
	done
	printf 'rule r { idle = 444 }\n' >/etc/kashim.conf
	chmod 644 /etc/kashim.conf
	for program in setuid setgid $capable; do
		same "$program, installed" "$(run libkashim.so "$dir/conf" \
		    $nobody "$dir/$program" 7)" "$(with 1 444 1 7)"
		no_trace "$program, installed"
	done
	# A broken file of the system: no policy, and no word in the trace.
	printf 'rule r {\n' >/etc/kashim.conf
	for program in setuid setgid $capable; do
		same "$program, installed, broken" "$(run libkashim.so \
		    "$dir/conf" $nobody "$dir/$program" 7)" \
		    "$(with 1 "$idle" 0 7)"
		no_trace "$program, installed, broken"
	done
fi

# Functions that are looked up in the C library itself (dlsym(3)).
cat >lookup.py <<'EOF'
import ctypes, socket, struct, sys
library = ctypes.CDLL(sys.argv[1] or None)
server = socket.create_server(("127.0.0.1", 0))
to = struct.pack("=H", socket.AF_INET) + struct.pack(
    ">H4s8x", server.getsockname()[1], socket.inet_aton("127.0.0.1"))
client = socket.socket()
if library.connect(client.fileno(), to, len(to)) != 0:
    sys.exit("connect")
print(client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
EOF
same 'looked up in all' \
    "$(run "$library" "$dir/conf" /usr/bin/python3 lookup.py '')" '1
status 0'
same 'looked up in libc.so.6' \
    "$(run "$library" "$dir/conf" /usr/bin/python3 lookup.py libc.so.6)" '0
status 0'
finish
