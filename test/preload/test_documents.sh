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
	# A page that is another one's, too.
	if [ "$(cut -c 1-4 "$page")" = '.so ' ]; then
		other=$(sed -n 's|^\.so man\([1-8]\)/\(.*\.\1\)$|\2|p' "$page")
		quiet "$page: one line" test "$(wc -l <"$page")" -eq 1
		quiet "$page: of which page" test -f "$root/docs/${other:-none}"
		continue
	fi
	quiet "lint $page" mandoc -T lint -W warning "$page"
	# As both renderers show it in the usual terminal.
	mandoc -T ascii -O width=80 "$page" | col -b -x >"$dir/${page##*/}"
	narrow "$dir/${page##*/}"
	MANWIDTH=80 man -E ascii -P cat -l "$page" 2>/dev/null | col -b -x \
	    >"$dir/${page##*/}"
	narrow "$dir/${page##*/}"
done
for text in README docs/FLEET docs/NEWS docs/SECURITY docs/RELEASING \
    docs/TESTED; do
	narrow "$root/$text"
done
# In JSON a string is on one line.
find "$root/conf" -type f ! -name '*.json' >"$dir/files"
while read -r file; do
	narrow "$file"
done <"$dir/files"

# The keys, as config_key.c and options.h have them.

sed -n -e 's/.*\[KEY_.*\] = "\(.*\)",$/\1/p' \
    -e 's/^	X([A-Z_]*, IPPROTO_TCP, [A-Z_]*, "\(.*\)", .*/\1/p' \
    "$root/lib/config/config_key.c" "$root/lib/base/options.h" >"$dir/keys"
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

# The commands. The overview has each, under the heading and in the order of
# the general help; and each has a page, of its own or of another one's.

"$kashim" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | grep -vx help \
    >"$dir/commands"
"$kashim" --help | sed -n '/^  --/d; /^  help /d; /^Usage/d
	/^[A-Z].*[^.]$/p; s/^  \([a-z][a-z]*\) .*/\1/p' >"$dir/a"
awk '/^\.Sh / { on = $2 == "COMMANDS" }
	on && /^\.Ss / && !/Help/ { print substr($0, 5) }
	on && /^\.It Xr kashim-/ { print substr($3, 8) }' "$command_page" \
    >"$dir/b"
quiet 'commands in kashim.1: a list is empty' test -s "$dir/a"
quiet 'commands in kashim.1, and their order' diff "$dir/a" "$dir/b"

# page_of COMMAND: where it is described. Some pages only name another one.
page_of()
{
	other=$(sed -n 's/^\.so man1\///p' "$root/docs/kashim-$1.1")
	echo "$root/docs/${other:-kashim-$1.1}"
}

while read -r command; do
	page=$(page_of "$command")
	quiet "$command has a page" test -f "$page"
	quiet "${page##*/}: its name is kashim-$command" \
	    grep -qE "^\.Nm kashim-$command( ,)?\$" "$page"
	quiet "kashim.1, SEE ALSO: kashim-$command" sh -c "
		sed -n '/^\.Sh SEE ALSO/,\$p' '$command_page' |
		grep -qE '^\.Xr kashim-$command 1'"
	quiet "${page##*/}, SEE ALSO: kashim" sh -c "
		sed -n '/^\.Sh SEE ALSO/,\$p' '$page' |
		grep -qE '^\.Xr kashim 1'"
	echo "$page" >>"$dir/pages"
done <"$dir/commands"
sort -u -o "$dir/pages" "$dir/pages"
# No page is of a command that there is not.
for page in "$root"/docs/kashim-*.1; do
	basename "$page" .1
done | sed 's/^kashim-//' >"$dir/a"
cp "$dir/commands" "$dir/b"
agree 'pages of commands'
while read -r page; do
	sed -n 's/^\.Nm kashim-\([a-z]*\).*/\1/p' "$page"
done <"$dir/pages" >"$dir/a"
agree 'names of the pages of commands'

# Its sections, in this order, and none that others have not.
sections='NAME SYNOPSIS DESCRIPTION (SUPERVISION ENVIRONMENT )?'
sections="$sections"'EXIT STATUS EXAMPLES (DIAGNOSTICS )?SEE ALSO (BUGS )?'
while read -r page; do
	sed -n 's/^\.Sh //p' "$page" | tr '\n' ' ' >"$dir/sections"
	quiet "${page##*/}: its sections" \
	    grep -qxE "$sections" "$dir/sections"
