#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: a shared object whose only reference to a symbol of GLIBC_2.34 is weak
# runs with an older C library, and finds NULL there. ELF has a flag for that:
# VER_FLG_WEAK of an entry in .gnu.version_r says that all references to the
# version are weak, and glibc's loader honours it.
#
# Really: neither of the two linkers of binutils sets the flag (lld 14 does not,
# either). The version counts as needed, and an older loader ends the program
# although it could do without the function.
#
# Seen with binutils 2.40-2 (Debian 12) against the C library of Debian 12, and
# the loader of libc6 2.31-13+deb11u11 (Debian 11):
#   bfd: dlsym WEAK, GLIBC_2.34 Flags: none
#   gold: dlsym WEAK, GLIBC_2.34 Flags: none
#   glibc 2.31: version `GLIBC_2.34' not found (required by ./weak.so)
#
# Why it matters: a preload library that is built on a new release and uses a
# newer function only if it is there still ends every program on an older one.
# Give the reference the oldest version by .symver, or look it up. Needs gcc and
# apt-get with a mirror of Debian.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
chmod 755 .
# shellcheck disable=SC2016 # for apt-get
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
	grep '/debian/*$' | head -n 1)

# apt SUITE ARGUMENT...: apt-get with the packages of that release
apt()
{
	of=$1
	shift
	apt-get -qq -o Dir::Etc::SourceList="$dir/$of.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/$of.lists" -o Dir::Cache="$dir/$of.cache" \
		-o Acquire::Check-Valid-Until=false "$@"
}

# fetch SUITE PACKAGE=VERSION...: unpacked in SUITE
fetch()
{
	suite=$1
	shift
	mkdir -p "$suite" "$suite.lists/partial" "$suite.cache/archives/partial"
	echo "deb $uri $suite main" >"$suite.list"
	(cd "$suite" && apt "$suite" update && apt "$suite" download "$@" &&
		for file in *.deb; do dpkg -x "$file" .; done) >log 2>&1 || {
		cat log >&2
		exit 1
	}
}
fetch bookworm binutils-x86-64-linux-gnu=2.40-2 libbinutils=2.40-2 \
	libctf0=2.40-2 libctf-nobfd0=2.40-2 libgprofng0=2.40-2 \
	libc6=2.36-9+deb12u14
fetch bullseye libc6=2.31-13+deb11u11

libc=$(find "$dir/bookworm" -name libc.so.6 | head -n 1)
LD_LIBRARY_PATH=$dir/bookworm/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
cat >weak.c <<'END'
extern void *dlsym(void *, const char *) __attribute__((weak));
int has_it(void) { return dlsym != 0; }
END
gcc -c -fPIC -o weak.o weak.c
status=0
for linker in bfd gold; do
	"bookworm/usr/bin/x86_64-linux-gnu-ld.$linker" -shared \
		-o weak.$linker weak.o "$libc"
	seen="$(readelf -W --dyn-syms weak.$linker |
		grep -o 'WEAK.*dlsym' | sed 's/ .*//'), $(
		readelf -VW weak.$linker |
			sed -n 's/.*Name: \(GLIBC_2.34\)  \(Flags: [^ ]*\).*/\1 \2/p')"
	echo "$linker: dlsym $seen"
	[ "$seen" = 'WEAK, GLIBC_2.34 Flags: none' ] || status=1
done
unset LD_LIBRARY_PATH

# A program that asks for nothing.
# shellcheck disable=SC2016 # registers
echo 'void _start(void) { __asm__("mov $60,%eax; xor %edi,%edi; syscall"); }' |
	gcc -nostdlib -pie -fPIE -o program -x c -
mv weak.bfd weak.so
old=$(find bullseye -name 'ld-2.31.so' | head -n 1)
said=$(timeout 10 "$old" --library-path "$(dirname "$old")" \
	--preload ./weak.so ./program 2>&1) || :
echo "glibc 2.31: $(echo "$said" | grep -o "version .*not found.*")"
case $said in
*"GLIBC_2.34' not found"*) exit $status ;;
esac
exit 1
