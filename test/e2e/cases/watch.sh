#!/bin/sh
# SPDX-License-Identifier: ISC
#
# watch itself, on capture files made here byte by byte: what is a probe, and
# what only looks like one. Needs no rig.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_name watch
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP PIPE
echo "plan 4"

# bytes N...: these bytes.
bytes() {
	for n in "$@"; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\$(printf %o "$n")"
	done
}

be16() {
	bytes $(($1 >> 8 & 255)) $(($1 & 255))
}

be32() {
	be16 $(($1 >> 16)) && be16 "$1"
}

le32() {
	bytes $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) \
		$(($1 >> 24 & 255))
}

# Little-endian, version 2.4, raw IP.
pcap_header() {
	bytes 212 195 178 161 2 0 4 0
	le32 0 && le32 0 && le32 65535 && le32 101
}

# record MS BYTES
record() {
	le32 $(($1 / 1000)) && le32 $(($1 % 1000 * 1000))
	le32 "$2" && le32 "$2"
}

# tcp SPORT DPORT FLAGS SEQ ACK LEN
tcp() {
	be16 "$1" && be16 "$2" && be32 "$4" && be32 "$5"
	bytes 80 "$3" 1 0 0 0 0 0
	i=0
	while [ $i -lt "$6" ]; do
		bytes 120
		i=$((i + 1))
	done
}

# segment MS c|s FLAGS SEQ ACK LEN, from the client or the server
segment() {
	record "$1" $((40 + $6))
	bytes 69 0 && be16 $((40 + $6)) && bytes 0 1 64 0 64 6 0 0
	case $2 in
	c) bytes 192 0 2 2 198 51 100 10 && tcp 40000 80 "$3" "$4" "$5" "$6" ;;
	s) bytes 198 51 100 10 192 0 2 2 && tcp 80 40000 "$3" "$4" "$5" "$6" ;;
	esac
}

# segment6 MS c|s FLAGS SEQ ACK LEN, with a hop-by-hop header
segment6() {
	record "$1" $((68 + $6))
	bytes 96 0 0 0 && be16 $((28 + $6)) && bytes 0 64
	client='32 1 13 184 0 1 0 0 0 0 0 0 0 0 0 2'
	server='32 1 13 184 0 2 0 0 0 0 0 0 0 0 0 10'
	hop='6 0 1 4 0 0 0 0'
	# shellcheck disable=SC2086
	case $2 in
	c) bytes $client $server $hop && tcp 40000 80 "$3" "$4" "$5" "$6" ;;
	s) bytes $server $client $hop && tcp 80 40000 "$3" "$4" "$5" "$6" ;;
	esac
}

fin=17 syn=2 synack=18 ack=16 push=24 rst=20

# judge TEXT [OPTION...]: what watch says of $dir/pcap must be standard input.
judge() {
	text=$1
	shift
	sed 's/^[[:blank:]]*//' >"$dir/wanted"
	"$RIG_BUILD/test/watch" "$@" -r "$dir/pcap" >"$dir/got" 2>&1
	if cmp -s "$dir/wanted" "$dir/got"; then
		ok "$text"
	else
		fail "$text"
		diff "$dir/wanted" "$dir/got" | sed 's/^/     | /'
	fi
}

# The client's numbers go over 2^32 with its data.
z=4294967290
{
	pcap_header
	segment 1000 c $syn $((z - 1)) 0 0
	segment 1001 s $synack 499 $z 0
	segment 1002 c $ack $z 500 0
	segment 1010 c $push $z 500 10
	segment 1020 s $ack 500 4 0
	segment 3020 c $ack 3 500 0
	segment 3021 s $ack 500 4 0
	segment 5021 s $ack 499 4 0
	segment 6021 s $ack 499 4 0
	segment 6022 c $ack 4 500 0
	segment 7000 c $ack 3 500 1
	segment 8000 c $push 3 500 0
	segment 9000 c $ack 2 500 0
	segment 9100 c $ack 4 500 0
	segment 9200 c $push $z 500 10
	segment 9300 c $fin 4 500 0
	segment 9400 s $rst 500 5 0
} >"$dir/pcap"
c=192.0.2.2:40000 s=198.51.100.10:80
judge 'probes of both sides, and what is none' <<EOF
	0 $c > $s syn S seq=? len=0 after=?
	1 $s > $c syn SA seq=? len=0 after=1
	2 $c > $s ack A seq=0 len=0 after=1
	10 $c > $s data PA seq=0 len=10 after=8
	20 $s > $c ack A seq=0 len=0 after=10
	2020 $c > $s probe A seq=-1 len=0 after=2000
	2021 $s > $c reply A seq=0 len=0 after=1
	4021 $s > $c probe A seq=-1 len=0 after=2000
	5021 $s > $c probe A seq=-1 len=0 after=1000
	5022 $c > $s reply A seq=0 len=0 after=1
	6000 $c > $s old A seq=-1 len=1 after=978
	7000 $c > $s old PA seq=-1 len=0 after=1000
	8000 $c > $s old A seq=-2 len=0 after=1000
	8100 $c > $s ack A seq=0 len=0 after=100
	8200 $c > $s old PA seq=-10 len=10 after=100
	8300 $c > $s fin FA seq=0 len=0 after=100
	8400 $s > $c rst RA seq=0 len=0 after=100
EOF
judge 'the same, probes only' -p <<EOF
	2020 $c > $s probe A seq=-1 len=0 after=2000
	4021 $s > $c probe A seq=-1 len=0 after=2000
	5021 $s > $c probe A seq=-1 len=0 after=1000
EOF

{
	pcap_header
	segment6 1000 c $ack 999 500 0
	segment6 1001 s $ack 500 1000 0
	segment6 2001 c $ack 999 500 0
	segment 2500 c $ack 999 500 0
	segment6 3001 s $ack 499 1000 0
} >"$dir/pcap"
c6="[2001:db8:1::2]:40000" s6="[2001:db8:2::a]:80"
judge 'IPv6, from the middle of a flow, another one between' <<EOF
	0 $c6 > $s6 ack A seq=? len=0 after=?
	1 $s6 > $c6 ack A seq=0 len=0 after=1
	1001 $c6 > $s6 probe A seq=-1 len=0 after=1000
	1500 $c > $s ack A seq=? len=0 after=?
	2001 $s6 > $c6 probe A seq=-1 len=0 after=1000
EOF

{
	pcap_header
	record 1000 30
	bytes 69 0 0 40 0 1 64 0 64 6 0 0 192 0 2 2 198 51 100 10 1 2 3 4 5 6 7 8 9 10
	record 1001 3
	bytes 69 0 0
	record 1002 40
	bytes 79 0 0 40 0 1 64 0 64 6 0 0 192 0 2 2 198 51 100 10
	tcp 40000 80 $ack 1 1 0
	record 1003 40
	bytes 96 0 0 0 0 0 0 64
	be32 0 && be32 0 && be32 0 && be32 0
	be32 0 && be32 0 && be32 0 && be32 0
} >"$dir/pcap"
judge 'damaged packets are passed over' </dev/null
case_end
