#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What processes do to hold the command up, or to have it open what they chose,
# as root looks at them: memory and names on a file system that never answers,
# and links where a published policy was. The rest is shown all the same, and
# nothing is disturbed. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --pid --fork --mount-proc --net --ipc
all_needs fuse
begin
ip link set lo up || exit 2

silent=$build/test/silent
servers=
# Those that wait get an error when the server ends.
stop_servers() {
	for pid in $servers; do
		kill "$pid" && wait "$pid"
	done 2>/dev/null
	servers=
	for directory in fs names/deep later; do
		umount --lazy "$work/$directory" 2>/dev/null
	done
}
cleanup() {
	exec 9>&-
	stop_servers
}

cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" . &&
	cp "$silent" real && ln -s real alias && cp "$silent" hostile &&
	mkdir fs names names/deep && chmod 777 names names/deep && mkfifo hold ||
	exit 2
# What the programs wait for; the file descriptor is inherited by none of them.
exec 9<>hold
printf 'rule named { program = { "alias" } idle = 300 }
rule rest { idle = 400 }
' >conf

# as UID PROGRAM ARGUMENT...: starts it; its pid is in $started.
as() {
	uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@" \
		<hold >started 9>&- &
	until_true 10 test -s started || exit 2
	started=$(cat started)
	rm started
}

# serve DIRECTORY UID
serve() {
	"$silent" serve "$1" "$2" >started 9>&- &
	servers="$servers $!"
	until_true 10 test -s started || exit 2
	rm started
}

# limited COMMAND...: what it prints is in the file "listed". One that does not
# end may wait so that not even SIGKILL ends it, but with the file system it
# does: 124.
limited() {
	rm -f ended
	{
		"$@" >listed 2>&1
		echo $? >ended
	} 9>&- &
	limited=$!
	until_true 40 test -s ended || {
		stop_servers
		wait "$limited"
		return 124
	}
	wait "$limited"
	return "$(cat ended)"
}

# rows COMMAND...: what it says of each connection, and its exit status.
rows() {
	limited "$@"
	status=$?
	awk '!/^#/ { print $1, $15, $16 }' listed | sort | uniq
	echo "status $status"
}

# bytes_in FIFO: takes out what is there.
bytes_in() {
	dd if="$1" bs=4096 count=1 iflag=nonblock 2>/dev/null | wc -c
}

left() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^look:'
}

none_left() {
	[ "$(left)" -eq 0 ]
}

nobody=65534 another=65533 third=65532 fourth=65531

# The name that it was started by never comes.
serve fs $nobody
as $another "$work/alias" plain -
as $nobody "$work/hostile" name "$work/fs/page"
same 'a name that never comes' "$(rows ./kashim status -c conf)" \
	'alias off named
hostile unknown -
status 1'
limited ./kashim status --json -c conf
in_file 'a name that never comes: why' listed 'its process does not answer'
limited ./kashim apply --all -n -c conf
same 'a name that never comes: apply' "$(tail -n 1 listed)" \
	'2 sockets would be changed, 0 are right, 2 of processes that do not answer'
limited ./kashim doctor -c conf "$started"
same 'a name that never comes: doctor' "$?" 1
in_file 'a name that never comes: doctor' listed 'does not answer'

# However many, and however often: there is an end to what is left behind.
# Then nothing of that user is looked into, and all of another.
for page in 1 2 3 4 5; do
	as $nobody "$work/hostile" name "$work/fs/page$page"
	limited ./kashim status -c conf --pid "$started"
done
as $nobody "$work/alias" plain -
same 'readers that were left behind' "$(left)" 4
same 'one user' "$(rows ./kashim status -c conf)" \
	'alias off named
alias unknown -
hostile unknown -
status 1'

# With the file system they end, and all is known again.
stop_servers
holds 'readers after the end' until_true 10 none_left
same 'after the end' "$(rows ./kashim status -c conf)" \
	'alias off named
hostile off rest
status 1'

# A file named as the library is.
serve fs $third
as $third "$work/hostile" library "$work/fs/libkashim.so"
limited ./kashim status --json -c conf --pid "$started"
same 'a library that never answers' "$?" 1
in_file 'a library that never answers' listed '"verdict": "off"'
limited ./kashim doctor -c conf "$started"
same 'a library that never answers: doctor' "$?" 1
in_file 'a library that never answers: doctor' listed \
	'it does not answer when its memory is read'
stop_servers

# A memory whose lock is held for ever: ps(1) waits for that, too.
serve fs $third
as $third "$work/hostile" locked "$work/fs/page"
limited ./kashim doctor -c conf "$started"
same 'a memory that is locked: doctor' "$?" 1
in_file 'a memory that is locked: doctor' listed 'does not answer'
limited ./kashim status --json -c conf --pid "$started"
same 'a memory that is locked' "$?" 1
in_file 'a memory that is locked' listed "\"pid\": $started,"
stop_servers

