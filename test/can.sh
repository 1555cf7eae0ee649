#!/bin/sh
# SPDX-License-Identifier: ISC
# What this machine can do that tests need, found out by trying it:
# "can.sh NAME" exits with 0 if it can; with 1 if not, and prints why. With 2,
# and the reason, if it could not be tried: for want of a tool or of root, or
# since nothing can be run where temporary files are. That says nothing about
# the machine, so the test is skipped (a failure in CI). With 3 for wrong use.
# A name that CI accepts as a reason to leave tests out stands in .ci/cannot,
# too.
set -u

dir=$(mktemp -d "${TMPDIR:-/tmp}/kashim-can.XXXXXX") || exit 3
trap 'rm -rf --one-file-system "$dir"' EXIT
trap 'exit 3' HUP INT TERM
PATH=$PATH:/usr/sbin:/sbin

# on_tmpfs COMMANDS: in a new file system of a mount namespace, which ends with
# them.
on_tmpfs()
{
	unshare --mount sh -c "mount -t tmpfs tmpfs $dir && cd $dir && { $1; }"
}

# A program of 96 bytes that exits with 42: the header of an ELF file, one
# segment, and "mov $1,%eax; mov $42,%ebx; int $0x80". A shell takes what the
# kernel can't run for a script, which ends otherwise.
runs_32_bit()
{
	{
		printf '\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0'
		printf '\124\200\4\10\64\0\0\0\0\0\0\0\0\0\0\0\64\0\40\0'
		printf '\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\200\4\10'
		printf '\0\200\4\10\140\0\0\0\140\0\0\0\5\0\0\0\0\20\0\0'
		printf '\270\1\0\0\0\273\52\0\0\0\315\200'
	} >"$dir/program" && chmod 755 "$dir/program" || exit 3
	"$dir/program" 2>"$dir/status"
	status=$?
	[ $status -eq 42 ] || {
		echo "status $status"
		return 1
	}
}

# Lint judges by these versions, those of Debian 12: each formats and warns
# differently.
has_lint()
{
	for wanted in 'clang-format 14' 'clang-tidy 14' 'cppcheck 2.10' \
		'shellcheck 0.9'; do
		"${wanted% *}" --version 2>&1 | tr '\n' ' ' |
			grep -qE "(version:?|Cppcheck) ${wanted#* }([. ]|$)" || {
			echo "not $wanted"
			return 1
		}
	done
}

# can NAME: 0, or 1 after a message of what was tried, if that has any.
can()
{
	case $1 in
	32-bit) runs_32_bit ;;
	loop-devices)
		truncate -s 64K "$dir/disk" &&
			device=$(losetup --find --show "$dir/disk") &&
			losetup --detach "$device"
		;;
	namespaces) unshare --mount --net --ipc --pid --fork true ;;
	user-namespaces)
		unshare --user --map-root-user --mount --net --ipc true
		;;
	ptrace) strace -qq -o "$dir/trace" /bin/true ;;
	overlay)
		on_tmpfs 'mkdir lower upper work merged &&
			mount -t overlay overlay -o \
			lowerdir=lower,upperdir=upper,workdir=work merged'
		;;
	# Nobody answers there: it is not looked at.
	fuse)
		on_tmpfs 'mkdir fs && exec 9<>/dev/fuse && mount -i -t fuse -o \
			fd=9,rootmode=40000,user_id=0,group_id=0 fuse fs'
		;;
	file-capabilities)
		on_tmpfs 'cp /bin/true . && setcap cap_net_raw+ep true'
		;;
	control-groups)
		on_tmpfs 'mkdir cg && mount -t cgroup2 cgroup2 cg && cd cg &&
			mkdir kashim-can.$$ && rmdir kashim-can.$$'
		;;
	# A program that does nothing but call bpf_load_hdr_opt() of Linux 5.10,
	# number 142, or bpf_loop(), which is refused in any case: for its
	# arguments (EACCES) if there is such a call.
	bpf | bpf-loop)
		[ "$1" = bpf ] && call=142 || call=181
		/usr/bin/python3 -c 'import ctypes, os, platform, struct, sys
