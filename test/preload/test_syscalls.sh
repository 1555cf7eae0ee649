#!/bin/sh
# SPDX-License-Identifier: ISC
# Counts, with strace, the system calls that the library makes around each
# call of a host, and holds them against what the design promises.
# $1 is the build directory.
set -u

build=$(cd "${1:-build}" && pwd) || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kashim-test.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

# calls ACTION: the names of the system calls between the two markers.
calls()
{
	env KASHIM_CONFIG="$dir/conf" LD_PRELOAD="$build/libkashim.so" \
	    strace -o "$dir/trace" "$build/test/calls" "$1" || return 1
	sed -n '/^getppid/,/^getppid/{/^getppid/d;s/(.*//p;}' "$dir/trace" |
	    tr '\n' ' ' | sed 's/ $//'
}

# expect WHAT ACTION CALLS
expect()
{
	got=$(calls "$2")
	if [ "$got" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'failed: %s, %s: "%s", not "%s"\n' \
		    "$1" "$2" "$got" "$3"
	fi
}

four='setsockopt setsockopt setsockopt setsockopt'

cat >"$dir/conf" <<-'EOF'
	rule r {
		destination = "127.0.0.0/8"
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='rule by destination'
expect "$what" socket socket
expect "$what" connect "$four connect"
expect "$what" udp 'setsockopt connect'
expect "$what" unix connect
expect "$what" listen listen
expect "$what" accept "accept getsockname $four"
expect "$what" setsockopt 'setsockopt setsockopt'

cat >"$dir/conf" <<-'EOF'
	rule r {
		source = "127.0.0.0/8"
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='rule by source'
expect "$what" connect "getsockname connect getsockname $four"
expect "$what" unix connect
expect "$what" accept "accept getsockname getsockopt $four"

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
expect "$what" connect "$four setsockopt connect"
expect "$what" listen "getsockname $four setsockopt listen"
expect "$what" accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		idle = 300
		interval = 30
		count = 5
	}
EOF
what='one rule for everything'
expect "$what" socket "socket $four"
expect "$what" connect connect
expect "$what" udp connect
expect "$what" listen listen
expect "$what" accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		direction = connect
		idle = 300
	}
EOF
what='one rule for one direction'
expect "$what" connect 'setsockopt setsockopt connect'
expect "$what" unix connect
expect "$what" listen listen
expect "$what" accept accept

cat >"$dir/conf" <<-'EOF'
	rule r {
		program = "another"
		idle = 300
	}
EOF
what='rules for other programs'
expect "$what" socket socket
expect "$what" connect connect
expect "$what" listen listen
expect "$what" accept accept

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
