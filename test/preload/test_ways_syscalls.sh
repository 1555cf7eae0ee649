#!/bin/sh
# SPDX-License-Identifier: ISC
# Counts, with strace, what the library adds to calls that seldom concern it:
# sends and receives without the flag or the control data that matter, and
# sockets that are not TCP. $1 is the build directory.
set -u

host=ways_calls
# shellcheck source=test/preload/count.sh
. "$(dirname "$0")/count.sh"

# Nothing is added to any of these, whatever the policy.
nothing_added()
{
	expect sends 'sendto sendto sendmsg sendmmsg'
	expect datagrams 'sendto sendmsg sendmmsg'
	expect other-sockets 'socket socket socket socket'
	expect udp 'socket connect'
	expect udp-6 'socket connect'
	expect raw 'socket connect'
	expect receives 'recvmsg recvmsg recvmmsg'
	expect credentials recvmsg
	for other in unix-stream unix-dgram unix-seqpacket netlink vsock \
	    packet; do
		expect "$other" 'socket connect'
	done
}

# conf MATCHER
conf()
{
	printf 'rule r { %s idle = 300 interval = 30 count = 5 }\n' "$1" \
	    >"$dir/conf"
}

four='setsockopt setsockopt setsockopt setsockopt'
seven='getsockopt getsockopt getsockopt getsockopt getsockopt getsockopt getsockopt'

# With one that waited in the queue of a listener from elsewhere, and the next
# one, made in between: where all get the same, the listener has it then.
queue_inherits()
{
	expect queue-own 'accept socket connect accept'
	expect queue-shared 'accept socket connect accept'
	expect queue-received \
	    "accept getsockname getsockopt $four socket connect accept"
	expect queue-again \
	    "accept getsockname getsockopt $four socket connect accept"
	# What it has is noted, to be given back.
	expect queue-unseen \
	    "accept getsockname $seven $four getsockname getsockopt $four \
socket connect accept"
}

queue_nothing()
{
	for queue in own received again unseen; do
		expect queue-$queue 'accept socket connect accept'
	done
}

what='rule by destination'
conf 'destination = "127.0.0.0/8"'
nothing_added
# The peer may be of any address, so that accept() has to look.
expect unix-listen 'getsockname listen'
expect unix-accept 'accept getsockname'
expect old-connect "$four connect"
expect fastopen "$four sendto"
expect pipe-received 'recvmsg getsockname'
expect tcp-received "recvmsg getsockname getsockopt $four"
# What is noted of a socket is believed once; the kernel's answer is noted, too.
expect udp-again 'connect setsockopt connect connect setsockopt connect'
expect udp-unseen 'setsockopt connect connect'
queue_inherits

what='rule by source'
conf 'source = "127.0.0.0/8"'
nothing_added
expect unix-listen 'getsockname listen'
expect unix-accept 'accept getsockname'
expect old-connect "getsockname connect getsockname $four"
expect fastopen "getsockname sendto getsockname $four"
each="getsockname getsockopt $four"
for queue in own received again; do
	expect queue-$queue "accept $each socket connect accept $each"
done
expect queue-unseen "accept getsockname $each socket connect accept $each"

what='rule by port'
conf 'port = "1-65535"'
nothing_added
expect unix-listen 'getsockname listen'
expect unix-accept accept
expect old-connect "$four connect"
expect fastopen "$four sendto"
queue_inherits

what='one rule for everything'
conf ''
nothing_added
expect unix-listen listen
expect unix-accept accept
expect old-connect connect
expect fastopen sendto
expect pipe-received 'recvmsg getsockname'
expect tcp-received "recvmsg getsockname getsockopt $four"
queue_inherits

what='a rule for nothing but keepalive'
printf 'rule r { destination = "127.0.0.0/8" }\n' >"$dir/conf"
nothing_added

what='one rule for connecting'
conf 'direction = connect'
nothing_added
expect unix-listen listen
expect unix-accept accept
queue_nothing

what='rules for other programs'
conf 'program = "another"'
nothing_added
expect unix-listen listen
expect unix-accept accept
expect old-connect connect
expect fastopen sendto
expect pipe-received recvmsg
expect tcp-received recvmsg
queue_nothing

what='no rules'
printf '' >"$dir/conf"
nothing_added
expect unix-listen listen
expect unix-accept accept
expect fastopen sendto

finish
