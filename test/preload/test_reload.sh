#!/bin/sh
# SPDX-License-Identifier: ISC
# kashim reload, and the files that it and kashim compile make: which programs
# follow, which keep what they have, and what is done about files that are
# missing, damaged, stale or not to be trusted. $1 is the build directory. It
# has to be root.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
host=
quit()
{
	# Its input ends, so it does.
	exec 8>&- 9<&-
	[ -z "$host" ] || wait "$host"
	host=
}
cleanup()
{
	[ -z "$host" ] || kill "$host" 2>/dev/null
}
all_needs ptrace
begin
dir=$work
mkdir "$dir/cache"
conf=$dir/kashim.conf
default=$(cat /proc/sys/net/ipv4/tcp_keepalive_time)
export KASHIM_CONFIG="$conf" KASHIM_CACHE="$dir/cache"
name=$(echo "$conf" | tr / % | sed 's/^%//')
image=$dir/cache/$name.policy
shared=$dir/cache/$name.shared

is()
{
	same "$@"
}

rule()
{
	printf 'rule r { destination = "127.0.0.0/8" idle = %s }\n' "$1" \
	    >"$conf"
}

kashim()
{
	"$build/kashim" "$@" 2>&1
}

trace=
program=$build/test/follow

# Starts a host, on descriptors 8 and 9; the command in front of it is $*.
start()
{
	rm -f "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	LD_PRELOAD=$build/libkashim.so KASHIM_TRACE=$trace "$@" \
	    "$program" <"$dir/in" >"$dir/out" &
	host=$!
	exec 8>"$dir/in" 9<"$dir/out"
	read -r answer <&9
	[ "$answer" = ready ] || echo "the host said '$answer'"
}

# say WORD: what the host answers.
say()
{
	answer=
	echo "$1" >&8
	read -r answer <&9 || answer='it is gone'
	echo "$answer"
}

both()
{
	echo "$1 $1"
}

# What a program that starts now gets.
now()
{
	start env
	said=$(say connect)
	quit
	echo "${said% *}"
}

rule 300
is 'compile makes what can be followed' "$(kashim compile | wc -l)" 1
is 'compile: files' "$(cd "$dir/cache" && echo *)" \
    "$name.policy $name.shared $name.shared.lock"
start env
is 'at start' "$(say connect)" "$(both 300)"
rule 301
is 'an edited file' "$(say connect)" "$(both 300)"
kashim compile >/dev/null
is 'a compiled one' "$(say connect)" "$(both 300)"
is 'for a program that starts' "$(now)" 301
quit

start env
is 'started with the compiled one' "$(say connect)" "$(both 301)"
rule 302
is 'reload' "$(kashim reload | tail -n 1)" \
    "$shared: generation 2 is in force"
is 'reloaded' "$(say connect)" "$(both 302)"
is 'reloaded, in a child' "$(say fork)" "$(both 302)"

# What doctor says of it.
doctor()
{
	COLUMNS=200 kashim doctor -c "$conf" "$host" |
	    sed -n "s|^[a-z]* *$conf: ||p"
}
is 'doctor: it follows' "$(doctor)" 'policy generation 2'
printf 'rule r {\n' >"$conf"
said=$(kashim reload)
is 'a bad file: status' "$(kashim reload >/dev/null; echo $?)" 2
is 'a bad file: message' "$(echo "$said" | tail -n 1)" \
    'kashim: programs keep the policy that they have'
is 'a bad file' "$(say connect)" "$(both 302)"
quit

# Written while it is read, as long as before; strace holds the command up there.
rule 303
reading()
{
	grep -q fstat "$dir/reading"
}
strace -qq -o "$dir/reading" -P "$conf" -e trace=%fstat,read \
    -e inject=read:delay_enter=1000000 "$build/kashim" reload \
    >"$dir/said" 2>&1 &
until_true 20 reading
rule 304
wait $!
is 'changed while it is read: status' $? 2
is 'changed while it is read' "$(cat "$dir/said")" \
    "kashim: $conf: it changed while it was read; try again
kashim: programs keep the policy that they have"

while touch "$conf"; do :; done &
toucher=$!
said=$(kashim reload)
is 'changed all the time: status' $? 2
kill $toucher
wait $toucher
is 'changed all the time' "$(echo "$said" | tail -n 1)" \
    'kashim: programs keep the policy that they have'

