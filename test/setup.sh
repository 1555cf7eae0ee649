#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs, through apt-get, what is needed to build kashim ("setup.sh build"),
# for the demo ("setup.sh demo") or for all tests ("setup.sh check"), as far as
# it is not there: the tools and headers themselves are looked for, whatever
# they came with. "setup.sh look KIND" installs nothing, and says what is
# missing and how its package is called; "setup.sh have PROBE..." says nothing,
# and exits with 0 if all of that is there: the tests ask this. The list, and
# what a probe is, are in the file "needs". $BUILD is the build directory; $CC,
# $CPPFLAGS, $CFLAGS and $LDFLAGS are those of make, in its quoting. Daemons
# among the packages are not started, now or at the next boot: the tests start
# their own. What is installed removes nothing.
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
have) kinds= ;;
*)
	echo 'usage: setup.sh [look] build|demo|check, or setup.sh have PROBE...' >&2
	exit 2
	;;
esac
mkdir -p "$build" || exit 1
log=$build/setup.log
try=$build/setup.try.$$

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
	[ -x "$build/unpacked/$1" ] || [ -x "/$1" ]
}

# What is installed under that name may be another build, linked to libraries.
is_static()
{
	[ -x "$build/unpacked/$1" ] || {
		[ -x "/$1" ] && segments=$(readelf -lW "/$1" 2>/dev/null) &&
			! echo "$segments" | grep -q INTERP
	}
}

# A path, which may be a pattern.
is_file()
{
	[ -e "$1" ]
}

# links COMMAND [FLAGS]: it makes a program, with these flags.
links()
{
	case ${2-} in
	*fuzzer*) main='int LLVMFuzzerTestOneInput(void) { return 0; }' ;;
	*) main='int main(void) { return 0; }' ;;
	esac
	echo "#include <stdio.h>
		$main" | eval "$1 ${2-} -x c -o '$try' -" 2>/dev/null
	linked=$?
	rm -f "$try"
	return $linked
}

# have PROBE: it is there.
have()
{
	case $1 in
	compiler) links "$cc ${CPPFLAGS-} ${CFLAGS-} ${LDFLAGS-}" ;;
	header:*)
		echo "#include <${1#*:}>" |
			eval "$cc ${CPPFLAGS-} ${CFLAGS-} -E -" >/dev/null 2>&1
		;;
	command:*) any_of "$(versions "${1#*:}")" is_command ;;
	unpacked:*) any_of "${1#*:}" is_unpacked ;;
	static:*) any_of "${1#*:}" is_static ;;
	file:*) any_of "${1#*:}" is_file ;;
	library:*) ldconfig -p | grep -qF "	${1#*:} " ;;
	python:*) /usr/bin/python3 -c "import ${1#*:}" 2>/dev/null ;;
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

# can_ask PROBE: what it is asked with is there. That is a need of its own, and
# without it nothing is known about the others.
can_ask()
{
	case $1 in
	header:*) with=$cc ;;
	link:*) with=${1#*:} && with=${with%%:*} ;;
	python:*) with=/usr/bin/python3 ;;
	*) return 0 ;;
	esac
	is_command "${with%% *}"
}

# versions NAMES: %gcc and %clang replaced by the major version; without that
# compiler, a name behind "|" that has it goes.
versions()
{
	names=$1
	for compiler in gcc clang; do
		case $names in
		*%$compiler*)
			version=$($compiler -dumpversion 2>/dev/null | cut -d. -f1)
			[ -n "$version" ] || names=$(echo "$names" |
				sed "s/|[^|,]*%${compiler}[^|,]*//g")
			names=$(echo "$names" | sed "s/%$compiler/$version/g")
			;;
		esac
	done
	echo "$names"
}

# missing COLUMN: "PROBE NAMES" for each need that is not met; the names are
# those of that column.
missing()
{
	grep -v '^#' "$here/needs" | while read -r kind probe debian fedora suse; do
		case " $kinds " in
		*" ${kind%@*} "*) ;;
		*) continue ;;
		esac
		case $kind in
		*@"$(uname -m)") ;;
		*@*) continue ;;
		esac
		case $1 in
		fedora) names=$fedora ;;
		suse) names=$suse ;;
		*) names=$debian ;;
		esac
		! can_ask "$probe" || have "$probe" </dev/null ||
			printf '%s %s\n' "$probe" "$names"
	done
}

