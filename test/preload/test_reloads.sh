#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs the program that connects while the policy is reloaded all the time.
# $1 is the build directory.
build=$(cd "${1:-build}" && pwd) || exit 2
exec "$build/test/reloads" "$build" 8
