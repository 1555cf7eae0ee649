#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One truth: the library, kashim run by preload and by supervision, match and
# doctor go by the same policy, whatever the states of what is published, what
# is compiled and the text, for root and for another user. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
begin
export LC_ALL=C
ip link set lo up && mount -t tmpfs tmpfs /run || exit 2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" \
	"$build/test/connects_static" . &&
	cc -o connects "$root/test/preload/connects.c" || exit 2
mkdir root nobody && chown 1234 nobody || exit 2

# be USER COMMAND...
be() {
	user_=$1
	shift
	[ "$user_" = root ] ||
		set -- setpriv --reuid=1234 --regid=1234 --clear-groups "$@"
	"$@"
}

# What is compiled and published of three texts, one after the other: each says
# by its idle time what it is.
prepare() {
	for idle in 201 202 300; do
		rm -f "$config"* "$shared"
		if [ $idle = 300 ]; then
			ln text.right "$config"
		else
			echo "rule all { idle = $idle }" >"$config"
		fi
		if ! { be "$maker" ./kashim reload "$config" >made 2>&1 &&
			cp "$config.policy" compiled.$idle &&
			cp "$shared" published.$idle; }; then
			cat made
			exit 2
		fi
	done
	mv compiled.202 compiled.stale && mv compiled.300 compiled.fresh &&
		mv published.201 published.stale &&
		mv published.300 published.fresh || exit 2
	for what in compiled published; do
		{
			printf XXXX
			tail -c +5 $what.stale
		} >$what.broken
	done
}

# put FILE PLACE: the maker's copy; none, if there is no such file.
put() {
	rm -f "$2"
	[ ! -e "$1" ] || be "$maker" cp "$1" "$2" || exit 2
}

# The rules of source.h, one by one: the idle time that follows.
expected() {
	case "$text $compiled $published" in
	right*) echo 300 ;;
	# A compiled policy whose text can't be seen counts as fresh.
	*' fresh '*) echo 300 ;;
	*' stale '*) echo 202 ;;
	mistake*' stale') echo 201 ;;
	*) echo none ;;
	esac
}

# idle_of COMMAND...: what its connection gets.
idle_of() {
	"$@" >idle.out 2>idle.err
	sed -n 's/^connect 0 idle \([0-9]*\) on 1.*/\1/p' idle.out |
		head -n 1 | grep . || echo none
}

# agree WHAT IDLE: all of them go by it.
agree() {
	same "$1: preload" "$(idle_of be "$user" env KASHIM_CONFIG="$config" \
		LD_PRELOAD="$work/libkashim.so" ./connects 0)" "$2"
	same "$1: run" "$(idle_of be "$user" ./kashim run -c "$config" \
		./connects 0)" "$2"
	same "$1: run, supervised" "$(idle_of be "$user" ./kashim run \
		-c "$config" ./connects_static 0)" "$2"
	be "$user" ./kashim match -c "$config" 127.0.0.1 80 >match.out 2>&1
	same "$1: match" "$(sed -n 's/^TCP_KEEPIDLE *\([0-9]*\) s .*/\1/p' \
		match.out | grep . || echo none)" "$2"
	be "$user" ./kashim doctor -c "$config" ./connects >doctor.out 2>&1
	same "$1: doctor" "$(grep -c 'the preload takes effect' doctor.out)" \
		"$([ "$2" != none ] && echo 1 || echo 0)"
}

echo 'rule all { idle = 300 }' >text.right
echo 'rule all {' >text.mistake
for who in 'root root' 'root nobody' 'nobody nobody'; do
	maker=${who% *} user=${who#* }
	config=$work/$maker/kashim.conf
	shared=/var/cache/kashim
	[ "$maker" = root ] || shared=/run/user/1234/kashim
	mkdir -p "$shared" && { [ "$maker" = root ] ||
		chown -R 1234 /run/user/1234; } || exit 2
	shared=$shared/$(echo "${config#/}" | tr / %).shared
	prepare
	for text in right mistake absent; do
		rm -f "$config"
		[ ! -e text.$text ] || ln text.$text "$config"
		for compiled in fresh stale broken absent; do
			put compiled.$compiled "$config.policy"
			for published in fresh stale broken absent; do
				# Made of a text that is not this one.
				case "$text $compiled $published" in
				mistake*fresh*) continue ;;
				esac
				put published.$published "$shared"
				agree "$who: text $text, compiled $compiled, \
published $published" "$(expected)"
			done
		done
	done
done

# Programs that run follow what is published: status goes by that, apply by the
# text, and each by the other if it is told to; that they differ is said.

