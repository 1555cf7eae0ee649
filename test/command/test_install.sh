#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What "make install" puts where, used at its place by another user: below
# /opt/kashim and below the default prefix, in a mount namespace in which that
# is there. Then "make uninstall", also under a program that follows what is
# published. And "make dist". BUILD names the build directory.
#
# What stands in single quotes is for the shell that is started.
# shellcheck disable=SC2016
# shellcheck disable=SC2086 # words
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
ip link set lo up
cleanup() {
	cd / && umount --lazy /usr/local /opt /var/cache 2>/dev/null
}
begin
# Not those of a make that runs this.
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX BINDIR LIBDIR MANDIR DOCDIR \
	BASHDIR TMPFILESDIR UNITDIR SYSCONFDIR LOCALSTATEDIR
unset XDG_DATA_DIRS
export LC_ALL=C

# actual WHAT: standard input is what is in $work/actual.
actual() {
	cat >"$work/expected"
	holds "$1" diff -u "$work/expected" "$work/actual"
}

make_it() {
	make --no-print-directory -C "$root" BUILD="$work/build" CFLAGS=-O0 \
		DESTDIR="$work/dest" "$@"
}

# What is used is found: each file once, with its mode. $1 is the prefix.
files() {
	holds "$1: all files" test -d "$work/dest$1"
	(cd "$work/dest" && find . ! -type d -printf '%m /%P\n') |
		sed "s|$1/||; s|/usr/local/lib/\([ts]\)|lib/\1|" |
		grep -v ' share/doc/kashim/' | sort -k 2 >"$work/actual"
	actual "$1: all files" <<-'END'
	755 bin/kashim
	755 bin/kashim-wrapper
	755 lib/libkashim-config.so
	755 lib/libkashim.so
	644 lib/systemd/system/kashim-apply.service
	644 lib/systemd/system/kashim-apply.timer
	644 lib/systemd/system/kashim-attach@.service
	644 lib/systemd/system/kashim-metrics.service
	644 lib/systemd/system/kashim-metrics.timer
	644 lib/tmpfiles.d/kashim.conf
	644 share/bash-completion/completions/kashim
	644 share/man/man1/kashim-apply.1
	644 share/man/man1/kashim-attach.1
	644 share/man/man1/kashim-check.1
	644 share/man/man1/kashim-compile.1
	644 share/man/man1/kashim-detach.1
	644 share/man/man1/kashim-disable.1
	644 share/man/man1/kashim-doctor.1
	644 share/man/man1/kashim-enable.1
	644 share/man/man1/kashim-match.1
	644 share/man/man1/kashim-probe.1
	644 share/man/man1/kashim-reload.1
	644 share/man/man1/kashim-run.1
	644 share/man/man1/kashim-status.1
	644 share/man/man1/kashim.1
	644 share/man/man5/kashim.conf.5
	644 share/man/man7/libkashim.7
	644 share/man/man8/kashim-wrapper.8
	END
	(cd "$work/dest$1/share/doc/kashim" && find . ! -type d \
		-printf '%m %P\n' | sort -k 2) >"$work/actual"
	{
		printf '644 %s\n' COPYING FLEET NEWS README SECURITY \
			kashim-status.schema.json
		(cd "$root/conf" && find . -type f -printf '644 examples/%P\n')
	} | sort -k 2 | actual "$1: all documents"
	quiet "$1: directories for everybody" \
		find "$work/dest" -type d ! -perm 755
	says_where "$1" "$1/bin" "$1/lib" /etc /var
}

