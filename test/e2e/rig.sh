# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# rig: three network namespaces, client | fw | server, joined by veth, with a
# stateful firewall between them that forgets silent TCP flows. To be sourced
# by a script that has set $e2e to the directory that holds this file. Nothing of it is visible outside: its files are on a tmpfs of its own mount
# namespace, and rig_down ends every process that lives in the namespaces.

RIG_TOP=$(CDPATH='' cd -- "${e2e:?}/../.." && pwd) || exit 1
RIG_BUILD=${KASHIM_BUILD:-$RIG_TOP/build}
RIG_DIR=/run/kashim
RIG_UID=64999

# The server has many addresses, so that each flow of a test can have its own:
# rig_address 3 is the third, rig_address6 3 likewise.
RIG_CLIENT=192.0.2.2
RIG_CLIENT6=2001:db8:1::2
RIG_ADDRESSES=24

rig_address() {
	echo "198.51.100.$((9 + $1))"
}

rig_address6() {
	echo "2001:db8:2::$((9 + $1))"
}

# Prints why and ends: 77 is "skipped", as in other test runners.
rig_skip() {
	printf 'skip %s\n' "$*"
	exit 77
}

# The time in ms since some moment; without a process, unlike date.
rig_now() {
	IFS=' .' read -r RIG_S RIG_CS _ </proc/uptime
	echo $((RIG_S * 1000 + (1$RIG_CS - 100) * 10))
}

# rig_wait SECONDS COMMAND...: until the command succeeds, 1 if it never does.
rig_wait() {
	RIG_END=$(($(rig_now) + $1 * 1000))
	shift
	until "$@"; do
		[ "$(rig_now)" -lt "$RIG_END" ] || return 1
		sleep 0.1
	done
}

rig_has() {
	command -v "$1" >/dev/null 2>&1
}

# rig_enter SCRIPT ARG...: starts the script again, in the same process, in
# network, mount and IPC namespaces of its own; as root of a user namespace
# where the caller is not root. Returns only inside.
rig_enter() {
	[ "${RIG_INSIDE-}" != $$ ] || return 0
	export RIG_INSIDE=$$
	unset LD_PRELOAD KASHIM_CONFIG KASHIM_TRACE
	export LC_ALL=C
	# Servers that setup.sh has unpacked, but not installed, first.
	RIG_UNPACKED=$RIG_BUILD/unpacked
	PATH=$RIG_UNPACKED/usr/sbin:$RIG_UNPACKED/bin:$RIG_UNPACKED/usr/bin:$PATH
	PATH=$PATH:/usr/sbin:/sbin
	RIG_FLAGS=-mni
	for RIG_NAME in namespaces user-namespaces; do
		RIG_WHY=$(sh "$RIG_TOP/test/can.sh" $RIG_NAME) &&
			exec unshare $RIG_FLAGS -- /bin/sh "$@"
		RIG_STATUS=$?
		RIG_FLAGS=-Urmni
	done
	[ $RIG_STATUS -eq 1 ] || rig_skip "${1##*/}: $RIG_NAME: $RIG_WHY"
	echo "cannot run here: $RIG_NAME: $1: $RIG_WHY"
	echo 'plan 0'
	exit 0
}

# rig_exec NAMESPACE COMMAND...: becomes the command; so "rig_exec ... &" has
# the command's own process id in $!.
rig_exec() {
	case $1 in
	client) RIG_PID=$RIG_CLIENT_PID ;;
	fw) RIG_PID=$RIG_FW_PID ;;
	server) RIG_PID=$RIG_SERVER_PID ;;
	esac
	shift
	exec nsenter -t "$RIG_PID" -n -- "$@"
}

rig_in() {
	(rig_exec "$@")
}

# What to put before a server that refuses root, so that it runs as the user
# "rig": by changing the user, or, where only our own can be mapped, under that
# name in one more user namespace.
rig_as_user() {
	if [ -n "$RIG_SETUID" ]; then
		echo setpriv --reuid=$RIG_UID --regid=$RIG_UID --clear-groups --
	else
		echo unshare -U --map-user=$RIG_UID --map-group=$RIG_UID --
	fi
}

# Gives files and directories to that user.
rig_give_user() {
	[ -z "$RIG_SETUID" ] || chown -R $RIG_UID:$RIG_UID "$@"
}

rig_net_of() {
	readlink "/proc/$1/ns/net" 2>/dev/null
}

rig_is_apart() {
	RIG_NET=$(rig_net_of "$1") && [ "$RIG_NET" != "$RIG_OUTER" ]
}

# Bounded, in case that even SIGKILL reaches this script.
rig_hold() {
	unshare -n sleep 600 &
	RIG_HELD=$!
	RIG_HOLDERS="$RIG_HOLDERS $RIG_HELD"
}

