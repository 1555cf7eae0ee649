#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim enable --host and disable --host: /etc/ld.so.preload as every program
# of a system really has it, in a mount namespace where /etc, /usr and /var are
# this machine's with a layer of our own on top. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs overlay
apart --mount --net
begin
export LC_ALL=C
ip link set lo up || exit 2
mkdir layers && mount -t tmpfs tmpfs layers || exit 2
for dir in etc usr; do
	mkdir -p "layers/$dir/new" "layers/$dir/work" &&
		mount -t overlay overlay -o "lowerdir=/$dir,upperdir=layers/$dir/new,workdir=layers/$dir/work" \
			"/$dir" || exit 2
done
usr=/usr/lib/$(gcc -print-multiarch)
file=/etc/ld.so.preload
rm -f "$file" /etc/kashim.conf*
# The loaders of this machine's own programs, and of no others.
rm -f /usr/lib32/ld-* /usr/libx32/ld* /lib/ld-linux.so.2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" "$usr" ||
	exit 2
kashim=$usr/kashim
chmod 755 "$work"

cc -o host "$here/says_idle.c" && cp host setuid && chmod 4755 setuid || exit 2
mount -o remount,suid "$work"

# run STATUS COMMAND...: its status and what it says, in out.
run() {
	status=$1
	shift
	"$@" >out 2>&1
	same "$*: status" $? "$status"
}
enabled() {
	run "$1" "$kashim" enable --host
	sed -i 's/^kashim: //' out
}
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
# All the ways to start it.
started() {
	{
		as_nobody ./host
		as_nobody ./setuid
		env -i ./host
		su -s /bin/sh -c ./host nobody
	} </dev/null | cut -d ' ' -f 1,3
}
without='0 plain
0 secure
0 plain
0 plain'
with='77 plain
77 secure
77 plain
77 plain'

# Nothing is written where a program would complain.
enabled 1
in_file 'no configuration' out 'every program would run without a policy'
echo 'rule all { idle = 77 }' >/etc/kashim.conf
chmod 600 /etc/kashim.conf
enabled 1
in_file 'policy that not every user may read' out \
	'every program would run without a policy'
chmod 644 /etc/kashim.conf
chmod 666 "$usr/libkashim.so"
enabled 1
in_file 'writable by others' out "$usr/libkashim.so: others than root may write"
chmod 600 "$usr/libkashim.so"
enabled 1
in_file 'not for every user' out "$usr/libkashim.so: not every user may read"
chmod 644 "$usr/libkashim.so"
mv "$usr/libkashim.so" whole.so
head -c 20000 whole.so >"$usr/libkashim.so"
enabled 1
in_file 'cut short' out 'is cut short'
# Whole by its headers, and nothing but zeros behind them.
{
	head -c 8192 whole.so
	tail -c +8193 whole.so | tr '\0-\377' '\0'
} >"$usr/libkashim.so"
enabled 1
in_file 'damaged' out "nothing is written: /bin/sh fails with it"
cp whole.so "$usr/libkashim.so"
same 'nothing is written' "$(ls "$file" 2>&1)" \
	"ls: cannot access '$file': No such file or directory"
same 'without' "$(started 2>&1)" "$without"
run 1 as_nobody "$kashim" doctor ./setuid
run 2 "$kashim" enable --host a.service
run 2 "$kashim" enable --host --config=/etc/kashim.conf
run 0 "$kashim" disable --host
same 'disable: nothing there' "$(cat out)" \
	"$file does not hold libkashim.so"

# As it should be.
# shellcheck disable=SC2016 # the loader's own
entry='/usr/$LIB/libkashim.so'
run 0 "$kashim" enable --host --dry-run
same 'dry run' "$(cat out)" "kashim: warning: no policy is published, so every \
program would read the text when it starts: 'kashim reload' publishes it
kashim: $file would hold:
$entry"
same 'dry run: nothing is written' "$(started 2>&1)" "$without"
"$kashim" reload >out 2>&1 || fail 'reload' out
enabled 0
same 'enabled' "$(cat out)" "$file: written
Every program that starts from now on has the library, also a setuid one.
To undo it: kashim disable --host"
same 'with' "$(started 2>&1)" "$with"
run 0 as_nobody "$kashim" doctor ./setuid
in_file 'doctor: setuid' out "./setuid: the preload takes effect"
in_file 'doctor: by what' out "$file holds $entry: every program has it"
if found command:musl-gcc 'musl'; then
	echo 'int main(void) { return 0; }' >main.c
	musl-gcc -o musl main.c || exit 2
	run 1 "$kashim" doctor ./musl
	in_file 'doctor: musl' out "whose loader does not read $file"
