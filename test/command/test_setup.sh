#!/bin/sh
# SPDX-License-Identifier: ISC
# What comes before the tests and behind them: setup.sh with a list of needs of
# its own, and an apt-get that only seems to install; what make builds without
# the tools; can.sh; check.sh with parts that do what the case wants; .ci/run.
# /usr/sbin and /etc/os-release are the script's own.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
begin

# All commands that there are: none that setup.sh could take for a package's.
mkdir bin state tree tree/test build tmp
for tool in sh sed grep tr cut sort tail head cat rm mkdir id env printf uname \
	tee chmod dirname as ld touch ln cp; do
	ln -s "$(command -v "$tool")" bin/ 2>/dev/null ||
		ln -s "/usr/bin/$tool" bin/
done
cp "$(command -v ldconfig)" bin/
mount -t tmpfs tmpfs /usr/sbin || exit 2
cp "$root/test/setup.sh" tree/test/

# tool NAME: standard input is that command.
tool() {
	rm -f "$work/bin/$1"
	{
		printf '#!/bin/sh\nstate=%s bin=%s\n' "$work/state" "$work/bin"
		cat
	} >"$work/bin/$1"
	chmod 755 "$work/bin/$1"
}

# compiler NAME: what CC is, for what is in state/NAME.
compiler() {
	echo "exec $(command -v cc)"' "$@"' | tool "$1"
}

# What is known is in state/packages: a file, which is run to install it.
with_apt() {
	tool apt-get <<'END'
	echo "apt-get $*" >>"$state/calls"
	case $1 in
	update) exit "$(cat "$state/update" 2>/dev/null || echo 0)" ;;
	download) echo "$2" >"$2_1_all.deb" ;;
	install)
		[ -x /usr/sbin/policy-rc.d ] || echo 'daemons start' >>"$state/calls"
		for name; do
			case $name in
			install | -*) continue ;;
			esac
			[ -e "$state/packages/$name" ] || {
				echo "E: Unable to locate package $name"
				exit 100
			}
			. "$state/packages/$name" || exit 100
		done
		;;
	esac
END
	tool apt-cache <<'END'
	[ -e "$state/packages/$2" ] || exit 0
	echo "$2:"
	echo '  Candidate: 1'
END
	tool dpkg <<'END'
	mkdir -p usr/sbin && : >usr/sbin/vsftpd && chmod 755 usr/sbin/vsftpd
END
}

# package NAME: what its installation does.
package() {
	cat >"$work/state/packages/$1"
}

# fresh: a Debian with a compiler, where nothing else is installed.
fresh() {
	rm -rf "$work/state" "$work/build" "$work/places"
	mkdir -p "$work/state/packages" "$work/places" "$work/inc dir"
	rm -f "$work/bin/clang" "$work/bin/nc" "$work/bin/llvm-cov-14" \
		"$work/bin/systemctl"
	cp "$work/there.h" "$work/inc dir"
	compiler cc
	with_apt
	echo 'ID=debian' >"$work/os-release"
	package netcat-openbsd <<-'END'
		ln -s /bin/true "$bin/nc"
	END
	package clang <<-'END'
		printf '%s\n' '#!/bin/sh' 'case $* in' \
			'-dumpversion) echo 14.0.6 ;;' \
			"*) [ -e '$state/runtime' ] ;;" 'esac' >"$bin/clang"
		chmod 755 "$bin/clang"
	END
	package libclang-rt-14-dev <<-'END'
		: >"$state/runtime"
	END
	package llvm <<-'END'
		ln -s /bin/true "$bin/llvm-cov-14"
	END
	package vsftpd <<-'END'
		echo 'vsftpd is installed' >>"$state/calls"
	END
	package postgresql <<-END
		mkdir -p "$work/places/17" && : >"$work/places/17/postgres"
		echo postgresql.service enabled >>"\$state/enabled"
	END
}
echo 'int there;' >there.h
: >os-release
mount --bind os-release /etc/os-release || exit 2

cat >tree/test/needs <<END
# KIND PROBE DEBIAN FEDORA SUSE

