# bash completion for kashim(1)                            -*- shell-script -*-
# SPDX-License-Identifier: ISC
#
# Subcommands, options and what they take are read from "kashim --help" and
# "kashim COMMAND --help", so that this is never older than the command. In
# these texts FILE is a file, PID a process, UNIT a systemd unit, and so on.

# The units that are to complete $2 for the subcommand $1; $3 is the root.
_kashim_units()
{
	local file root=${3%/}

	if [[ $1 == disable ]]; then
		# Those that "kashim enable" has written.
		for file in "$root"/etc/systemd/system/*.d/zz-kashim.conf; do
			file=${file%.d/zz-kashim.conf}
			[[ $file == *'*'* ]] || echo "${file##*/}"
		done
		return
	fi
	# The units that have files, also without a running systemd; and of
	# templates the instances that run.
	{
		systemctl list-unit-files --root="${root:-/}" --full \
			--no-legend --no-pager "$2*"
		[[ $root ]] || systemctl list-units --all --full --plain \
			--no-legend --no-pager "$2*"
	} 2>/dev/null | awk -v command="$1" '
		$1 ~ /\.service$/ || (command != "enable" && $1 ~ /\.socket$/) {
			print $1
		}' | sort -u
}

# Completes $cur as the thing that $1 names in the help of subcommand $2.
_kashim_thing()
{
	case $1 in
	FILE) _filedir ;;
	DIR) _filedir -d ;;
	PID) _pids ;;
	UNIT)
		# The names hold backslashes, so compgen is to ask for them.
		# shellcheck disable=SC2016
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
			compgen -W '$(_kashim_units "$2" "$cur" "$root")' \
				-- "$cur")
		;;
	PROGRAM)
		if [[ $cur == */* ]]; then
			_filedir
		else
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
				compgen -c -- "$cur" | sort -u)
		fi
		;;
	SLICE)
		# shellcheck disable=SC2016
		mapfile -t COMPREPLY < <(compgen -W "$(
			systemctl list-units --type=slice --all --full --plain \
				--no-legend --no-pager 2>/dev/null |
				sed 's/ .*//; s/\\/&&/g')" -- "$cur")
		;;
	D)
		mapfile -t COMPREPLY < <(
			compgen -W 'connect accept' -- "$cur")
		;;
	esac
}

# A word is split at "@" and ":" before it comes here: of what is replaced,
# only the last part is the shell's word.
_kashim_trim()
{
	local sign start signs=""

	for sign in @ :; do
		[[ $COMP_WORDBREAKS != *"$sign"* ]] || signs+=$sign
	done
	[[ $signs && $cur == *["$signs"]* ]] || return 0
	start=${cur%"${cur##*["$signs"]}"}
	COMPREPLY=("${COMPREPLY[@]#"$start"}")
}

_kashim()
{
	local cur prev words cword split
	local kashim=${1/#\~/$HOME} command help options option takes things
	local i root="" all=()

	_init_completion -s -n @: || return

	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$("$kashim" --help |
			sed -n 's/^  \(--\)\{0,1\}\([a-z][a-z]*\) .*/\1\2/p')" \
			-- "$cur")
		return
	fi
	command=${words[1]}
	if [[ $command == help ]]; then
		((cword > 2)) || mapfile -t COMPREPLY < <(
			compgen -W "$("$kashim" --help | sed -n \
				's/^  \([a-z][a-z]*\) .*/\1/p')" -- "$cur")
		return
	fi
	help=$("$kashim" "$command" --help 2>/dev/null) || return

	# "-c, --config=FILE  text" becomes "-c FILE" and "--config FILE".
	options=$(sed -nE '
		s/^  (-[a-zA-Z]), (--[a-z-]+)=([A-Z]+) .*/\1 \3\n\2 \3/p; t
		s/^  (-[a-zA-Z]), (--[a-z-]+) .*/\1\n\2/p; t
		s/^  (-[a-zA-Z]), (--[a-z-]+)\[=([A-Z]+)\].*/\1\n\2 [\3]/p; t
		s/^      (--[a-z-]+)\[=([A-Z]+)\] .*/\1 [\2]/p; t
		s/^      (--[a-z-]+)=([A-Z]+) .*/\1 \2/p; t
		s/^      (--[a-z-]+) .*/\1/p' <<<"$help")
	# What it takes besides options: "PROGRAM | PID | UNIT".
	things=$(sed -n '1s/^Usage: kashim [a-z]* *//p' <<<"$help" |
		sed 's/\[-[^]]*\] *//g; s/\[OPTION[^]]*\] *//g')

	# The image, and the place of a program, from the words before this one.
	for ((i = 2; i < cword; i++)); do
		option=${words[i]}
		takes=$(awk -v option="$option" '
			$1 == option && $2 !~ /^\[/ { print $2 }' <<<"$options")
		if [[ $option == --root=* ]]; then
			root=${option#--root=}
		elif [[ $takes ]]; then
			((++i))
			[[ $takes != DIR ]] || root=${words[i]}
			# "--config", "=", "FILE"
			[[ ${words[i]} != '=' ]] || ((++i))
		elif [[ $option == -- || $option != -* ]]; then
			[[ $option != -- ]] || ((++i))
			[[ $things == PROGRAM\ \[ARGUMENT* ]] || break
			# The program's own words, or itself.
			if ((i <= cword)); then
				COMP_WORDS=("${words[@]}")
				COMP_CWORD=$cword
				_command_offset "$i"
				return
			fi
		fi
	done

	takes=$(awk -v option="$prev" '
		$1 == option { gsub(/[][]/, "", $2); print $2 }' <<<"$options")
	if [[ $split == true || ($takes && $prev != --*) ]] ||
		[[ $takes && $options != *"$prev [$takes]"* ]]; then
		_kashim_thing "$takes" "$command"
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(
			compgen -W "$(awk '{ print $1 }' <<<"$options")" \
				-- "$cur")
	else
		for i in $things; do
			COMPREPLY=()
			_kashim_thing "${i//[][]/}" "$command"
			all+=("${COMPREPLY[@]}")
		done
		COMPREPLY=("${all[@]}")
	fi
	_kashim_trim
} && complete -F _kashim kashim
