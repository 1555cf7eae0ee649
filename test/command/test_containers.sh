#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/containers: what Kubernetes' manifest and podman's unit say, run by
# podman as they say it, beside containers in control groups as kubelet lays
# them out. KASHIM_IMAGE names an archive with the image ("make image"); without,
# a tree with what counts in it stands for the image. BUILD names the build
# directory.
#
# What stands in single quotes is for the shell inside.
# shellcheck disable=SC2016
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
all_needs containers
begin
kashim=$build/kashim
for probe in static:bin/busybox\|usr/bin/busybox python:yaml; do
	if ! found "$probe" "${0##*/}"; then
		finish
		exit
	fi
done
if ! ldd "$kashim" | grep -q libbpf; then
	skip "${0##*/}" 'kashim was built without libbpf'
	finish
	exit
fi
# shellcheck source=test/podman.sh
. "$root/test/podman.sh"
cleanup() {
	podman_down
	# What it leaves for the next container of that user.
	[ ! -s /run/user/libpod/tmp/pause.pid ] ||
		kill "$(cat /run/user/libpod/tmp/pause.pid)"
	[ ! -d "$own" ] || until_true 20 \
		find "$own" -depth -type d -exec rmdir {} +
}

conf=$root/conf/containers
own=/sys/fs/cgroup/kashim-test.$$
podman_up || exit 2
mount -t bpf bpf /sys/fs/bpf || exit 2
pod=kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6b3d.slice
mkdir -p "$own/$pod/cri-containerd-6d1c.scope" "$own/system.slice" || exit 2

# The root tree: a static shell, the command with its libraries, and follow.
for busybox in "$build/unpacked/bin/busybox" "$build/unpacked/usr/bin/busybox" \
	/bin/busybox; do
	[ ! -x "$busybox" ] || break
done
mkdir -p tree/bin tree/usr/lib/kashim tree/dev tree/proc tree/sys tree/run \
	tree/etc tree/tmp tree/policy
cp "$busybox" tree/bin/busybox && cp "$conf/follow" tree/usr/lib/kashim &&
	cp "$kashim" "$build/test/connects_static" tree/bin || exit 2
for name in sh cat sha256sum sleep; do
	ln -s busybox "tree/bin/$name"
done
ldd "$kashim" | grep -o '/[^ ]*' | while read -r file; do
	mkdir -p "tree${file%/*}" && cp "$file" "tree$file" || exit
done || exit 2

# What the image is started with.
sed -n 's/^ENTRYPOINT \[\(.*\)\]$/\1/p' "$conf/Containerfile" |
	tr -d '",' >entry
same 'what the image starts' "$(cat entry)" 'sh /usr/lib/kashim/follow'

set -- --rootfs "$work/tree" sh /usr/lib/kashim/follow
if [ -n "${KASHIM_IMAGE-}" ]; then
	set -- localhost/kashim
	podman load --input "$KASHIM_IMAGE" >loaded 2>&1 ||
		fail 'podman load' loaded
fi

# manifest FILE: the options of a container, in the file options, with this
# test's control groups and policy in place of the host's.
manifest() {
	/usr/bin/python3 "$here/containers.py" "$conf/$1" \
		"/sys/fs/cgroup=$own" "/policy=$work/policy" >options
}
# follow NAME IMAGE...: starts that.
follow() {
	name_=$1
	shift
	# shellcheck disable=SC2046 # words, none of which has a space
	podman_run --detach --name "$name_" $(cat options) "$@" \
		>started 2>&1 || fail "$name_ is started" started
}
says() {
	podman logs "$1" 2>&1
}
has_said() {
	says "$1" | grep -qF -- "$2"
}
# said NAME TEXT: it comes to say that.
said() {
	until_true 60 has_said "$@" && return
	says "$1" >log
	fail "$1 does not say '$2'" log
}
has_ended() {
	[ "$(podman inspect --format '{{.State.Status}}' "$1")" = exited ]
}
# ended NAME: its exit status.
ended() {
	until_true 60 has_ended "$1"
	podman inspect --format '{{.State.ExitCode}}' "$1"
}

# idle WHERE: what a connection of a program there has, in a network and a
# control group namespace of its own.
idle() {
	sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare --net --cgroup sh -c "
		ip link set lo up && exec \"\$1\" 0" sh "$2"' sh "$own/$1" \
		"$build/test/connects_static" | sed -n 's/^connect 0 //p' | uniq
}
# in_container: what one of a container has, which the runtime makes.
in_container() {
	podman_run --rm --network none \
		--cgroup-parent "${own#/sys/fs/cgroup}/$pod/podman" \
		--rootfs "$work/tree" connects_static 0 2>&1 |
		sed -n 's/^connect 0 //p' | uniq
}
bare='idle 7200 on 0, accept idle 7200 on 0'

# A directory as kubelet makes it of a ConfigMap: a change is one rename(2).
policy() {
	mkdir -p "policy/..$1" && cat >"policy/..$1/kashim.conf" &&
		ln -s "..$1" policy/..data_tmp &&
		mv -T policy/..data_tmp policy/..data
	ln -sf ..data/kashim.conf policy/kashim.conf
}

# Kubernetes.

/usr/bin/python3 "$here/containers.py" --policy "$conf/kubernetes.yml" \
	>shipped.conf