# Behind the last number comes 1 again. The file is patched for that, with a
# number of the same half.
rule 302
kashim reload >/dev/null
kashim reload >/dev/null
perl -e 'print pack("L2", 4294967294, 4294967294)' |
    dd of="$shared" bs=1 seek=16 conv=notrunc 2>/dev/null
start env
is 'numbers: patched' "$(doctor)" 'policy generation 4294967294'
is 'numbers: the last rule' "$(say connect)" "$(both 302)"
for generation in 1 2 3 4; do
	rule $((302 + generation))
	is "numbers, $generation" "$(kashim reload | tail -n 1)" \
	    "$shared: generation $generation is in force"
	is "numbers, $generation: the rule" "$(say connect)" \
	    "$(both $((302 + generation)))"
done
quit
is 'numbers: a start' "$(now)" 306
rule 302
kashim reload >/dev/null
printf 'rule r {\n' >"$conf"
trace=$dir/messages
: >"$trace"
is 'a bad file, for a program that starts' "$(now)" 302
trace=
is 'a bad file: the log' "$(grep -c 'follow keeps the last good policy: ' \
    "$dir/messages")" 1

start env
rule 301
kashim reload >/dev/null
is 'the way back' "$(say connect)" "$(both 301)"
printf 'rule r { program = "other" idle = 5 }\n' >"$conf"
kashim reload >/dev/null
is 'a policy without a rule for it' "$(say connect)" "$(both "$default")"
rule 303
kashim reload >/dev/null
is 'and with one again' "$(say connect)" "$(both 303)"
printf 'rule r { idle = 304 }\n' >"$conf"
kashim reload >/dev/null
is 'one rule for everything' "$(say connect)" "$(both 304)"
none='rule r { program = "other" idle = 5 }'
# to RULES: reloaded with these.
to()
{
	echo "$1" >"$conf"
	kashim reload >/dev/null
}
to "$none"
is 'one rule for everything, taken away' "$(say connect)" "$(both "$default")"
to 'rule r { port = "1-65535" idle = 304 interval = 44 }'
is 'a rule by port' "$(say connect)" "$(both 304)"
say wait >/dev/null
# The generation that status has for who holds it, and what is in force.
status()
{
	kashim status -c "$conf" --pid "$host" --json | python3 -c '
import json, sys
for connection in json.load(sys.stdin)["connections"]:
	policy = connection["process"]["policy"]
	print(policy["source"], policy["generation"], policy["in_force"])' | sort -u
}
generation=$(kashim reload | sed -n 's/.*generation \([0-9]*\) .*/\1/p')
is 'status: its generation' "$(status)" \
    "published $generation $generation"
to "$none"
is 'a rule by port, taken away, and one waits' "$(say connect)" \
    "$(both "$default")"
is 'a rule by port, taken away' "$(say connect)" "$(both "$default")"
say socket >/dev/null
to 'rule r { idle = 306 }'
is 'a socket from before a rule' "$(say connect)" "$(both 306)"
say socket >/dev/null
to 'rule r { idle = 307 }'
is 'a socket from before another rule' "$(say connect)" "$(both 307)"
say socket >/dev/null
to 'rule r { destination = "127.0.0.0/8" idle = 308 }'
is 'a socket from before a rule by destination' "$(say connect)" "$(both 308)"
to 'rule r { idle = 307 }'
say socket >/dev/null
to "$none"
is 'a socket from before there was none' "$(say connect)" "$(both "$default")"
to 'rule r { source = "127.0.0.0/8" idle = 305 }'
is 'a rule by source' "$(say connect)" "$(both 305)"
rm -f "$conf"
is 'no file: status' "$(kashim reload >/dev/null; echo $?)" 2
is 'no file' "$(say connect)" "$(both 305)"
quit

# The text was read, since it is newer than all else; then it follows.
rule 306
start env
is 'started with the text' "$(say connect)" "$(both 306)"
is 'started with the text: doctor' "$(doctor)" \
    'the text as it was when it started'
kashim reload >/dev/null
rule 307
kashim reload >/dev/null
is 'started with the text, reloaded' "$(say connect)" "$(both 307)"
quit

