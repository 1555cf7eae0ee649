#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs the program that compares what sockets have with what they should have
# by a naive oracle. $1 is the build directory.
build=$(cd "${1:-build}" && pwd) || exit 2
exec "$build/test/accepts" "$build"
