#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The packages for Fedora, RHEL and SUSE, as rpmbuild makes them of the spec:
# what is in them, and what they need. It says nothing of those systems
# themselves. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
command -v rpmbuild >/dev/null || skip_all 'there is no rpmbuild'
unset MAKEFLAGS MFLAGS MAKELEVEL

version=$(sed -n 's/^VERSION *:= *//p' "$root/Makefile")
# Places of who runs it are not the package's.
elsewhere=
for place in DESTDIR PREFIX BINDIR LIBDIR MANDIR DOCDIR BASHDIR TMPFILESDIR UNITDIR \
	SYSCONFDIR LOCALSTATEDIR; do
	elsewhere="$elsewhere $place=/srv/other"
done
# shellcheck disable=SC2086 # words
holds 'make rpm' make --no-print-directory -C "$root" BUILD="$work/build" \
	$elsewhere rpm
cd "$work/build/rpm/RPMS"/* || {
	finish
	exit 1
}

# files PACKAGE: all that are ours to name.
files() {
	rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]' \
		"$1-$version"-*.rpm | grep -v '/\.build-id\|/licenses/' |
		sed 's|/usr/lib[0-9]*/libk|LIB/libk|; s|\.gz$||
			s|/usr/share/doc/\(packages/\)\{0,1\}kashim|DOCS|' \
			>"$work/files"
	check "$1: files" 0 cat "$work/files"
}

files kashim <<'END_FILES'
-rwxr-xr-x root /usr/bin/kashim
-rwxr-xr-x root /usr/bin/kashim-wrapper
-rw-r--r-- root /usr/lib/systemd/system/kashim-apply.service
-rw-r--r-- root /usr/lib/systemd/system/kashim-apply.timer
-rw-r--r-- root /usr/lib/systemd/system/kashim-attach@.service
-rw-r--r-- root /usr/lib/systemd/system/kashim-metrics.service
-rw-r--r-- root /usr/lib/systemd/system/kashim-metrics.timer
-rw-r--r-- root /usr/lib/tmpfiles.d/kashim.conf
-rw-r--r-- root /usr/share/bash-completion/completions/kashim
drwxr-xr-x root DOCS
-rw-r--r-- root DOCS/FLEET
-rw-r--r-- root DOCS/NEWS
-rw-r--r-- root DOCS/README
-rw-r--r-- root DOCS/SECURITY
drwxr-xr-x root DOCS/examples
drwxr-xr-x root DOCS/examples/ansible
-rw-r--r-- root DOCS/examples/ansible/kashim.yml
drwxr-xr-x root DOCS/examples/ansible/roles
drwxr-xr-x root DOCS/examples/ansible/roles/kashim
drwxr-xr-x root DOCS/examples/ansible/roles/kashim/defaults
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/defaults/main.yml
drwxr-xr-x root DOCS/examples/ansible/roles/kashim/handlers
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/handlers/main.yml
drwxr-xr-x root DOCS/examples/ansible/roles/kashim/tasks
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/tasks/absent.yml
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/tasks/main.yml
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/tasks/present.yml
drwxr-xr-x root DOCS/examples/ansible/roles/kashim/vars
-rw-r--r-- root DOCS/examples/ansible/roles/kashim/vars/main.yml
drwxr-xr-x root DOCS/examples/containers
-rw-r--r-- root DOCS/examples/containers/Containerfile
-rw-r--r-- root DOCS/examples/containers/follow
-rw-r--r-- root DOCS/examples/containers/kashim.container
-rw-r--r-- root DOCS/examples/containers/kubernetes.yml
drwxr-xr-x root DOCS/examples/grafana
-rw-r--r-- root DOCS/examples/grafana/kashim.json
-rw-r--r-- root DOCS/examples/grafana/kashim.yaml
-rw-r--r-- root DOCS/examples/kashim.conf
drwxr-xr-x root DOCS/examples/prometheus
-rw-r--r-- root DOCS/examples/prometheus/kashim.rules.yml
drwxr-xr-x root DOCS/examples/systemd
drwxr-xr-x root DOCS/examples/systemd/backup-agent.service.d
-rw-r--r-- root DOCS/examples/systemd/backup-agent.service.d/kashim.conf
drwxr-xr-x root DOCS/examples/systemd/gateway@.service.d
-rw-r--r-- root DOCS/examples/systemd/gateway@.service.d/kashim.conf
-rw-r--r-- root DOCS/kashim-status.schema.json
-rw-r--r-- root /usr/share/man/man1/kashim-apply.1
-rw-r--r-- root /usr/share/man/man1/kashim-attach.1
-rw-r--r-- root /usr/share/man/man1/kashim-check.1
-rw-r--r-- root /usr/share/man/man1/kashim-compile.1
-rw-r--r-- root /usr/share/man/man1/kashim-detach.1
-rw-r--r-- root /usr/share/man/man1/kashim-disable.1
-rw-r--r-- root /usr/share/man/man1/kashim-doctor.1
-rw-r--r-- root /usr/share/man/man1/kashim-enable.1
-rw-r--r-- root /usr/share/man/man1/kashim-match.1
-rw-r--r-- root /usr/share/man/man1/kashim-probe.1
-rw-r--r-- root /usr/share/man/man1/kashim-reload.1
-rw-r--r-- root /usr/share/man/man1/kashim-run.1
-rw-r--r-- root /usr/share/man/man1/kashim-status.1
-rw-r--r-- root /usr/share/man/man1/kashim.1
-rw-r--r-- root /usr/share/man/man5/kashim.conf.5
-rw-r--r-- root /usr/share/man/man7/libkashim.7
-rw-r--r-- root /usr/share/man/man8/kashim-wrapper.8
drwxr-xr-x root /var/cache/kashim
END_FILES
files libkashim <<'END_FILES'
-rwxr-xr-x root LIB/libkashim-config.so
-rwxr-xr-x root LIB/libkashim.so
END_FILES