done <"$dir/pages"

# References lead somewhere, to our own pages and to their sections.

sed -n 's/.*Xr \(kashim[a-z.-]*\|libkashim\) \([1-8]\).*/\1.\2/p' \
    "$root"/docs/*.[1-8] | sort -u >"$dir/references"
quiet 'no references' test -s "$dir/references"
while read -r reference; do
	quiet "there is no page $reference" test -f "$root/docs/$reference"
done <"$dir/references"
# Text names them as "man NAME" or "NAME(1)", and perhaps a section.
for page in "$root"/docs/*.[1-8]; do
	page=${page##*/}
	echo "$page"
	echo "${page%.*}"
done >"$dir/names"
grep -ohE '\b(man )?(lib)?kashim[a-z.-]*\([1-8]\)' "$root/README" \
    "$root"/docs/[A-Z]* "$root"/conf/kashim.conf | sed 's/^man //' |
    tr -d ')' | tr '(' '.' >"$dir/references"
grep -ohE 'man (lib)?kashim[a-z.-]*[a-z]' "$root/README" "$root"/docs/[A-Z]* |
    sed 's/^man //' >>"$dir/references"
sort -u -o "$dir/references" "$dir/references"
while read -r reference; do
	quiet "there is no page $reference" \
	    grep -qxF -- "$reference" "$dir/names"
done <"$dir/references"
grep -ohE 'man (lib)?kashim[a-z.-]*, [A-Z][A-Z ]+[A-Z]\b' "$root/README" \
    "$root"/docs/[A-Z]* | sed 's/^man //; s/, /:/' >"$dir/references"
quiet 'no references to sections' test -s "$dir/references"
while IFS=: read -r page section; do
	quiet "man $page has no section $section" \
	    grep -qx ".Sh $section" "$root/docs/$page".[1-8]
done <"$dir/references"

# Their options.

# options_of COMMAND: as its --help has them, but for that itself.
options_of()
{
	"$kashim" "$1" --help |
	    sed -n 's/^  -\(.\), --\([a-z-]*\)\(\[*=*\).*/-\1 --\2 \3/p' |
	    grep -v -- --help | sed "s/^/$1 /"
}

while read -r command; do
	options_of "$command"
done <"$dir/commands" >"$dir/options"

# In a page of several commands a subsection is one command's.
while read -r page; do
	awk -v command="$(basename "$page" .1 | sed 's/^kashim-//')" '
	FNR == NR { commands[$1]; next }
	/^\.Ss / && $2 in commands { command = $2 }
	/^\.It Fl / {
		# "c Ar file , Fl \-config Ns = ..." or "a , Fl \-all"
		name = $(4 + ($4 != ",") * 2 + 2)
		sub(/^\\-/, "", name)
		takes = /Ns Op = Ns Ar/ ? "[=" : / Ns = Ns Ar / ? "=" : ""
		print command, "-" $3, "--" name, takes
	}' "$dir/commands" "$page"
done <"$dir/pages" >"$dir/b"
cp "$dir/options" "$dir/a"
agree 'options in the pages of commands'

# The synopsis: "-x" for an option, and what else there is, in its order; as
# "Usage" has it, where that lists them.
awk '{ print $1, $2 }' "$dir/options" >"$dir/a"
while read -r page; do
	awk '/^\.Sh DESCRIPTION/ { exit }
	/^\.Cm / { command = $2 }
	/^\.Op Fl [a-zA-Z]/ { print command, "-" $3 }' "$page"
