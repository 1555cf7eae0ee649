#!/bin/sh
# SPDX-License-Identifier: ISC
# How much of lib/ the tests of a coverage build have run: "coverage.sh BUILD"
# prints a table, and writes the lines that nothing has run to
# BUILD/uncovered. The counters lie in files that the processes have mapped
# (clang's continuous mode), so those of one that ends with _exit(2), or is
# killed, are not lost.
set -u

[ $# -eq 1 ] || {
	echo 'usage: coverage.sh BUILD (see "make coverage")' >&2
	exit 2
}
build=$1
# clang's tools have its version in their names; plain names may be missing.
version=$(clang -dumpversion | cut -d. -f1)
profdata=$(command -v "llvm-profdata-$version" || command -v llvm-profdata)
cov=$(command -v "llvm-cov-$version" || command -v llvm-cov)
if [ -z "$profdata" ] || [ -z "$cov" ]; then
	echo 'coverage: no llvm-profdata or no llvm-cov (package llvm)' >&2
	exit 2
fi

"$profdata" merge -sparse -o "$build/profile" "$build"/*.profraw || exit 1
set -- "$build/libkashim.so"
for object in "$build/libkashim-config.so" "$build/kashim" \
	"$build"/test/test_*; do
	case $object in
	*.d) ;;
	*) set -- "$@" -object "$object" ;;
	esac
done

"$cov" report -instr-profile="$build/profile" "$@" lib 2>/dev/null |
	awk 'function row(name, lines, missed, branches, missed_branches) {
		printf "%-22s %5d %6.1f %%   ", name, lines,
		    lines ? 100 * (lines - missed) / lines : 100
		printf "%5d %6.1f %%\n", branches, branches ? \
		    100 * (branches - missed_branches) / branches : 100
	}
	BEGIN {
		printf "%-22s %5s %8s   %5s %8s\n", "file", "lines",
		    "run", "branches", "taken"
	}
	NF == 13 && $8 > 0 {
		sub(/.*\//, "", $1)
		row($1, $8, $9, $11, $12)
	}'
"$cov" show -instr-profile="$build/profile" "$@" lib \
	2>/dev/null |
	awk -F '|' '/^[^ ].*\.[ch]:$/ { file = $0; sub(/.*\//, "", file) }
	    $2 ~ /^ *0$/ { sub(/^ */, "", $1); print file $1 ":" $3 }' \
		>"$build/uncovered"
printf '%d lines that nothing runs: %s\n' "$(wc -l <"$build/uncovered")" \
	"$build/uncovered"
