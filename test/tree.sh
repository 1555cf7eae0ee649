# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# tree: systems of other releases, made by debootstrap(8), for tests to run in.
# To be sourced. Needs root and the network.

# tree_make SUITE DIRECTORY: makes it, unless it is there as a whole.
tree_make() {
	[ ! -e "$2.made" ] || return 0
	rm -rf --one-file-system "$2"
	debootstrap --variant=minbase "$1" "$2" && : >"$2.made"
}

# tree_copy FROM TO: a copy of a tree, to be changed.
tree_copy() {
	rm -rf --one-file-system "$2"
	cp -a --reflink=auto "$1" "$2" &&
		cp /etc/resolv.conf "$2/etc/resolv.conf"
}

# tree_run TREE COMMAND...: runs it in there, as in a system of its own but for
# the network, which is this machine's. (Not by chroot(2): no user namespaces
# can be made under that.) What it started ends with it.
tree_run() {
	# util-linux 2.36 leaves signals ignored.
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --pid --fork --kill-child -- \
		env --default-signal=INT,TERM sh -c '
		mount --bind "$1" "$1" && cd "$1" &&
			mount -t proc proc proc && mount --rbind /sys sys &&
			mount --rbind /dev dev && mkdir .old &&
			pivot_root . .old && umount -l .old && rmdir .old ||
			exit 2
		cd /
		shift
		# Not in place of this shell: it is process 1 there.
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
		exit $?
	' sh "$@" </dev/null
}