config=$work/root/kashim.conf
rm -f "$config"* /var/cache/kashim/*
echo 'rule all { idle = 201 }' >"$config"
./kashim reload "$config" >made || exit 2
cat >host.py <<'END'
import socket
listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
print("there", flush=True)
connection.recv(1)
END
KASHIM_CONFIG=$config LD_PRELOAD=$work/libkashim.so \
	python3 host.py </dev/null >host.out &
host=$!
trap 'kill $host 2>/dev/null; at_exit' EXIT
until_true 20 grep -q there host.out || exit 2
# covered COMMAND...: is its connection?
covered() {
	./kashim "$@" --json -c "$config" -p $host 2>said |
		grep -o '"verdict": *"ok"' | wc -l
}
# metric NAME: its value.
metric() {
	./kashim status --openmetrics -c "$config" -p $host 2>/dev/null |
		sed -n "s/^kashim_$1 //p"
}
# says WHAT TEXT...: the lines on stderr, whose generation is one.
says() {
	what=$1
	shift
	printf '%s\n' "$@" >wanted
	[ $# -gt 0 ] || : >wanted
	holds "$what" diff -u wanted said
}
running="kashim: warning: programs that run, and this answer, go by policy generation 1; $config was changed since, and 'kashim reload' puts that in force"
starting="kashim: warning: this answer goes by $config, and programs that run by policy generation 1, which is older, until 'kashim reload'"
same 'nothing changed: status' "$(covered status)" 1
says 'nothing changed: status: warnings'
same 'nothing changed: status --text' "$(covered status --text)" 1
says 'nothing changed: status --text: warnings'
same 'nothing changed: metric' "$(metric policy_older_than_text)" 0
same 'nothing changed: it follows' "$(metric processes_with_older_policy)" 0
echo 'rule all { idle = 300 }' >"$config"
same 'changed: status' "$(covered status)" 1
says 'changed: status: warnings' "$running"
same 'changed: status --text' "$(covered status --text)" 0
says 'changed: status --text: warnings' "$starting"
same 'changed: metric' "$(metric policy_older_than_text)" 1
./kashim apply -n -c "$config" -p $host >shown 2>said
in_file 'changed: apply' shown 300s
says 'changed: apply: warnings' "$starting"
./kashim apply -n --in-force -c "$config" -p $host >shown 2>said
holds 'changed: apply --in-force' fails grep 300s shown
says 'changed: apply --in-force: warnings' "$running"
same 'changed: it follows' "$(metric processes_with_older_policy)" 0
echo 'rule all {' >"$config"
same 'mistake: status' "$(covered status)" 1
same 'mistake: status: warnings' "$(sed -n 1p said | cut -d : -f 1-3)" \
	"kashim: $config:1"
in_file 'mistake: status: the last good one' said \
	'warning: programs go by the last good policy, and so does this answer'
rm "$config"
same 'no text: status' "$(covered status)" 1
# What was compiled is what was published, though not the same file.
./kashim match -c "$config" 127.0.0.1 80 >shown 2>said
in_file 'no text: match' shown '201 s'
says 'no text: match: warnings'
# It is not the file that the program has mapped.
echo 'rule all { idle = 300 }' >"$config"
rm -f /var/cache/kashim/*
./kashim reload "$config" >made || exit 2
same 'published anew: metric' "$(metric policy_older_than_text)" 0
same 'published anew: it does not follow' \
	"$(metric processes_with_older_policy)" 1

# A listener whose connections the library sets after accept(2), since it may
# depend on who connects, misses nothing; without the library it does.

cat >"$config" <<'END'
rule other { source = { "10.0.0.0/8" } port = { "99" } idle = 100 }
rule all { idle = 201 }
END
cat >listens.py <<'END'
import socket
listener = socket.create_server(("127.0.0.1", 3500))
print("there", flush=True)
input()
END
for preload in "$work/libkashim.so" ''; do
	kill $host 2>/dev/null
	mkfifo hold
	KASHIM_CONFIG=$config LD_PRELOAD=$preload \
		python3 listens.py <>hold >host.out &
	host=$!
	until_true 20 grep -q there host.out || exit 2
	./kashim status -c "$config" -p $host >shown 2>said
	same "listener, preload '$preload'" \
		"$(grep -c 'without what the rule says' shown)" \
		"$([ -n "$preload" ] && echo 0 || echo 1)"
	rm hold
done

# A program that has to read a large text takes no more memory than check.

kill $host
awk 'BEGIN { for (i = 0; i < 131072; i++)
	printf "rule r%d { destination = { \"%d.%d.%d.%d/32\" } idle = 300 }\n",
	    i, i == 1 ? 127 : 10, i / 65536, i / 256 % 256, i % 256 }' >"$config"
rm -f "$config.policy" /var/cache/kashim/*
python3 "$here/cpu.py" took ./kashim check "$config" >shown || fail 'large: check'
read -r _ _ checks <took
KASHIM_CONFIG=$config python3 "$here/cpu.py" took \
	env LD_PRELOAD="$work/libkashim.so" ./connects 0 >shown
read -r _ _ starts <took
in_file 'large: it has a rule' shown 'connect 0 idle 300 on 1'
printf '131072 rules: check takes %s KiB, a start from the text %s KiB\n' \
	"$checks" "$starts"
holds 'large: memory' test "$starts" -lt $((checks * 5 / 4))

finish
