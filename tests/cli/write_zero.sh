#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# write --zero: zeros whatever was there, and no space where nothing was.
. "$(dirname "$0")/functions.sh"

images 40
noise 1000000 >data
for f in $images; do
	model "$f"
	put "$f" 0 data
	put "$f" $((20 * 1024 * 1024)) data
	for range in 1000:5000 2097152:2097152 20971000:9000000 37748736:4194304
	do
		off=${range%:*} len=${range#*:}
		run 0 vu write --zero --offset "$off" --length "$len" "$f"
		silent
		head -c "$len" /dev/zero | dd of="$model" oflag=seek_bytes \
			seek="$off" bs=64K iflag=fullblock conv=notrunc status=none
	done
	agrees "$f"
	rm "$model"
done

# Nothing is stored for zeros over nothing.
for f in vhd vhdx; do
	run 0 vu create --size 1T empty.$f
	before=$(stat -c %b empty.$f)
	run 0 vu write --zero --length 1T empty.$f
	after=$(stat -c %b empty.$f)
	[ "$after" -le $((before + 64)) ] || fail "$before became $after"
	run 0 vu check --quiet empty.$f
done
