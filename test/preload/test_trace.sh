#!/bin/sh
# SPDX-License-Identifier: ISC
# Which file KASHIM_TRACE may name. The environment may be that of a user with
# less rights than the program has, as when a setuid program becomes root,
# keeps the environment, and starts another one while the library is in
# /etc/ld.so.preload. So nothing of that user's choice may be written to but a
# trace. $1 is the build directory.
# shellcheck disable=SC2086 # lists of words
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
dir=$work
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
cp "$build/test/connects" "$build/libkashim.so" "$build/libkashim-config.so" \
	"$dir" || exit 2
printf 'rule r { idle = 300 }\n' >"$dir/conf"
chmod 755 "$dir"
chmod 644 "$dir/conf"
mkdir "$dir/open"
chmod 1777 "$dir/open"
line='kashim[1]: connect fd 3: rule r'

# connects FILE [COMMAND...]: a connection of a program that COMMAND starts.
connects() {
	to=$1
	shift
	timeout 20 "$@" env "KASHIM_CONFIG=$dir/conf" "KASHIM_TRACE=$to" \
		"LD_PRELOAD=$dir/libkashim.so" "$dir/connects" 7 >"$dir/out" 2>&1
	same "$name: status" $? 7
	in_file "$name: has the rule" "$dir/out" 300
}

# traces NAME FILE [COMMAND...]: it leaves a line in FILE.
traces() {
	name=$1
	shift
	connects "$@"
	holds "$name" grep -q '^kashim.*: rule r: keepalive idle 300' "$1"
}

# keeps NAME FILE [COMMAND...]: nothing is written to FILE.
keeps() {
	name=$1
	shift
	cp "$1" "$dir/before"
	connects "$@"
	holds "$name" cmp "$1" "$dir/before"
}

# made FILE [TEXT]: a new file with that in it.
made() {
	rm -rf "$1"
	printf '%s' "${2:-}" >"$1"
	[ -z "${2:-}" ] || echo >>"$1"
	chmod 600 "$1"
}

file=$dir/open/trace
made "$file"
traces 'empty' "$file"
made "$file" "$line"
traces 'a trace' "$file"
in_file 'a trace: what was there' "$file" "$line"
made "$file" 'root:x:0:0::/root:/bin/sh'
keeps 'something else' "$file"
made "$file" kash
keeps 'shorter than a trace' "$file"
made "$file"
chmod 620 "$file"
keeps 'the group can write it' "$file"
made "$file"
chmod 602 "$file"
keeps 'others can write it' "$file"
made "$file"
ln "$file" "$dir/open/other"
keeps 'two names' "$file"
rm "$dir/open/other"
made "$dir/open/other"
ln -sf "$dir/open/other" "$dir/open/link"
keeps 'a link' "$dir/open/link"
mkfifo "$dir/open/fifo"
name='a FIFO'
connects "$dir/open/fifo"

if [ "$(id -u)" -eq 0 ]; then
	made "$file"
	chown 65534 "$file"
	keeps 'root: of another user' "$file"
	traces 'another user: his own' "$file" $nobody
	rm -f "$file"
	name='root: not there'
	connects "$file"
	holds "$name" fails test -e "$file"
	traces 'another user: not there' "$file" $nobody
	same 'another user: its mode' "$(stat -c '%a %u' "$file")" '600 65534'
	made "$file"
	chmod 644 "$file"
	keeps "another user: root's" "$file" $nobody
else
	skip 'root, and another user' 'takes root'
	rm -f "$file"
	traces 'not there' "$file"
	same 'its mode' "$(stat -c %a "$file")" 600
fi
finish
