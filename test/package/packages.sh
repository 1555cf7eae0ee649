#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What the script "run" beside this one does, with one tree: KASHIM_TREE. BUILD
# names the build directory.
#
# What stands in single quotes is for the loader, or for another shell.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount
tree=$(cd "${KASHIM_TREE:?}" && pwd -P) || exit 2
place=$build/package/${tree##*/}.test
log=$build/package/${tree##*/}.log

cleanup() {
	systemd_down
	umount -R -l "$place/user" "$place/builder" 2>/dev/null
	rm -rf --one-file-system "$place"
}
begin
# shellcheck source=test/command/systemd.sh
. "$root/test/command/systemd.sh"
SYSTEMD_ROOT=$place/user
# shellcheck source=test/tree.sh
. "$root/test/tree.sh"

# stop WHAT: what follows makes no sense any more.
stop() {
	fail "$1; see $log"
	tail -n 20 "$log"
	finish
	exit 1
}

# inside TREE COMMAND...: runs it there.
inside() {
	tree_run "$@" >>"$log" 2>&1
}

# get TREE PACKAGE...: has them installed there.
get() {
	system_=$1
	shift
	inside "$system_" apt-get install -y --no-install-recommends "$@"
}

# The other word size. An emulator runs its programs, where the machine can't.
other=
[ "$(uname -m)" != x86_64 ] || other=i386
: >"$log"
rm -rf --one-file-system "$place"
mkdir -p "$place" || exit 2
for system in builder user; do
	tree_copy "$tree" "$place/$system" || exit 2
	[ -z "$other" ] ||
		inside "$place/$system" dpkg --add-architecture "$other"
	# A mirror may be of an earlier day.
	inside "$place/$system" apt-get -o Acquire::Check-Valid-Until=false \
		update || stop 'apt-get update'
done

# Builds this version, and a newer one; and for i386, as another word size.

version=$(sed -n 's/^VERSION *:= *//p' "$root/Makefile")
newer=$version+1
arch=$(chroot "$place/user" dpkg --print-architecture)
this="/srv/kashim_${version}_$arch.deb /srv/libkashim_${version}_$arch.deb"
next="/srv/kashim_${newer}_$arch.deb /srv/libkashim_${newer}_$arch.deb"
make --no-print-directory -s -C "$root" BUILD="$work" dist >>"$log" 2>&1 ||
	stop 'make dist'
source=/srv/kashim-$version
tar -x -z -f "$work/kashim-$version.tar.gz" -C "$place/builder/srv" || exit 2

libraries='libconfuse-dev libmnl-dev libelf-dev libjansson-dev libseccomp-dev
	libbpf-dev'
# shellcheck disable=SC2086
get "$place/builder" build-essential debhelper lintian \
	pkg-config check clang $libraries || stop 'what building needs'
holds 'make deb' inside "$place/builder" make -C "$source" deb
debs=$place/builder$source/build/deb
set -- "$debs"/kashim_*.deb "$debs"/libkashim_*.deb
cp "$@" "$work" || stop 'there are no packages'
cp "$@" "$place/user/srv" || exit 2
holds 'lintian finds no error' inside "$place/builder" sh -c \
	'lintian --allow-root --fail-on error "$1"/build/deb/*.changes' sh \
	"$source"
# Places of who runs it are not the package's.
elsewhere=
for name in DESTDIR PREFIX BINDIR LIBDIR MANDIR DOCDIR BASHDIR TMPFILESDIR UNITDIR \
	SYSCONFDIR LOCALSTATEDIR; do
	elsewhere="$elsewhere $name=/srv/other"
done
# shellcheck disable=SC2086 # words
holds 'make deb, again' inside "$place/builder" env \
	DEB_BUILD_OPTIONS=nocheck make -C "$source" $elsewhere deb
for package; do
	holds "${package##*/}: the same bytes again" cmp "$package" \
		"$work/${package##*/}"
done
holds 'make deb, newer' inside "$place/builder" env \
	DEB_BUILD_OPTIONS=nocheck make -C "$source" VERSION="$newer" deb
cp "$debs"/kashim_*.deb "$debs"/libkashim_*.deb "$place/user/srv" || exit 2
holds 'build/test/follow' inside "$place/builder" make -C "$source" \
	build/test/follow
cp "$place/builder$source/build/test/follow" "$place/user/srv" || exit 2

if [ -n "$other" ]; then
	# shellcheck disable=SC2046,SC2086
	get "$place/builder" gcc-i686-linux-gnu libc6-dev:i386 \
		$(printf '%s:i386 ' $libraries) || stop 'what i386 needs'
	holds 'the packages for i386' inside "$place/builder" sh -c '
		cd "$1" && DEB_BUILD_OPTIONS=nocheck DEB_BUILD_PROFILES=nocheck \
			sh tools/package/deb "$2" build -ai386 &&
		i686-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE \
			-DSYS_newfstatat=SYS_fstatat64 -o build/follow32 \
			test/preload/follow.c' sh "$source" "$newer"
	cp "$debs"/libkashim_*_i386.deb "$place/builder$source/build/follow32" \
		"$place/user/srv" || stop 'no package for i386'
	inside "$place/builder" sh -c 'echo "int main(void) { return 0; }" |
		i686-linux-gnu-gcc -static -o /srv/true -x c - && /srv/true' ||
		get "$place/user" qemu-user || stop 'an emulator'
fi
rm -rf --one-file-system "$place/builder"

# A system that has nothing of it yet. It has no network when it runs: what
# the packages need is fetched before.

get "$place/user" systemd || stop 'systemd'
# shellcheck disable=SC2086
get "$place/user" -d $next ${other:+"/srv/libkashim_${newer}_$other.deb"} ||
	stop 'what the packages need'
mount --bind "$SYSTEMD_ROOT" "$SYSTEMD_ROOT" || exit 2
(cd "$SYSTEMD_ROOT" && systemd_furnish) || exit 2
for name in old new; do
	mkfifo "$SYSTEMD_ROOT/srv/in.$name" "$SYSTEMD_ROOT/srv/out.$name"
done
cat >"$SYSTEMD_ROOT/etc/systemd/system/agent@.service" <<-'END'
[Service]
ExecStart=/bin/sh -c 'exec /srv/follow <>/srv/in.%i >/srv/out.%i'
StandardError=append:/srv/errors.%i
END
exec 8<>"$SYSTEMD_ROOT/srv/in.old" 9<>"$SYSTEMD_ROOT/srv/out.old"
exec 6<>"$SYSTEMD_ROOT/srv/in.new" 7<>"$SYSTEMD_ROOT/srv/out.new"
systemd_boot >>"$log" 2>&1 || stop 'systemd does not boot'

# run COMMAND...: in there.
run() {
	systemd_run env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# apt COMMAND...: what it prints is in $work/apt.
apt() {
	run apt-get -y --no-install-recommends "$@" >"$work/apt" 2>&1 </dev/null
	result=$?
	cat "$work/apt" >>"$log"
	return $result
}

# The service agent@NAME, which does what it is told: follow.c.

answer() {
	case $1 in
	old) timeout 20 head -n 1 <&9 ;;
	new) timeout 20 head -n 1 <&7 ;;
	esac
}

# start NAME: starts it anew.
start() {
	holds "$1: starts" run systemctl restart "agent@$1"
	same "$1: has started" "$(answer "$1")" ready
}

# idle NAME: the idle time that a new connection has, on both sides.
idle() {
	case $1 in
	old) echo connect >&8 ;;
	new) echo connect >&6 ;;
	esac
	answer "$1"
}