# says_where PREFIX BINDIR LIBDIR SYSCONFDIR LOCALSTATEDIR: what is installed
# says where, and is there.
says_where() {
	(cd "$work/dest$1" && grep -rhoE '[^ =]*/libkashim\.so' \
		--include=kashim.conf --include='*.7' . | grep -v LIB |
		sort | uniq -c | sed 's/^ *//') >"$work/actual"
	echo "5 $3/libkashim.so" | actual "$3: the drop-ins and pages say so"
	(cd "$work/dest$1" && grep -ohE '[^ ]*/kashim-wrapper' -r \
		share/man | sort -u) >"$work/actual"
	echo "$2/kashim-wrapper" | actual "$2: the page of the wrapper"
	holds "$1: its README" grep -qF "$2/kashim-wrapper" \
		"$work/dest$1/share/doc/kashim/README"
	find "$work/dest$1/share" "$work/dest$2/kashim-wrapper" -type f \
		-exec sed "s|$1\\b||g" {} + >"$work/actual"
	quiet "$1: no word of another prefix" fails grep -F /usr/local \
		"$work/actual"
	for text in share/man/man1/kashim.1 share/man/man5/kashim.conf.5 \
		share/man/man7/libkashim.7 share/doc/kashim/README; do
		(cd "$work/dest$1" && grep -ohE '/[^[:space:]]*/kashim\.conf\b' \
			"$text" | grep -vE '/(examples|ld.so.conf.d)/' |
			sort -u) >"$work/actual"
		echo "$4/kashim.conf" | actual "$4: $text"
	done
	tmpfiles=/usr/local/lib/tmpfiles.d/kashim.conf
	[ "$1" != /usr ] || tmpfiles=/usr/lib/tmpfiles.d/kashim.conf
	for text in "$1/share/man/man1/kashim.1" "$1/share/man/man7/libkashim.7" \
		"$1/share/doc/kashim/README" "$tmpfiles"; do
		grep -ohE '/[^[:space:]]*/cache/kashim\b' "$work/dest$text" |
			sort -u >"$work/actual"
		echo "$5/cache/kashim" | actual "$5: $text"
	done
	holds "$1: a directory to publish in" test -d "$work/dest$5/cache/kashim"
	KASHIM_CONFIG='' "$work/dest$2/kashim" check >"$work/actual" 2>&1
	[ -e "$4/kashim.conf" ] || in_file "$4: the command looks there" \
		"$work/actual" "$4/kashim.conf:"
	strings "$work/dest$3/libkashim.so" >"$work/strings"
	in_file "$4: the library looks there" "$work/strings" "$4/kashim.conf"
	in_file "$5: the library looks there" "$work/strings" "$5/cache/kashim"
	grep '^kashim_libdir=' "$work/dest$2/kashim-wrapper" \
		>"$work/actual"
	echo "kashim_libdir=$3" | actual "$3: the wrapper"
}

nobody='setpriv --reuid=65534 --regid=65534 --clear-groups --'
: >"$work/trace"
chown 65534 "$work/trace"
cat >"$work/kashim.conf" <<'END'
rule installed { idle = "5min" }
END