# rig_up SECONDS: makes all, with a firewall that forgets after so long.
# Whoever calls it has a trap on EXIT that calls rig_down.
rig_up() {
	RIG_TIMEOUT=$1
	RIG_HOLDERS=
	RIG_OUTER=$(rig_net_of $$)
	mount -t tmpfs -o mode=755 kashim /run || return 1
	mount -t tmpfs -o mode=1777 kashim /dev/shm || return 1
	mkdir -p "$RIG_DIR" && cd "$RIG_DIR" || return 1
	RIG_SETUID=
	if setpriv --reuid=$RIG_UID --regid=$RIG_UID --clear-groups true \
		2>/dev/null; then
		RIG_SETUID=yes
	fi
	{
		cat /etc/passwd
		echo "rig:*:$RIG_UID:$RIG_UID:the rig:$RIG_DIR:/bin/sh"
	} >passwd && mount --bind passwd /etc/passwd || return 1

	rig_hold
	RIG_CLIENT_PID=$RIG_HELD
	rig_hold
	RIG_FW_PID=$RIG_HELD
	rig_hold
	RIG_SERVER_PID=$RIG_HELD
	for RIG_PID in $RIG_HOLDERS; do
		rig_wait 10 rig_is_apart "$RIG_PID" || return 1
	done

	# Kept, as a signal to the whole group also ends the holders.
	RIG_NETS=
	for RIG_PID in $RIG_HOLDERS; do
		RIG_NETS="$RIG_NETS $(rig_net_of "$RIG_PID")"
	done

	RIG_6=
	if [ -e /proc/sys/net/ipv6/conf/default/accept_dad ]; then
		RIG_6=yes
	fi
	rig_links && rig_firewall
}

rig_links() {
	for RIG_SIDE in client server; do
		case $RIG_SIDE in
		client) RIG_PID=$RIG_CLIENT_PID ;;
		server) RIG_PID=$RIG_SERVER_PID ;;
		esac
		ip link add eth0 netns "$RIG_PID" type veth \
			peer name $RIG_SIDE netns "$RIG_FW_PID" || return 1
	done
	{
		echo "link set lo up"
		echo "link set eth0 up"
		echo "addr add $RIG_CLIENT/24 dev eth0"
		echo "route add default via 192.0.2.1"
		[ -z "$RIG_6" ] || {
			echo "addr add $RIG_CLIENT6/64 dev eth0 nodad"
			echo "route add default via 2001:db8:1::1"
		}
	} | rig_in client ip -batch - || return 1
	{
		echo "link set client up"
		echo "link set server up"
		echo "addr add 192.0.2.1/24 dev client"
		echo "addr add 198.51.100.1/24 dev server"
		[ -z "$RIG_6" ] || {
			echo "addr add 2001:db8:1::1/64 dev client nodad"
			echo "addr add 2001:db8:2::1/64 dev server nodad"
		}
	} | rig_in fw ip -batch - || return 1
	{
		echo "link set lo up"
		echo "link set eth0 up"
		RIG_N=1
		while [ $RIG_N -le $RIG_ADDRESSES ]; do
			echo "addr add $(rig_address $RIG_N)/24 dev eth0"
			[ -z "$RIG_6" ] ||
				echo "addr add $(rig_address6 $RIG_N)/64 dev eth0 nodad"
			RIG_N=$((RIG_N + 1))
		done
		echo "route add default via 198.51.100.1"
		[ -z "$RIG_6" ] ||
			echo "route add default via 2001:db8:2::1"
	} | rig_in server ip -batch -
}

# The firewall admits a new flow by its SYN only, and picks up none midway:
# once forgotten, a flow is dead. The times for unacknowledged data and for
# retransmissions are made equal, so that it has one time out, not three.
rig_firewall() {
	# shellcheck disable=SC2016 # the inner shell expands
	rig_in fw sh -ec '
		cd /proc/sys/net
		echo 1 >ipv4/ip_forward
		[ -z "$2" ] || echo 1 >ipv6/conf/all/forwarding
		nft -f -
		cd netfilter
		echo 0 >nf_conntrack_tcp_loose
		echo "$1" >nf_conntrack_tcp_timeout_established
		echo "$1" >nf_conntrack_tcp_timeout_unacknowledged
		echo "$1" >nf_conntrack_tcp_timeout_max_retrans
		conntrack -L >/dev/null 2>&1' sh "$RIG_TIMEOUT" "$RIG_6" <<-'EOF'
		table inet firewall {
			set cut { type ipv4_addr; }
			set cut6 { type ipv6_addr; }
			chain forward {
				type filter hook forward priority filter
				policy drop
				ip saddr @cut drop
				ip daddr @cut drop
				ip6 saddr @cut6 drop
				ip6 daddr @cut6 drop
				ct state established,related accept
				tcp flags & (fin | syn | rst | ack) == syn ct state new accept
			}
		}
	EOF
}

