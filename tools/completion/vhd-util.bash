# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Completes the command line of vhd-util in bash.  There are no tables in here: verbs
# and options are those of the program's help, and the values of an option those that
# it names when it is given one that is none.

# Words that the program has for verbs, those of Xen's form too.
_vhd_util_verbs()
{
	local help line verb

	help=$("$1" --help 2>/dev/null) || return
	line=${help#*its verbs are }
	echo "${line%%.*}"
	line=${help#*Verbs:$'\n'}
	while read -r verb _; do
		[[ -n $verb ]] || break
		echo "$verb"
	done <<<"$line"
}

# The help of the form of the verb that the line has.
_vhd_util_help()
{
	local program=$1 verb=$2 first=$3

	case $verb,$first in
	read,-o* | *,-[hO]*) ;;
	*,-[A-Za-z]* | *,--debug)
		"$program" "$verb" --debug -h 2>/dev/null
		return
		;;
	esac
	# Nothing else than a verb: "help" has other words behind it.
	[[ $verb == -* ]] || "$program" "$verb" --help 2>/dev/null
}

# What an option can be, as the program says to a word that it cannot be.  The last
# word is no option, so that nothing is ever done.
_vhd_util_values()
{
	local program=$1 verb=$2 option=$3 said

	said=$("$program" "$verb" "$option=?" '--?' 2>&1 </dev/null)
	said=${said%%$'\n'*}
	case $said in
	*"'?' is none of "*)
		said=${said##*"is none of "}
		echo "${said//,/}"
		;;
	*"'?' is neither "*)
		said=${said##*"is neither "}
		echo "${said/ nor / }"
		;;
	esac
	# What only QEMU's programs write.
	[[ $verb,$option != convert,--format ]] || echo "qcow2 vmdk vdi"
}

# Those of the words $1 that begin with $2.  compgen -W would expand what is in them.
_vhd_util_reply()
{
	local word words
	local -A seen=()

	read -rd '' -a words <<<"$1"
	for word in "${words[@]}"; do
		if [[ $word == "$2"* && -z ${seen[$word]-} ]]; then
			seen[$word]=1
			COMPREPLY+=("$word")
		fi
	done
}

# What follows an option: $4 is what its help calls that.
_vhd_util_value()
{
	case $4 in
	FILE | NEW | CHILD | ANCESTOR) ;;	# names of files are the default
	DIR)
		mapfile -t COMPREPLY < <(compgen -d -- "$5")
		compopt -o filenames
		;;
	*)
		_vhd_util_reply "$(_vhd_util_values "$1" "$2" "$3")" "$5"
		compopt +o default +o bashdefault
		;;
	esac
} 2>/dev/null

_vhd_util()
{
	local program=${1/#\~\//$HOME/} words=("${COMP_WORDS[@]}")
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${words[1]} first='' option='' front='' line options='' name
	local -A args=() long=()

	COMPREPLY=()
	if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $verb == help ]]; }; then
		line="$(_vhd_util_verbs "$program") help"
		[[ $cur != -* ]] || line="--help --help-all --version"
		_vhd_util_reply "$line" "$cur"
		return
	fi
	((COMP_CWORD == 2)) || first=${words[2]}

	# "--option=value" is three words, unless COMP_WORDBREAKS was changed.
	if [[ $cur == = ]]; then
		option=$prev cur=''
	elif [[ $prev == = ]]; then
		option=${words[COMP_CWORD - 2]}
	elif [[ $cur == --*=* ]]; then
		option=${cur%%=*} front=$option= cur=${cur#*=}
	elif [[ $prev == -* ]]; then
		option=$prev
	fi

	while IFS= read -r line; do
		if [[ $line =~ ^"  "("   "|-([A-Za-z]),)" --"([a-z0-9-]+)([^ ]*) ]]; then
			name=--${BASH_REMATCH[3]}
			long[$name]=$name
			[[ -z ${BASH_REMATCH[2]} ]] || long[-${BASH_REMATCH[2]}]=$name
			if [[ ${BASH_REMATCH[4]} == =* ]]; then
				args[$name]=${BASH_REMATCH[4]#=}
				name+='='
			fi
			options+=" $name"
		elif [[ $line =~ ^"  "(-[A-Za-z])(" "([A-Z]+))?"  " ]]; then
			name=${BASH_REMATCH[1]}
			long[$name]=$name
			# Xen's form says NAME, JOURNAL, ...: files, mostly.
			[[ -z ${BASH_REMATCH[3]} ]] || args[$name]=FILE
			options+=" $name"
		fi
	done < <(_vhd_util_help "$program" "$verb" "$first")

	option=${long[${option:--}]-}
	if [[ -n $option && -n ${args[$option]-} ]]; then
		_vhd_util_value "$program" "$verb" "$option" "${args[$option]}" "$cur"
		COMPREPLY=("${COMPREPLY[@]/#/$front}")
	elif [[ $cur == -* ]]; then
		_vhd_util_reply "$options" "$cur"
		if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
			compopt -o nospace 2>/dev/null
		fi
	fi
}

complete -o default -o bashdefault -F _vhd_util vhd-util
