#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim enable and disable on images, directory trees made here: every line
# that they print, every byte that they write, and what an image may try that
# wants to do harm. test_systemd.sh has a real systemd. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
export LC_ALL=C
# Where nobody can run it too.
mkdir bin
cp "$build/kashim" bin
PATH=$work/bin:$PATH
export PATH

plain() {
	sed "s|$work/bin|BIN|g"
}

# unit NAME LINE...: a vendor's unit file.
unit() {
	name=$1
	shift
	{
		echo '[Service]'
		echo 'ExecStart=/bin/true'
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"image/usr/lib/systemd/system/$name"
}

# holds_file NAME FILE: with what stands on standard input, and mode 644.
holds_file() {
	cat >"$work/expected"
	holds "$1" diff -u "$work/expected" "$2"
	holds "$1: mode" test "$(stat -c '%a %F' "$2")" = '644 regular file'
}

mkdir -p image/usr/lib/systemd/system image/usr/local/lib image/bin image/etc
: >image/usr/local/lib/libkashim.so
: >image/etc/kashim.conf
cp /bin/true image/bin
admin=image/etc/systemd/system
dropin=zz-kashim.conf
unit plain.service
check 'first' 0 kashim enable -r image plain <<END
$admin/plain.service.d/$dropin: written
END
holds_file 'its text' "$admin/plain.service.d/$dropin" <<'END'
# Made by "kashim enable", removed by "kashim disable".
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so
END
check 'supervised, dry' 0 kashim enable -n -S -r image plain <<END
! kashim: warning: /usr/local/bin/kashim is not in image: install kashim there too, or the service does not start
! kashim: $admin/plain.service.d/$dropin would hold:
# Made by "kashim enable", removed by "kashim disable".
# ExecStart= is a copy, under supervision. If what it is copied from
# changes: kashim enable --supervise plain.service
[Service]
ExecStart=
# /usr/lib/systemd/system/plain.service
ExecStart=/usr/local/bin/kashim run --supervise -- /bin/true
END
mkdir image/usr/local/bin && : >image/usr/local/bin/kashim
check 'supervised' 0 kashim enable --supervise -r image \
	-c /etc/kashim.conf plain <<END
$admin/plain.service.d/$dropin: written
END
check 'supervised again, and the file stays' 0 kashim enable --supervise \
	-r image plain <<END
$admin/plain.service.d/$dropin: is so already
END
in_file 'supervised, its text' "$admin/plain.service.d/$dropin" \
	Environment=KASHIM_CONFIG=/etc/kashim.conf
check 'supervised no more' 0 kashim disable -r image plain <<END
$admin/plain.service.d/$dropin: removed
END
unit named.service 'ExecStart=@/bin/true a' 
check 'supervised, a name of its own' 1 kashim enable -S -r image named <<'END'
! kashim: image/usr/lib/systemd/system/named.service:3: it cannot be supervised: what @ or | in front of a program does can't be kept
END
unit user.service User=agent
check 'supervised, another user' 0 kashim enable -S -r image user <<END
! kashim: warning: user.service runs as agent: under supervision sudo and other setuid programs that it starts get no rights (no_new_privs), and fail; kashim-run(1) says more
$admin/user.service.d/$dropin: written
END
mkdir -p image/usr/bin
cp image/bin/true image/usr/bin/gets-rights && chmod 4755 image/usr/bin/gets-rights
for program in /usr/bin/gets-rights gets-rights; do
	unit setuid.service User=agent ExecStart= "ExecStart=-$program -n /bin/true"
	check "supervised, $program as another user" 1 \
		kashim enable -S -r image setuid <<END
! kashim: setuid.service cannot be supervised: it starts $program as agent, which is setuid and gets no rights under supervision (no_new_privs); 'kashim run' helps behind it, in front of what it starts
END
done
for line in ExecStart=+gets-rights "ExecStart=!gets-rights" \
	"ExecStart=gets-rights
AmbientCapabilities=CAP_SYS_ADMIN" "ExecStart=gets-rights
NoNewPrivileges=yes" "ExecStart=gets-rights
User=root" 'ExecStart=/bin/true gets-rights'; do
	unit setuid.service User=agent ExecStart= "$line"
	kashim enable -n -S -r image setuid >said 2>&1
	same "supervised, setuid, $line" $? 0
done
for line in InaccessiblePaths=-/usr/local/bin TemporaryFileSystem=/usr/local:ro \
	"NoExecPaths=/
ExecPaths=/usr/bin" 'NoExecPaths=/usr/local
ExecPaths=/usr'; do
	unit hides.service "$line"
	check "supervised, $line" 1 kashim enable -S -r image hides <<END
! kashim: ${line%%=*}= of hides.service keeps the service from /usr/local/bin/kashim, and it would not start; install kashim where it can execute it
END
done
for line in ProtectHome=yes InaccessiblePaths=/usr/local/b "NoExecPaths=/
ExecPaths=/usr/local/bin/kashim" "TemporaryFileSystem=/usr/local
BindReadOnlyPaths=/usr/local/bin" "InaccessiblePaths=/usr/local
ExecStart=
ExecStart=+/bin/true"; do
	unit hides.service "$line"
	kashim enable -n -S -r image hides >said 2>&1
	same "supervised, $line" $? 0
done
for line in User=root 'User=agent
NoNewPrivileges=yes'; do
	unit user.service "$line"
	check "supervised, $line" 0 kashim enable -S -r image user <<END
$admin/user.service.d/$dropin: is so already
END
done
for line in 'CAP_SETUID CAP_SETGID' '~CAP_SYS_PTRACE' "CAP_SYS_PTRACE
CapabilityBoundingSet=~CAP_SYS_PTRACE"; do
	unit bound.service "CapabilityBoundingSet=$line"
	check "supervised, bounding set $line" 0 kashim enable -n -S -r image \
		bound <<END
! kashim: warning: CapabilityBoundingSet= of bound.service has no CAP_SYS_PTRACE: programs that take another user, as behind su, get no timers
! kashim: $admin/bound.service.d/$dropin would hold:
# Made by "kashim enable", removed by "kashim disable".
# ExecStart= is a copy, under supervision. If what it is copied from
# changes: kashim enable --supervise bound.service
[Service]
ExecStart=
# /usr/lib/systemd/system/bound.service
ExecStart=/usr/local/bin/kashim run --supervise -- /bin/true
END
done
for line in '~CAP_NET_ADMIN' "CAP_SETUID
CapabilityBoundingSet=CAP_SYS_PTRACE"; do
	unit bound.service "CapabilityBoundingSet=$line"
	kashim enable -n -S -r image bound >said 2>&1
	quiet "supervised, bounding set $line" fails grep warning said
done
unit tab.service "ExecStart=/bin/true 'a	b'"
check 'supervised, control characters' 2 kashim enable -S -r image tab <<'END'
! kashim: a name or command line with control characters cannot stand in a unit
END
check 'supervised, all of the host' 2 kashim enable -S --host <<'END'
! kashim: --host preloads, without --supervise
! Try 'kashim enable --help'.
END
check 'the kernel, all of the host' 2 kashim enable --kernel --host <<'END'
! kashim: --host preloads, without --kernel; the kernel has 'kashim attach --all'
! Try 'kashim enable --help'.
END
# shellcheck disable=SC2016 # a name
check 'the kernel, in an image' 0 kashim enable --kernel -r image \
	-c '/etc/other $file.conf' plain <<END
! kashim: warning: /etc/other \$file.conf is not in image
$admin/plain.service.d/$dropin: written
END
holds_file 'the kernel, its text' "$admin/plain.service.d/$dropin" <<'END'
# Made by "kashim enable", removed by "kashim disable".
# kashim attach, at each start and before anything of it runs. Whatever
# comes of that, the service starts.
[Service]
ExecCondition=+-/usr/bin/env -i /bin/sh -c 'exec "$$@" >/dev/null' sh /usr/local/bin/kashim attach --unit=%n "--config=/etc/other $$file.conf"
Environment="KASHIM_CONFIG=/etc/other $file.conf"
END
check 'the kernel, again' 0 kashim enable -k -r image plain <<END
! kashim: warning: /etc/other \$file.conf is not in image
$admin/plain.service.d/$dropin: is so already
END
check 'the kernel no more' 0 kashim disable -r image plain <<END
$admin/plain.service.d/$dropin: removed
END
# Who may put a file there may also write it. Each: a name, what it needs.
chmod -R go-w image/etc
mkdir -m 755 image/etc/ours
mkdir -m 777 image/etc/theirs
: >image/etc/ours/some.env
: >image/etc/theirs/file
: >image/etc/ours/open-plain
chmod 644 image/etc/ours/some.env image/etc/theirs/file
chmod 666 image/etc/ours/open-plain
ln -s /etc/theirs/file image/etc/ours/link
ln -s ../theirs image/etc/ours/directory
ln -s loop image/etc/ours/loop
ln -s /etc/ours/some.env image/etc/ours/fine
ln -s some.env image/etc/ours/beside
for file in /etc/ours/some.env -/etc/ours/none -/etc/none/none /etc/ours/fine \
	/etc/ours/beside '/etc/ours/*.env' '-/etc/none/*.env' \
	/etc/ours/%p.env /etc/ours/some-%i; do
	unit files@.service "EnvironmentFile=$file"
	check "the kernel, $file" 0 kashim enable -n -k -r image files@ <<END
! kashim: $admin/files@.service.d/$dropin would hold:
# Made by "kashim enable", removed by "kashim disable".
# kashim attach, at each start and before anything of it runs. Whatever
# comes of that, the service starts.
[Service]
ExecCondition=+-/usr/bin/env -i /bin/sh -c 'exec "\$\$@" >/dev/null' sh /usr/local/bin/kashim attach --unit=%n --config=/etc/kashim.conf
END
done
for file in /etc/theirs/file -/etc/theirs/none '-/etc/theirs/*.env' \
	'/etc/*/some.env' '/etc/ours/op*' /etc/ours/open-%i /etc/ours/%I \
	/etc/ours/link /etc/ours/directory/file /etc/ours/loop \
	/etc/ours/../theirs/file -/run/none; do
	unit files@.service "EnvironmentFile=$file"
	check "the kernel, $file" 1 kashim enable -k -r image files@ <<'END'
! kashim: files@.service cannot be attached at its start: others than root may write its EnvironmentFile=; 'kashim attach --slice' reaches it
END
done
unit plain@.service 'EnvironmentFile=/etc/ours/open-%p'
check 'the kernel, a specifier' 1 kashim enable -k -r image plain@ <<'END'
! kashim: plain@.service cannot be attached at its start: others than root may write its EnvironmentFile=; 'kashim attach --slice' reaches it
END
rm image/usr/lib/systemd/system/files@.service \
	image/usr/lib/systemd/system/plain@.service
rm -r image/etc/ours image/etc/theirs
check 'disable supervised' 2 kashim disable -S plain <<'END'
! kashim disable: invalid option -- 'S'
! Try 'kashim disable --help'.
END
check 'first again' 0 kashim enable -r image plain <<END
$admin/plain.service.d/$dropin: written
END
inode=$(stat -c %i "$admin/plain.service.d/$dropin")
check 'again' 0 kashim enable -r image/ plain.service <<END
$admin/plain.service.d/$dropin: is so already
END
holds 'not written again' test "$inode" = \
	"$(stat -c %i "$admin/plain.service.d/$dropin")"
holds 'nothing else there' test "$(ls -A "$admin/plain.service.d")" = "$dropin"
holds 'nothing said by systemd' fails sh -c \
	'systemd-analyze --root=image verify plain.service 2>&1 | grep kashim'
check 'dry disable' 0 kashim disable --root=image --dry-run plain <<END
$admin/plain.service.d/$dropin: would be removed
END
holds 'still there' test -f "$admin/plain.service.d/$dropin"
check 'disable' 0 kashim disable -r image plain <<END
$admin/plain.service.d/$dropin: removed
END
holds 'no directory left' fails test -e "$admin/plain.service.d"
check 'disable again' 0 kashim disable -r image plain <<END
plain.service is not enabled
END
check 'dry run' 0 kashim enable -n -r image plain <<END
! kashim: $admin/plain.service.d/$dropin would hold:
# Made by "kashim enable", removed by "kashim disable".
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so
END
holds 'nothing written' fails test -e "$admin/plain.service.d"
holds 'neither mode nor owner from the umask' sh -c \
	'umask 077; kashim enable -r image plain'
holds 'directory for everybody' test \
	"$(stat -c %a "$admin/plain.service.d")" = 755
holds_file 'the text again' "$admin/plain.service.d/$dropin" <<'END'
# Made by "kashim enable", removed by "kashim disable".
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so
END

# The configuration.

: >"image/etc/other file%.conf"
check 'another file' 0 kashim enable -r image \
	-c '/etc/other file%.conf' plain <<END
$admin/plain.service.d/$dropin: written
END
cat >text <<'END'
# Made by "kashim enable", removed by "kashim disable".
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so
Environment="KASHIM_CONFIG=/etc/other file%%.conf"
END
holds_file 'with another file' "$admin/plain.service.d/$dropin" <text
check 'it stays' 0 kashim enable -r image plain <<END
$admin/plain.service.d/$dropin: is so already
END
check 'a missing file' 0 kashim enable -n -r image -c /etc/missing plain <<END
! kashim: warning: /etc/missing is not in image
! kashim: $admin/plain.service.d/$dropin would hold:
# Made by "kashim enable", removed by "kashim disable".
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so
Environment=KASHIM_CONFIG=/etc/missing
END
check 'a relative name' 2 kashim enable -r image -c other.conf plain <<'END'
! kashim: other.conf: with --root, the configuration needs its absolute name in the image
END
check 'control characters' 2 kashim enable -r image \
	-c "/etc/a
Environment=B=c" plain <<'END'
! kashim: warning: /etc/a?Environment=B=c is not in image
! kashim: a name with control characters cannot stand in a unit
END
rm image/etc/kashim.conf image/usr/local/lib/libkashim.so
kashim disable -r image plain >/dev/null
check 'nothing installed' 0 kashim enable -r image plain <<END
! kashim: warning: /usr/local/lib/libkashim.so is not in image: install kashim there too, or the service starts without it
! kashim: warning: /etc/kashim.conf is not in image
$admin/plain.service.d/$dropin: written
END
: >image/etc/kashim.conf
: >image/usr/local/lib/libkashim.so
kashim disable -r image plain >/dev/null

# An LD_PRELOAD that is there.

unit vendor.service 'Environment=A=b "LD_PRELOAD=/opt/a.so /opt/%p.so"'
check 'a vendor'\''s' 0 kashim enable -r image vendor <<END
! kashim: LD_PRELOAD of image/usr/lib/systemd/system/vendor.service:3 is copied: when it changes, run this again
$admin/vendor.service.d/$dropin: written
END
cat >text <<'END'
# Made by "kashim enable", removed by "kashim disable".
# What LD_PRELOAD holds beside libkashim.so is a copy from
# /usr/lib/systemd/system/vendor.service:3
# If that changes: kashim enable vendor.service
[Service]
Environment=LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/a.so:/opt/%p.so
END
holds_file 'both' "$admin/vendor.service.d/$dropin" <text
check 'both again' 0 kashim enable -r image vendor <<END
! kashim: LD_PRELOAD of image/usr/lib/systemd/system/vendor.service:3 is copied: when it changes, run this again
$admin/vendor.service.d/$dropin: is so already
END
unit vendor.service 'Environment=LD_PRELOAD=/opt/new.so'
kashim enable -r image vendor >/dev/null 2>&1
holds 'renewed' grep -qx \
	'Environment=LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/new.so' \
	"$admin/vendor.service.d/$dropin"
# By hand, as the examples do.
mkdir "$admin/plain.service.d"
printf '[Service]\nEnvironment=LD_PRELOAD=libkashim.so:/opt/b.so\n' \
	>"$admin/plain.service.d/override.conf"
kashim enable -r image plain >/dev/null 2>&1
holds 'ours only once' grep -qx \
	'Environment=LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/b.so' \
	"$admin/plain.service.d/$dropin"
check 'disable beside another' 0 kashim disable -r image plain <<END
! kashim: plain.service still preloads it, by $admin/plain.service.d/override.conf
$admin/plain.service.d/$dropin: removed
END
holds 'the other stays' test -f "$admin/plain.service.d/override.conf"
mv "$admin/plain.service.d/override.conf" "$admin/plain.service.d/zzz.conf"
check 'a later one that has it' 0 kashim enable -r image plain <<END
! kashim: LD_PRELOAD of $admin/plain.service.d/zzz.conf:2 is copied: when it changes, run this again
$admin/plain.service.d/$dropin: written
END
rm -r "$admin/plain.service.d"

# What wins over ours.

unit later.service
mkdir "$admin/later.service.d"
printf '[Service]\n\nEnvironment=LD_PRELOAD=/opt/c.so\n' \
	>"$admin/later.service.d/zzz.conf"
check 'a later name' 1 kashim enable -r image later <<END
! kashim: $admin/later.service.d/zzz.conf:3 sets LD_PRELOAD and wins over $dropin, because its name comes later; rename it, or write there: Environment=LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/c.so
END
printf '[Service]\nEnvironment=\n' >"$admin/later.service.d/zzz.conf"
check 'a later reset' 1 kashim enable -r image later <<END
! kashim: a drop-in of later.service whose name comes after $dropin has an empty Environment=, which takes LD_PRELOAD away
END
printf '[Service]\nEnvironment=KASHIM_CONFIG=/x\n' \
	>"$admin/later.service.d/zzz.conf"
check 'a later configuration' 1 kashim enable -r image \
	-c /etc/kashim.conf later <<END
! kashim: $admin/later.service.d/zzz.conf:2 sets KASHIM_CONFIG and wins over $dropin, because its name comes later; rename it, or write there: Environment=KASHIM_CONFIG=/etc/kashim.conf
END
unit unset.service 'UnsetEnvironment=A LD_PRELOAD'
check 'UnsetEnvironment=' 1 kashim enable -r image unset <<'END'
! kashim: image/usr/lib/systemd/system/unset.service:3: UnsetEnvironment= takes LD_PRELOAD away from unset.service; remove it there
END
unit file.service EnvironmentFile=/etc/default/%p 'EnvironmentFile=-/etc/no'
mkdir image/etc/default
echo 'LD_PRELOAD="/opt/d.so"' >image/etc/default/file
check 'EnvironmentFile=' 1 kashim enable -r image file <<'END'
! kashim: image/etc/default/file, an EnvironmentFile= of file.service, sets LD_PRELOAD and wins over any drop-in; write there: LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/d.so
END
holds 'nothing written' fails test -e "$admin/file.service.d"
echo 'LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/d.so' \
	>image/etc/default/file
check 'as told' 0 kashim enable -r image file <<END
$admin/file.service.d/$dropin: written
END
mkdir image/etc/no
check 'one that cannot be read' 0 kashim enable -r image file <<END
! kashim: warning: image/etc/no can't be read: if it sets LD_PRELOAD, that wins over ours
$admin/file.service.d/$dropin: is so already
END

# Units that cannot be enabled, or are none.

ln -s /dev/null "$admin/masked.service"
mkdir image/dev
mknod image/dev/null c 1 3
check 'masked' 1 kashim enable -r image masked <<END
! kashim: masked.service is masked: /etc/systemd/system/masked.service is empty, or a link to /dev/null; first run: systemctl unmask masked.service
END
: >"$admin/empty.service"
check 'empty' 1 kashim enable -r image empty.service <<END
! kashim: empty.service is masked: /etc/systemd/system/empty.service is empty, or a link to /dev/null; first run: systemctl unmask empty.service
END
printf '[Socket]\nListenStream=1\n' >"$admin/a.socket"
check 'a socket' 1 kashim enable -r image a.socket <<'END'
! kashim: a.socket is a socket, which systemd itself opens: nothing can be preloaded there, but it has KeepAlive= of its own; for the lines to write see: kashim doctor a.socket
END
printf '[Timer]\nOnBootSec=1\n' >"$admin/a.timer"
check 'a timer' 1 kashim enable -r image a.timer <<'END'
! kashim: a.timer runs no program: only a service can be enabled
END
for command in enable disable; do
	check "$command: no name" 2 kashim $command -r image 'a b' <<'END'
! kashim: 'a b' cannot be the name of a unit
END
	check "$command: out of the directory" 2 \
		kashim $command -r image ../../x <<'END'
! kashim: '../../x' cannot be the name of a unit
END
	check "$command: no unit" 2 kashim $command <<END
! kashim: $command needs the name of one unit
! Try 'kashim $command --help'.
END
	check "$command: two units" 2 kashim $command a b <<END
! kashim: $command needs the name of one unit
! Try 'kashim $command --help'.
END
	check "$command: an unknown option" 2 kashim $command --force a <<END
! kashim $command: unrecognized option '--force'
! Try 'kashim $command --help'.
END
	check "$command: no root" 2 kashim $command -r nowhere a <<'END'
! kashim: unit 'a' in nowhere: Not a directory
END
	holds "$command: help" sh -c "kashim $command --help |
		grep -q '^Usage: kashim $command'"
	holds "$command: 80 columns" fails sh -c \
		"kashim $command --help | grep -q '^.\{81\}'"
done
check 'no such unit' 2 kashim enable -r image nothing <<'END'
! kashim: there is no unit 'nothing' in image
END
check 'no such unit here' 2 kashim enable kashim-nothing <<'END'
! kashim: there is no unit 'kashim-nothing'
END
check 'nothing to disable' 0 kashim disable -r image nothing <<'END'
nothing.service is not enabled
END
ln -s circle.service "$admin/round.service"
ln -s round.service "$admin/circle.service"
check 'a circle' 2 kashim enable -r image round <<'END'
! kashim: the aliases of 'round' in image go in a circle
END

# An image may have any number of units, and of lines: none takes long. The
# limit is one of the processor's time.
mkdir -p many/usr/lib/systemd/system many/etc/systemd/system
(
	cd many/usr/lib/systemd/system || exit
	printf '[Service]\nExecStart=/bin/true\n' >real.service
	seq -f 'u%g.service' 30000 | xargs touch
	seq -f 'Environment=A%g=b' 40000 >lines
	{
		printf '[Service]\n'
		cat lines
	} >long.service
)
(cd many/etc/systemd/system && seq -f '/usr/lib/systemd/system/u%g.service' \
	30000 | xargs ln -s -t .)
holds 'many units' sh -c \
	'ulimit -t 5; exec kashim enable -n -r many real'
holds 'many lines' sh -c \
	'ulimit -t 5; exec kashim enable -n -r many long'
seq -f 'many/etc/systemd/system/a%g.service' 1001 | xargs -n 1 \
	ln -s /usr/lib/systemd/system/real.service
check 'many aliases' 2 kashim enable -n -r many real <<'END'
! kashim: unit 'real' in many has too many aliases or drop-ins
END
rm -r many

# Aliases, templates, a unit that is gone.

ln -s /usr/lib/systemd/system/vendor.service "$admin/alias.service"
rm "$admin/vendor.service.d/$dropin"
check 'an alias' 0 kashim enable -r image alias <<END
! kashim: LD_PRELOAD of image/usr/lib/systemd/system/vendor.service:3 is copied: when it changes, run this again
$admin/vendor.service.d/$dropin: written
END
check 'disable an alias' 0 kashim disable -r image alias <<END
$admin/vendor.service.d/$dropin: removed
END
unit t@.service
check 'a template' 0 kashim enable -r image t@ <<END
$admin/t@.service.d/$dropin: written
END
check 'an instance' 0 kashim enable -r image -c /etc/kashim.conf t@1 <<END
$admin/t@1.service.d/$dropin: written
END
check 'disable the instance' 0 kashim disable -r image t@1 <<END
! kashim: t@1.service still preloads it, by $admin/t@.service.d/$dropin
$admin/t@1.service.d/$dropin: removed
END
rm image/usr/lib/systemd/system/t@.service
check 'a unit that is gone' 0 kashim disable -r image t@ <<END
$admin/t@.service.d/$dropin: removed
END

# Files that are not ours.

mkdir "$admin/plain.service.d"
echo '[Service]' >"$admin/plain.service.d/$dropin"
for command in enable disable; do
	check "$command: not ours" 1 kashim $command -r image plain <<END
! kashim: $admin/plain.service.d/$dropin is not ours and stays as it is
END
done
holds_file 'as it was' "$admin/plain.service.d/$dropin" <<'END'
[Service]
END
rm "$admin/plain.service.d/$dropin"
ln -s /dev/null "$admin/plain.service.d/$dropin"
check 'one that masks ours' 1 kashim enable -r image plain <<END
! kashim: $admin/plain.service.d/$dropin is not ours and stays as it is
END
rm -r "$admin/plain.service.d"

# An image that wants to do harm: links that lead out of it.

mkdir -p outside/plain.service.d
sed -n '1,$p' text >outside/zz-kashim.conf
ln -s "$work/outside" "$admin/plain.service.d"
check 'a directory outside' 2 kashim enable -r image plain <<END
! kashim: $admin/plain.service.d/$dropin: cannot write it: No such file or directory
END
rm "$admin/plain.service.d"
ln -s ../../../../../../outside "$admin/plain.service.d"
holds 'up and out' fails kashim enable -r image plain
holds 'disable up and out' kashim disable -r image plain
rm "$admin/plain.service.d"
mv image/etc/systemd image/etc/systemd.away
ln -s "$work/outside" image/etc/systemd
holds 'a parent outside' fails kashim enable -r image plain
rm image/etc/systemd
mv image/etc/systemd.away image/etc/systemd
mkdir "$admin/plain.service.d"
ln -s "$work/outside/zz-kashim.conf" "$admin/plain.service.d/$dropin"
holds 'the file outside' fails kashim enable -r image plain
holds 'disable the file outside' fails kashim disable -r image plain
rm -r "$admin/plain.service.d"
holds 'nothing came out' test "$(cd outside && find . | sort | tr '\n' ' ')" = \
	'. ./plain.service.d ./zz-kashim.conf '
holds 'nothing changed' cmp text outside/zz-kashim.conf
# A file name that would be a line of its own.
evil="$admin/plain.service.d/a
ExecStart=evil #.conf"
mkdir "$admin/plain.service.d"
printf '[Service]\nEnvironment=LD_PRELOAD=/opt/e.so\n' >"$evil"
holds 'a line in a file name' fails kashim enable -r image plain
holds 'is not written' fails test -e "$admin/plain.service.d/$dropin"
rm -r "$admin/plain.service.d"
# One that a terminal would obey: an escape sequence, a newline, and what turns
# the direction (U+202E).
evil=$(printf 'z\033[31m\nz\342\200\256z.conf')
for setting in Environment= Environment=LD_PRELOAD=/opt/e.so \
	"Environment=LD_PRELOAD=/opt/$evil" "EnvironmentFile=-/etc/$evil" \
	UnsetEnvironment=LD_PRELOAD; do
	mkdir -p "$admin/plain.service.d" "image/etc/$evil"
	printf '[Service]\n%s\n' "$setting" >"$admin/plain.service.d/z$evil"
	kashim enable -r image plain >shown 2>&1
	kashim disable -r image plain >>shown 2>&1
	holds "hostile names: $setting" test -z "$(LC_ALL=C tr -d '\n -~' <shown)"
	holds "hostile names: $setting: lines" fails grep -vE '^(kashim:|image/|plain\.service)' shown
	rm -r "$admin/plain.service.d" "image/etc/${evil:?}"
done
# A fifo where a file should be.
mkdir "$admin/plain.service.d"
mkfifo "$admin/plain.service.d/a.conf" "$admin/plain.service.d/$dropin"
holds 'a fifo' timeout 10 sh -c '! kashim enable -r image plain'
rm -r "$admin/plain.service.d"

# Without the permission.

check 'as nobody' 2 setpriv --reuid=65534 --regid=65534 --clear-groups \
	kashim enable -r image plain <<END
! kashim: $admin/plain.service.d/$dropin: cannot write it: Permission denied; try it as root
END
kashim enable -r image plain >/dev/null
check 'disable as nobody' 2 setpriv --reuid=65534 --regid=65534 \
	--clear-groups kashim disable -r image plain <<END
! kashim: $admin/plain.service.d/$dropin: cannot remove it: Permission denied; try it as root
END
holds 'still there' test -f "$admin/plain.service.d/$dropin"
holds 'no temporary files' test -z "$(find image -name '.zz*')"

# A library that the image's C library can't take would end the service.
mkdir late image/lib && late_library late &&
	cp late/libkashim.so image/usr/local/lib &&
	cp "$(c_library bin/kashim)" image/lib/libc.so.6 || exit 2
unit late.service
check 'a library of a newer release' 1 kashim enable -r image late <<'END'
! kashim: image/lib/libc.so.6 has no GLIBC_2.99, which /usr/local/lib/libkashim.so asks for: the service would not start. Build the library on that release or an older one
END
holds 'nothing written' test ! -e "$admin/late.service.d"
cp "$build/libkashim.so" image/usr/local/lib
head -c 20000 "$build/libkashim.so" >image/usr/local/lib/libkashim.so
check 'a library that is cut short' 1 kashim enable -r image late <<'END'
! kashim: image/usr/local/lib/libkashim.so is cut short: the service would not start. Install it again
END
cp "$build/libkashim.so" image/usr/local/lib
check 'and one that fits' 0 kashim enable -r image late <<END
$admin/late.service.d/$dropin: written
END

# Where the loader's own directory leads to the library, one name is right for
# programs of all word sizes.
ldd bin/kashim >loaded
libraries=/usr$(sed -n 's|.*libc\.so.6 => \(/usr\)*\([^ ]*\)/libc.*|\2|p' loaded)
loader=$(sed -n 's|^[[:space:]]*\(/[^ ]*\) (.*|\1|p' loaded)
mkdir -p "image$libraries" "image${loader%/*}" && cp "$loader" "image$loader" &&
	ln -s /usr/local/lib/libkashim.so "image$libraries" || exit 2
unit sizes.service Environment=LD_PRELOAD=/opt/a.so
kashim enable -r image sizes >shown 2>&1
# shellcheck disable=SC2016 # for the loader
holds 'all word sizes' grep -qxF \
	'Environment=LD_PRELOAD=/usr/$LIB/libkashim.so:/opt/a.so' \
	"$admin/sizes.service.d/$dropin"
kashim enable -r image sizes >shown 2>&1
in_file 'all word sizes, again' shown 'is so already'
rm "image$libraries/libkashim.so"
: >"image$libraries/libkashim.so"
kashim enable -r image sizes >shown 2>&1
holds 'another library' grep -qxF \
	'Environment=LD_PRELOAD=/usr/local/lib/libkashim.so:/opt/a.so' \
	"$admin/sizes.service.d/$dropin"

# The library. Only looked at here: without --root it would be this system.

some=$(systemctl list-unit-files --type=service --state=static --no-legend \
	--root=/ | awk '$1 !~ /@/ { print $1; exit }')
cp "$build/libkashim.so" bin
kashim enable -n "$some" >shown 2>err
holds 'the library beside the command' \
	grep -qx "Environment=LD_PRELOAD=$work/bin/libkashim.so" shown
mkdir 'with space'
cp bin/kashim bin/libkashim.so 'with space'
holds 'a space' fails "$work/with space/kashim" enable -n "$some"
holds 'a space, said' sh -c "'$work/with space/kashim' enable -n '$some' 2>&1 |
	grep -q 'cannot preload a file with a space or a colon'"
mkdir "100%" && cp bin/kashim bin/libkashim.so 100%
"$work/100%/kashim" enable -n "$some" >shown 2>err
holds 'a percent sign' \
	grep -qx "Environment=LD_PRELOAD=$work/100%%/libkashim.so" shown
echo 'rule' >bad.conf
holds 'a bad configuration' fails kashim enable -n -c bad.conf "$some"
echo 'rule a { idle = "5min" }' >good.conf
kashim enable -n -c ./good.conf "$some" >shown 2>err
holds 'a good configuration' \
	grep -qx "Environment=KASHIM_CONFIG=$work/good.conf" shown
# That of who runs it is not the service's.
KASHIM_CONFIG=$work/bad.conf kashim enable -n "$some" >shown 2>err
holds 'KASHIM_CONFIG is not passed on' fails grep KASHIM_CONFIG shown
holds 'KASHIM_CONFIG is not looked at' fails grep bad.conf err

finish