# needs PACKAGE: without what rpm itself has, and without the versions of the C
# library, which are those of the system that it is built on.
needs() {
	rpm -qp --requires "$1-$version"-*.rpm |
		sed '/^rpmlib(\|^rtld(/d; s/(.*(64bit)$//; s/(.*) = / = /' |
		sort -u >"$work/needs"
	check "$1: needs" 0 cat "$work/needs"
}

needs kashim <<END_NEEDS
/bin/sh
libbpf.so.1
libc.so.6
libconfuse.so.2
libelf.so.1
libjansson.so.4
libkashim = $version-1
libm.so.6
libmnl.so.0
libseccomp.so.2
END_NEEDS
needs libkashim <<'END_NEEDS'
/bin/sh
libc.so.6
libconfuse.so.2
END_NEEDS
for package in kashim libkashim; do
	rpm -qp --provides "$package-$version"-*.rpm | sed 's/[ (].*//' |
		sort -u >"$work/provides"
	same "$package: provides itself" "$(cat "$work/provides")" "$package"
done

# What it does when it is removed for good; an upgrade ($1 is 1) says nothing.

unit=$work/etc/systemd/system/a.service.d
# script PACKAGE KIND ARGUMENT: runs it, with $work/etc for /etc, and so for /sys.
script() {
	rpm -qp --qf "%{$2}" "$1-$version"-*.rpm |
		sed "s|/etc/|$work/etc/|g; s|/sys/|$work/sys/|g" | sh -s "$3"
}
other=$work/etc/systemd/system/b.service.d
mkdir -p "$unit" "$other" "$work/sys/fs/bpf/kashim/1"
echo 'Environment=LD_PRELOAD=/usr/lib64/libkashim.so' >"$unit/zz-kashim.conf"
echo 'ExecStart=/usr/bin/kashim run --supervise -- /bin/su - agent' \
	>"$other/zz-kashim.conf"
echo '/usr/lib64/libkashim.so' >"$work/etc/ld.so.preload"
for count in 0 1; do
	script kashim PREUN $count >"$work/said.$count" 2>&1
	script libkashim POSTUN $count >>"$work/said.$count" 2>&1
done
check 'removed' 0 cat "$work/said.0" <<END
kashim: where a link to kashim-wrapper stands in the place of a program, put the program back: mv PROGRAM.real PROGRAM
kashim: $other/zz-kashim.conf starts its service by kashim: remove it, or the service does not start
kashim: the kernel keeps the rules that 'kashim attach' gave it, until $work/sys/fs/bpf/kashim is removed, or the machine stops
libkashim: $unit/zz-kashim.conf still names the library: remove it, or run 'kashim disable' before
libkashim: $work/etc/ld.so.preload still names the library: take it out, or every program complains
END
quiet 'upgraded' cat "$work/said.1"
same 'what was published stays' \
	"$(rpm -qp --scripts "$(echo kashim-"$version"-*.rpm)" | grep -c 'rm ')" 0

# What building needs, is here under the same name.
sed -n 's/^BuildRequires: *pkgconfig(\(.*\))$/\1/p' \
	"$work/build/rpm/kashim.spec" >"$work/names"
holds 'pkgconfig' test -s "$work/names"
while read -r name; do
	holds "pkgconfig($name)" pkg-config --exists "$name"
done <"$work/names"
holds 'the spec for 32-bit' rpmspec -P --target i686 \
	"$work/build/rpm/kashim.spec"
rpmspec -P --target i686 "$work/build/rpm/kashim.spec" >"$work/spec32"
quiet 'has no command' fails grep bin/kashim "$work/spec32"
in_file 'but the library' "$work/spec32" install-library

finish
