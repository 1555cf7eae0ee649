#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs all parts of the tests, also behind one that fails, and ends with a
# table of them: "check.sh BUILD [PART...]", each part a target of make. It
# installs nothing. Each part's output is left in BUILD/check/PART.log. The
# status is 1 if a part failed.
set -u

build=${1:-build}
shift
# What takes other compilers comes at the end. Each of these has a directory of
# its own, so two run at a time.
alone='audit unit preload command e2e'
beside='lint fuzz asan ubsan tsan builds'
if [ $# -gt 0 ]; then
	alone=$* beside=
fi
dir=$build/check
rm -rf "$dir" && mkdir -p "$dir" || exit 2
trap 'exit 1' HUP INT TERM

# What one part does: its status comes last, and whole.
# shellcheck disable=SC2016 # for the shell below
one='
	read -r begun _ </proc/uptime
	$MAKE --no-print-directory BUILD="$1" "$3" 2>&1
	status=$?
	read -r ended _ </proc/uptime
	echo "$status $((${ended%.*} - ${begun%.*}))" >"$2/$3.now"
	mv "$2/$3.now" "$2/$3.status"'

# What programs of this machine go by is not the tests' to change.
machine()
{
	find /etc/kashim* /etc/ld.so.preload /var/cache/kashim \
		-printf '%p %i %T@\n' 2>/dev/null | sort
}
machine=$(machine)

for part in $alone; do
	printf -- '--- %s\n' "$part"
	sh -c "$one" sh "$build" "$dir" "$part" | tee "$dir/$part.log"
done
# Whole, when it is over.
# shellcheck disable=SC2086 # a list of words
[ -z "$beside" ] || printf '%s\n' $beside | xargs -P 2 -I {} sh -c "
	( $one ) >\"\$2/\$3.log\"
	printf -- '--- %s\n%s\n' \"\$3\" \"\$(cat \"\$2/\$3.log\")\"" \
	sh "$build" "$dir" {}

# The sums are in each part's lines "all: N passed, N failed, N skipped". A part
# that has none of them has failed, whatever its status.
{
	for part in $alone $beside; do
		read -r status seconds <"$dir/$part.status" ||
			status=none seconds=0
		awk -v part="$part" -v status="$status" -v seconds="$seconds" '
			/^all: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
				p += $2; f += $4; s += $6; sums++
			}
			/^cannot run here: / { c++ }
			END {
				if (!sums || status != 0 && f == 0)
					f++
				printf "%s %d %d %d %d %d\n", part, p, f, s, c, \
				    seconds
			}' "$dir/$part.log"
	done
	if [ "$(machine)" = "$machine" ]; then
		echo 'machine 1 0 0 0 0'
	else
		echo 'not ok: /etc or /var/cache/kashim is not as before' >&2
		echo 'machine 0 1 0 0 0'
	fi
} >"$dir/table"
echo
awk 'BEGIN {
		printf "%-10s %8s %8s %8s %16s %8s\n", "part", "passed", \
		    "failed", "skipped", "cannot run here", "time"
	}
	{
		printf "%-10s %8d %8d %8d %16d %6d s\n", $1, $2, $3, $4, $5, $6
	}' "$dir/table"
for part in $alone $beside; do
	grep '^cannot run here: ' "$dir/$part.log"
done | sort -u
awk -v dir="$dir" '$3 && $1 != "machine" {
		printf "%s failed: see %s/%s.log\n", $1, dir, $1
	}' "$dir/table"
awk '{ p += $2; f += $3; s += $4 }
	END {
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0
	}' "$dir/table"
