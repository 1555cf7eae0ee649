#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The image of conf/containers, built by buildah(1) on what debootstrap(8) makes
# of this machine's release, and then run: test_containers.sh. Needs root, both
# programs and the network. BUILD names the build directory.
set -u

here=$(cd "$(dirname "$0")" && pwd -P) || exit 2
root=$(cd "$here/../.." && pwd -P) || exit 2
mkdir -p "${1:?the build directory}/package" || exit 2
build=$(cd "$1" && pwd -P) || exit 2
# shellcheck source=test/tree.sh
. "$root/test/tree.sh"
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME") || exit 2
tree_make "$suite" "$build/package/$suite" || exit 2

store=$build/package/image
archive=$build/package/image.tar
trap 'rm -rf --one-file-system "$store" "$archive"' EXIT
rm -rf --one-file-system "$store" "$archive"
# in_store COMMAND...: buildah or podman, with images of its own.
in_store() {
	program=$1
	shift
	"$program" --root "$store" --runroot "$store/run" \
		--storage-driver vfs "$@"
}
{
	tar -c -C "$build/package/$suite" . |
		in_store podman import - localhost/debian &&
		in_store buildah build --isolation chroot \
			--build-arg BASE=localhost/debian \
			-f "$root/conf/containers/Containerfile" -t kashim \
			"$root" &&
		in_store buildah push kashim "oci-archive:$archive:localhost/kashim"
} >"$build/package/image.log" 2>&1 || {
	tail -n 20 "$build/package/image.log"
	echo "not ok: no image; see $build/package/image.log"
	exit 1
}
printf 'image, %s bytes: ' "$(stat -c %s "$archive")"
KASHIM_IMAGE=$archive sh "$root/test/command/test_containers.sh" "$build"
