#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs, through the system's package manager, what is needed to build
# kashim and for the demo ("setup.sh demo") or for all tests ("setup.sh
# check", the default). Does nothing if all is there. The daemons among the
# packages are not started: the tests start their own.
set -u

build_packages='gcc make libc6-dev pkg-config libconfuse-dev
	libmnl-dev libelf-dev libjansson-dev libseccomp-dev'
demo_packages='iproute2 nftables conntrack netcat-openbsd libpcap-dev
	libcap2-bin procps util-linux'
check_packages='check gnuplot-nox strace mandoc valgrind binutils perl
	systemd bash-completion man-db e2fsprogs mount
	libjemalloc2 libtcmalloc-minimal4 libfaketime libkeepalive0
	clang clang-format clang-tidy cppcheck shellcheck libclang-rt-14-dev llvm
	gcc-12-multilib musl-tools gcc-12-aarch64-linux-gnu libc6-dev-arm64-cross
	qemu-user tnftp vsftpd openssh-client openssh-server
	postgresql postgresql-client redis-server redis-tools
	openjdk-17-jdk-headless tmux prometheus-node-exporter restic busybox-static
	python3 python3-jsonschema python3-prometheus-client'

case ${1:-check} in
demo) packages="$build_packages $demo_packages" ;;
check) packages="$build_packages $demo_packages $check_packages" ;;
*)
	echo "usage: setup.sh [demo|check]" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	cat >&2 <<-EOF
	kashim: this system has no apt-get, so nothing is installed for you.
	The names of what is needed are, on Debian:
	$packages
	If these are there under other names, run "make unit preload e2e".
	EOF
	exit 1
fi

missing=
for package in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		printf 'kashim: not root, and no sudo. As root, run\n' >&2
		printf '    apt-get install%s\n' "$missing" >&2
		exit 1
	fi
	root=sudo
fi

# invoke-rc.d(8) asks this file whether a daemon may be started: 101 is no.
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup()
{
	[ -z "$made_policy" ] || $root rm -f "$policy"
	made_policy=
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null &&
	    made_policy=yes && $root chmod 755 "$policy"
fi

printf 'kashim: installing%s\n' "$missing"
log=$(mktemp "${TMPDIR:-/tmp}/kashim-setup.XXXXXX") || exit 1
# The list of packages may be old or missing: then once more with a new one.
install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-remove
	--no-install-recommends"
# shellcheck disable=SC2086 # lists of words
if ! { $root $install $missing >"$log" 2>&1 || {
	$root apt-get update >"$log" 2>&1 &&
	    $root $install $missing >>"$log" 2>&1
}; }; then
	tail -n 20 "$log" >&2
	rm -f "$log"
	printf 'kashim: apt-get could not install%s\n' "$missing" >&2
	exit 1
fi
rm -f "$log"
