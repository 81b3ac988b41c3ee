#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# trim: whole blocks read as zeros, their space goes back, the rest stays.
. "$(dirname "$0")/functions.sh"

requires python3
noise 12000000 >data
for f in a.vhd a.vhdx; do
	run 0 vu create --block-size 2M --size 64M $f
	model $f
	put $f 0 data
	before=$(stat -c %b $f)
	# Blocks 1 to 3 and no byte beside them.
	run 0 vu trim --offset 2M --length 6M --json $f
	json_is 'd["length"]' $((6 << 20))
	head -c 6M /dev/zero | dd of="$model" bs=1M seek=2 conv=notrunc \
		iflag=fullblock status=none
	agrees $f
	after=$(stat -c %b $f)
	[ $((before - after)) -ge $((5 * 2048)) ] ||
		skip "this file system takes no holes: $before to $after"
	# The space serves again: the file does not grow.
	size=$(stat -c %s $f)
	head -c 6M data >again
	put $f $((30 * 1024 * 1024)) again
	agrees $f
	[ "$(stat -c %s $f)" -le $((size + 4096)) ] ||
		fail "the file grew from $size to $(stat -c %s $f)"
	run 1 vu trim --offset 63M --length 2M $f
	one_sentence trim
	run 2 vu trim $f
	usage_error trim
	err_has "--length is needed"
	run 0 vu trim --length 64M $f
	silent
	run 0 vu check --quiet $f
done
