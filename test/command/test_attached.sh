#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What kashim doctor says of a program that the kernel looks after, by kashim
# attach. BUILD names the build directory. As in test_attach.sh, all is below a
# control group of the test's own, and goes with this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashimtest
inner=kashimtest$$-inner.slice
mkdir "$own/$inner" "$own/$inner/reached$$.service" || exit 2

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g; s|process $waits|process N|" \
		-e "s|kashimtest$$|OWN|g" \
		-e "s|--pid $waits|--pid N|g; s|port [0-9][0-9]*|port N|g"
}

cc -static -o waits "$here/waits.c" || exit 2
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"
echo 'rule all { idle = "300s" }' >conf

# doctor ARGUMENT...: each finding on a line of its own.
doctor() {
	"$kashim" doctor "$@" >said
	status=$?
	awk -v RS= '{ gsub(/\n */, " "); gsub(/  +/, " "); print }' said
	return $status
}
bare="no libkashim.so is not in process N 'kashim apply --pid N' mends the connections that are open now.
no WORK/waits is static: no loader runs that could preload anything Use 'kashim run', which supervises it from outside, 'kashim attach', which has the kernel do it, or 'kashim apply' while it runs."
off="warn 127.0.0.1 port N to 127.0.0.1 port N: off, rule all
warn 1 TCP connection: 1 off 'kashim status --pid N' shows them all, 'kashim apply --pid N' mends them."

waits_in "$own/a/below"
check 'nothing is attached' 1 doctor "$waits" <<END
process N (waits): the preload is NOT in effect
$bare
$off
END

# What it has connected is held against it, too.

holds 'attach' attach --cgroup "$own/a"
check 'a connection from before' 0 doctor "$waits" <<END
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
waits_in "$own/a/below"
check 'a new one' 0 doctor "$waits" <<END
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END

# Which rules the kernel has.

unpublished() {
	KASHIM_CACHE=$work/nowhere doctor "$waits"
}

holds 'reload' "$kashim" reload
check 'those that are published' 0 doctor "$waits" <<END
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
sed -i s/300s/200s/ conf
holds 'attach others' attach --cgroup "$own/a"
waits_in "$own/a/below"
check 'others than are published' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: the kernel has other rules than generation 1 of WORK/conf, which is in force 'kashim reload WORK/conf' brings the new ones.
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
holds 'reload those' "$kashim" reload
check 'published' 0 doctor "$waits" <<END
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
echo '# more' >>conf
check 'the file was changed' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: WORK/conf was changed since, and the kernel has the rules from before 'kashim reload WORK/conf' brings the new ones.
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
check 'changed, and nothing is published' 1 unpublished <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: WORK/conf was changed since, and the kernel has the rules from before 'kashim reload WORK/conf' brings the new ones.
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
printf 'rule some { program = { "%064d" } idle = "9s" }\n' 0 >conf
holds 'the kernel does not take it' fails "$kashim" reload
check 'refused' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: WORK/conf was changed since, and the kernel has the rules from before
warn the kernel does not get it: WORK/conf:1: rule some $too_long Change the rule, and 'kashim reload WORK/conf'.
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 no rule
END
echo 'rule' >conf
check 'a mistake' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: WORK/conf was changed since, and the kernel has the rules from before
warn WORK/conf:1: the file ends in the middle of a setting; write KEY = VALUE
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
rm conf
check 'no file' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: WORK/conf was changed since, and the kernel has the rules from before
warn WORK/conf: there is no such file; write it, or name another one
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
echo 'rule all { idle = "200s" }' >conf
holds 'reload once more' "$kashim" reload
check 'all is well again' 0 doctor "$waits" <<END
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END

# What is lost.