fi
enabled 0
same 'again' "$(cat out)" "$file: is so already, by $entry"
run 0 "$kashim" disable --host
same 'disabled' "$(cat out)" "$file: removed
Programs that run keep it until they are started again."
same 'without, again' "$(started 2>&1)" "$without"

# What is in the file already stays, to the byte.
libm=$(find /lib/ /usr/lib/ -name libm.so.6 | head -n 1)
printf '# here since 2019\n\n%s' "$libm" >"$file"
cp "$file" before
enabled 0
same 'with others' "$(started 2>&1)" "$with"
same 'with others: the file' "$(cat "$file")" "$(cat before)
$entry"
run 0 "$kashim" disable --host
same 'with others: the file as before' "$(cat "$file")" "$(cat before)"
# One that is wrong already, and is not ours, is no reason.
{
	echo /none.so >"$file"
	enabled 0
	in_file 'beside a wrong one' out "$file: written"
	run 0 "$kashim" disable --host
	rm "$file"
} 2>/dev/null
ln -s before "$file"
enabled 1
same 'a link' "$(cat out)" "$file is not ours and stays as it is"
rm "$file"

# A loader of another word size, which has to find a library, too. Its own is
# found by what it is, not started.
if found 'link:gcc:-m32,-static' 'a 32-bit library'; then
	echo 'int main(void) { return 0; }' >main.c
	mkdir -p /usr/lib32 &&
		gcc -m32 -shared -nostdlib -o /usr/lib32/ld-linux.so.2 -x c /dev/null ||
		exit 2
	ls -ld /lib32 >/dev/null 2>&1 || ln -s usr/lib32 /lib32
	enabled 1
	in_file '32-bit: none' out 'programs of i386 (/lib32/ld-linux.so.2) would complain of it at each start'
	same '32-bit: nothing is written' "$(started 2>&1)" "$without"
	mkdir -p /usr/lib
	gcc -m32 -shared -nostdlib -o /usr/lib/libkashim.so -x c /dev/null || exit 2
	enabled 0
	same '32-bit: both' "$(started 2>&1)" "$with"
	run 0 "$kashim" disable --host
	rm /usr/lib32/ld-linux.so.2
fi

# While it is written and taken away, no program finds half of it.
(
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$kashim" enable --host && "$kashim" disable --host
	done
) >/dev/null 2>&1 &
changing=$!
starts=0
while kill -0 "$changing" 2>/dev/null && [ "$starts" -lt 5000 ]; do
	/bin/true
	starts=$((starts + 1))
done 2>complaints
wait "$changing"
holds 'many starts' test "$starts" -gt 20
same 'no program complains' "$(cat complaints)" ''

# An image.
loader=$(readelf -lW host | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p image/etc "image${loader%/*}" && cp "$loader" "image$loader" || exit 2
run 1 "$kashim" enable --host --root=image
same 'image: nothing is written' "$(ls image/etc)" ''
libdir=$(sed -n 's/.*there is no image\(.*\), and programs.*/\1/p' out)
mkdir -p "image${libdir%/*}" && cp "$build/libkashim.so" "image$libdir" || exit 2
run 1 "$kashim" enable --host --root=image
in_file 'image: no C library' out "image$libdir asks for can't be told"
libc=$(c_library ./host)
mkdir -p "image${libc%/*}" && cp "$libc" "image$libc" || exit 2
run 0 "$kashim" enable --host --root=image
same 'image: the file' "$(cat image/etc/ld.so.preload)" "$libdir"
same 'image: this system has none' "$(started 2>&1)" "$without"
run 0 "$kashim" disable --host --root=image
same 'image: as before' "$(ls image/etc)" ''
finish
