#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs the stress program (stress.c) under the library. $1 is the build
# directory.
set -u

build=$(cd "${1:-build}" && pwd) || exit 2
exec "$build/test/stress" "$build"
