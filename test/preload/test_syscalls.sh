#!/bin/sh
# SPDX-License-Identifier: ISC
# Counts, with strace, the system calls that the library makes around each
# call of a host, and holds them against what the design promises.
# $1 is the build directory.
set -u

host=calls
# shellcheck source=test/preload/count.sh
. "$(dirname "$0")/count.sh"

four='setsockopt setsockopt setsockopt setsockopt'
# What the kernel gives a new socket, once in a program: a reload may need it.
three='getsockopt getsockopt getsockopt'

cat >"$dir/conf" <<-'EOF'
	rule r {
		destination = { "127.0.0.0/8", "::1" }
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='rule by destination'
expect socket socket
for action in connect connect-again connect-nonblocking connect-6; do
	expect $action "$four connect"
done
expect udp connect
expect unix connect
expect listen "getsockname $three $four listen"
expect accept accept
expect accept4 accept4
expect setsockopt 'setsockopt setsockopt'

cat >"$dir/conf" <<-'EOF'
	rule r {
		source = "127.0.0.0/8"
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='rule by source'
expect connect "getsockname connect getsockname $four"
expect unix connect
expect accept "accept getsockname getsockopt $four"

# apart WORDS: a rule with these, and one for all others.
apart()
{
	cat >"$dir/conf" <<-EOF
		rule apart {
			$1
			idle = 600
		}
		rule r {
			idle = 300
			interval = 30
			count = 5
		}
	EOF
}

what='others have a rule of their own'
apart 'destination = "10.0.0.0/8"'
expect connect "$four connect"
expect accept accept
# What it has is noted, because some connections get that back.
seven='getsockopt getsockopt getsockopt getsockopt getsockopt getsockopt getsockopt'
expect listen-any "getsockname listen getsockname $three $seven $four"
expect accept-any 'accept getsockname'
expect accept-from 'accept getsockname'
expect accept4 accept4

what='these are ignored'
apart 'destination = "127.0.0.0/8" action = ignore'
sed -i '/idle = 600/d' "$dir/conf"
expect accept-any "accept getsockname getsockopt $three $four"

what='these have a rule of their own, with fewer options'
apart 'destination = "127.0.0.0/8"'
two='setsockopt setsockopt'
expect accept-any "accept getsockname getsockopt getsockopt $two $two"

what='another port has a rule by source'
apart 'source = "127.0.0.0/8" port = 1'
for action in connect connect-again connect-nonblocking; do
	expect $action "$four connect"
done
expect accept accept
expect accept-any accept

what='another destination has a rule by source'
apart 'source = "127.0.0.0/8" destination = "10.0.0.0/8"'
for action in connect connect-again connect-nonblocking; do
	expect $action "$four connect"
done
expect accept accept
expect accept-any 'accept getsockname'

what='other sources have a rule'
apart 'source = "10.0.0.0/8"'
expect connect "getsockname connect getsockname $four"
expect accept 'accept getsockname getsockopt'
expect accept-any 'accept getsockname getsockopt'
expect accept-from 'accept getsockname'
expect accept-short 'accept getsockname getsockopt'

cat >"$dir/conf" <<-'EOF'
	rule r {
		port = "1-65535"
		idle = 300
		interval = 30
		count = 5
		user-timeout = "1min"
	}
EOF
what='rule by port'
expect connect "$four setsockopt connect"
expect listen "getsockname $three $four setsockopt listen"
expect accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='one rule for everything'
expect socket "socket $four"
expect connect connect
expect udp connect
expect listen listen
expect accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		direction = connect
		idle = 300
	}
EOF
what='one rule for one direction'
expect connect 'setsockopt setsockopt connect'
expect unix connect
expect listen listen
expect accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		program = "another"
		idle = 300
	}
EOF
what='rules for other programs'
expect socket socket
expect connect connect
expect listen listen
expect accept accept

finish