if [ "$1" = have ]; then
	shift
	for probe; do
		can_ask "$probe" && have "$probe" || exit 1
	done
	exit 0
fi

# Whose names for packages this system has.
like=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' /etc/os-release 2>/dev/null | tr -d '"')
case " $(echo "$like" | tr '\n' ' ') " in
*" fedora "* | *" rhel "*) column=fedora system='Fedora and RHEL (with EPEL)' ;;
*" suse "* | *opensuse*) column=suse system=SUSE ;;
*) column=debian system=Debian ;;
esac

# Of what is missing (standard input), a line each, with the package.
tell()
{
	while read -r probe names; do
		what=$(versions "${probe#*:}")
		case $probe in
		compiler) what="a C compiler ($cc)" ;;
		command:*) what=$(echo "$what" | sed 's/|/ or /g') ;;
		header:*) what="the header $what" ;;
		library:*) what="the library $what" ;;
		unpacked:* | static:* | file:*) what=${what%%|*} && what=${what##*/} ;;
		link:*) what="what \"$(echo "$what" | sed 's/:/ /; s/,-/ -/g')\" needs" ;;
		python:*) what="Python's $what" ;;
		esac
		printf '    %-40s %s\n' "$what" "$(versions "$names" |
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

# invoke-rc.d(8) asks this file whether a daemon may be started: 101 is no. It
# says so as long as this script runs, also if nobody takes it away.
policy=/usr/sbin/policy-rc.d
mark='# made by the setup of kashim'
made_policy=
cleanup()
{
	[ -z "$made_policy" ] || $root rm -f "$policy"
	made_policy=
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
	printf '#!/bin/sh\n%s\n[ ! -d /proc/%s ] || exit 101\n' "$mark" $$ |
	    $root tee "$policy" >/dev/null &&
	    made_policy=yes && $root chmod 755 "$policy"
fi

# known NAME: apt has such a package, and not only as a virtual one.
known()
{
	LC_ALL=C apt-cache policy "$1" 2>/dev/null |
		grep -q '^  Candidate: [^(]'
}

# packages: the names behind the needs of standard input, as far as apt has them.
packages()
{
	while read -r probe names; do
		for either in $(versions "$names" | tr ',' ' '); do
			for name in $(echo "$either" | tr '|' ' '); do
				! known "${name#x=}" || {
					echo "$name"
					break
				}
			done
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

# What starts at the next boot.
enabled()
{
	systemctl --root=/ list-unit-files --type=service,socket --no-legend \
		--state=enabled 2>/dev/null | sed 's/ .*//' | sort
}

# What can only be asked for with a compiler or Python comes behind these.
install()
{
	: >"$log"
	$root apt-get update >>"$log" 2>&1 ||
		echo "kashim: apt-get update failed; see $log" >&2
	for round in first second; do
		missing debian >"$list"
		names=$(packages <"$list" | grep -v '^x=' | tr '\n' ' ')
		echo "$round: $names" >>"$log"
		# shellcheck disable=SC2086 # lists of words
		[ -z "${names% }" ] || $root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-remove --no-install-recommends \
			$names >>"$log" 2>&1 || return 1
		for name in $(packages <"$list" | sed -n 's/^x=//p'); do
			unpack "$name" >>"$log" 2>&1 || return 1
		done
	done
}

echo 'kashim: installing what is missing, which may take minutes; daemons' \
	"among it are not started, nor enabled for the next boot; log: $log"
# Where systemd itself comes with it, it is not what boots this system.
before=$build/setup.enabled
rm -f "$before"
! is_command systemctl || enabled >"$before"
install
installed=$?
[ ! -s "$before" ] || for unit in $(enabled | grep -vxFf "$before"); do
	$root systemctl --root=/ disable "$unit" >>"$log" 2>&1
done
if [ $installed -ne 0 ]; then
	tail -n 20 "$log" >&2
	echo "kashim: apt-get could not install all that is missing; see $log" >&2
	exit 1
fi
missing "$column" >"$list"
if [ -s "$list" ]; then
	echo "kashim: still missing; see $log:" >&2
	tell <"$list" >&2
	exit 1
fi