holds 'the rules in the manifest' "$kashim" check ./shipped.conf
/usr/bin/python3 "$here/containers.py" --alive "$conf/kubernetes.yml" >probe
alive() {
	xargs -d '\n' -a probe podman exec "$1"
}
policy 1 <<'END'
rule all { idle = "300s" }
END
manifest kubernetes.yml
same 'a pod, before' "$(idle "$pod/cri-containerd-6d1c.scope")" "$bare"
same 'a container, before' "$(in_container)" "$bare"
follow agent "$@"
said agent 'the kernel has 1 rule of /policy/kashim.conf'
same 'a pod' "$(idle "$pod/cri-containerd-6d1c.scope")" \
	'idle 300 on 1, accept idle 300 on 1'
same 'a container' "$(in_container)" 'idle 300 on 1, accept idle 300 on 1'
same 'what is no pod' "$(idle system.slice)" "$bare"
holds 'it is alive' alive agent
policy 2 <<'END'
rule all { idle = "200s" }
END
said agent 'the kernel has now 1 rule'
same 'a change' "$(in_container)" 'idle 200 on 1, accept idle 200 on 1'

# With a mistake it ends, and what is in force stays; also if it starts again.

policy 3 <<'END'
rule all { idle = "100s" destinaton = { "::1" } }
END
same 'a mistake' "$(ended agent)" 2
says agent >log
in_file 'is named' log '/policy/kashim.conf:1: '
same 'the rules of before' "$(in_container)" \
	'idle 200 on 1, accept idle 200 on 1'
podman start agent >/dev/null
same 'it starts again' "$(ended agent)" 2
same 'the rules of before, still' "$(in_container)" \
	'idle 200 on 1, accept idle 200 on 1'
policy 4 <<'END'
rule named { program = { "connects_static" } idle = "400s" }
rule others { idle = "500s" }
END
podman start agent >/dev/null
said agent 'the kernel has now 2 rules'
same 'without the mistake' "$(in_container)" \
	'idle 400 on 1, accept idle 400 on 1'

# Stopped, it leaves what is attached; taken away, it is not alive.

podman stop --time 60 agent >/dev/null 2>&1
same 'it stops by itself' "$(ended agent)" 0
same 'stopped' "$(in_container)" 'idle 400 on 1, accept idle 400 on 1'
podman start agent >/dev/null
until_true 60 alive agent || fail 'alive again'
holds 'the host attaches, too' \
	"$kashim" attach --cgroup "$own/system.slice" --config "$work/shipped.conf"
holds 'detach, as docs/FLEET says' podman exec agent sh -c "$(sed -n \
	"s/.*podman exec kashim sh -c '\(.*\)'.*/\1/p" "$root/docs/FLEET")"
holds 'it is not alive' fails alive agent
holds 'what the host has attached stays' \
	"$kashim" attach --list --cgroup "$own/system.slice"
holds 'detach that' "$kashim" detach
same 'taken away' "$(in_container)" "$bare"

# No capability more than it takes.

grep '^--cap-add=' options >capabilities
same 'capabilities' "$(wc -l <capabilities)" 3
cp options all
while read -r option; do
	grep -vxF -- "$option" all >options
	follow "without-${option#*=}" "$@"
	same "without ${option#*=}" "$(ended "without-${option#*=}")" 2
	says "without-${option#*=}" >log
	in_file "without ${option#*=}: why" log \
		'the kernel takes programs from root alone'
done <capabilities
same 'nothing is attached' "$(ls /sys/fs/bpf/kashim)" ''

# podman's unit: the whole host. docs/FLEET says the same without it.

sed -n '/podman run/,/kashim$/p' "$root/docs/FLEET" | grep -o -- '--[^ ]*' |
	grep -vx -e --name -e --detach -e --restart=always | sort >said
/usr/bin/python3 "$here/containers.py" "$conf/kashim.container" | sort >options
holds 'docs/FLEET: podman run' diff options said
manifest kashim.container
follow unit "$@"
said unit 'the kernel has 2 rules'
same 'all of the host' "$(idle system.slice)" \
	'idle 400 on 1, accept idle 400 on 1'

# Without root: reached, if from outside; and not what could reach others.

# rootless COMMAND...: in a container of a user, who is in no way root.
rootless() {
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$own/system.slice" \
		setpriv --reuid 65533 --regid 65533 --clear-groups \
		env HOME="$work/user" XDG_RUNTIME_DIR=/run/user \
		podman --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend none --runtime runc run --rm \
		--ulimit nofile=1024:1024 --ulimit nproc=4096:4096 \
		--network none --cap-add BPF,PERFMON,NET_ADMIN \
		--security-opt seccomp=unconfined \
		--volume /sys/fs/bpf:/sys/fs/bpf --volume "$own:/sys/fs/cgroup" \
		--rootfs "$work/user/tree" "$@" \
		2>&1
}
if needs user-namespaces 'a container without root'; then
	mkdir user && cp -R tree user/tree &&
		cp policy/kashim.conf user/tree/etc && chown -R 65533:65533 user || exit 2
	mkdir -p /run/user && chown 65533 /run/user && chmod 700 /run/user
	same 'a container without root' "$(rootless connects_static 0 |
		sed -n 's/^connect 0 //p' | uniq)" \
		'idle 400 on 1, accept idle 400 on 1'
	rootless kashim attach --cgroup /sys/fs/cgroup/system.slice >log
	in_file 'it attaches nothing' log 'not in a user namespace'
fi
podman rm --force --time 0 unit >/dev/null 2>&1
same 'the unit is gone' "$(idle system.slice)" \
	'idle 400 on 1, accept idle 400 on 1'

finish