process() {
	run systemctl show --property MainPID --value "agent@$1"
}

# library NAME: the inode of the library that it has, and if it is gone.
library() {
	run awk '$6 ~ /\/libkashim.so$/ { print $5 ($7 ? " " $7 : ""); exit }' \
		"/proc/$(process "$1")/maps"
}

# rules SECONDS: writes them, and puts them in force.
rules() {
	printf 'rule r { destination = "127.0.0.0/8" idle = %s }\n' "$1" \
		>"$SYSTEMD_ROOT/etc/kashim.conf"
	holds "reload $1" run kashim reload
}

state() {
	run dpkg-query -W -f '${db:Status-Status}' "$1" 2>&1
}

# What belongs to it on the whole system.
ours() {
	(cd "$SYSTEMD_ROOT" && find . -xdev -path ./srv -prune -o \
		-path './var/lib/apt' -prune -o -path ./var/cache/apt -prune -o \
		-path ./proc -prune -o -name '*kashim*' -print | sort)
}

multiarch=/usr/lib/$(uname -m)-linux-gnu
dropin=./etc/systemd/system/agent@.service.d/zz-kashim.conf

start old
same 'without it' "$(idle old)" '7200 7200'

# Installed: what it is, and that no program changes by that alone.

# shellcheck disable=SC2086
holds 'install' apt install $this
same 'it is installed' "$(state kashim)" installed
same 'its version' "$(run kashim --version)" "kashim $version"
quiet 'no file is changed' run dpkg --verify kashim libkashim
quiet 'no configuration is shipped' run sh -c \
	'dpkg-query -W -f "\${Conffiles}" kashim libkashim | grep .; true'
