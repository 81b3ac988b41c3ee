#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# read: any range, to a pipe or into a new file with holes.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw a.$f
	size=$(stat -c %s disk.raw)
	for range in 0:1 511:2 2097000:3000 1:$((size - 1)); do
		off=${range%:*} len=${range#*:}
		tail -c +$((off + 1)) disk.raw | head -c "$len" >want
		run 0 vu read --offset "$off" --length "$len" a.$f
		err_empty
		same "$out" want
		run 0 vu read --offset "$off" --length "$len" --output part a.$f
		silent
		same part want
		rm part
	done
	run 0 vu read --offset $((size - 4)) a.$f
	run 1 vu read --offset $((size + 512)) a.$f
	one_sentence read
	run 1 vu read --offset "$size" a.$f
	one_sentence read
	run 1 vu read --length $((size * 2)) a.$f
	one_sentence read
	run 0 vu read --json --output whole a.$f
	starts_with whole disk.raw
	json_is 'd["data_bytes"] < d["length"] / 2' True
	[ "$(($(stat -c %b whole) * 512))" -lt $((size / 2)) ] ||
		fail "the holes are filled"
	rm whole
done

# 1 TiB of nothing is nothing.
run 0 vu create --size 1T empty.vhdx
run 0 vu read --output empty.raw empty.vhdx
[ "$(stat -c %b empty.raw)" -lt 64 ] || fail "the holes are filled"

# Files that are there, and the image itself.
echo precious >there
run 1 vu read --output there a.vhd
one_sentence read
err_has "hint: --force replaces it"
[ "$(cat there)" = precious ] || fail "the file was changed"
ln -s there link
run 0 vu read --force --length 3 --output link a.vhd
[ -L link ] || fail "the link is gone"
[ "$(stat -c %s there)" -eq 3 ] || fail "the target was not replaced"
cp a.vhd keep
run 1 vu read --force --output a.vhd a.vhd
one_sentence read
same a.vhd keep
run 1 vu read --output /dev/null a.vhd
one_sentence read
run 1 vu read --output missing/dir a.vhd
one_sentence read
ln -s nowhere dangling
run 1 vu read --output dangling a.vhd
only disk.raw a.vhd a.vhdx want empty.vhdx empty.raw there link keep dangling
