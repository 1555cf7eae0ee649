#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs, through apt-get, what is needed to build kashim ("setup.sh build"),
# for the demo ("setup.sh demo") or for all tests ("setup.sh check"), as far as
# it is not there: the tools and headers themselves are looked for, whatever
# they came with. "setup.sh look KIND" installs nothing, and says what is
# missing and how its package is called. The list is in the file "needs";
# $BUILD is the build directory, $CC the compiler. Daemons among the packages
# are not started: the tests start their own. What is installed removes nothing.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=${BUILD:-build}
cc=${CC:-cc}
PATH=$PATH:/usr/sbin:/sbin

look=
[ "${1-}" != look ] || { look=yes && shift; }
case ${1-} in
build) kinds='build' ;;
demo) kinds='build demo' ;;
check) kinds='build demo check' ;;
*)
	echo 'usage: setup.sh [look] build|demo|check' >&2
	exit 2
	;;
esac
mkdir -p "$build" || exit 1
log=$build/setup.log

# version gcc|clang: its major version, or nothing.
version()
{
	"$1" -dumpversion 2>/dev/null | cut -d. -f1
}

# One of several names, each tried by COMMAND.
any_of()
{
	what=$1
	shift
	for name in $(echo "$what" | tr '|' ' '); do
		! "$@" "$name" || return 0
	done
	return 1
}

is_command()
{
	command -v "$1" >/dev/null
}

is_unpacked()
{
	[ -x "$build/unpacked/$1" ]
}

# links COMPILER FLAGS: a program with these flags.
links()
{
	case $2 in
	*fuzzer*) main='int LLVMFuzzerTestOneInput(void) { return 0; }' ;;
	*) main='int main(void) { return 0; }' ;;
	esac
	# shellcheck disable=SC2086 # a compiler and its flags
	echo "#include <stdio.h>
		$main" | $1 $2 -x c -o "$build/setup.try" - 2>/dev/null
}

# have PROBE: it is there.
have()
{
	case $1 in
	compiler) links "$cc" '' ;;
	header:*) echo "#include <${1#*:}>" | $cc -E - >/dev/null 2>&1 ;;
	command:*) any_of "$(versions "${1#*:}")" is_command ;;
	unpacked:*) any_of "${1#*:}" is_unpacked ;;
	library:*) ldconfig -p | grep -qF "	${1#*:} " ;;
	python:*) /usr/bin/python3 -c "import ${1#*:}" 2>/dev/null ;;
	file:*)
		for file in ${1#*:}; do
			[ ! -e "$file" ] || return 0
		done
		return 1
		;;
	link:*)
		flags=${1#*:}
		links "${flags%%:*}" "$(echo "${flags#*:}" | sed 's/,-/ -/g')"
		;;
	*)
		echo "setup.sh: $here/needs: no such probe: $1" >&2
		exit 2
		;;
	esac
}

# versions NAMES: %gcc and %clang replaced.
versions()
{
	case $1 in
	*%gcc*) echo "$1" | sed "s/%gcc/$(version gcc)/" ;;
	*%clang*) echo "$1" | sed "s/%clang/$(version clang)/" ;;
	*) echo "$1" ;;
	esac
}

# missing COLUMN: "PROBE NAMES" for each need that is not met; the names are
# those of that column.
missing()
{
	grep -v '^#' "$here/needs" | while read -r kind probe names; do
		case " $kinds " in
		*" $kind "*) ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086 # the columns
		have "$probe" </dev/null || {
			column=$1
			set -- $names
			shift "$column"
			printf '%s %s\n' "$probe" "$1"
			set -- "$column"
		}
	done
	rm -f "$build/setup.try"
}

# What this system calls its packages: a column of "needs", counted from 0.
like=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' /etc/os-release 2>/dev/null | tr -d '"')
case " $(echo "$like" | tr '\n' ' ') " in
*" fedora "* | *" rhel "*) column=1 system='Fedora and RHEL (with EPEL)' ;;
*" suse "* | *opensuse*) column=2 system=SUSE ;;
*) column=0 system=Debian ;;
esac

# tell WHERE: what is missing, a line each, with the package.
tell()
{
	while read -r probe names; do
		what=${probe#*:}
		case $probe in
		compiler) what="a C compiler ($cc)" ;;
		header:*) what="the header $what" ;;
		library:*) what="the library $what" ;;
		link:*) what="what \"${what%%:*} ${what#*:}\" needs" ;;
		python:*) what="Python's $what" ;;
		esac
		printf '    %-40s %s\n' "$what" "$(echo "$names" |
			sed 's/x=//g; s/,/ /g; s/|/ or /g; s/^-$/(name unknown)/')"
	done
}

list=$build/setup.missing
missing "$column" >"$list"
[ -s "$list" ] || exit 0

if [ -n "$look" ] || ! command -v apt-get >/dev/null; then
	{
		echo "kashim: missing, with the package's name on $system:"
		tell <"$list"
		if command -v apt-get >/dev/null; then
			echo "\"make setup${1%check}\" installs it." |
				sed 's/setupbuild/setup-build/; s/setupdemo/setup/'
		else
			echo 'There is no apt-get here, so nothing is installed' \
				'for you.'
		fi
	} >&2
	exit 1
fi

root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		{
			echo 'kashim: neither root nor sudo; these are missing:'
			tell <"$list"
		} >&2
		exit 1
	fi
	root=sudo
fi

# invoke-rc.d(8) asks this file whether a daemon may be started: 101 is no.
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup()
{
	[ -z "$made_policy" ] || $root rm -f "$policy"
	made_policy=
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null &&
	    made_policy=yes && $root chmod 755 "$policy"
fi

# known NAME: apt has such a package, and not only as a virtual one.
known()
{
	LC_ALL=C apt-cache policy "$1" 2>/dev/null |
		grep -q '^  Candidate: [^(]'
}

# packages: the names behind the needs of standard input.
packages()
{
	while read -r probe names; do
		for either in $(versions "$names" | tr ',' ' '); do
			for name in $(echo "$either" | tr '|' ' '); do
				! known "${name#x=}" || break
			done
			echo "$name"
		done
	done | sort -u
}

# unpack NAME
unpack()
{
	mkdir -p "$build/unpacked" || return 1
	(cd "$build/unpacked" && apt-get download "$1" &&
		dpkg -x "$1"_*.deb . && rm -f "$1"_*.deb)
}

# The names of some hang on the version of a compiler that comes with others:
# so those whose names are known come first.
install()
{
	count=$(wc -l <"$list")
	echo "kashim: installing what is missing ($count); it may take minutes;" \
		"log: $log"
	: >"$log"
	$root apt-get update >>"$log" 2>&1
	for round in first second; do
		missing 0 >"$list"
		[ "$round" = second ] || sed -i '/ .*%/d' "$list"
		names=$(packages <"$list" | grep -v '^x=' | tr '\n' ' ')
		# shellcheck disable=SC2086 # lists of words
		[ -z "${names% }" ] || $root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-remove --no-install-recommends \
			$names >>"$log" 2>&1 || return 1
		for name in $(packages <"$list" | sed -n 's/^x=//p'); do
			unpack "$name" >>"$log" 2>&1 || return 1
		done
	done
}

if ! install; then
	tail -n 20 "$log" >&2
	echo "kashim: apt-get could not install all that is missing; see $log" >&2
	exit 1
fi
missing "$column" >"$list"
if [ -s "$list" ]; then
	echo 'kashim: installed, but still not found:' >&2
	tell <"$list" >&2
	exit 1
fi
