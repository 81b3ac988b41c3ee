#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# convert --json says how much was copied.
. "$(dirname "$0")/functions.sh"

requires python3
truncate -s 64M disk.raw
seq 1 100000 | patch_blocks disk.raw 0
for f in a.vhd a.vhdx; do
	run 0 vu convert --json disk.raw $f
	err_empty
	json_is 'd["source"], d["target"]' "('disk.raw', '$f')"
	json_is 'd["source_size"]' 67108864
	json_is 'd["target_size"]' 67108864
	json_is '0 < d["data_bytes"] <= 4 * 1048576' True
	json_is 'd["data_bytes"] + d["zero_bytes"] <= d["target_size"]' True
done