# A published policy, so the process says, of a name that leads elsewhere now:
# to FIFOs of root, in place of the file and of a directory above it; to a FIFO
# without a link; to a file of root's that is none of ours, and to one that is.
mkdir -m 700 root && mkfifo root/fifo && exec 8<>root/fifo || exit 2
bytes=$(printf '%0128d' 0)
printf %s "$bytes" >&8
say() {
	limited ./kashim status --json -c conf --pid "$started"
	tr -d ' \n' <listed | grep -o '"source":"published"[^}]*' | head -n 1
}
policy() {
	as "$1" "$work/hostile" policy "$work/names/libkashim.so" \
		"$work/names/$2"
}
policy $fourth shared
follows='"source":"published","generation":7,"in_force":null,"follows":'
same 'a policy' "$(say)" \
	'"source":"published","generation":7,"in_force":7,"follows":true'
rm names/shared && ln -s "$work/root/fifo" names/shared
same 'a link to a FIFO' "$(say)" "${follows}false"
rm names/shared && mkfifo -m 666 names/shared && exec 7<>names/shared
printf %s "$bytes" >&7
same 'a FIFO' "$(say)" "${follows}false"
same 'a FIFO: it has lost' $((128 - $(bytes_in names/shared))) 0
exec 7>&-
policy $fourth deep/fifo
rm -r names/deep && ln -s "$work/root" names/deep
same 'a link to the directory of a FIFO' "$(say)" "${follows}false"
same 'the FIFO of root: it has lost' $((128 - $(bytes_in root/fifo))) 0
exec 8>&-
rm names/deep && mkdir names/deep
policy 0 of-root
cp names/of-root names/new && mv names/new names/of-root
same "another file, of root's" "$(say)" \
	'"source":"published","generation":7,"in_force":7,"follows":false'
mv names/of-root root/policy && ln -s "$work/root/policy" names/of-root
same "a link to another file, of root's" "$(say)" "${follows}false"
mv root/policy names/of-root && chown $fourth names/of-root
same "another file, of a user's" "$(say)" "${follows}false"

# A name below a directory that never answers.
policy 0 deep/nowhere
serve names/deep 0
limited ./kashim status --json -c conf --pid "$started"
same 'a directory that never answers' "$?" 1
in_file 'a directory that never answers' listed '"verdict": "off"'
stop_servers

# What a process names in its environment, as its rules or as the library: root
# opens no FIFO there, as this says of one while COMMAND runs...
cat >opens.py <<'END'
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
IN_OPEN = 0x20
watch = libc.inotify_init1(os.O_NONBLOCK)
if libc.inotify_add_watch(watch, sys.argv[1].encode(), IN_OPEN) < 0:
    sys.exit("inotify")
subprocess.run(sys.argv[2:], stdout=sys.stderr)
try:
    print(len(os.read(watch, 4096)) > 0)
except BlockingIOError:
    print(False)
END
# names UID VARIABLE=VALUE...
names() {
	as "$1" env "$2" sh -c 'echo $$; exec cat' 2>/dev/null
}
mkdir links && ln -s "$work/root/fifo" links/libkashim.so || exit 2
same 'opens.py sees it' \
	"$(python3 opens.py root/fifo dd if=root/fifo iflag=nonblock 2>said)" True
for variable in KASHIM_CONFIG="$work/root/fifo" \
	LD_PRELOAD="$work/links/libkashim.so"; do
	names $fourth "$variable"
	same "a FIFO of root's: $variable" "$(python3 opens.py root/fifo \
		./kashim doctor "$started" 2>said)" False
	in_file "a FIFO of root's: $variable" said 'NOT in effect'
done

# ...and nothing there holds it up.
mkdir later
for variable in KASHIM_CONFIG="$work/later/nowhere/conf" \
	LD_PRELOAD="$work/later/nowhere/libkashim.so"; do
	names $fourth "$variable"
	serve later $fourth
	limited ./kashim doctor "$started"
	same "a name that never answers: $variable" "$?" 1
	in_file "a name that never answers: $variable" listed 'does not answer'
	in_file "a name that never answers: $variable" listed \
		"libkashim.so is not in process $started"
	stop_servers
done

# Under the supervisor: an address that never comes, and a sibling's connects.
serve fs $nobody
cat >supervised <<END
setpriv --reuid=$nobody --regid=$nobody --clear-groups \
	$silent connect $work/fs/page &
sleep 0.3
$silent count 60
kill \$!
END
limited ./kashim run -S -c conf sh ./supervised
same 'a sibling of one that is silent' "$(cat listed)" 60
stop_servers

finish
