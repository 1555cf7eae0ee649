#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Who looks after a connection, as kashim status has it: the library, a
# supervisor, the kernel, nobody; and what is attached to the kernel. BUILD
# names the build directory. As in test_attach.sh, all is below a control group
# of the test's own, and goes with this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashimlooked
cc -o waits "$here/waits.c" || exit 2
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
echo 'rule all { idle = "300s" }' >conf

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g; s|group [0-9][0-9]*|group N|"
}

# Its connection: the verdict, and who looks after it; and the sum.
by() {
	"$kashim" status --pid "$waits" 2>/dev/null |
		awk '/^# (kernel|.* listen)/ { print } !/^#/ { print $15, $17 }'
}

# Nobody, the library, a supervisor.

waits_in "$own/a/below"
check 'nobody' 0 by <<END
off nobody
# 1 listener without what the rule says
END
waits_in "$own/a/below" env LD_PRELOAD="$build/libkashim.so"
check 'the library' 0 by <<END
ok library
END
# Nobody knows what that does.
mkdir other && echo 'int data = 1;' >other.c &&
	cc -shared -fPIC -o other/libkashim.so other.c || exit 2
waits_in "$own/a/below" env LD_PRELOAD="$work/other/libkashim.so"
check 'a library of another version' 0 by <<END
off -
# 1 listener without what the rule says
END
waits_in "$own/a/below" "$kashim" run --supervise
check 'a supervisor' 0 by <<END
ok supervisor
END
# Others may have processes, too.
same 'a supervisor, among all' "$("$kashim" status |
	awk -v pid="$waits" '$2 == pid { print $17 }')" supervisor

# The kernel: the control group decides in which a socket was made.

waits_in "$own/a/below"
holds 'attach' attach --cgroup "$own/a"
check 'older than that' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf
END
waits_in "$own/a/below"
check 'the kernel' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf
END
echo "$waits" >"$own/b/cgroup.procs" || exit 2
check 'moved out' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf
END
waits_in "$own/b"
echo "$waits" >"$own/a/cgroup.procs" || exit 2
check 'moved in' 0 by <<END
off nobody
# 1 listener without what the rule says
# kernel: OWN/a: 1 rule of WORK/conf
END
mkdir "$own/c" && waits_in "$own/c" && echo "$waits" >"$own/b/cgroup.procs" &&
	rmdir "$own/c" || exit 2
check 'that control group is gone' 0 by <<END
off -
# 1 listener without what the rule says
# kernel: OWN/a: 1 rule of WORK/conf
END
waits_in "$own/a" env LD_PRELOAD="$build/libkashim.so"
check 'both' 0 by <<END
ok library,kernel
# kernel: OWN/a: 1 rule of WORK/conf
END

# Which rules it has.

holds 'reload' "$kashim" reload
waits_in "$own/a/below"
check 'published' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf, generation 1
END
sed -i s/300s/200s/ conf
holds 'attach others' attach --cgroup "$own/a"
waits_in "$own/a/below"
check 'others than are in force' 0 by <<END
differs kernel
# 1 listener without what the rule says
# kernel: OWN/a: 1 rule of WORK/conf, but not those in force
END
holds 'reload those' "$kashim" reload
check 'now in force' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf, generation 2
END

# Of a listener from before that, the kernel may not know whose it is.

if [ -n "$programs" ]; then
	cp conf before.conf && sed -i 's/{/{ program = { "waits" }/' conf
	holds 'reload with a program' "$kashim" reload
	waits_in "$own/a/below"
	check 'rules that name programs' 0 by <<-END
	ok kernel
	# 1 listener without what the rule says
	# kernel: OWN/a: 1 rule of WORK/conf, generation 3
	END
	cp before.conf conf
	holds 'reload without' "$kashim" reload
fi
cp conf same.conf
by_another_file() {
	"$kashim" status --config same.conf --pid "$waits" | grep listen
}
check 'the kernel has its rules from another file' 0 by_another_file <<END
# 1 listener without what the rule says
END

# Others than root can't tell.

