#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Connections that wait in a listener's queue when a program gets the listener:
# each gets its rule, by preload and by supervision, and as long as it waits,
# kashim apply says so. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net --pid --fork --kill-child --mount-proc
begin
ip link set lo up || exit 2

python=/usr/bin/python3
queue="$python $here/queue.py"
export PORT=7000 KASHIM_CONFIG="$work/conf"

set_='idle = 77 interval = 7 count = 4'
# The policies, and what they say.
conf() {
	case $1 in
	all) rule= ;;
	port) rule='port = "7000"' ;;
	destination) rule='destination = "127.0.0.0/8"' ;;
	source) rule='source = "127.0.0.0/8"' ;;
	esac
	printf 'rule r { %s %s }\n' "$rule" "$set_" >conf
}

# under WAY PROGRAM...: the words of a command that runs it.
under() {
	way_=$1
	shift
	case $way_ in
	bare) echo "$*" ;;
	preload) echo "env LD_PRELOAD=$build/libkashim.so $*" ;;
	supervision) echo "env PATIENCE=5 $build/kashim run -S -- $*" ;;
	esac
}

# The listener, as queue.py hands it on, and as it takes it: the first ones show
# that nothing is set without us.
# shellcheck disable=SC2046,SC2086 # words
takes() {
	while read -r name hand number take; do
		same "$1, rule by $2: $name" "$($queue hand $hand $number 3 \
			$(under $1 $queue serve $take $number 3))" "$3 $listener"
	done <<-END
	descriptor-0 as-is 0 as-is
	LISTEN_FDS activated 3 as-is
	another-number as-is 5 as-is
	listen-again as-is 5 listen
	Fast-Open fastopen 5 as-is
	Fast-Open-listen-again fastopen 5 listen
	SCM_RIGHTS sent 5 receive
	END
}

for policy in all port destination source; do
	conf $policy
	# Where each connection has its own rule, the listener has none.
	listener=off
	[ $policy != all ] || takes bare none 'off off off off'
	[ $policy = source ] || listener=77/7/4
	takes preload $policy '77/7/4 77/7/4 77/7/4 77/7/4'
	takes supervision $policy '77/7/4 77/7/4 77/7/4 77/7/4'
done

# Of a listener on the same port that is closed, if the kernel says so when the
# rules are read.
migrates=/proc/sys/net/ipv4/tcp_migrate_req
if [ -e $migrates ]; then
	echo 1 >$migrates
	for policy in all port destination source; do
		conf $policy
		for way in bare preload supervision; do
			four='77/7/4 77/7/4 77/7/4 77/7/4'
			listener=' 77/7/4'
			[ $policy != source ] || listener=' off'
			[ $way != bare ] || four='off off off off' listener=' off'
			# shellcheck disable=SC2046,SC2086 # words
			same "$way, rule by $policy: migrate" "$($queue hand \
				reuse 5 3 $(under $way $queue serve share,close 5 3))" \
				"$four$listener"
		done
	done
fi

# A supervisor looks for such listeners for a while, and then sleeps; who asks
# another process for one wakes it.

# Was there no switch to one of its processes for more than a second?
sleeps() {
	before=$(switches)
	sleep 1.2
	[ -n "$before" ] && [ "$(switches)" = "$before" ]
}

switches() {
	for watcher in $(pgrep -f "^kashim-watch: $program *\$"); do
		grep -H '^voluntary' "/proc/$watcher/status"
	done
}

conf port
mkfifo go

# asks COUNT HOW TAKE: starts one that waits for a line, as TAKE says.
# shellcheck disable=SC2086 # words
asks() {
	PATIENCE=5 $queue hand $2 5 $1 "$build/kashim" run -S -- \
		$queue serve $3 5 $1 <>go >said &
	program=$!
}

# asked NAME
asked() {
	echo >go
	wait $program
	same "supervision: $1" "$(cat said)" '77/7/4 77/7/4 77/7/4 77/7/4'
}