rm /sys/fs/bpf/kashim/*-hold
check 'what holds' 1 doctor "$waits" <<END
process N (waits): the kernel looks after its connections, but not all is well
warn OWN/a: what holds the rules against what programs set is gone 'kashim attach' attaches it again.
ok the kernel sets the rules on connections of what is in OWN/a: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
holds 'attach again' attach --cgroup "$own/a"
waits_in "$own/b"
check 'beside' 1 doctor "$waits" <<END
process N (waits): the preload is NOT in effect
$bare
$off
END
holds 'attach beside' attach --cgroup "$own/b"
waits_in "$own"
rmdir "$own/b" && mkdir "$own/b" || exit 2
# The kernel lets go of it a while later.
is_gone() {
	"$kashim" attach --list | grep -q gone
}
holds 'gone' until_true 20 is_gone
waits_in "$own/b"
check 'a new one of that name' 1 doctor "$waits" <<END
process N (waits): the preload is NOT in effect
$bare
warn what was attached to a control group is gone with it, and reaches nothing in a new one of its name 'kashim attach --list' shows it, 'kashim attach' attaches again.
$off
END
LD_PRELOAD=$build/libkashim.so sleep 600 &
kill "$waits"
waits=$!
preloaded() {
	grep -q libkashim "/proc/$waits/maps"
}
holds 'preloaded' until_true 20 preloaded
holds 'with the library it needs no kernel' doctor "$waits"
waits_in "$own/b"
holds 'detach' "$kashim" detach
check 'detached' 1 doctor "$waits" <<END
process N (waits): the preload is NOT in effect
$bare
$off
END

# A unit: its slice is what stays.

mkdir -p /run/systemd/system || exit 2
cat >/run/systemd/system/reached$$.service <<END
[Service]
Slice=$inner
ExecStart=$work/waits
END
waits_in "$own/$inner/reached$$.service"
holds 'attach to the service alone' \
	attach --cgroup "$own/$inner/reached$$.service"
holds 'it says that the next start is not reached' \
	sh -c "\"$kashim\" doctor reached$$.service | head -n 1 | grep -q 'will NOT'"
holds 'detach it' "$kashim" detach
holds 'attach to what its slice is in' attach --cgroup "$own"
waits_in "$own/$inner/reached$$.service"
check 'a unit' 0 doctor reached$$.service <<END
reached$$.service: the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN: 1 rule of WORK/conf
It runs:
process N (waits): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in OWN: 1 rule of WORK/conf
ok 1 TCP connection: 1 ok
END
there() {
	# shellcheck disable=SC2016 # the inner shell expands
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$own/a" \
		"$kashim" doctor "$1" >said
	status=$?
	grep -v '^ ' said | grep .
	return $status
}
check 'a program, from there' 0 there ./waits <<END
./waits: the kernel looks after its connections
note  this is so if it is started from here: the control group decides
ok    the kernel sets the rules on connections of what is in
END
echo '#!/none' >broken && chmod +x broken || exit 2
check 'one that cannot be started' 1 there ./broken <<END
./broken: the preload will NOT take effect
no    ./broken cannot be started: /none, its interpreter: No such file or
END
check 'no program, from there' 2 there ./none <<END
! kashim: ./none: No such file or directory
END
holds 'and from here' fails doctor ./waits
sed -i 's/^Slice.*/Slice=other.slice/' /run/systemd/system/reached$$.service
fails "$kashim" doctor reached$$.service >said
same 'a unit elsewhere' "$(head -n 1 said)" \
	"reached$$.service: the preload will NOT take effect"
sed -i "s/^Slice.*/Slice=$inner/; s/^Exec.*/&-missing/" \
	/run/systemd/system/reached$$.service
fails "$kashim" doctor reached$$.service >said
same 'a unit whose program is missing' "$(sed -n '1p; 3q' said)" \
	"reached$$.service: the preload will NOT take effect"
in_file 'it is named' said "ExecStart=$work/waits-missing cannot be started"
cat >"/run/systemd/system/reached@.service" <<END
[Service]
Slice=kashimtest$$-%i.slice
ExecStart=$work/waits
END
first() {
	"$kashim" doctor "$1" >said
	status=$?
	sed q said
	return $status
}
check 'an instance in a slice of its name' 0 first reached@inner <<END
reached@inner.service: the kernel looks after its connections
END
check 'and another' 0 first reached@other <<END
reached@other.service: the kernel looks after its connections
END
holds 'detach the slice' "$kashim" detach
holds 'attach one of them' attach --cgroup "$own/$inner"
check 'that one' 0 first reached@inner <<END
reached@inner.service: the kernel looks after its connections
END
check 'not the other' 1 first reached@other <<END
reached@other.service: the preload will NOT take effect
END
holds 'detach that one' "$kashim" detach
finish
