#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What is lost on an older kernel, as README and kashim.1 say: older.c takes the
# newer system calls away, and all that is said is compared. BUILD names the
# build directory.
# shellcheck disable=SC2086 # words
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
begin
ip link set lo up || exit 2
cleanup() {
	[ -z "${host-}" ] || kill "$host"
}

cc -O1 -o older "$here/older.c" || exit 2
kashim=$build/kashim
connects=$build/test/connects_static
cc -D_GNU_SOURCE -o connects "$root/test/preload/connects.c" || exit 2
printf 'rule all { idle = 300 }\n' >conf
export KASHIM_CONFIG="$work/conf"
mount -t tmpfs tmpfs /run || exit 2
mkdir -p image/etc/systemd/system /run/systemd/system
unit=/run/systemd/system/kashim-older.service
printf '[Service]\nExecStart=/bin/true\n' |
	tee image/etc/systemd/system/a.service >"$unit"

mkfifo in
python3 "$here/tcp_host.py" listen,127.0.0.1,7000 connect,127.0.0.1,7000 \
	<>in >ready &
host=$!
until_true 20 grep -q ready ready || fail 'the host does not start' ready

status() {
	KASHIM_CONFIG=$work/conf "$@" "$kashim" status --pid "$host" 2>err |
		awk '/^[^#]/ { print $(NF - 2) }'
}

# The release, the first number that is missing in it, and the flags of
# seccomp(2) that it does not know: NEW_LISTENER is 8, WAIT_KILLABLE_RECV 32.
for kernel in '4.18 424 40' '5.4 436 32' '5.10 441 32' '5.14 448 32'; do
	name="Linux ${kernel%% *}"
	older="./older ${kernel#* }"
	# Everywhere: the library, and what needs no other process.
	check "$name: check" 0 $older "$kashim" check <<-END
	$work/conf: ok, 1 rule
	END
	holds "$name: match" $older "$kashim" match 192.0.2.1 80
	same "$name: run" "$($older "$kashim" run ./connects 0 2>&1 |
		grep -c 'connect 0 idle 300 on 1, accept idle 300 on 1')" 2
	holds "$name: doctor" $older "$kashim" doctor ./connects
	$older "$kashim" enable -n kashim-older >out 2>&1
	in_file "$name: enable" out 'Environment=LD_PRELOAD='
	case $kernel in
	5.1*)
		same "$name: status" "$(status $older | sort | uniq -c)" \
			"$(status | sort | uniq -c)"
		same "$name: status, no warning" "$(cat err)" ''
		same "$name: run, static" "$($older "$kashim" run "$connects" 0 |
			grep -c 'connect 0 idle 300 on 1, accept idle 300 on 1')" 2
		$older "$kashim" apply -n --pid "$host" >out
		in_file "$name: apply" out '3 sockets would be changed, 0 are right'
		$older "$kashim" enable -n -r image a >out 2>&1
		in_file "$name: enable -r" out 'Environment=LD_PRELOAD='
		;;
	*)
		same "$name: status" "$(status $older | sort -u)" unknown
		same "$name: status, warning" "$(cat err)" \
			"kashim: warning: this kernel cannot show other programs' sockets, so what they have is unknown; that takes pidfd_getfd(2), Linux 5.6"
		$older "$kashim" apply --pid "$host" >out 2>err
		same "$name: apply: status" $? 1
		in_file "$name: apply" err 'pidfd_getfd(2), Linux 5.6'
		check "$name: run, static" 0 $older "$kashim" run \
			"$connects" 0 <<-END
		! kashim: $connects cannot be supervised: that takes Linux 5.9: Function not implemented
		! kashim: $connects runs without kashim
		secure 0
		connect 0 idle 7200 on 0, accept idle 7200 on 0
		connect 0 idle 7200 on 0, accept idle 7200 on 0
		END
		check "$name: enable -r" 2 $older "$kashim" enable -n \
			-r image a <<-'END'
		! kashim: unit 'a' in image: an image cannot be looked into on this kernel; that takes openat2(2), Linux 5.6
		END
		;;
	esac
done
same 'nothing was changed' "$(status | sort -u)" off

finish
