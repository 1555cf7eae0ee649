# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# podman: containers in a mount namespace of the test's own, where nothing of
# podman's state is the machine's. To be sourced.

# podman_up: mounts what podman writes to, and control groups of version 2.
podman_up() {
	umount --lazy /sys/fs/bpf 2>/dev/null
	umount --lazy --recursive /sys/fs/cgroup 2>/dev/null
	for directory_ in /run /dev/shm /var/lib/containers; do
		mkdir -p "$directory_" && mount -t tmpfs tmpfs "$directory_" ||
			return
	done
	mount -t cgroup2 cgroup2 /sys/fs/cgroup || return
	# Where root may not raise its limits, the defaults would end it.
	printf '[containers]\ndefault_ulimits = []\npids_limit = 0\n' \
		>/run/containers.conf
	export CONTAINERS_CONF=/run/containers.conf
}

podman() {
	command podman --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend none --runtime runc "$@"
}

podman_run() {
	podman run --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "$@"
}

podman_down() {
	podman rm --all --force --time 0 >/dev/null 2>&1
}
