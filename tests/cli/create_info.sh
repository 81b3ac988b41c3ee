#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# info tells what create was told.
. "$(dirname "$0")/functions.sh"

requires python3
check() {
	file=$1 format=$2 type=$3 size=$4 block=$5
	shift 5
	run 0 vu create "$@" "$file"
	run 0 vu info --json "$file"
	err_empty
	json_is '[d["image"][k] for k in ("file", "format", "type",
		"virtual_size", "block_size")]' \
		"['$file', '$format', '$type', $size, $block]"
	json_is 'd["chain_complete"], len(d["chain"])' "(True, 1)"
	run 0 vu info "$file"
	err_empty
	run 0 vu check "$file"
}
check a.vhd vhd dynamic 1073741824 2097152 --size 1G
check b.vhd vhd dynamic 1073741824 524288 --size 1G --block-size 512K
check c.vhd vhd fixed 10485760 0 --size 10M --type fixed
check d.vhdx vhdx dynamic 1073741824 33554432 --size 1G
check e.vhdx vhdx dynamic 1073741824 1048576 --size 1G --block-size 1M
check f.vhdx vhdx dynamic 1073741824 268435456 --size 1G --block-size 256M
check g.vhdx vhdx fixed 10485760 33554432 --size 10M --type fixed
check h.vhdx vhdx dynamic 1073741824 33554432 --size 1G --logical-sector 4096
run 0 vu info --json h.vhdx
json_is 'd["image"]["logical_sector"]' 4096
json_is 'd["image"]["physical_sector"]' 4096
# The format can differ from what the name says.
run 0 vu create --format vhd --size 16M odd.img
run 0 vu info --json odd.img
json_is 'd["image"]["format"]' vhd
run 1 vu create --size 16M noextension
one_sentence create
absent noextension