build compiler gcc,libc6-dev gcc gcc
build header:there.h libthere-dev libthere-devel -
demo command:nc.openbsd|nc netcat-openbsd netcat netcat-openbsd
check command:clang clang clang clang14
check link:clang:-fsanitize=fuzzer,address,-g libclang-rt-dev|libclang-rt-%clang-dev compiler-rt -
check command:llvm-cov|llvm-cov-%clang llvm llvm llvm
check@other link:cc:-fno-such-flag,-m99 gcc-multilib gcc-multilib -
check unpacked:usr/sbin/vsftpd|$work/places/vsftpd x=vsftpd vsftpd vsftpd
check file:/nowhere/postgres|$work/places/*/postgres postgresql postgresql-server -
END
setup() {
	(cd "$work/tree" && exec env -i PATH="$work/bin" BUILD="$work/build" \
		CC=cc CPPFLAGS="${flags-}" sh test/setup.sh "$@")
}
plain() {
	sed "s|$work|WORK|g"
}
calls() {
	cat "$work/state/calls" 2>/dev/null
}
# What everything but the header takes.
flags="-I'$work/inc dir'"
installing='kashim: installing what is missing, which may take minutes; daemons among it are not started, nor enabled for the next boot; log: WORK/build/setup.log'

# Looking

fresh
rm 'inc dir/there.h'
check 'look, no header' 1 setup look build <<'END'
! kashim: missing, with the package's name on Debian:
!     the header there.h                       libthere-dev
! "make setup-build" installs it.
END
cp there.h 'inc dir'
check 'a header that CPPFLAGS lead to' 0 setup look build <<'END'
END
flags=
check 'and without them' 1 setup look build <<'END'
! kashim: missing, with the package's name on Debian:
!     the header there.h                       libthere-dev
! "make setup-build" installs it.
END
flags="-I'$work/inc dir'"
check 'names' 1 setup look check <<'END'
! kashim: missing, with the package's name on Debian:
!     nc.openbsd or nc                         netcat-openbsd
!     clang                                    clang
!     llvm-cov                                 llvm
!     vsftpd                                   vsftpd
!     postgres                                 postgresql
! "make setup" installs it.
END
tool uname <<'END'
echo other
END
check 'a need of another machine' 1 setup look check <<'END'
! kashim: missing, with the package's name on Debian:
!     nc.openbsd or nc                         netcat-openbsd
!     clang                                    clang
!     llvm-cov                                 llvm
!     what "cc -fno-such-flag -m99" needs      gcc-multilib
!     vsftpd                                   vsftpd
!     postgres                                 postgresql
! "make setup" installs it.
END
rm bin/uname
ln -s "$(command -v uname)" bin/
rm bin/cc
check 'no compiler: it alone' 1 setup look build <<'END'
! kashim: missing, with the package's name on Debian:
!     a C compiler (cc)                        gcc libc6-dev
! "make setup-build" installs it.
END
check 'no compiler: nothing is known' 1 setup have header:there.h </dev/null
compiler cc
check 'have' 0 setup have compiler header:there.h 'link:cc -O1:' </dev/null
check 'have not' 1 setup have compiler header:gone.h </dev/null
check 'no such flag' 1 setup have 'link:cc:-fno-such-flag' </dev/null
same 'a look installs nothing' "$(calls)" ''

# Installing

check 'all of it' 0 setup check <<END
$installing
END
same 'all of it: in two rounds, the second with the version' "$(calls)" \
'apt-get update
apt-get install -y --no-remove --no-install-recommends clang llvm netcat-openbsd postgresql
apt-get download vsftpd
apt-get install -y --no-remove --no-install-recommends libclang-rt-14-dev'
holds 'daemons may start again' test ! -e /usr/sbin/policy-rc.d
rm state/calls
check 'nothing missing' 0 setup check <<'END'
END
same 'nothing missing, nothing called' "$(calls)" ''

fresh
rm state/packages/netcat-openbsd
check 'a name that apt does not know' 1 setup check <<END
! kashim: still missing; see WORK/build/setup.log:
!     nc.openbsd or nc                         netcat-openbsd
$installing
END
holds 'the rest is installed' test -e places/17/postgres
holds 'the rest of the second round' test -e state/runtime

fresh
rm state/packages/libclang-rt-14-dev state/packages/llvm
check 'the real names of what has a version' 1 setup check <<END
! kashim: still missing; see WORK/build/setup.log:
!     what "clang -fsanitize=fuzzer,address -g" needs libclang-rt-dev or libclang-rt-14-dev
!     llvm-cov or llvm-cov-14                  llvm
$installing
END

fresh
echo 'echo "E: it conflicts"; false' | package postgresql
check 'apt-get fails' 1 setup check <<END
! first: clang llvm netcat-openbsd postgresql 
! E: it conflicts
! kashim: apt-get could not install all that is missing; see WORK/build/setup.log
$installing
END
holds 'apt-get fails: daemons may start again' test ! -e /usr/sbin/policy-rc.d

fresh
echo 100 >state/update
check 'no network' 0 setup check <<END
! kashim: apt-get update failed; see WORK/build/setup.log
$installing
END

fresh
rm bin/cc
package gcc <<END
cp '$work/cc' "\$bin/cc"
END
printf '#!/bin/sh\nexec %s "$@"\n' "$(command -v cc)" >cc && chmod 755 cc
: | package libc6-dev
rm 'inc dir/there.h'
package libthere-dev <<END
cp '$work/there.h' '$work/inc dir/'
END
check 'without a compiler' 0 setup build <<END
$installing
END
same 'without a compiler: what is asked with it comes behind it' "$(calls |
	grep -o '[^ ]*$' | tr '\n' ' ')" 'update libc6-dev libthere-dev '

# Daemons: those that came now are not enabled; what was, is.

fresh
echo 'ssh.service enabled' >state/enabled
tool systemctl <<'END'
case $2 in
list-unit-files) cat "$state/enabled" ;;
disable) sed -i "/^$3 /d" "$state/enabled" ;;
esac
END
ln -sf "$(command -v sed)" bin/sed
setup check >/dev/null
same 'what was enabled before' "$(cat state/enabled)" 'ssh.service enabled'

# Rights

fresh
tool id <<'END'
echo 1000
END
check 'neither root nor sudo' 1 setup demo <<'END'
! kashim: neither root nor sudo; these are missing:
!     nc.openbsd or nc                         netcat-openbsd
END
tool sudo <<'END'
echo "sudo $1" >>"$state/sudo"
exec "$@"
END
check 'by sudo' 0 setup demo <<END
$installing
END
same 'by sudo' "$(sort -u state/sudo | tr '\n' ' ')" \
	'sudo apt-get sudo chmod sudo env sudo rm sudo tee '
rm bin/id bin/sudo
ln -s "$(command -v id)" bin/

# Other systems

fresh
rm bin/apt-get
for system in 'fedora Fedora and RHEL (with EPEL)' \
	'centos|ID_LIKE="rhel fedora" Fedora and RHEL (with EPEL)'; do
	printf 'ID=%s\n' "${system%% [FR]*}" | tr '|' '\n' >os-release
	check "without apt, ${system%% *}" 1 setup check <<'END'
! kashim: missing, with the package's name on Fedora and RHEL (with EPEL):
!     nc.openbsd or nc                         netcat
!     clang                                    clang
!     llvm-cov                                 llvm
!     vsftpd                                   vsftpd
!     postgres                                 postgresql-server
! There is no apt-get here, so nothing is installed for you.
END
done
echo 'ID="opensuse-leap"' >os-release
touch places/vsftpd && chmod 755 places/vsftpd
check 'without apt, SUSE, and vsftpd is installed' 1 setup look check <<'END'
! kashim: missing, with the package's name on SUSE:
!     nc.openbsd or nc                         netcat-openbsd
!     clang                                    clang14
!     llvm-cov                                 llvm
!     postgres                                 (name unknown)
! There is no apt-get here, so nothing is installed for you.
END

# The real list: each line has all its columns, and a probe that there is.

kind='(build|demo|check)(@[a-z0-9_]+)?'
probe='(compiler|(header|command|unpacked|static|library|python|file|link):[^ ]+)'
same 'needs: columns' \
	"$(grep -vE "^(#.*|$kind $probe( +[^ ]+){3})?\$" "$root/test/needs")" ''

# What make does without the tools

mkdir -p order/test/unit order/test/fuzz order/lib/base order/conf
cp "$root/Makefile" order/
cp "$root/test/rules.mk" order/test/
cp "$root/lib/base/libc.h" order/lib/base/
: >order/test/unit/test_one.c
: >order/test/unit/test_two.c
: >order/test/fuzz/fuzz_one.c
cat >order/test/setup.sh <<'END'
sleep 0.3
echo "setup $*"
END
cat >order/test/check.sh <<'END'
echo check
END
order() {
	MAKEFLAGS='' make --no-print-directory -C "$work/order" "$@"
}
check 'make -j setup check: one after the other' 0 order -j2 setup check <<'END'
setup check
check
END
check 'no Check' 0 order -o all SETUP=false unit <<'END'
skipped: unit test_one: no Check or no pkg-config
skipped: unit test_two: no Check or no pkg-config
all: 0 passed, 0 failed, 2 skipped
END
check 'no libFuzzer' 0 order -o all SETUP=false fuzz <<'END'
skipped: fuzz fuzz_one: no clang with libFuzzer
all: 0 passed, 0 failed, 1 skipped
END
check 'no sanitizer' 0 order CC=cc SETUP=false asan <<'END'
skipped: asan unit: cc has no such sanitizer
skipped: asan programs: cc has no such sanitizer
all: 0 passed, 0 failed, 2 skipped
END
mkdir -p order/test/e2e order/test/preload
for source in e2e/watch preload/hostile_plain preload/ways; do
	echo 'int main(void) { return 0; }' >"order/test/$source.c"
done
for target in watch plain_clang_asan ways_static32; do
	holds "no tools for $target" order SETUP=false "build/test/$target"
	holds "no tools for $target: not built" test ! -e \
		"order/build/test/$target"
done
holds 'tools for plain_now' order SETUP=true build/test/plain_now
holds 'tools for plain_now: built' test -x order/build/test/plain_now

# What this machine can do

can() {
	env PATH="$work/bin" TMPDIR="${tmp-$work/tmp}" sh "$root/test/can.sh" "$@"
}
rm -f bin/strace
ln -s "$(command -v mktemp)" "$(command -v truncate)" bin/
check 'can: no strace' 2 can ptrace <<'END'
not tried: takes strace
END
check 'can: no losetup' 2 can loop-devices <<'END'
not tried: takes losetup
END
tool strace <<'END'
echo 'strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted' >&2
exit 1
END
check 'can: refused' 1 can ptrace <<'END'
no program can be traced (strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted)
END
echo 'exit 0' | tool strace
check 'can' 0 can ptrace </dev/null
check 'can: no such name' 3 can nothing <<'END'
! usage: can.sh NAME, one of those in the source
END
tool id <<'END'
echo 1000
END
check 'can: not root' 2 can namespaces <<'END'
not tried: takes root
END
rm bin/id
ln -s "$(command -v id)" bin/
mkdir noexec
mount -t tmpfs -o noexec tmpfs noexec || exit 2
tmp=$work/noexec
check 'can: nothing can be run' 2 can 32-bit <<'END'
not tried: nothing can be run in WORK/noexec
END
unset tmp
grep -v '^#' "$root/.ci/cannot" >names
while read -r name; do
	can "$name" >/dev/null 2>&1
	holds ".ci/cannot: $name is known" test $? -lt 3
done <names

# What a script makes of it

mkdir -p scripts/test/some
cp "$root/test/lib.sh" scripts/test/
cp "$root/test/setup.sh" "$root/test/needs" scripts/test/
cat >scripts/test/can.sh <<'END'
case $1 in
yes) exit 0 ;;
no) echo 'it has none' && exit 1 ;;
untried) echo 'not tried: takes root' && exit 2 ;;
*) exit 3 ;;
esac
END
# script: standard input, behind lib.sh.
script() {
	{
		echo ". '$work/scripts/test/lib.sh'"
		cat
	} >"$work/scripts/test/some/test.sh"
}
run_script() {
	sh "$work/scripts/test/some/test.sh" "$work/build"
}
mkdir -p build
script <<'END'
begin
needs yes one && pass
needs no two && pass
needs untried three && pass
found compiler four && pass
found command:no-such-command five && pass
finish
END
check 'needs and found' 0 run_script <<'END'
cannot run here: no: two: it has none
skipped: three: untried: not tried: takes root
skipped: five: no no-such-command
2 passed, 0 failed, 2 skipped
END
for answer in no untried; do
	script <<END
all_needs $answer
begin
finish
END
	if [ $answer = no ]; then
		echo 'cannot run here: no: test.sh: it has none'
		echo '0 passed, 0 failed, 0 skipped'
	else
		echo 'skipped: test.sh: untried: not tried: takes root'
		echo '0 passed, 0 failed, 1 skipped'
	fi >wanted
	check "all_needs $answer" 0 run_script <wanted
done
script <<'END'
begin
needs no-such-name one
finish
END
check 'needs what there is not' 2 run_script </dev/null

# check.sh: the last argument is the part.

cat >parts.make <<'END'
#!/bin/sh
for part; do :; done
case $part in
good) echo 'all: 2 passed, 0 failed, 0 skipped' ;;
bad) echo 'all: 1 passed, 2 failed, 1 skipped'; exit 1 ;;
two)
	echo 'cannot run here: 32-bit: this: it does not'
	echo 'all: 1 passed, 0 failed, 0 skipped'
	echo 'all: 2 passed, 0 failed, 3 skipped'
	;;
silent) ;;
broken) echo 'all: 4 passed, 0 failed, 0 skipped'; exit 2 ;;
killed) echo 'all: 4 passed, 0 failed, 0 skipped'; kill -9 $PPID; exit 1 ;;
harmful)
	mkdir -p /var/cache/kashim && : >/var/cache/kashim/left
	echo 'all: 1 passed, 0 failed, 0 skipped'
	;;
*) echo 'all: 1 passed, 0 failed, 0 skipped' ;;
esac
END
chmod 755 parts.make
# Of what it prints, the table and what stands below it.
# shellcheck disable=SC2120
parts() {
	MAKE="$work/parts.make" sh "$root/test/check.sh" "$work/checked" "$@" \
		>"$work/parts.out" 2>&1
	status=$?
	sed -n '/^not ok/p; /^part /,$p' "$work/parts.out" |
		sed 's/ *[0-9]* s$//; s/  */ /g'
	return $status
}
check 'check: good' 0 parts good two <<'END'
part passed failed skipped cannot run here time
good 2 0 0 0
two 3 0 3 1
machine 1 0 0 0
cannot run here: 32-bit: this: it does not
6 passed, 0 failed, 3 skipped
END
check 'check: one fails, and the others run' 1 parts bad good <<'END'
part passed failed skipped cannot run here time
bad 1 2 1 0
good 2 0 0 0
machine 1 0 0 0
bad failed: see WORK/checked/check/bad.log
4 passed, 2 failed, 1 skipped
END
check 'check: no sums, a status, and killed' 1 parts silent broken killed good <<'END'
part passed failed skipped cannot run here time
silent 0 1 0 0
broken 4 1 0 0
killed 4 1 0 0
good 2 0 0 0
machine 1 0 0 0
silent failed: see WORK/checked/check/silent.log
broken failed: see WORK/checked/check/broken.log
killed failed: see WORK/checked/check/killed.log
11 passed, 3 failed, 0 skipped
END
check 'check: the machine is not as before' 1 parts harmful <<'END'
not ok: /etc or /var/cache/kashim is not as before
part passed failed skipped cannot run here time
harmful 1 0 0 0
machine 0 1 0 0
1 passed, 1 failed, 0 skipped
END
# shellcheck disable=SC2119
same 'check: all parts' "$(parts | sed -n '2,/^machine/s/ .*//p' |
	tr '\n' ' ')" \
	'audit unit preload command e2e lint fuzz asan ubsan tsan builds machine '