# rig_cut ADDRESS: from now on nothing passes from or to the address.
rig_cut() {
	case $1 in
	*:*) rig_in fw nft add element inet firewall cut6 "{ $1 }" ;;
	*) rig_in fw nft add element inet firewall cut "{ $1 }" ;;
	esac
}

# What the firewall knows, one line for each established flow:
# SERVER-ADDRESS PORT SECONDS-LEFT
rig_flows() {
	# shellcheck disable=SC2016
	rig_in fw sh -c '
		conntrack -L -p tcp
		[ -z "$1" ] || conntrack -L -f ipv6 -p tcp' sh "$RIG_6" \
		2>/dev/null | awk '
		$4 == "ESTABLISHED" {
			sub(/^dst=/, "", $6)
			sub(/^dport=/, "", $8)
			print $6, $8, $3
		}'
}

# rig_socket client|server ADDRESS PORT: the socket of that flow on that side:
# SEND-QUEUE LOCAL PEER TIMER SECONDS, with TIMER as in ss -o, or "none" alone.
# An IPv6 address comes without brackets, a mapped one as IPv4.
rig_socket() {
	rig_in "$1" ss -tnoH state established | awk -v side="$1" -v at="$2:$3" '
		# ss writes 119min, 1min3sec, 14sec, 772ms, and 1.908ms for 1.908 s.
		function seconds(t, s) {
			if (match(t, /^[0-9]+min/)) {
				s = 60 * substr(t, 1, RLENGTH - 3)
				t = substr(t, RLENGTH + 1)
			}
			if (t ~ /^[0-9]+ms$/)
				return s + t / 1000
			return s + t
		}
		{
			gsub(/[][]|::ffff:/, "")
			timer = "none"
			if (match($0, /timer:\([^)]*/)) {
				split(substr($0, RSTART + 7, RLENGTH - 7), a, ",")
				timer = a[1] " " seconds(a[2])
			}
		}
		(side == "client" ? $4 : $3) == at { print $2, $3, $4, timer }'
}

# rig_watch INTERFACE FILE: every segment on that interface of the firewall.
rig_watch() {
	: >"$2"
	rig_exec fw "$RIG_BUILD/test/watch" -i "$1" >"$2" 2>&1 &
	rig_wait 10 grep -q '^# watching' "$2"
}

# The processes in the namespaces, whoever started them, but for the holders.
rig_pids() {
	# shellcheck disable=SC2012 # of names that are numbers
	ls -l /proc/[0-9]*/ns/net 2>/dev/null |
		awk -v nets="$RIG_NETS" -v keep="$RIG_HOLDERS" '
		BEGIN {
			n = split(nets, a, " ")
			for (i = 1; i <= n; i++)
				ours[a[i]] = 1
			n = split(keep, a, " ")
			for (i = 1; i <= n; i++)
				holder[a[i]] = 1
		}
		{ split($(NF - 2), path, "/") }
		($NF in ours) && !(path[3] in holder) { print path[3] }'
}

# kill SIGNAL, one by one: a process may be gone by now.
rig_signal() {
	RIG_SIGNAL=$1
	shift
	for RIG_PID in "$@"; do
		kill "-$RIG_SIGNAL" "$RIG_PID" 2>/dev/null
	done
}

rig_is_empty() {
	[ -z "$(rig_pids)" ]
}

# Ends every process of the rig, then the namespaces. The files go with the
# mount namespace, that is with the calling script.
rig_down() {
	[ -n "${RIG_HOLDERS-}" ] || return 0
	# shellcheck disable=SC2046
	rig_signal TERM $(rig_pids)
	RIG_TRIES=0
	until rig_wait 1 rig_is_empty || [ $RIG_TRIES -ge 5 ]; do
		# shellcheck disable=SC2046
		rig_signal KILL $(rig_pids)
		RIG_TRIES=$((RIG_TRIES + 1))
	done
	# shellcheck disable=SC2086
	rig_signal KILL $RIG_HOLDERS
	# shellcheck disable=SC2086
	wait $RIG_HOLDERS 2>/dev/null
	RIG_HOLDERS=
	cd /
}

# rig_trap [COMMAND]: the caller's end, however it comes, is rig_down's
# beginning; the command comes first, and what RIG_BEHIND names comes last.
rig_trap() {
	RIG_AT_EXIT=${1-:}
	trap 'rig_exit $?' EXIT
	trap 'rig_exit 130' INT
	trap 'rig_exit 143' TERM
	trap 'rig_exit 129' HUP
	trap 'rig_exit 141' PIPE
}

# A signal often comes twice, to the process and to its group. So the first
# thing is to hear no other, which would end the shell before it has cleaned up.
rig_exit() {
	trap '' INT TERM HUP PIPE
	trap - EXIT
	$RIG_AT_EXIT
	rig_down
	${RIG_BEHIND:-:}
	exit "$1"
}
