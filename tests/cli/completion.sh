#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What bash proposes for a line that is begun: the program's own words, and all of
# them; names of files where those belong; and nothing is done meanwhile.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/functions.sh"
requires bash
tree=$here/../..

# try FILE FUNCTION PROGRAM WORD...: what is proposed for the last word, as lines.
cat >"$T/.try" <<'EOT'
. "$1" || exit 1
f=$2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$f" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
EOT
on() {
	run 0 bash "$T/.try" "$file" "$function" "$program" "$@"
	err_empty
}
# gives WORDS LINE...: exactly these, in any order.
gives() {
	want_words=$1
	shift
	on "$@"
	for name in $want_words; do printf "%s\n" "$name"; done | sort >"$T/.want"
	sort "$out" >"$T/.have"
	cmp -s "$T/.want" "$T/.have" || fail "'$*' is not completed to $want_words"
}

file=$tree/tools/completion/vhd-util.bash
function=_vhd_util
program=$VHD_UTIL

# Every verb of the help, of either form; every long option of each verb.
run 0 vu --help
verbs=$(sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$out")
[ "$(echo "$verbs" | wc -l)" -ge 25 ] || fail "which verbs are there?"
on ""
for verb in $verbs coalesce copy fill key modify query revert scan help; do
	grep -qx "$verb" "$out" || fail "$verb is not proposed"
	[ "$(grep -cx "$verb" "$out")" -eq 1 ] || fail "$verb is proposed twice"
done
for verb in $verbs; do
	run 0 vu "$verb" --help
	options=$(sed -n 's/^  ....--\([a-z0-9-]*\)\(=\{0,1\}\).*/--\1\2/p' "$out")
	[ "$(echo "$options" | wc -w)" -ge 2 ] || fail "which options has $verb?"
	gives "$options" "$verb" --

	# What is proposed as a value is one.
	for option in $(echo "$options" | sed -n 's/=$//p'); do
		[ "$option" != --parent-dir ] || continue
		[ "$option" != --search ] || continue
		on "$verb" "$option" = ""
		values=$(grep -vx -e qcow2 -e vmdk -e vdi "$out" || true)
		for value in $values; do
			run 2 vu "$verb" "$option=$value" "--?"
			err_has "there is no option '--?'"
		done
	done
done

gives "coalesce convert copy compact compare" co
gives "query" help qu
gives "--help --help-all --version" -
gives "--for= --format= --force" create --fo
gives "vhd vhdx raw qcow2 vmdk vdi" convert -O ""
gives "vhd vhdx" create --format = vhd
gives "vhd vhdx raw" create --format =
gives "--type=fixed" create --type=f
gives "fixed dynamic differencing" snapshot --type ""
gives "azure hyperv xen wsl qemu" lint --for ""
gives "normal none" convert a b --cache ""
gives "yes no" set --hidden ""
gives "512 4096" set --physical-sector ""
gives "randread randwrite" bench --pattern rand
gives "" create --size ""
gives "" info ""
gives "" nosuch --
gives "" nosuch --parent ""

# Xen's form has short options.
gives "-n -v -s -p -f -m -d -a -S -u -b" query -
gives "-n -i -I -t -p -b -B -s" check -i -
gives "-n -i -I -t -p -b -B -s" check --debug -
gives "--chain" check --ch

# Directories where only these will do; files are the default of readline.
mkdir dir "other dir"
: >file
gives "dir" create --parent-dir d
on relink --search ""
# In the order of the file system.
sort "$out" >"$T/.have"
printf 'dir\nother dir\n' | cmp -s - "$T/.have" || fail "not the two directories"
gives "" repair --undo ""
gives "" create --parent ""
for name in vhd-util td-util; do
	# shellcheck disable=SC2016
	run 0 bash -c '. "$1" && complete -p "$2"' - \
		"$tree/tools/completion/$name.bash" "$name"
	out_has "-o default"
done
only .try dir "other dir" file

# A program that is called by a name in the home directory.
mkdir dir/bin
ln -s "$VHD_UTIL" dir/bin/vhd-util
HOME=$T/dir
export HOME
# shellcheck disable=SC2088
program='~/bin/vhd-util'
gives "digest" dig

file=$tree/tools/completion/td-util.bash
function=_td_util
program=$TD_UTIL
gives "create snapshot query set" ""
gives "vhd" create ""
gives "-r" create vhd -
gives "-m -l" snapshot vhd -
gives "hidden" set vhd file ""
gives "" set vhd ""

[ -n "$VHDFUSE" ] || exit 0
file=$tree/fuse/vhdfuse.bash
function=_vhdfuse
program=$VHDFUSE
gives "--parent --parent-dir" --p
gives "-f -d -r -o -u -h -V --snapshot --parent --parent-dir --any-parent-dir
	--ignore-parent-id --unmount --help --version" -
gives "ro rw layers partition= layer= offset= sizelimit= overlay= write-parent
	format= allow_other uid= gid= umask= log= cache= threads=" -o ""
gives "ro,format=" -o ro,fo
gives "vhd vhdx" -o ro,format = v
gives "writeback normal none" -o cache =
gives "" -o overlay = ""
gives "dir" -u d
