#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: libbpf_probe_bpf_helper() asks the kernel, so it knows for each kernel,
# also for a later one, whether programs of a type may call a helper.
#
# Really: it goes by the verifier's words, "unknown func" and "invalid func".
# The kernel now says "program of this type cannot use helper", which libbpf 1.1
# does not know and takes for a complaint about something else: so every helper
# that the kernel has at all is there for every type. Only what no kernel has is
# still missing.
#
# Seen with libbpf1 1:1.1.2-0+deb12u1 on Linux 6.18 (and 6.12), programs of the
# type SOCK_OPS, and what the kernel says to one that calls the helper:
#   bpf_setsockopt: probe 1, load EACCES (its arguments, not the helper)
#   bpf_xdp_adjust_head: probe 1, load EINVAL
#   number 9999: probe 0, load EINVAL
#
# Why it matters: a tool that asks first what it may use, to fall back on
# something else or to tell what is missing (as under lockdown=confidentiality,
# which takes helpers away), hears yes on newer kernels, and its program is
# refused with the verifier's words. Needs root, python3, and apt-get for the
# pinned packages.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
for package in libbpf1=1:1.1.2-0+deb12u1 libelf1=0.188-2.1; do
	apt-get download "$package" >/dev/null 2>&1
	dpkg -x "${package%%=*}"_*.deb .
done

cat >probe.py <<'END'
import ctypes
import errno
import struct
import sys

SOCK_OPS = 13
LICENCE = b"GPL"
libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
libbpf.libbpf_set_print(None)


def load(helper):
    """What the kernel says to a program that does nothing but call it."""
    call = struct.pack("=BBhi", 0x85, 0, 0, helper)
    leave = struct.pack("=BBhi", 0x95, 0, 0, 0)
    result = libbpf.bpf_prog_load(SOCK_OPS, None, LICENCE, call + leave,
                                  ctypes.c_size_t(2), None)
    return errno.errorcode[-result] if result < 0 else "taken"


def ask(name, helper):
    probe = libbpf.libbpf_probe_bpf_helper(SOCK_OPS, helper, None)
    said = load(helper)
    print(f"{name}: probe {probe}, load {said}", flush=True)
    return probe, said


seen = [ask("bpf_setsockopt", 49), ask("bpf_xdp_adjust_head", 44),
        ask("number 9999", 9999)]
sys.exit(seen != [(1, "EACCES"), (1, "EINVAL"), (0, "EINVAL")])
END
LD_LIBRARY_PATH=$dir/usr/lib/x86_64-linux-gnu timeout 30 python3 probe.py
