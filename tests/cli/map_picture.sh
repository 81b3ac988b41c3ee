#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# map draws the file within the width of the page.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in a.vhd a.vhdx; do
	run 0 vu convert disk.raw $f
	run 0 vu map --picture $f
	err_empty
	out_has "of the disk"
	out_has "headers"
	out_has "block table"
	out_has "data"
	awk 'length > 80 { exit 1 }' "$out" || fail "a line is too long"
	grep -q '^|.*#.*|$' "$out" || fail "no data in the picture"
	LC_ALL=C.UTF-8 run 0 vu map --picture $f
	grep -q "$(printf '\342\226\210')" "$out" || fail "no Unicode picture"
done
run 0 vu create --parent a.vhdx c.vhdx
run 0 vu map --layers --picture c.vhdx
out_has "a.vhdx:"
out_has "c.vhdx:"
