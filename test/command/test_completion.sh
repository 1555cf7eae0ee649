#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What bash offers behind "kashim", for every subcommand, with the package
# bash-completion. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
tools=$root/tools
process=
cleanup() {
	[ -z "$process" ] || kill "$process"
}
begin
export LC_ALL=C
PATH=$build:$PATH
export PATH

# What is completed, as bash has it: a word ends at one of COMP_WORDBREAKS.
cat >complete.bash <<'END'
. /usr/share/bash-completion/bash_completion
. "$1"
shift
COMP_LINE="kashim $*" COMP_POINT=${#COMP_LINE}
COMP_WORDS=(kashim)
# Some shells have "@" there, others have not.
COMP_WORDBREAKS+=${BREAKS-}
signs==:${BREAKS-}
split="^([^$signs]*)([$signs]+)(.*)\$"
for word; do
	whole=$word
	while [[ $word =~ $split ]]; do
		[[ ! ${BASH_REMATCH[1]} ]] || COMP_WORDS+=("${BASH_REMATCH[1]}")
		COMP_WORDS+=("${BASH_REMATCH[2]}")
		word=${BASH_REMATCH[3]}
	done
	# Nothing behind such a sign is no word.
	[[ $whole && ! $word ]] || COMP_WORDS+=("$word")
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_TYPE=9
COMP_KEY=9
compopt() { :; }
_kashim kashim "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}" | sed '/^$/d' | sort
END

# offers WORD... : the last one is completed; to $work/offered.
offers() {
	bash --norc --noprofile complete.bash "$tools/kashim.bash" "$@" \
		>offered 2>errors </dev/null
	[ ! -s errors ] || cat errors >>offered
}

# gives NAME WORD...: exactly what stands on standard input.
gives() {
	name=$1
	shift
	sort >expected
	offers "$@"
	if diff -u expected offered >difference; then
		pass
	else
		fail "$name" difference
	fi
}

# has NAME WORD LINE...: these lines among others; "!LINE": not this.
has() {
	name=$1
	shift
	for line; do
		if case $line in
		!*) ! grep -qxF -- "${line#!}" offered ;;
		*) grep -qxF -- "$line" offered ;;
		esac; then
			pass
		else
			fail "$name: '$line' in:" offered
		fi
	done
}

mkdir -p directory image/usr/lib/systemd/system
: >a.conf
: >b.conf
for unit in agent.service gateway@.service agent.socket agent.timer; do
	printf '[Unit]\nDescription=x\n' \
		>"image/usr/lib/systemd/system/$unit"
done
sleep 1000 &
process=$!

# The subcommands, and every option that one has, as --help has them.

kashim --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' >commands
{
	cat commands
	printf -- '--help\n--version\n'
} | gives 'the first word' ''
printf 'detach\ndisable\ndoctor\n' | gives 'a subcommand' d
grep -v '^help$' commands >real
gives 'help' help '' <commands
: | gives 'nothing behind help' help run ''
[ "$(wc -l <real)" -ge 8 ] || {
	echo 'not ok: subcommands are missing'
	echo >>failed
}
while read -r command; do
	kashim "$command" --help |
		sed -nE 's/^  +(-.*)/\1/p' | sed 's/  .*//' |
		grep -oE -- '(^|[ ,])--?[a-zA-Z-]+' | tr -d ' ,' >options
	gives "the options of $command" "$command" - <options
	printf -- '--help\n' | gives "$command --help" "$command" --he
done <real

# What options take.

while read -r command; do
	kashim "$command" --help | grep -q -- '--config=' || continue
	for option in -c --config; do
		offers "$command" "$option" ''
		has "$command $option" a.conf b.conf directory '!agent.service'
	done
	offers "$command" --config=a
	has "$command --config=" a.conf '!b.conf'
done <real
for command in status apply; do
	for option in -p --pid; do
		offers "$command" "$option" "$process"
		has "$command $option" "$process"
	done
	offers "$command" "--pid=$process"
	has "$command --pid=" "$process"
	offers "$command" --unit ssh
	has "$command --unit" ssh.service
done
printf 'accept\nconnect\n' | gives 'directions' match -d ''
echo accept | gives 'one direction' match --direction=a
offers match -p a
has 'a name, not a process' '!a.conf'
offers enable -r ''
has 'a root' image '!a.conf'
offers run --trace=a
has 'a trace' a.conf

# What else they take.

for command in check compile; do
	offers "$command" a
	has "$command FILE" a.conf '!b.conf'
done
echo agent.service | gives 'units' enable -r image age
echo agent.service | gives 'units below a root' enable --root=image age
printf 'agent.service\ngateway@.service\n' |
	gives 'all units' enable -n -r image/ ''
echo gateway@.service | gives 'a template' enable -r image gateway@
export BREAKS=@
echo .service | gives 'a template in two words' enable -r image gateway@
unset BREAKS
offers enable sys
has 'units of this system' systemd-journald.service '!systemd-journald.socket'
offers doctor systemd-journald
has 'doctor of units' systemd-journald.service systemd-journald.socket
offers doctor ba
has 'doctor of programs' bash
offers doctor ./
has 'doctor of paths' ./a.conf
offers doctor "$process"
has 'doctor of processes' "$process"
: | gives 'none is enabled' disable -r image ''
mkdir -p image/etc/systemd/system/agent.service.d
: >image/etc/systemd/system/agent.service.d/zz-kashim.conf
echo agent.service | gives 'one is enabled' disable -r image ''
: | gives 'one unit is enough' match 1.2.3.4 ''
offers run ba
has 'a program' bash
offers run -c a.conf --strict ba
has 'a program behind options' bash '!a.conf'
offers run -c a.conf -- ba
has 'a program behind --' bash
offers run cat a
has "a program's argument" a.conf
offers run cat --
has "a program's option" --squeeze-blank '!--strict'
offers nonsense ''
has 'no such subcommand' '!a.conf'

finish
