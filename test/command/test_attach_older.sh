#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach on kernels without bpf_loop(), before Linux 5.17: the scripts of
# its tests, to which this machine's kernel passes for one. BUILD names the
# build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf-loop
begin
cc -shared -fPIC -o no_loop.so "$here/no_loop.c" || exit 2
for name in test_attach test_attach_open test_attached; do
	KASHIM_OLDER=$work/no_loop.so LOOKUPS=${LOOKUPS:-100000} \
		sh "$here/$name.sh" "$build" >"$name" 2>&1
	same "$name: $(tail -n 1 "$name"): status" $? 0
	grep -E '^(not ok|skipped)' "$name"
	holds "$name: the kernel passes for an older one" \
		grep -q '^cannot run here: bpf-loop' "$name"
done

# Before Linux 5.10.

cc -DALSO=142 -shared -fPIC -o older.so "$here/no_loop.c" || exit 2
echo 'rule all { idle = "300s" }' >conf
check 'nothing sets keepalive there' 2 env LD_PRELOAD="$work/older.so" \
	"$build/kashim" attach --all --dry-run --config conf <<'END'
! kashim: in this kernel no program sets keepalive, as in Linux 5.10: preload, supervise or apply instead
END
finish