if [ -e $migrates ]; then
	# Of one, the supervisor has seen the socket before it listens.
	for take in share slowly; do
		asks 2 kept $take
		holds "supervision: somebody may come, $take" \
			fails until_true 9 sleeps
		: >leave
		asked "migrated later, $take"
		rm leave
	done
	echo 0 >$migrates
fi
asks 2 as-is wait
holds 'supervision: somebody waits' fails until_true 9 sleeps
asked 'accepted later'
asks 2 offered wait,fetch
holds 'supervision: nothing to do' until_true 30 sleeps
asked 'fetched from another process'
asks 2 sent wait,receive,listen
holds 'supervision: nothing to do, either' until_true 30 sleeps
asked 'received later'

# Real ones. Each starts a program by the first connection.

# served WAY: makes ./served, which serves descriptor 0 or 3, and writes what
# it says to ./said.
# shellcheck disable=SC2016,SC2046,SC2086 # words
served() {
	rm -f said
	cat >served <<-END
	#!/bin/sh
	number=0
	[ -z "\${LISTEN_FDS-}" ] || number=3
	exec $(under $1 $queue serve as-is '$number' 1) >$work/now
	END
	chmod 755 served
}

activated() {
	systemd-socket-activate -l "127.0.0.1:$PORT" -E PORT -E KASHIM_CONFIG \
		./served 2>err &
	starter=$!
	$queue call
	wait $starter
}

inetd() {
	echo "$PORT stream tcp wait root $work/served served" >inetd.conf
	"$inetd" -d --pidfile="$work/inetd.pid" inetd.conf 2>err &
	starter=$!
	$queue call
	kill $starter
	wait $starter 2>/dev/null
}

# starts NAME COMMAND
starts() {
	for policy in all port destination source; do
		conf $policy
		[ $policy != all ] || says bare off
		says preload 77/7/4
		says supervision 77/7/4
	done
}

# says WAY OPTIONS: of the first connection, and the next one
says() {
	served "$1"
	$starts
	read -r waited next _ <now
	same "$1, rule by $policy: $starts" "$waited $next" "$2 $2"
}

if found command:systemd-socket-activate systemd-socket-activate; then
	starts=activated
	starts
fi
inetd=/usr/sbin/inetutils-inetd
[ -x $inetd ] || inetd=$build/unpacked$inetd
if found unpacked:usr/sbin/inetutils-inetd inetd; then
	starts=inetd
	starts
fi

# nginx gets listeners from its predecessor, and takes no more than their
# numbers.

# How many connections wait, how many there are, and how many have keepalive.
timers() {
	ss -Htno state established "sport = :$PORT" >timers
	echo "$(ss -Htln "sport = :$PORT" | awk '{ print $2 }')" \
		"$(wc -l <timers)" "$(grep -c 'timer:(keepalive' timers)"
}

cat >nginx.conf <<END
daemon off;
user root;
pid $work/nginx.pid;
error_log $work/nginx.log;
events {
}
http {
	access_log off;
	server {
		listen 127.0.0.1:$PORT;
	}
}
END
mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/nginx || exit 2
nginx=/usr/sbin/nginx
[ -x $nginx ] || nginx=$build/unpacked$nginx

# nginx_has WAY COUNT: so many of the two that waited and the next one.
# shellcheck disable=SC2046,SC2086 # words
nginx_has() {
	NGINX='5;' $queue hand as-is 5 2 \
		$(under "$1" $nginx -p "$work" -c "$work/nginx.conf") 2>err &
	master=$!
	$queue call &
	until_true 5 has_timers "0 3 $2"
	same "$1, rule by $policy: nginx" "$(timers)" "0 3 $2"
	kill $master
	wait $master $! 2>/dev/null
}

has_timers() {
	[ "$(timers)" = "$1" ]
}

if found unpacked:usr/sbin/nginx nginx; then
	for policy in all port destination source; do
		conf $policy
		[ $policy != all ] || nginx_has bare 0
		nginx_has preload 3
		nginx_has supervision 3
	done
fi

finish