# A program that is called otherwise than it was started.
echo 'rule r { program = "follow" idle = 309 }' >"$conf"
kashim reload >/dev/null
ln -s "$build/test/follow" "$dir/link"
printf '#!%s/test/follow\n' "$build" >"$dir/script"
chmod 755 "$dir/script"
for program in "$dir/link" "$dir/script"; do
	is "${program##*/}: by the name of its file" "$(now)" 309
done
echo 'rule r { program = { "link", "script" } idle = 308 }' >"$conf"
kashim reload >/dev/null
for program in "$dir/link" "$dir/script"; do
	is "${program##*/}: by its own name" "$(now)" 308
done
program=$build/test/follow

# What takes away all that a policy could be loaded with.
for word in chroot setuid limit seccomp; do
	rule 310
	kashim reload >/dev/null
	start env
	is "$word: before" "$(say connect)" "$(both 310)"
	is "$word" "$(say $word)" 'done'
	rule 311
	kashim reload >/dev/null
	is "$word: reloaded" "$(say connect)" "$(both 311)"
	quit
done

# A reload costs the program no system call.
calls()
{
	sed -n '/getppid/,/getppid/{s/^[0-9]* *//;s/(.*//;s/.*resumed.*//;p;}' \
	    "$dir/trace" | tr '\n' ' '
}
rule 312
kashim reload >/dev/null
start strace -qq -o "$dir/trace"
say connect >/dev/null
before=$(calls)
: >"$dir/trace"
rule 313
kashim reload >/dev/null
# The listener is brought up to date, and some connections by themselves.
i=0
while [ $i -lt 70 ]; do
	say connect >/dev/null
	i=$((i + 1))
done
: >"$dir/trace"
is 'system calls: reloaded' "$(say connect)" "$(both 313)"
is 'system calls' "$(calls)" "$before"
quit

# Two reloads while one hook is at work: group 1 is another one then.
printf 'rule r { program = "follow" source = "127.0.0.0/8" idle = 340 }\n' \
    >"$conf"
kashim reload >/dev/null
# The 7th is what the second connection asks when it has begun.
start strace -qq -o "$dir/trace" -e trace=getsockname \
    -e inject=getsockname:delay_enter=900000:when=7
is 'before a slow hook' "$(say connect)" "$(both 340)"
echo connect >&8
printf 'rule r { program = "other" source = "127.0.0.0/8" idle = 999 }
rule s { source = "127.0.0.0/8" idle = 341 }\n' >"$conf"
kashim reload >/dev/null
kashim reload >/dev/null
read -r answer <&9
is 'overtaken by two reloads' "$answer" "$(both 341)"
quit

rule 313
kashim reload >/dev/null
# The image is copied: whatever is done to it, who runs is not harmed. The
# one that is published keeps its half.
rm -f "$shared"
start env
is 'from a copy' "$(say connect)" "$(both 313)"
: >"$image"
is 'the image cut short' "$(say connect)" "$(both 313)"
head -c 300000 /dev/urandom >"$image"
is 'the image overwritten' "$(say connect)" "$(both 313)"
rm -f "$image"
is 'the image removed' "$(say connect)" "$(both 313)"
rule 314
kashim reload >/dev/null
is 'nothing to follow at start' "$(say connect)" "$(both 313)"
is 'nothing to follow at start: doctor' "$(doctor)" \
    'the compiled policy as it was when it started; it does not follow kashim reload'
quit
is 'nothing to follow, started again' "$(now)" 314

start env
rm -f "$shared"
rule 315
is 'the published file removed' "$(say connect)" "$(both 314)"
kashim reload >/dev/null
is 'the published file removed, reloaded' "$(say connect)" "$(both 314)"
quit
start env
cp "$shared" "$dir/copy"
mv "$dir/copy" "$shared"
rule 316
kashim reload >/dev/null
is 'the published file replaced' "$(say connect)" "$(both 315)"
is 'the published file replaced: doctor' "$(doctor)" \
    'policy generation 1; generation 2 is in force: start it again to follow'
quit

