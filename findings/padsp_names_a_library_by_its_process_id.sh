#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: padsp(1) adds libpulsedsp.so to LD_PRELOAD, by "/usr/$LIB/...", of which
# the loader makes the directory for the program's own architecture.
#
# Really: in its shell script there is a backslash too few. "\\$$LIB" is a
# backslash, the process id of padsp and "LIB", so it names a file that nobody
# has. The loader says so on the standard error of each program, and goes on,
# with what else LD_PRELOAD holds.
#
# Seen with pulseaudio-utils 16.1+dfsg1-2+b1 (Debian 12):
#   /hook.so /usr/\4711LIB/pulseaudio/libpulsedsp.so
#
# Why it matters: "$LIB" is what makes one LD_PRELOAD serve programs of 32 and 64
# bits, and what a script, a unit or a shell's start file has to quote. If it
# was not, nothing fails: the program runs, without the library. Needs apt-get
# for the pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
apt-get download pulseaudio-utils=16.1+dfsg1-2+b1 >/dev/null 2>&1
dpkg -x pulseaudio-utils_*.deb .

# shellcheck disable=SC2016 # the shell that padsp starts expands it
LD_PRELOAD=/hook.so timeout 10 usr/bin/padsp sh -c 'printf "%s\n" "$LD_PRELOAD"' \
	2>said | tee seen
grep -q '^/hook.so /usr/\\[0-9][0-9]*LIB/pulseaudio/libpulsedsp.so$' seen
grep -q 'LIB/pulseaudio/libpulsedsp.so.*cannot be preloaded' said
