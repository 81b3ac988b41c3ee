# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Completes the command line of td-util in bash, as its help has it.

_td_util()
{
	local program=${1/#\~\//$HOME/} cur=${COMP_WORDS[COMP_CWORD]}
	local verb=${COMP_WORDS[1]} line words=''

	COMPREPLY=()
	while read -r line; do
		[[ $line == *"td-util "* ]] || break
		line=${line#*td-util }
		if ((COMP_CWORD == 1)); then
			words+=" ${line%% *}"
		elif [[ ${line%% *} == "$verb" ]]; then
			words=$line
		fi
	done < <("$program" --help 2>/dev/null)
	if ((COMP_CWORD > 1)); then
		read -r _ line words <<<"$words"
		if ((COMP_CWORD == 2)); then
			words=$line
		elif [[ $verb,$COMP_CWORD == set,4 ]]; then
			words=${words#FILE }
			words=${words%% *}
		elif [[ $cur == -* ]]; then
			words=$(grep -o -e '-[a-z]' <<<"$words")
		else
			return
		fi
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o default -o bashdefault -F _td_util td-util
