#!/bin/sh
# SPDX-License-Identifier: ISC
# The documents say what is so: keys, profiles, commands, options and tests are
# those that exist, and the examples are right. $1 is the build directory.
# shellcheck disable=SC2016 # awk's dollar signs
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
dir=$work
kashim=$build/kashim
command_page=$root/docs/kashim.1
file_page=$root/docs/kashim.conf.5
library_page=$root/docs/libkashim.7

# agree WHAT: two lists, $dir/a and $dir/b, have the same lines, and some.
agree()
{
	sort -u -o "$dir/a" "$dir/a" && sort -u -o "$dir/b" "$dir/b"
	quiet "$1: a list is empty" test -s "$dir/a"
	quiet "$1" diff "$dir/a" "$dir/b"
}

# right WHAT FILE: a configuration that is right, without a warning.
right()
{
	"$kashim" check "$2" >"$dir/answer" 2>"$dir/warnings"
	quiet "$1: is right" grep -q ': ok, ' "$dir/answer"
	quiet "$1: without a warning" cat "$dir/warnings"
}

# narrow FILE: it has lines, and none has more than 80 columns.
narrow()
{
	quiet "$1: it is empty" test -s "$1"
	quiet "$1: lines too long" awk '
		{ line = $0; gsub(/\t/, "        ", line) }
		length(line) > 80 { print NR ": " $0 }' "$1"
}

# The form.

for page in "$root"/docs/*.[1-8]; do
	quiet "lint $page" mandoc -T lint -W warning "$page"
	# As both renderers show it in the usual terminal.
	mandoc -T ascii -O width=80 "$page" | col -b -x >"$dir/${page##*/}"
	narrow "$dir/${page##*/}"
	MANWIDTH=80 man -E ascii -P cat -l "$page" 2>/dev/null | col -b -x \
	    >"$dir/${page##*/}"
	narrow "$dir/${page##*/}"
done
for text in README docs/NEWS docs/SECURITY docs/RELEASING; do
	narrow "$root/$text"
done
find "$root/conf" -type f >"$dir/files"
while read -r file; do
	narrow "$file"
done <"$dir/files"

# The keys, as config_key.c and keepalive.h have them.

sed -n -e 's/.*\[KEY_.*\] = "\(.*\)",$/\1/p' \
    -e 's/^	X([A-Z_]*, IPPROTO_TCP, [A-Z_]*, "\(.*\)", .*/\1/p' \
    "$root/lib/config/config_key.c" "$root/lib/base/keepalive.h" >"$dir/keys"
cp "$dir/keys" "$dir/a"
sed -n '/^\.It Ic include /d; s/^\.It Ic //p' "$file_page" |
    tr -s ' ,' '\n' >"$dir/b"
agree 'keys in kashim.conf.5'
cp "$dir/keys" "$dir/a"
sed -n 's/^[#[:space:]]*\([a-z-]*\) *= .*/\1/p' "$root/conf/kashim.conf" \
    >"$dir/b"
agree 'keys in conf/kashim.conf'

# The profiles, with their times.

sed -n 's/^    {"\([^"]*\)", \([0-9]*\),.*/\1 \2/p' \
    "$root/lib/config/config_profile.c" >"$dir/a"
sed -n 's/^\.It Li \([^ ]*\) Ta \([0-9]*\) s Ta .*/\1 \2/p' "$file_page" \
    >"$dir/b"
agree 'profiles in kashim.conf.5'

# The commands, and the options of each.

"$kashim" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' >"$dir/commands"
cp "$dir/commands" "$dir/a"
sed -n '/^\.Sh COMMANDS/,/^\.Sh [^C]/s/^\.Ss //p' "$command_page" >"$dir/b"
agree 'commands in kashim.1'
cp "$dir/commands" "$dir/a"
sed -n '/^\.Sh COMMANDS/,/^\.Sh [^C]/s/^\.Ss //p' "$command_page" >"$dir/b"
quiet 'the order of commands in kashim.1' diff "$dir/a" "$dir/b"
cp "$dir/commands" "$dir/a"
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm //p' "$command_page" \
    >"$dir/b"
agree 'commands in the synopsis of kashim.1'