calls = {"x86_64": 321, "aarch64": 280, "ppc64le": 361, "s390x": 351}
program = ctypes.create_string_buffer(
    struct.pack("=BBhiBBhi", 0x85, 0, 0, int(sys.argv[1]), 0x95, 0, 0, 0))
licence = ctypes.create_string_buffer(b"GPL")
attributes = ctypes.create_string_buffer(struct.pack("=IIQQ", 13, 2,
    ctypes.addressof(program), ctypes.addressof(licence)), 120)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(calls[platform.machine()], 5, attributes, 120)
if ctypes.get_errno() != 13:
	raise SystemExit(os.strerror(ctypes.get_errno()))' "$call" &&
			on_tmpfs 'mkdir cg fs && mount -t cgroup2 cgroup2 cg &&
				mount -t bpf bpf fs'
		;;
	# With this system's own tree as theirs.
	containers)
		# shellcheck disable=SC2016 # the inner shell expands
		unshare --mount sh -c '. "$1" && podman_up && cd "$2" &&
			mkdir tree && mount --rbind / tree &&
			podman_run --network none --read-only \
				--read-only-tmpfs=false \
				--rootfs "$2/tree" true' \
			sh "$(dirname "$0")/podman.sh" "$dir"
		;;
	ipv6) unshare --net ip -6 address show && [ -e /proc/net/if_inet6 ] ;;
	mptcp)
		/usr/bin/python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)'
		;;
	# 425 is io_uring_setup(2).
	io-uring)
		/usr/bin/python3 -c 'import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(425, 4, ctypes.create_string_buffer(120)) < 0:
	raise SystemExit(os.strerror(ctypes.get_errno()))'
		;;
	kernel-threads) grep -x kthreadd /proc/2/comm ;;
	lint) has_lint ;;
	esac
}

# What the attempt takes: commands, "root", or "exec" for programs in $dir.
case ${1-} in
32-bit) takes=exec what='the kernel runs no 32-bit programs' ;;
loop-devices)
	takes='root truncate losetup' what='there is no loop device'
	;;
namespaces) takes='root unshare' what='no namespaces can be made' ;;
user-namespaces) takes=unshare what='no user namespace can be made' ;;
ptrace) takes=strace what='no program can be traced' ;;
overlay)
	takes='root unshare mount' what='there is no overlay file system'
	;;
fuse) takes='root unshare mount' what='no FUSE file system can be mounted' ;;
file-capabilities)
	takes='root unshare mount setcap'
	what='tmpfs keeps no capabilities of files'
	;;
control-groups)
	takes='root unshare mount' what='no control group can be made'
	;;
bpf)
	takes='root unshare mount /usr/bin/python3'
	what='the kernel takes no program that sets keepalive'
	;;
bpf-loop)
	takes='root unshare mount /usr/bin/python3'
	what='the kernel takes no program that needs bpf_loop()'
	;;
containers)
	takes='root unshare podman runc' what='podman runs no container'
	;;
ipv6) takes='root unshare ip' what='the kernel has no IPv6' ;;
mptcp) takes=/usr/bin/python3 what='the kernel has no MPTCP' ;;
io-uring)
	takes='root /usr/bin/python3' what='the kernel has no io_uring'
	;;
kernel-threads) takes='' what='no thread of the kernel is to be seen' ;;
lint)
	takes='clang-format clang-tidy cppcheck shellcheck'
	what='lint judges by other versions'
	;;
*)
	echo 'usage: can.sh NAME, one of those in the source' >&2
	exit 3
	;;
esac

for it in $takes; do
	case $it in
	root) [ "$(id -u)" -eq 0 ] || why='takes root' ;;
	exec)
		printf '#!/bin/sh\nexit 42\n' >"$dir/native" &&
			chmod 755 "$dir/native" || exit 3
		"$dir/native" 2>/dev/null
		[ $? -eq 42 ] || why="nothing can be run in ${dir%/*}"
		;;
	*) command -v "$it" >/dev/null || why="takes $it" ;;
	esac
	[ -z "${why-}" ] || {
		echo "not tried: $why"
		exit 2
	}
done
can "$1" >"$dir/said" 2>&1 && exit 0
printf '%s' "$what"
[ ! -s "$dir/said" ] || printf ' (%s)' "$(tail -n 1 "$dir/said")"
echo
exit 1
