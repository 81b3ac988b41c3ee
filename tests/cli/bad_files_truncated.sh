#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A cut image gets one clear sentence, or findings from check.
. "$(dirname "$0")/functions.sh"

requires timeout
raw_disk disk.raw
for f in a.vhd a.vhdx f.vhd; do
	case $f in f.vhd) opts="--type fixed" ;; *) opts= ;; esac
	# shellcheck disable=SC2086
	run 0 vu convert $opts disk.raw $f
	size=$(stat -c %s $f)
	for part in 1 100 511 512 1000 4096 65536 200000 1048576; do
		[ $part -lt "$size" ] || continue
		head -c $part $f >cut.${f#*.}
		got=0
		timeout 120 "$VHD_UTIL" info cut.${f#*.} >"$out" 2>"$err" ||
			got=$?
		[ $got -le 1 ] || fail "info: status $got ($f, $part bytes)"
		[ $got -eq 0 ] || one_sentence info
		got=0
		timeout 120 "$VHD_UTIL" check cut.${f#*.} >"$out" 2>"$err" ||
			got=$?
		case $got in
		1) one_sentence check ;;
		3) out_has "damaged" ;;
		*) fail "check: status $got ($f, $part bytes)" ;;
		esac
	done
done