# options_of COMMAND: as its --help has them, but for that itself.
options_of()
{
	"$kashim" "$1" --help |
	    sed -n 's/^  -\(.\), --\([a-z-]*\).*/-\1 --\2/p' |
	    grep -v -- --help | sed "s/^/$1 /"
}

grep -vx help "$dir/commands" | while read -r command; do
	options_of "$command"
done >"$dir/options"
cp "$dir/options" "$dir/a"
awk '/^\.Ss / { command = $2 }
	/^\.It Fl / {
		# "c Ar file , Fl \-config Ns ..." or "a , Fl \-all"
		name = $(4 + ($4 != ",") * 2 + 2)
		sub(/^\\-/, "", name)
		print command, "-" $3, "--" name
	}' \
    "$command_page" >"$dir/b"
agree 'options in kashim.1'
awk '{ print $1, $2 }' "$dir/options" >"$dir/a"
awk '/^\.Sh DESCRIPTION/ { exit }
	/^\.Cm / { command = $2 }
	/^\.Op Fl [a-zA-Z]/ { print command, "-" $3 }' "$command_page" >"$dir/b"
agree 'options in the synopsis of kashim.1'
"$kashim" --help | sed -n 's/^  --\([a-z]*\) .*/\1/p' >"$dir/a"
sed -n 's/^\.Fl \\-\([a-z]*\) | Fl \\-\([a-z]*\)$/\1 \2/p' "$command_page" |
    tr ' ' '\n' >"$dir/b"
agree 'options without a command in kashim.1'

# The kernels that the commands need, as kernel_calls.h has them.

sed -n 's|^[/ ]*\*\{0,1\} *\([a-z0-9_]*\)(2), Linux \([0-9.]*[0-9]\).*|\1 \2|p' \
    "$root/tools/host/kernel_calls.h" | grep -E 'openat2|pidfd_getfd' >"$dir/a"
awk '/^\.Sh REQUIREMENTS/ { on = 1 }
	/^\.It [5-9]/ { release = $2 }
	on { for (i = 1; i < NF; i++) if ($i == "Xr" && release)
		print $(i + 1), release }
	/^\.El/ { if (on) exit }' "$command_page" >"$dir/b"
agree 'kernels in kashim.1'

# What the library interposes.

sed -n 's/^	\([a-z_0-9]*\);$/\1/p' "$root/lib/shim/libkashim.map" >"$dir/names"
quiet 'no names in libkashim.map' test -s "$dir/names"
while read -r name; do
	quiet "libkashim.7 does not know $name" \
	    grep -qE "(Fn|Xr) $name( |\$)" "$library_page"
done <"$dir/names"

# The tests that libkashim.7 names: "program: case, case", where a program is
# one in C with a table of cases, or "script: what is in it".

# What the scripts start: the lists that they walk.
awk '/^	?for [a-z]* in/ { on = 1 }
	on
	/; do$/ { on = 0 }' "$root/test/preload/run" \
    "$root"/test/preload/test_*.sh >"$dir/runners"
