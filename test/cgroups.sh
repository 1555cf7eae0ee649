# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# cgroups: control groups and a BPF file system for what kashim attach is tried
# on. To be sourced.

# cgroups_mount DIRECTORY: mounts the machine's control groups of version 2
# there, and a BPF file system of root's own, in place of the machine's. Takes a
# mount namespace, with which what is attached goes.
cgroups_mount() {
	umount --lazy /sys/fs/bpf 2>/dev/null
	umount --lazy --recursive /sys/fs/cgroup 2>/dev/null
	mkdir -p "$1" && mount -t cgroup2 cgroup2 "$1" &&
		mount -t bpf -o mode=700 bpf /sys/fs/bpf
}