holds 'ldconfig has seen it' run sh -c 'ldconfig -p | grep libkashim.so'
holds 'the pages say where' run sh -c 'zcat /usr/share/man/man7/libkashim.7.gz |
	grep -qF "$1/libkashim.so"' sh "$multiarch"
holds 'tmpfiles.d makes the directory' run sh -c 'rmdir /var/cache/kashim &&
	systemd-tmpfiles --create kashim.conf && test -d /var/cache/kashim'
start old
same 'installed alone' "$(idle old)" '7200 7200'

# Enabled.

rules 300
holds 'enable' run kashim enable agent@
in_file 'for programs of each word size' "$SYSTEMD_ROOT/${dropin#./}" \
	'Environment=LD_PRELOAD=/usr/$LIB/libkashim.so'
run systemctl daemon-reload
start old
same 'enabled' "$(idle old)" '300 300'
first=$(library old)

# Upgraded, while it runs.

running=$(process old)
# shellcheck disable=SC2086
holds 'upgrade' apt install $next
same 'the newer version' "$(run kashim --version)" "kashim $newer"
same 'the service has not been started anew' "$(process old)" "$running"
same 'it goes on' "$(idle old)" '300 300'
same 'with the library that it had' "$(library old)" "$first (deleted)"
rules 400
same 'it follows the new command' "$(idle old)" '400 400'
start new
same 'one that starts' "$(idle new)" '400 400'
same 'has the new library' "$(library new)" \
	"$(run stat -c %i "$multiarch/libkashim.so")"
holds 'which is another one' [ "$(library new)" != "$first" ]

# Both word sizes, by one path.

if [ -n "$other" ]; then
	holds 'install for i386' apt install "/srv/libkashim_${newer}_i386.deb"
	emulator=
	run sh -c 'echo | /srv/follow32' >/dev/null 2>&1 ||
		emulator=qemu-i386
	# shellcheck disable=SC2016
	for program in /srv/follow "$emulator /srv/follow32"; do
		same "$program by one path" "$(run sh -c \
			"echo connect | LD_PRELOAD='/usr/\$LIB/libkashim.so' \
			$program" 2>&1)" 'ready
400 400'
	done
fi

# Removed, and installed again.

run sh -c 'cp /usr/bin/kashim-wrapper /srv/agent &&
	printf "#!/bin/sh\necho \"it runs, \$LD_PRELOAD\"\n" >/srv/agent.real &&
	chmod 755 /srv/agent.real'
same 'a copy of the wrapper' "$(run /srv/agent 2>&1)" \
	"it runs, $multiarch/libkashim.so"
if [ -n "$other" ]; then
	holds "remove that for $other" apt remove "libkashim:$other"
	quiet 'nothing is enabled for that alone' fails grep 'still names' \
		"$work/apt"
fi
holds 'remove' apt remove kashim libkashim
same 'it is removed' "$(state kashim)" config-files
in_file 'it names what is enabled' "$work/apt" "${dropin#.} still names"
in_file 'and what to undo' "$work/apt" 'put the program back: mv PROGRAM.real'
same 'a copy of the wrapper starts its program' "$(run /srv/agent 2>&1)" \
	'it runs, '
same 'what runs, goes on' "$(idle old)" '400 400'
start new
same 'an enabled service starts without it' "$(idle new)" '7200 7200'
in_file 'the loader warns' "$SYSTEMD_ROOT/srv/errors.new" \
	'/libkashim.so'"'"' from LD_PRELOAD cannot be preloaded'
# shellcheck disable=SC2086
holds 'install again' apt install $next
start new
same 'as it was' "$(idle new)" '400 400'

# Purged, while a program has what was published.

holds 'purge' apt purge kashim libkashim ${other:+"libkashim:$other"}
same 'what runs, keeps its rules' "$(idle new)" '400 400'
start new
same 'without it again' "$(idle new)" '7200 7200'
ours >"$work/actual"
printf '%s\n' ./etc/kashim.conf "$dropin" >"$work/expected"
holds 'what was written for it stays, and nothing else' \
	diff -u "$work/expected" "$work/actual"

finish