# use PREFIX: as a user would.
use() {
	prefix=$1
	library=$prefix/lib/libkashim.so
	kashim=$prefix/bin/kashim

	for command in run check match compile status doctor enable disable; do
		holds "$prefix: $command --help" sh -c \
			"'$kashim' $command --help | grep -q '^Usage: kashim $command'"
	done
	holds "$prefix: check" $nobody "$kashim" check "$work/kashim.conf"
	holds "$prefix: match" "$kashim" match -c "$work/kashim.conf" 192.0.2.1 1
	holds "$prefix: status" "$kashim" status -c "$work/kashim.conf" \
		--pid $$
	"$kashim" run -c "$work/kashim.conf" --preload \
		sh -c 'echo "$LD_PRELOAD"' >"$work/actual" 2>&1
	echo "$library" | actual "$prefix: run"
	# The library has read the text, so it has found its parser. That
	# nobody listens there does not matter.
	KASHIM_TRACE=$work/trace $nobody "$kashim" run -c "$work/kashim.conf" \
		bash -c ': </dev/tcp/127.0.0.1/1' 2>/dev/null
	holds "$prefix: the rule" grep -q installed "$work/trace"
	: >"$work/trace"
	holds "$prefix: enable" sh -c "'$kashim' enable -n -r '$work/image' a |
		grep -qx Environment=LD_PRELOAD=$library"

	# Who has no configuration is told of the example that is there.
	example=$prefix/share/doc/kashim/examples/kashim.conf
	for hint in "start with a copy of $example" \
		'man kashim.conf, section EXAMPLES, shows how to begin'; do
		if [ -e /etc/kashim.conf ]; then
			skip "$prefix: $hint" '/etc/kashim.conf exists'
			continue
		fi
		"$kashim" check 2>&1 | sed 1d >"$work/actual"
		echo "kashim: $hint" | actual "$prefix: check: $hint"
		COLUMNS=1000 "$kashim" doctor cat >"$work/actual"
		in_file "$prefix: doctor: $hint" "$work/actual" \
			"Without rules the library sets nothing: $hint."
		[ ! -e "$example" ] || mv "$example" "$example.away"
	done
	[ ! -e "$example.away" ] || mv "$example.away" "$example"

	printf '#!/bin/sh\necho "$LD_PRELOAD $1"\n' >"$work/agent.real"
	chmod 755 "$work/agent.real"
	cp "$prefix/bin/kashim-wrapper" "$work/agent"
	$nobody "$work/agent" argument >"$work/actual" 2>&1
	echo "$library argument" | actual "$prefix: kashim-wrapper"

	for page in 'KASHIM(1)' 'KASHIM.CONF(5)' 'LIBKASHIM(7)' \
		'KASHIM-WRAPPER(8)'; do
		name=${page%(*}
		section=${page#*(}
		holds "$prefix: man $page" $nobody sh -c "MANPATH='$prefix/share/man' man \
			'${section%)}' '$(echo "$name" | tr "[:upper:]" "[:lower:]")' |
			grep -qF '$page'"
	done

	# As bash does at the first tab behind the name.
	XDG_DATA_DIRS=$prefix/share PATH=$prefix/bin:$PATH \
		$nobody bash --norc --noprofile -c '
		. /usr/share/bash-completion/bash_completion
		_completion_loader kashim
		COMP_LINE="kashim disa" COMP_POINT=11 COMP_CWORD=1
		COMP_WORDS=(kashim disa)
		_kashim kashim disa kashim
		echo "${COMPREPLY[@]}"' >"$work/actual" 2>&1
	echo disable | actual "$prefix: completion"
}

mkdir -p "$work/image/usr/lib/systemd/system" "$work/image/etc"
printf '[Service]\nExecStart=/bin/true\n' \
	>"$work/image/usr/lib/systemd/system/a.service"

# left DIRECTORY...: after make uninstall, there are only these, which every
# system has.
left() {
	find "$work/dest" ! -type d -o -type d -empty >"$work/actual"
	sort -o "$work/actual" "$work/actual"
	for directory; do
		echo "$work/dest$directory"
	done | sort | actual "$1: what is left"
	rm -rf "$work/dest"
}

# The machine's own are not needed, and not seen.
mount -t tmpfs tmpfs /opt && mkdir /opt/kashim || exit 2

# Before anything is installed, the example of the sources is named.
mkdir -p "$work/source/build" "$work/source/conf"
cp "$build/kashim" "$work/source/build"
: >"$work/source/conf/kashim.conf"
if [ -e /etc/kashim.conf ] || [ -e /usr/local/share/doc/kashim/examples ]; then
	skip 'not installed: check' 'this machine has a kashim'
else
	"$work/source/build/kashim" check 2>&1 | sed 1d >"$work/actual"
	echo "kashim: start with a copy of $work/source/conf/kashim.conf" |
		actual 'not installed: check'
fi
umask 077
holds 'make PREFIX=/opt/kashim' make_it PREFIX=/opt/kashim
holds 'make install PREFIX=/opt/kashim' make_it PREFIX=/opt/kashim \
	install
umask 022
# Nothing of it may be needed any more.
mv "$work/build" "$work/build.away"
mount --bind "$work/dest/opt/kashim" /opt/kashim || exit 2
files /opt/kashim
use /opt/kashim
umount /opt/kashim
mv "$work/build.away" "$work/build"
others="$work/dest/etc/kashim.conf
$work/dest/etc/ld.so.preload
$work/dest/etc/ld.so.conf.d/kashim.conf
$work/dest/etc/systemd/system/a.service.d/zz-kashim.conf
$work/dest/opt/kashim/lib/other.so
$work/dest/opt/kashim/share/doc/kashim/examples/other.conf
$work/dest/var/cache/kashim/etc%kashim.conf.shared"
mkdir -p "$work/dest/etc/systemd/system/a.service.d" \
	"$work/dest/etc/ld.so.conf.d"
for file in $others "$work/dest/etc/kashim.conf.policy"; do
	echo /opt/kashim/lib/libkashim.so >"$file"
done
mkdir -p "$work/dest/sys/fs/bpf/kashim/1"
enabled=$work/dest/etc/systemd/system/a.wants/kashim-attach@-.slice.service
mkdir "${enabled%/*}" && ln -s /opt/none "$enabled"
holds 'make uninstall PREFIX=/opt/kashim' make_it \
	PREFIX=/opt/kashim uninstall
in_file 'and what is enabled' "$work/held" "left: $enabled"
rm -r "${enabled%/*}"
pins=$work/dest/sys/fs/bpf/kashim
in_file 'and what the kernel keeps' "$work/held" \
	"the kernel keeps the rules that 'kashim attach' gave it, until $pins is removed, or the machine stops"
rm -r "$work/dest/sys"
grep '^left: ' "$work/held" | grep -v wants | sort >"$work/actual"
in_file 'and what to undo' "$work/held" 'program back: mv PROGRAM.real PROGRAM'
echo "$others" | grep -v other | sed 's/^/left: /' | sort |
	actual 'uninstall says what stays'
find "$work/dest" -type f | sort >"$work/actual"
echo "$others" | sort | actual 'what is not ours stays'
rm $others
(cd "$work/dest" && rmdir -p --ignore-fail-on-non-empty etc/ld.so.conf.d \
	etc/systemd/system/a.service.d)
holds 'make uninstall, again' make_it \
	PREFIX=/opt/kashim uninstall
same 'and nothing of what is not attached' \
	"$(grep -c 'the kernel keeps' "$work/held")" 0
left /opt /usr/local/lib /var/cache

# A prefix below another place that the texts name.
holds 'make PREFIX=/usr/local/kashim' make_it PREFIX=/usr/local/kashim install
files /usr/local/kashim
holds 'make uninstall PREFIX=/usr/local/kashim' make_it \
	PREFIX=/usr/local/kashim uninstall
left /usr/local/lib /var/cache

elsewhere="BUILD=$work/elsewhere PREFIX=/usr BINDIR=/usr/sbin
	LIBDIR=/usr/lib/some-linux SYSCONFDIR=/usr/etc/net
	LOCALSTATEDIR=/srv/var"
holds 'make install, elsewhere' make_it $elsewhere install
same 'quiet lines' "$(grep -vE '^  (CC|LD|BPF|INST) +[^ ]+$' "$work/held")" ''
says_where /usr /usr/sbin /usr/lib/some-linux /usr/etc/net /srv/var
grep -ohE '[^ /]*%kashim\.conf' -r "$work/dest/usr/share" | sort -u \
	>"$work/actual"
echo 'usr%etc%net%kashim.conf' | actual 'what is published, elsewhere'
holds 'make uninstall, elsewhere' make_it $elsewhere uninstall
left /srv/var/cache /usr/lib /usr/sbin /usr/share/doc /usr/share/man

# A program that runs all the time: follow.c.

# say WORD: what it answers.
say() {
	answer=
	echo "$1" >&8
	read -r answer <&9 || answer='it is gone'
	echo "$answer"
}

# rule IDLE: publishes it.
rule() {
	printf 'rule r { destination = "127.0.0.0/8" idle = %s }\n' "$1" \
		>"$work/follow.conf"
	holds "publish $1" "$2" "$3" "$work/follow.conf"
}

holds 'make install' make_it install
mount --bind "$work/dest/usr/local" /usr/local || exit 2
files /usr/local
use /usr/local
systemd-tmpfiles --cat-config >"$work/tmpfiles"
in_file 'tmpfiles.d' "$work/tmpfiles" 'd /var/cache/kashim 0755 root root -'
mount --bind "$work/dest/var/cache" /var/cache || exit 2
rule 300 /usr/local/bin/kashim compile
mkfifo "$work/in" "$work/answers"
LD_PRELOAD=/usr/local/lib/libkashim.so KASHIM_CONFIG=$work/follow.conf \
	"$build/test/follow" <"$work/in" >"$work/answers" &
follow=$!
exec 8>"$work/in" 9<"$work/answers"
read -r answer <&9
same 'a program starts' "$answer" ready
same 'it has the rule' "$(say connect)" '300 300'
holds 'make uninstall' make_it uninstall
same 'without the files: it goes on' "$(say connect)" '300 300'
holds 'make install, again' make_it install
rule 301 /usr/local/bin/kashim reload
same 'it follows the new installation' "$(say connect)" '301 301'
holds 'make install, over it' make_it install
rule 302 /usr/local/bin/kashim reload
same 'it follows the one above' "$(say connect)" '302 302'
exec 8>&- 9<&-
wait "$follow"
same 'it ends' $? 0
rm -f "$work/dest/var/cache/kashim"/*
umount /var/cache /usr/local
holds 'make uninstall, and nothing is published' make_it uninstall
left /usr/local/bin /usr/local/lib /usr/local/share/doc /usr/local/share/man \
	/var/cache

# The tarball: the same bytes from here and from itself, whatever the umask, the
# times and the order of the files are.
holds 'make dist' make_it dist
set -- "$work/build"/kashim-*.tar.gz
mkdir "$work/unpacked"
(umask 077 && tar -x -z -m --no-same-permissions -f "$1" -C "$work/unpacked")
tar -x -z -f "$1" -C "$work/unpacked" --wildcards '*/Makefile'
cp "$1" "$work/first.tar.gz" && rm "$1"
holds 'make dist, from the tarball' make --no-print-directory \
	-C "$work/unpacked"/kashim-* BUILD="$work/build" dist
holds 'the same bytes' cmp "$work/first.tar.gz" "$1"
tar -t -v -z -f "$1" | awk '{ print $1, $2, $4, $5 }' | sort -u >"$work/kinds"
same 'two modes, one owner, one time' \
	"$(sed 's/ [0-9].*//' "$work/kinds" | tr '\n' ' ')$(sed 's/^[^ ]* //' \
	"$work/kinds" | sort -u | wc -l)" '-rw-r--r-- -rwxr-xr-x 1'
# Where the tools are missing that make packages, what to install is said.
mkdir "$work/few"
for tool in sh dirname sed tr; do
	ln -s "$(command -v "$tool")" "$work/few"
done
packages='clang libbpf-dev libconfuse-dev libelf-dev libjansson-dev libmnl-dev'
packages="$packages libseccomp-dev"
for what in 'no dpkg-buildpackage' 'no debhelper'; do
	check "$what" 1 env PATH="$work/few" \
		sh "$root/tools/package/deb" 0 "$work" <<-END
	! deb: first, as root: apt-get install build-essential debhelper $packages pkg-config check
	END
	ln -sf "$(command -v true)" "$work/few/dpkg-buildpackage"
	ln -sf "$(command -v false)" "$work/few/dpkg-checkbuilddeps"
done
names=
for name in check jansson libbpf libconfuse libelf libmnl libseccomp; do
	names="$names 'pkgconfig($name)'"
done
check 'no rpmbuild' 1 env PATH="$work/few" \
	sh "$root/tools/package/rpm" 0 "$work" <<END
! rpm: first, as root: dnf install rpm-build clang gcc make pkgconfig$names (on SUSE: zypper in place of dnf; on Debian: apt-get install rpm)
END

same 'it has the version' "$(tar -t -z -f "$1" | cut -d / -f 1 | sort -u)" \
	"kashim-$("$build/kashim" --version | cut -d ' ' -f 2)"

# What is in the way does no harm: places that a shell would take apart; a disk
# that is full; modes that somebody gave directories; another installation.

for place in PREFIX=rel 'PREFIX=/opt/my kashim' 'PREFIX=/opt/a|b' \
	"LIBDIR=/opt/it's" 'DESTDIR=/tmp/with space'; do
	make -n -C "$root" help "$place" >said 2>&1
	same "$place: status" $? 2
	in_file "$place" said "$place has to be "
done
mkdir old && echo whole >old/file && head -c 200000 /dev/zero >large || exit 2
mount -t tmpfs -o size=64k tmpfs old && echo whole >old/file || exit 2
holds 'a full disk: fails' fails sh "$root/tools/package/put" 755 large old/file
same 'a full disk: what was there' "$(ls old) $(cat old/file)" 'file whole'
umount old
holds 'a text that is missing: fails' fails \
	sh "$root/tools/package/put" 644 nowhere old/file sed p
same 'a text that is missing: nothing is there' "$(ls old)" file
mkdir -m 2770 old/mine
sh "$root/tools/package/put" -d old/mine old/new/deep
same 'modes of directories' "$(stat -c %a old/mine old/new/deep | tr '\n' ' ')" \
	'2770 755 '
mkdir -p dest/etc && echo policy >dest/etc/kashim.conf.policy
rm -rf dest/nowhere
make_it uninstall PREFIX=/nowhere >said 2>&1
holds 'uninstall of what is not there: the policy of another stays' \
	test -e dest/etc/kashim.conf.policy

finish