done <"$dir/pages" >"$dir/b"
agree 'options in the synopses'
while read -r page; do
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Cm //p' "$page"
done <"$dir/pages" >"$dir/b"
cp "$dir/commands" "$dir/a"
agree 'commands in the synopses'
while read -r command; do
	"$kashim" "$command" --help | sed -n '1{
		s/^Usage: kashim [a-z]*//; s/\[OPTION\.\.\.\]//
		s/\[-[a-zA-Z][^]]*\]//g; s/\[--\]//; y/|/ /; s/\.\.\.//g; p
	}' | tr '[:upper:]' '[:lower:]' | tr -s ' ' | sed 's/^ //; /^$/d' >"$dir/a"
	awk -v command="$command" '
	/^\.Sh DESCRIPTION/ { exit }
	/^\.Cm / { on = $2 == command; next }
	!on || /^\.Op Fl/ || /^\.Nm/ { next }
	{
		sub(/^\.Op Ar /, "[", $0) && sub(/$/, "]")
		sub(/ Op Ar /, " [") && sub(/ \.\.\.$/, "]")
		sub(/^\.Ar /, "")
		gsub(/ \| /, " ")
		print
	}' "$(page_of "$command")" >"$dir/b"
	quiet "the arguments in the synopsis of $command" \
	    diff "$dir/a" "$dir/b"
done <"$dir/commands"

"$kashim" --help | sed -n 's/^  --\([a-z]*\) .*/\1/p' >"$dir/a"
sed -n 's/^\.Fl \\-\([a-z]*\) | Fl \\-\([a-z]*\)$/\1 \2/p' "$command_page" |
    tr ' ' '\n' >"$dir/b"
agree 'options without a command in kashim.1'
"$kashim" --help | grep -oE '(lib)?kashim[a-z.]*\([1-8]\)' | tr -d ')' |
    tr '(' '.' >"$dir/references"
quiet 'the general help names no pages' test -s "$dir/references"
while read -r reference; do
	quiet "the general help: $reference" test -f "$root/docs/$reference"
done <"$dir/references"

# The statuses that a page has are those of its help.

# statuses: each number that stands behind "status", once.
statuses()
{
	grep -oE '\b(0|1|2|126|127|130)\b' | sort -u
}

while read -r command; do
	"$kashim" "$command" --help |
	    sed -n '/[Ee]xit status/,/^$/p' | statuses >"$dir/b"
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh [^E]/p' "$(page_of "$command")" |
	    grep -vE '^\.(Sh|Xr)' | statuses >"$dir/a"
	# A program's own needs no number.
	[ "$command" != run ] || echo 'the program' >>"$dir/a"
	[ "$command" != run ] || echo 'the program' >>"$dir/b"
	agree "exit statuses of $command"
done <"$dir/commands"

# The examples, of the pages and of each --help, are commands that there are,
# with options that they have and as many arguments as they take. Nothing of
# them is run: in an empty PATH, kashim is a script that looks at the command
# line, and the other programs do nothing.

mkdir "$dir/stubs"
printf '#!/bin/sh\nexec "$@"\n' >"$dir/stubs/sudo"
for other in awk install cp mv systemctl jq; do
	printf '#!/bin/sh\n' >"$dir/stubs/$other"
