# shellcheck shell=sh disable=SC2034 # what the scripts use
# SPDX-License-Identifier: ISC
#
# cgroup: a control group of the test's own, $own with a, a/below and b in it,
# and a BPF file system; what is attached goes with the mount namespace. And one
# program there with one connection, to itself. To be sourced behind the "begin"
# of lib.sh, by a script that is apart with its mounts and its network.
#
# own_cgroup NAME               makes $own; ends the script if kashim can't attach
# own_cgroup_down               ends the program, and removes $own: at the end
# inside WHERE COMMAND...       runs it there
# exec_inside WHERE COMMAND...  becomes it, there: with "&", $! is its process
# waits_in WHERE [COMMAND...]   ./waits begins there, in place of the one before
# $programs                     does the kernel take rules that name some?
# attach ARGUMENT...            kashim attach

# shellcheck source=test/cgroups.sh
. "${here:?}/../cgroups.sh"

waits=
own=
programs=yes
# What is said of a rule that names a program by 64 characters.
too_long='names a program by more than 63 characters: the kernel compares no more'
if ! needs bpf-loop 'rules that name programs'; then
	programs=
	too_long='names programs: that takes bpf_loop(), as Linux 5.17 has it'
fi
kashim=${build:?}/kashim

own_cgroup_down() {
	[ -z "$waits" ] || kill "$waits"
	wait
	[ ! -d "$own" ] || find "$own" -depth -type d -exec rmdir {} +
}

# 9 may be the end of a FIFO which a program there reads.
cleanup() {
	exec 9>&-
	own_cgroup_down
}

own_cgroup() {
	if ! ldd "$kashim" | grep -q libbpf; then
		skip "${0##*/}" 'kashim was built without libbpf'
		finish
		exit
	fi
	ip link set lo up || exit 2
	mount -t tmpfs tmpfs /run && cgroups_mount cg || exit 2
	own=${work:?}/cg/$1$$.slice
	mkdir "$own" "$own/a" "$own/a/below" "$own/b" || exit 2
}

exec_inside() {
	# shellcheck disable=SC2016 # the inner shell expands
	exec sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@"
}

inside() {
	(exec_inside "$@")
}

waits_in() {
	[ -z "$waits" ] || kill "$waits"
	wait
	: >open
	exec_inside "$@" ./waits >open 2>&1 &
	waits=$!
	until_true 20 grep -q open open || exit 2
}

# 1 says that the connection of waits is not accepted, so that nobody can set it.
attach() {
	"$kashim" attach "$@"
	[ $? -le 1 ]
}
