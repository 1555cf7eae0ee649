#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What "make install" puts where, used at its place: below /opt/kashim and
# below the default prefix, in a mount namespace in which that is there. Then
# "make uninstall". Needs root. BUILD names the build directory.
#
# What stands in single quotes is for the shell that is started.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
ip link set lo up
cleanup() {
	cd / && umount --lazy /usr/local /opt 2>/dev/null
}
begin
# Not those of a make that runs this.
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX LIBDIR MANDIR DOCDIR BASHDIR
unset XDG_DATA_DIRS
export LC_ALL=C

# same WHAT: standard input is what is in $work/actual.
same() {
	cat >"$work/expected"
	holds "$1" diff -u "$work/expected" "$work/actual"
}

make_it() {
	make --no-print-directory -C "$root" "$@"
}

# What is used is found: each file once, with its mode. $1 is the prefix.
files() {
	holds "$1: all files" test -d "$work/dest$1"
	(cd "$work/dest" && find . ! -type d -printf '%m .%P\n') |
		sed "s|\\.${1#/}/||" | grep -v ' share/doc/kashim/' |
		sort -k 2 >"$work/actual"
	same "$1: all files" <<-'END'
	755 bin/kashim
	755 bin/kashim-wrapper
	755 lib/libkashim-config.so
	755 lib/libkashim.so
	644 share/bash-completion/completions/kashim
	644 share/man/man1/kashim.1
	644 share/man/man5/kashim.conf.5
	644 share/man/man7/libkashim.7
	644 share/man/man8/kashim-wrapper.8
	END
	for file in README COPYING conf/kashim.conf \
		conf/systemd/backup-agent.service.d/kashim.conf \
		kashim-status.schema.json; do
		holds "$1: $file" test -s "$1/share/doc/kashim/$file"
	done
}

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
	holds "$prefix: check" "$kashim" check "$work/kashim.conf"
	holds "$prefix: match" "$kashim" match -c "$work/kashim.conf" 192.0.2.1 1
	holds "$prefix: status" "$kashim" status -c "$work/kashim.conf" \
		--pid $$
	"$kashim" run -c "$work/kashim.conf" --preload \
		sh -c 'echo "$LD_PRELOAD"' >"$work/actual" 2>&1
	echo "$library" | same "$prefix: run"
	# The library has read the text, so it has found its parser. That
	# nobody listens there does not matter.
	KASHIM_TRACE=$work/trace "$kashim" run -c "$work/kashim.conf" \
		bash -c ': </dev/tcp/127.0.0.1/1' 2>/dev/null
	holds "$prefix: the rule" grep -q installed "$work/trace"
	rm -f "$work/trace"
	holds "$prefix: enable" sh -c "'$kashim' enable -n -r '$work/image' a |
		grep -qx Environment=LD_PRELOAD=$library"

	printf '#!/bin/sh\necho "$LD_PRELOAD $1"\n' >"$work/agent.real"
	chmod 755 "$work/agent.real"
	cp "$prefix/bin/kashim-wrapper" "$work/agent"
	"$work/agent" argument >"$work/actual" 2>&1
	echo "$library argument" | same "$prefix: kashim-wrapper"

	for page in 'KASHIM(1)' 'KASHIM.CONF(5)' 'LIBKASHIM(7)' \
		'KASHIM-WRAPPER(8)'; do
		name=${page%(*}
		section=${page#*(}
		holds "$prefix: man $page" sh -c "man -M '$prefix/share/man' \
			'${section%)}' '$(echo "$name" | tr "[:upper:]" "[:lower:]")' |
			grep -qF '$page'"
	done

	# As bash does at the first tab behind the name.
	XDG_DATA_DIRS=$prefix/share PATH=$prefix/bin:$PATH \
		bash --norc --noprofile -c '
		. /usr/share/bash-completion/bash_completion
		_completion_loader kashim
		COMP_LINE="kashim disa" COMP_POINT=11 COMP_CWORD=1
		COMP_WORDS=(kashim disa)
		_kashim kashim disa kashim
		echo "${COMPREPLY[@]}"' >"$work/actual" 2>&1
	echo disable | same "$prefix: completion"
}

mkdir -p "$work/image/usr/lib/systemd/system" "$work/image/etc"
printf '[Service]\nExecStart=/bin/true\n' \
	>"$work/image/usr/lib/systemd/system/a.service"

# What make uninstall leaves: directories that others may use as well.
left() {
	find "$work/dest" ! -type d >"$work/actual"
	: | same "$1: files are left"
	find "$work/dest" -path '*/share/*' -name '*kashim*' >"$work/actual"
	: | same "$1: directories of ours are left"
	rm -rf "$work/dest"
}

mount -t tmpfs tmpfs /opt && mkdir /opt/kashim || exit 2
holds 'make PREFIX=/opt/kashim' make_it BUILD="$work/build" CFLAGS=-O0 \
	PREFIX=/opt/kashim
holds 'make install PREFIX=/opt/kashim' make_it BUILD="$work/build" \
	CFLAGS=-O0 PREFIX=/opt/kashim DESTDIR="$work/dest" install
# Nothing of it may be needed any more.
mv "$work/build" "$work/build.away"
mount --bind "$work/dest/opt/kashim" /opt/kashim || exit 2
files /opt/kashim
use /opt/kashim
umount /opt/kashim
mv "$work/build.away" "$work/build"
: >"$work/dest/opt/kashim/lib/other.so"
holds 'make uninstall PREFIX=/opt/kashim' make_it BUILD="$work/build" \
	PREFIX=/opt/kashim DESTDIR="$work/dest" uninstall
holds 'what is not ours stays' rm "$work/dest/opt/kashim/lib/other.so"
left /opt/kashim

holds 'make install' make_it BUILD="$build" DESTDIR="$work/dest" install
mount --bind "$work/dest/usr/local" /usr/local || exit 2
files /usr/local
use /usr/local
umount /usr/local
holds 'make uninstall' make_it BUILD="$build" DESTDIR="$work/dest" uninstall
left /usr/local

finish