if setpriv --reuid=64731 --regid=64731 --clear-groups true 2>/dev/null; then
	unprivileged() {
		setpriv --reuid=64731 --regid=64731 --clear-groups \
			"$kashim" status --config "$work/conf" "$1"
	}
	waits_in "$own" setpriv --reuid=64731 --regid=64731 --clear-groups
	same 'not for others' \
		"$(unprivileged --in-force | awk '!/^#/ { print $15, $17 }' |
			sort -u)" 'off -'
	unprivileged --json >out
	in_file 'nor as JSON' out '  "attached": null'
else
	skip 'unprivileged' 'no other user here'
fi
waits_in "$own/a/below"

# What is lost.

rm /sys/fs/bpf/kashim/*-hold
check 'what holds' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf, generation 4; what holds them is gone
END
holds 'attach beside' attach --cgroup "$own/b"
rmdir "$own/b" || exit 2
# The kernel lets go of it a while later.
is_gone() {
	"$kashim" attach --list | grep -q gone
}
holds 'it goes' until_true 20 is_gone
check 'gone' 0 by <<END
ok kernel
# kernel: OWN/a: 1 rule of WORK/conf, generation 4; what holds them is gone
# kernel: control group N, which is gone: reaches nothing any more
END
"$kashim" status --pid "$waits" --json >out
"$kashim" status --pid "$waits" --openmetrics >metrics
quiet 'the schema' /usr/bin/python3 "$here/status_check.py" schema \
	"$root/docs/kashim-status.schema.json" out
quiet 'the metrics' /usr/bin/python3 "$here/status_check.py" openmetrics out \
	metrics
same 'their values' "$(sed -n 's/^kashim_attached_control_//p' metrics)" \
	'groups 2
groups_gone 1
groups_incomplete 1
groups_with_older_policy 0'
holds 'detach' "$kashim" detach
check 'nobody again' 0 by <<END
ok nobody
# 1 listener without what the rule says
END

# kashim run, where the kernel has the same rules, does nothing; else as ever.

# way WHERE ARGUMENT...: of run, in that control group; LD_PRELOAD in the
# program, and what the trace says first.
way() {
	where=$1
	shift
	rm -f trace
	inside "$where" "$kashim" run --trace="$work/trace" "$@" |
		sed "s|$build|BUILD|"
	sed 's/^kashim\[[0-9]*\]: //; 2q' trace
}
check 'run: nothing is attached' 0 way "$own/a" printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: preload: the loader takes the library
END
holds 'attach once more' attach --cgroup "$own/a"
check 'run: the kernel has the same' 0 \
	way "$own/a/below" printenv LD_PRELOAD <<END
printenv: neither way is needed: the kernel sets the same rules in OWN/a
END
check 'run: --preload' 0 way "$own/a" --preload printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: the kernel sets the same rules in OWN/a
printenv: preload: --preload asks for it
END
check 'run: --supervise' 0 way "$own/a" --supervise true <<END
true: the kernel sets the same rules in OWN/a
true: supervised: --supervise asks for it
END
check 'run: not there' 0 way "$own" printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: preload: the loader takes the library
END
check 'run: a launcher' 0 way "$own/a" env printenv LD_PRELOAD <<END
BUILD/libkashim.so
env: preload: the loader takes the library
END
loader=$(ldd waits | sed -n 's|^[[:space:]]*\(/[^ ]*\) .*|\1|p')
check 'run: a loader' 0 way "$own/a" "$loader" "$(command -v printenv)" \
	LD_PRELOAD <<END
BUILD/libkashim.so
$loader: preload: the loader takes the library
END
cat >handed.py <<'END'
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
os.set_inheritable(listener.fileno(), True)
os.execvp(sys.argv[1], sys.argv[1:])
END
handed() {
	rm -f trace
	inside "$own/a" /usr/bin/python3 handed.py "$kashim" run \
		--trace="$work/trace" true
	sed 's/^kashim\[[0-9]*\]: //; q' trace
}
check 'run: a socket that it is handed' 0 handed <<END
true: preload: the loader takes the library
END
cp conf other.conf && echo 'rule more { idle = "9s" }' >>other.conf
check 'run: other rules' 0 way "$own/a" -c other.conf printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: preload: the loader takes the library
END
holds 'attach others above' attach --cgroup "$own" -c other.conf
check 'run: others above' 0 way "$own/a" printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: preload: the loader takes the library
END
holds 'detach those' "$kashim" detach --cgroup "$own"
rm /sys/fs/bpf/kashim/*-hold
check 'run: what holds is gone' 0 way "$own/a" printenv LD_PRELOAD <<END
BUILD/libkashim.so
printenv: preload: the loader takes the library
END
holds 'detach all' "$kashim" detach

# kashim match knows which rules the kernel has.

matched() {
	"$kashim" match "$@" 10.0.0.1 80 2>/dev/null |
		grep -E '^(rule|the kernel) ' | tr -s ' '
}
check 'match: nothing is attached' 0 matched <<END
rule all (WORK/conf:1, rule 1 of 1)
END
holds 'attach for match' attach --cgroup "$own/a"
check 'match: the same' 0 matched <<END
rule all (WORK/conf:1, rule 1 of 1)
the kernel goes by the same rules in OWN/a
END
check 'match: of another file' 0 matched -c other.conf <<END
rule all (WORK/other.conf:1, rule 1 of 2)
END
cp conf before.conf && sed -i 's/^rule all/rule new/' conf
check 'match: others' 0 matched <<END
rule new (WORK/conf:1, rule 1 of 1)
the kernel has other rules in OWN/a: rule all decides there
END
echo 'rule v6 { destination = { "::/0" } idle = "9s" }' >conf
holds 'attach what does not match' attach --cgroup "$own/a"
cp before.conf conf
check 'match: others, and none' 0 matched <<END
rule all (WORK/conf:1, rule 1 of 1)
the kernel has other rules in OWN/a: none matches there
END
rm /sys/fs/bpf/kashim/*-hold
check 'match: others, none, and what holds is gone' 0 matched <<END
rule all (WORK/conf:1, rule 1 of 1)
the kernel has other rules in OWN/a: none matches there; what holds them is gone
END
holds 'attach all again' attach --cgroup "$own/a"
rm /sys/fs/bpf/kashim/*-hold
check 'match: what holds is gone' 0 matched <<END
rule all (WORK/conf:1, rule 1 of 1)
the kernel goes by the same rules in OWN/a; what holds them is gone
END
sed -i 's/^rule all/rule new/' conf
check 'match: others, and what holds is gone' 0 matched <<END
rule new (WORK/conf:1, rule 1 of 1)
the kernel has other rules in OWN/a: rule all decides there; what holds them is gone
END
cp before.conf conf
holds 'detach for match' "$kashim" detach

# In a container, whose control group is the root of all that it sees.

holds 'reload the first file' "$kashim" reload
holds 'attach for a container' attach --cgroup "$own/a"
contained() {
	rm -f trace
	# shellcheck disable=SC2016 # the inner shell expands
	inside "$own/a" unshare --cgroup --mount sh -c '
		eval "$1" && exec "$0" run --trace=trace env true' \
		"$kashim" "$1" 2>&1 | sed 's/^ *//; s/  */ /g; /^$/d'
	sed 's/^kashim\[[0-9]*\]: //; q' trace
}
cc -static -o static "$here/waits.c" || exit 2
# shellcheck disable=SC2016 # the inner shell expands
check 'a container' 0 contained 'umount --lazy cg &&
	mount -t cgroup2 cgroup2 cg && "$0" doctor ./static' <<END
./static: the kernel looks after its connections
note this is so if it is started from here: the control group decides
ok the kernel sets the rules on connections of what is in
WORK/cg: 1 rule of WORK/conf
env: neither way is needed: the kernel sets the same rules in WORK/cg
END
# shellcheck disable=SC2016 # the inner shell expands
check 'a container that sees those of the host' 0 contained '
	"$0" doctor $$ | grep -c "control group / is not to be seen"' <<END
1
env: preload: the loader takes the library
END
holds 'detach that' "$kashim" detach
finish
