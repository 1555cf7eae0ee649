#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What a program is called: for each way to start one, and for each name that it
# might have, the library, the supervisor and kashim status agree on whether a
# rule for programs of that name is for it. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
begin
export LC_ALL=C
ip link set lo up || exit 2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" . || exit 2
cc -o host "$here/says_idle.c" && cc -static -o still "$here/says_idle.c" ||
	exit 2
loader=$(readelf -lW host | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
real=$(readlink -f "$loader")
ln -s host link && ln host twin && ln -s still static-link || exit 2
printf '#!%s\n' "$work/host" >script && chmod 755 script
printf '#!%s -x\n' "$work/host" >script-x && chmod 755 script-x

# start WAY: becomes the program. perl(1) has an exec with another argv[0].
start() {
	case $1 in
	direct) exec ./host ;;
	path) PATH=$work:$PATH exec host ;;
	link) exec ./link ;;
	twin) exec ./twin ;;
	script) exec ./script ;;
	script-x) exec ./script-x ;;
	argv0) exec perl -e 'exec { "./host" } "other"' ;;
	argv0-link) exec perl -e 'exec { "./link" } "other"' ;;
	loader) exec "$loader" ./host ;;
	loader-real) exec "$real" ./host ;;
	loader-link) exec "$loader" ./link ;;
	loader-path) exec "$loader" --library-path "$work" ./host ;;
	loader-both)
		exec "$loader" --inhibit-cache --library-path "$work" \
			--preload '' ./twin
		;;
	loader-argv0) exec "$loader" --argv0 other ./host ;;
	loader-named) exec perl -e 'exec { $ARGV[0] } "other", "./host"' "$loader" ;;
	static) exec ./still ;;
	static-link) exec ./static-link ;;
	descriptor)
		exec perl -e 'open my $f, "<", "./host"; $^F = 255;
			exec "/proc/self/fd/" . fileno $f'
		;;
	esac
}


# both WAY NAME HOW...: whether the program, started in that way and by HOW, has
# the rule; and what status says of that.
both() {
	way=$1 name=$2
	shift 2
	printf 'rule named { program = { "%s" } idle = 321 }\n' "$name" >names.conf
	rm -f hold started && mkfifo hold
	"$@" sh "$work/start.sh" "$way" <>hold >started 2>said &
	outer=$!
	until_true 20 grep -q . started || {
		fail "$way, $*: does not start" said
		return
	}
	read -r idle pid _ <started
	has=$((idle == 321))
	says=$(./kashim status -c "$work/names.conf" --json -p "$pid" 2>&1 |
		grep -c '"name": "named"')
	[ "$says" -eq 0 ] || says=1
	kill "$pid" 2>/dev/null
	wait "$outer" 2>/dev/null
	same "$way, rule for $name, $1: status" "$says" "$has"
	[ "$has" -eq 0 ] || printf '%s ' "$name" >>"had.$way"
}

# What start() has, as a program of its own.
{
	printf 'work=%s loader=%s real=%s\n' "$work" "$loader" "$real"
	sed -n '/^start() {/,/^}/p' "$here/test_names.sh"
	# shellcheck disable=SC2016 # for the shell that reads it
	echo 'cd "$work" && start "$1"'
} >start.sh

# Since glibc 2.33.
argv0='loader-argv0'
"$loader" --argv0 other /bin/true >/dev/null 2>&1 </dev/null || argv0=
names="host link twin script script-x other still static-link ${loader##*/}
	${real##*/} perl sh"
for way in direct path link twin script script-x argv0 argv0-link loader \
	loader-real loader-link loader-path loader-both $argv0 \
	loader-named descriptor; do
	: >"had.$way"
	for name in $names; do
		both "$way" "$name" env KASHIM_CONFIG="$work/names.conf" \
			LD_PRELOAD="$work/libkashim.so"
	done
	cp "had.$way" "library.$way"
	: >"had.$way"
	for name in $(cat "library.$way") other; do
		both "$way" "$name" ./kashim run -S -c "$work/names.conf"
	done
	same "$way: library and supervisor" "$(cat "had.$way")" \
		"$(cat "library.$way")"
	printf '%-12s %s\n' "$way" "$(cat "library.$way")"
done
for way in static static-link; do
	: >"had.$way"
	for name in still static-link other; do
		both "$way" "$name" ./kashim run -S -c "$work/names.conf"
	done
	printf '%-12s %s\n' "$way" "$(cat "had.$way")"
done

finish