# The numbers of the generation and of what is begun are anything.
start env
printf '\377\377\377\377' | dd of="$shared" bs=1 seek=16 conv=notrunc 2>/dev/null
say connect >/dev/null
printf 'garbage!' | dd of="$shared" bs=1 seek=16 conv=notrunc 2>/dev/null
is 'garbage in it: unharmed' "$(say connect | wc -w)" 2
rule 317
kashim reload >/dev/null
is 'garbage in it, reloaded' "$(say connect)" "$(both 317)"
quit

# Too large for the file that programs have mapped.
start env
i=0
while [ $i -lt 2000 ]; do
	echo "rule r$i { destination = \"10.0.$((i / 250)).$((i % 250))\" }"
	i=$((i + 1))
done >"$dir/many"
{
	cat "$dir/many"
	echo 'rule r { destination = "127.0.0.0/8" idle = 318 }'
} >"$conf"
is 'outgrown: message' "$(kashim reload | tail -n 1)" "kashim: programs that \
were started before keep the policy that they have, until they are started \
again"
is 'outgrown' "$(say connect)" "$(both 317)"
quit
is 'outgrown, started again' "$(now)" 318

# A clock of files that moves in steps: never the old one for the new.
old=0
i=0
while [ $i -lt 20 ]; do
	rule 321
	kashim compile >/dev/null
	rule 322
	[ "$(now)" = 322 ] || old=$((old + 1))
	i=$((i + 1))
done
is 'edited within a tick of the clock' "$old" 0

# What check says, and who starts does not use.
complaint()
{
	kashim check | sed -n 's/.* is not used: //p' | head -n 1
}
rule 330
rm -f "$shared"
is 'check: nothing compiled' "$(rm -f "$image"; complaint)" ''
kashim compile >/dev/null
is 'check: fresh' "$(complaint)" ''
rm -f "$shared"
: >"$dir/good"
cat "$image" >"$dir/good"
check()
{
	is "$1: check" "$(complaint)" "$2"
	is "$1: not used" "$(strace -f -qq -o "$dir/trace" \
	    -E LD_PRELOAD="$build/libkashim.so" "$build/test/calls" connect
	    grep -c 'libkashim-config.so' "$dir/trace")" 1
	cat "$dir/good" >"$image"
	chmod 644 "$image"
	chown 0 "$image"
}
poke()
{
	# shellcheck disable=SC2059 # a byte in octal
	printf "$2" | dd of="$image" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
size=$(wc -c <"$image")
truncate -s $((size - 8)) "$image"
check 'cut short' 'it is cut short; run kashim compile'
: >"$image"
check 'empty' 'it is cut short; run kashim compile'
poke $((size - 9)) '\377'
check 'damaged' 'it is damaged; run kashim compile'
poke 4 '\143'
check 'future' 'it is of another version of kashim; run kashim compile'
printf '%s' "$(head -c 4 "$image" | rev)" |
    dd of="$image" bs=1 conv=notrunc 2>/dev/null
check 'foreign' 'it was made on a machine of another byte order; run kashim compile here'
chmod 666 "$image"
check 'others can write it' \
    'others can write it (mode 0666); chmod go-w would be right'
chown 1234 "$image"
check "somebody's" 'it belongs to user 1234; let root or user 0 own it'
touch -d '1 hour ago' "$conf"
check 'stale' 'the configuration was changed since; run kashim compile'
rule 331
rm -f "$image"
mkdir "$image"
is 'a directory: check' "$(complaint)" \
    'it is not a regular file; remove it and run kashim compile'
rmdir "$image"
kashim reload >/dev/null
chmod 622 "$shared"
is 'published, others can write it: check' "$(complaint)" \
    'others can write it (mode 0622); chmod go-w would be right'
is 'published, others can write it: reload' "$(kashim reload | sed -n 2p)" \
    "kashim: $shared is not trusted: root or you have to own it, and nobody \
else may write it"
rm -f "$image"
is 'published, others can write it: not used' "$(
    strace -f -qq -o "$dir/trace" -E LD_PRELOAD="$build/libkashim.so" \
    "$build/test/calls" connect
    grep -c 'libkashim-config.so' "$dir/trace")" 1
rm -f "$shared"
kashim reload >/dev/null
rule 332
is 'published, stale: check' "$(rm -f "$image"; complaint)" \
    'the configuration was changed since; run kashim reload'