# .ci/run, where "make setup check" says what the case wants

mkdir -p ci/.ci ci/test
cp "$root/.ci/run" ci/.ci/
printf '# names\nbelieved\n' >ci/.ci/cannot
cat >ci/Makefile <<'END'
setup:
check:
	@cat said
	@exit $$(cat status)
END
cat >ci/test/can.sh <<'END'
cat "$(dirname "$0")/../answer.said"
exit "$(cat "$(dirname "$0")/../answer")"
END
# ci WHAT STATUS SAID MAKE'S-STATUS ANSWER LAST-LINE: can.sh exits with ANSWER.
ci() {
	printf '%s\n' "$3" >ci/said
	echo "$4" >ci/status
	echo "$5" >ci/answer
	echo 'as it was tried' >ci/answer.said
	MAKEFLAGS='' sh ci/.ci/run >out 2>&1
	same ".ci/run: $1" "$?, $(tail -n 1 out)" "$2, $6"
}
sums='9 passed, 0 failed, 0 skipped'
ci 'good' 0 "$sums" 0 0 'make setup check ended with status 0'
ci 'make fails' 1 "$sums" 1 0 'make setup check ended with status 2'
ci 'a skip' 1 '9 passed, 0 failed, 1 skipped' 0 0 \
	'a skipped test is a failure here'
ci 'ten skips' 1 '9 passed, 0 failed, 10 skipped' 0 0 \
	'a skipped test is a failure here'
ci 'cannot, and it is so' 0 "cannot run here: believed: this: why
$sums" 0 1 'believed: as it was tried'
ci 'cannot, and it can' 1 "cannot run here: believed: this: why
$sums" 0 0 'believed: it was said that this cannot run here, and it can'
ci 'cannot, and it was not tried' 1 "cannot run here: believed: this: why
$sums" 0 2 'believed: it was said that this cannot run here; as it was tried'
ci 'cannot, for a reason that does not count' 1 \
	"cannot run here: others: this: why
$sums" 0 1 'others: not a reason that counts here'
ci 'two reasons, the first bad' 1 "cannot run here: a: this: why
cannot run here: believed: this: why
$sums" 0 1 'believed: as it was tried'

finish