sed -n 's/^\.Dl \([a-z_0-9.]*\): \(.*\)/\1 \2/p' "$library_page" >"$dir/tests"
quiet 'no tests in libkashim.7' test -s "$dir/tests"
while read -r file cases; do
	case $file in
	*.sh)
		quiet "libkashim.7, $file: $cases" \
		    grep -qF -- "$cases" "$root/test/preload/$file"
		continue
		;;
	esac
	quiet "libkashim.7: $file is not run" \
	    grep -qwF -- "$file" "$dir/runners"
	while [ -n "$cases" ]; do
		one=${cases%%, *}
		cases=${cases#"$one"}
		cases=${cases#, }
		quiet "libkashim.7, $file: $one" \
		    grep -qF -- "\"$one\"" "$root/test/preload/$file.c"
	done
done <"$dir/tests"

# Those that docs/SECURITY names, in brackets: "test: case, case; test".
tr '\n' ' ' <"$root/docs/SECURITY" | grep -o '\[[a-z][^]]*\]' | tr -d '[]' |
    tr -s ' ' | tr ';' '\n' | sed 's/^ //' >"$dir/tests"
quiet 'no tests in docs/SECURITY' test -s "$dir/tests"
while IFS=: read -r test cases; do
	file=$(find "$root/test" -name "$test" -o -name "$test.c")
	quiet "docs/SECURITY: there is no $test" test -f "$file"
	echo "$cases" | tr ',' '\n' | sed 's/^ *"*//; s/"*$//; /^$/d' >"$dir/cases"
	while read -r one; do
		quiet "docs/SECURITY, $test: $one" grep -qF -- "$one" "$file"
	done <"$dir/cases"
done <"$dir/tests"

# The examples.

cp "$root/conf/kashim.conf" "$dir/shipped.conf"
right conf/kashim.conf "$dir/shipped.conf"
# Its defaults are comments, each to be used alone, with or without a rule that
# asks for less.
sed -n '/^rule /q; s/^# \([a-z-]* *= .*\)/\1/p' "$root/conf/kashim.conf" \
    >"$dir/defaults"
quiet 'no defaults in conf/kashim.conf' test -s "$dir/defaults"
while read -r line; do
	printf '%s\nrule all { }\n' "$line" >"$dir/default.conf"
	right "conf/kashim.conf: $line" "$dir/default.conf"
done <"$dir/defaults"
# Its rules are comments with a tab.
sed -e '/# What begins/d' -e 's/^#  *\(rule .* {\)$/\1/' \
    -e 's/^# \(	.*=.*\)$/\1/' -e 's/^# }$/}/' "$root/conf/kashim.conf" \
    >"$dir/all.conf"
right 'the rules in conf/kashim.conf' "$dir/all.conf"

# literal PAGE SECTION NAME: what stands there between .Bd -literal and .Ed, in
# files NAME-1.conf and so on. Subsections belong to their section.
literal()
{
	awk -v heading="$2" -v name="$dir/$3" '
		/^\.Sh / || (/^\.Ss / && heading ~ /^\.Ss /) {
			here = $0 == heading
		}
		/^\.Ed/ { on = 0 }
		here && on {
			gsub(/\\\(dq/, "\"")
			print >name "-" count ".conf"
		}
		here && /^\.Bd -literal/ { on = 1; count++ }' "$1"
}

# examples PAGE SECTION NAME LEAST: each of them is right, and there are so many.
examples()
{
	literal "$1" "$2" "$3"
	for file in "$dir/$3"-*.conf; do
		right "${1##*/}, $2, ${file##*/}" "$file"
	done
	quiet "${1##*/}, $2: fewer examples than $4" test -f "$dir/$3-$4.conf"
}

examples "$file_page" '.Ss Syntax' syntax 1
examples "$file_page" '.Sh EXAMPLES' file 3
examples "$command_page" '.Sh EXAMPLES' command 2
examples "$library_page" '.Sh EXAMPLES' library 2
for page in "$file_page" "$command_page" "$library_page"; do
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$page" >"$dir/page"
	for subject in 'backup agent' 'SAP gateway'; do
		quiet "${page##*/}: no example for: $subject" \
		    grep -q "$subject" "$dir/page"
	done
done

# indented TEXT: the indented lines of README behind a line that starts so.
indented()
{
	awk -v text="$1" 'index($0, text) == 1 { on = 1; next }
		on && /^[^\t]/ { exit }
		on' "$root/README" | sed -e 's/^	//' | sed -e '1{/^$/d;}'
}

# What stands below its commands is for test/command/test_readme.sh.
indented '/etc/kashim.conf. The first rule' >"$dir/kashim.conf"
right 'the first configuration in README' "$dir/kashim.conf"
# What make can be told.

sed -n 's/.*make \([a-z0-9][a-z0-9 -]*\).*/\1/p' "$root/README" \
    "$root/docs/CONTRIBUTING.md" "$root/docs/RELEASING" | sed 's/  .*//' |
    tr ' ' '\n' | sort -u | sed '/^$/d' >"$dir/targets"
quiet 'no targets' test -s "$dir/targets"
while read -r target; do
	quiet "make $target" grep -qE "^([a-z ]* )?$target( [a-z ]*)?:" \
	    "$root/Makefile" "$root/test/rules.mk"
done <"$dir/targets"

finish