is 'published, stale' "$(now)" 332

# Power failed while one was written: what is left is in nobody's way.
kashim reload >/dev/null
head -c 100 "$image" >"$image.aB3xYz"
head -c 5000 "$shared" >"$shared.aB3xYz"
is 'half-written files' "$(now)" 332
rule 333
is 'half-written files: reload' "$(kashim reload >/dev/null; echo $?)" 0
rm -f "$image.aB3xYz" "$shared.aB3xYz"

# With a fresh image neither the parser nor libconfuse is needed.
mkdir "$dir/alone"
cp "$build/libkashim.so" "$dir/alone"
is 'without the parser' "$(LD_PRELOAD=$dir/alone/libkashim.so strace -qq \
    -o "$dir/trace" "$build/test/calls" connect
    sed -n 's/.*setsockopt(.*TCP_KEEPIDLE, \[\([0-9]*\)\].*/\1/p' "$dir/trace" |
    sort -u)" 333
is 'without the parser: libconfuse' "$(grep -c confuse "$dir/trace")" 0

# No room, and a directory that is read-only; in a mount namespace.
cat >"$dir/mounts" <<-'EOF'
	mkdir "$1/tiny" "$1/etc"
	mount -t tmpfs -o size=16k tmpfs "$1/tiny"
	KASHIM_CACHE=$1/tiny "$2/kashim" reload >/dev/null 2>&1
	echo "no room: $?, $(ls "$1/tiny" | grep -vc '\.policy$\|\.lock$')"
	mount -t tmpfs tmpfs "$1/etc"
	cp "$1/kashim.conf" "$1/etc/kashim.conf"
	mount -o remount,ro "$1/etc"
	export KASHIM_CONFIG="$1/etc/kashim.conf"
	env -u KASHIM_CACHE "$2/kashim" reload 2>&1 | sed "s|$1||"
	"$2/kashim" reload >/dev/null
	echo "with KASHIM_CACHE: $?"
	LD_PRELOAD=$2/libkashim.so strace -qq -o "$1/trace" \
	    "$2/test/calls" connect
	grep -c libkashim-config.so "$1/trace"
EOF
is 'disk full, and read-only' "$(unshare -m sh "$dir/mounts" "$dir" "$build")" \
    "no room: 2, 0
kashim: /etc/kashim.conf.policy cannot be written: Read-only file system
kashim: with KASHIM_CACHE=DIRECTORY in the environment, here and of the \
programs, it goes there
with KASHIM_CACHE: 0
0"

# A published file in a lower layer of an overlay file system, such as an image of
# a container: the first reload has it copied, and whoever mapped it stays behind.
cat >"$dir/layers" <<-'EOF'
	mkdir "$1/overlay" && mount -t tmpfs tmpfs "$1/overlay" &&
		cd "$1/overlay" && mkdir lower upper work merged || exit 2
	KASHIM_CACHE=$1/overlay/lower "$2/kashim" reload >/dev/null
	rm lower/*.policy
	mount -t overlay overlay \
		-o lowerdir=lower,upperdir=upper,workdir=work merged || exit 2
	export KASHIM_CACHE="$1/overlay/merged"
	mkfifo in out
	LD_PRELOAD=$2/libkashim.so "$2/test/follow" <in >out &
	exec 8>in 9<out
	read -r answer <&9
	ask() {
		echo connect >&8 && read -r answer <&9 && echo "$answer"
	}
	reload() {
		"$2/kashim" reload 2>&1 | sed 's|.*shared: ||; /written/d'
	}
	ask
	sed -i s/334/335/ "$KASHIM_CONFIG"
	reload "$@"
	ask
	"$2/kashim" doctor $! | tr -s ' \n' ' ' |
		grep -o 'policy generation.*to follow'
	reload "$@"
	exec 8>&- 9<&-
	wait
EOF
if needs overlay 'a published file in a lower layer'; then
	rule 334
	is 'a lower layer' "$(unshare -m sh "$dir/layers" "$dir" "$build" 2>&1)" \
	    '334 334
generation 2 is in force
kashim: programs that were started before keep the policy that they have, until they are started again
334 334
policy generation 1; generation 2 is in force: start it again to follow
generation 3 is in force'
fi

finish
