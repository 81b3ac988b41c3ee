#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What no format allows is refused in a sentence, and leaves nothing.
. "$(dirname "$0")/functions.sh"

bad() {
	run 1 vu create "$@"
	out_empty
	one_sentence create
	only
}
bad --size 1000 a.vhd
bad --size 64 a.vhd
err_has "hint: a size without a unit is in bytes"
bad --size 65T a.vhdx
bad --size 3T a.vhd
bad --size 1G --block-size 3M a.vhdx
bad --size 1G --block-size 512K a.vhdx
bad --size 1G --block-size 512M a.vhdx
for name in a.vhd a.raw; do
	bad --size 1G --logical-sector 4096 $name
	err_has "only a VHDX can have sectors of 4096 bytes"
	bad --size 1G --physical-sector 4096 $name
	err_has "only a VHDX can have sectors of 4096 bytes"
done
bad --size 1G --for azure a.vhdx
bad --size 1G --for azure --type dynamic a.vhd
bad --size 1G missing/a.vhd
bad --parent missing.vhd a.vhd