done
command -v getopt >"$dir/getopt"
quiet 'there is no getopt' test -s "$dir/getopt"
# What takes how many arguments, besides its options.
cat >"$dir/arguments" <<'END'
check 0 1
match 2 2
probe 0 2
compile 0 1
reload 0 1
doctor 1 1
run 1 99
enable 0 1
disable 0 1
status 0 0
apply 0 0
attach 0 0
detach 0 0
help 0 1
END
cat >"$dir/stubs/kashim" <<END
#!/bin/sh
# \$wrong gets a line for a command line that kashim refuses, \$called the
# names of the commands.
command=\${1-}
[ \$# -eq 0 ] || shift
while read -r name least most; do
	[ "\$name" != "\$command" ] || break
	name=
done <'$dir/arguments'
[ "\$name" ] || {
	echo "there is no command \$command" >>"\$wrong"
	exit 2
}
short=+
long=help
while read -r name letter word takes; do
	[ "\$name" = "\$command" ] || continue
	case \$takes in '[=') takes=:: ;; '=') takes=: ;; esac
	short=\$short\${letter#-}\$takes
	long=\$long,\${word#--}\$takes
done <'$dir/options'
parsed=\$('$(cat "$dir/getopt")' -n "\$command" -o "\$short" -l "\$long" -- \\
    "\$@" 2>>"\$wrong") || exit 2
eval "set -- \$parsed"
while [ "\$1" != -- ]; do
	shift
done
shift
if [ \$# -lt \$least ] || [ \$# -gt \$most ]; then
	echo "\$command takes \$least to \$most arguments, not \$#" >>"\$wrong"
	exit 2
fi
echo "\$command" >>"\$called"
END
chmod 755 "$dir"/stubs/*

# commands_right WHAT: the lines of $dir/lines are right, each a command.
commands_right()
{
	export wrong="$dir/wrong" called="$dir/called"
	: >"$called"
	while IFS= read -r line; do
		printf 'cd() { :; }\n%s\n' "$line" >"$dir/line"
		: >"$wrong"
		(mkdir -p "$dir/empty" && cd "$dir/empty" &&
			PATH=$dir/stubs /bin/sh "$dir/line") </dev/null \
		    2>"$dir/said"
		quiet "$1: $line" cat "$dir/said" "$wrong"
	done <"$dir/lines"
}

# example_lines PAGE: those that begin with a prompt, with the ones that
# continue them, as they are to be typed.
example_lines()
{
	awk '/^\.Sh / { on = $2 == "EXAMPLES" || $2 == "GETTING" }
	on && /^\.Dl [$#] / { printf "%s%s", end, substr($0, 7); end = "\n"
		more = 1; next }
	on && more && /^\.Dl \\ / { printf " %s", substr($0, 5); next }
	{ more = 0 }
	END { printf "%s", end }' "$1" |
	    sed 's/\\(dq/"/g; s/\\ / /g; s/\\-/-/g; s/  */ /g'
}

while read -r page; do
	example_lines "$page" >"$dir/lines"
	quiet "${page##*/}: no examples" test -s "$dir/lines"
	commands_right "${page##*/}, EXAMPLES"
	# Each name of the page is in them.
	sed -n 's/^\.Nm kashim-\([a-z]*\).*/\1/p' "$page" >"$dir/b"
	while read -r command; do
		quiet "${page##*/}: no example of $command" \
		    grep -qx "$command" "$dir/called"
	done <"$dir/b"
done <"$dir/pages"
example_lines "$command_page" >"$dir/lines"
quiet 'kashim.1: no examples' test -s "$dir/lines"
commands_right 'kashim.1, EXAMPLES'
# test/command/test_ansible.sh runs the others.
sed -n 's/^	\$ \(kashim .*\)/\1/p' "$root/docs/FLEET" >"$dir/lines"
quiet 'docs/FLEET: no commands' test -s "$dir/lines"
commands_right docs/FLEET

while read -r command; do
	"$kashim" "$command" --help | awk '/^Examples:/ { on = 1; next }
	on && /^      / { printf " %s", substr($0, 7); next }
	on { printf "%s%s", end, substr($0, 3); end = "\n" }
	END { printf "%s", end }' >"$dir/lines"
	quiet "$command --help: no examples" test -s "$dir/lines"
	commands_right "$command --help"
done <"$dir/commands"

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
		    grep -qF -- "$cases" "$root"/test/*/"$file"
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
examples "$command_page" '.Sh GETTING STARTED' start 1
examples "$command_page" '.Sh EXAMPLES' command 1
# What it asks of them has an answer.
cat "$dir/start-1.conf" "$dir/command-1.conf" >"$dir/page.conf"
for page in "$command_page" "$root/docs/kashim-match.1"; do
	example_lines "$page" | grep '^kashim match ' >"$dir/lines"
	quiet "${page##*/}: no kashim match" test -s "$dir/lines"
	while read -r line; do
		holds "${page##*/}: $line" env KASHIM_CONFIG="$dir/page.conf" \
		    PATH="$build:$PATH" sh -c "$line"
	done <"$dir/lines"
done
examples "$library_page" '.Sh EXAMPLES' library 2
for page in "$file_page" "$command_page" "$library_page"; do
	sed -n '/^\.Sh GETTING/,/^\.Sh [^G]/p; /^\.Sh EXAMPLES/,/^\.Sh [^E]/p' \
	    "$page" >"$dir/page"
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
    "$root/docs/FLEET" "$root/docs/CONTRIBUTING.md" "$root/docs/RELEASING" | sed 's/  .*//' |
    tr ' ' '\n' | sort -u | sed '/^$/d' >"$dir/targets"
quiet 'no targets' test -s "$dir/targets"
while read -r target; do
	quiet "make $target" grep -qE "^([a-z ]* )?$target( [a-z ]*)?:" \
	    "$root/Makefile" "$root/test/rules.mk"
done <"$dir/targets"

finish
