# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Completes the command line of vhdfuse in bash: its options are those of its help.

_vhdfuse()
{
	local program=${1/#\~\//$HOME/} cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]} option='' front='' line word
	local flags='-o' mounts='' values='' words

	COMPREPLY=()
	if [[ $cur == = ]]; then
		option=${prev##*,} cur=''
	elif [[ $prev == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]##*,}
	fi
	while IFS= read -r line; do
		[[ $line == "  -"* ]] || continue
		read -ra words <<<"$line"
		while [[ ${words[0]} == -* ]]; do
			if [[ ${words[0]} == -o ]]; then
				mounts+=,${words[1]}
				words=("${words[@]:1}")
			else
				flags+=" ${words[0]%,}"
			fi
			words=("${words[@]:1}")
		done
	done < <("$program" --help 2>/dev/null)
	for word in ${mounts//,/ }; do
		[[ ${word%%=*} != "$option" ]] || values=${word#*=}
	done
	# Without what the values are called.
	mounts=$(sed 's/=[^,]*/=/g; s/,/ /g' <<<"$mounts")

	if [[ -n $option ]]; then
		case $option,$values in
		cache,*) values="writeback normal none" ;;
		*,*\|*) values=${values//|/ } ;;
		*) return ;;		# names of files are the default
		esac
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
	elif [[ $prev == -o ]]; then
		[[ $cur != *,* ]] || front=${cur%,*},
		mapfile -t COMPREPLY < <(compgen -P "$front" -W "$mounts" -- \
			"${cur##*,}")
		compopt -o nospace 2>/dev/null
	elif [[ $prev == --parent-dir || $prev == -u || $prev == --unmount ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		compopt -o filenames 2>/dev/null
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
	fi
}

complete -o default -o bashdefault -F _vhdfuse vhdfuse
