#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every format and type becomes every other, with the same bytes.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
size=$(stat -c %s disk.raw)

# kind NAME: the file name and options of a kind of image.
kind() {
	case $1 in
	raw) file=$2.raw opts= ;;
	vhd-dynamic) file=$2-d.vhd opts= ;;
	vhd-fixed) file=$2-f.vhd opts="--type fixed" ;;
	vhd-small) file=$2-s.vhd opts="--block-size 512K" ;;
	vhdx-dynamic) file=$2-d.vhdx opts= ;;
	vhdx-fixed) file=$2-f.vhdx opts="--type fixed" ;;
	vhdx-1m) file=$2-1.vhdx opts="--block-size 1M" ;;
	esac
}
kinds="raw vhd-dynamic vhd-fixed vhd-small vhdx-dynamic vhdx-fixed vhdx-1m"

for from in $kinds; do
	kind "$from" src
	src=$file
	# shellcheck disable=SC2086
	run 0 vu convert $opts disk.raw "$src"
	silent
	case $from in raw) ;; *)
		run 0 vu check "$src"
		out_has "sound"
		run 0 vu info "$src"
		run 0 vu map "$src" ;;
	esac
	run 0 vu convert "$src" -
	starts_with "$out" disk.raw
	for to in $kinds; do
		kind "$to" dst
		# shellcheck disable=SC2086
		run 0 vu convert --no-sync $opts "$src" "$file"
		silent
		run 0 vu convert --no-sync --format raw "$file" back
		starts_with back disk.raw
		case $to in raw) ;; *) run 0 vu check --quiet "$file" ;; esac
		rm "$file" back
	done
	rm "$src"
done
[ "$(stat -c %s disk.raw)" -eq "$size" ] || fail "the source has changed"
