#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compare says whether two disks are the same, as qemu-img compare does.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
for f in a.vhd a.vhdx; do
	run 0 vu convert disk.raw $f
done
run 0 vu convert --type fixed disk.raw b.vhd

# The same disk in any two files; sizes may differ by rounding.
for f in a.vhd a.vhdx b.vhd; do
	run 0 vu compare disk.raw $f
	err_empty
	out_has "are the same"
	run 0 vu compare --json $f a.vhdx
	json_is '(d["same"], d["first"], d["differing_bytes"], d["complete"])' \
		"(True, None, 0, True)"
done

# A byte is found, to the byte.
run 0 vu convert a.vhdx c.vhdx
printf X >x
run 0 vu write --offset 9000001 c.vhdx x
run 3 vu compare a.vhd c.vhdx
err_empty
out_has "byte 9000001 "
out_has "sector 17578"
run 3 vu compare --json a.vhdx c.vhdx
json_is '(d["same"], d["first"]["offset"], d["first"]["sector"],
	d["differing_bytes"], d["ranges"])' "(False, 9000001, 17578, 4096, 1)"
run 0 vu write --offset 100 c.vhdx x
run 3 vu compare --json --stop-first a.vhdx c.vhdx
json_is '(d["first"]["offset"], d["complete"])' "(100, False)"

# What two snapshots share is not read.
run 0 vu create --parent a.vhdx s1.avhdx
run 0 vu create --parent a.vhdx s2.avhdx
run 0 vu compare --json s1.avhdx s2.avhdx
json_is '(d["read_bytes"], d["shared_bytes"] > 2 << 20)' "(0, True)"
run 0 vu write --offset 1M s2.avhdx x
run 3 vu compare --json s1.avhdx s2.avhdx
json_is '(d["first"]["offset"], d["read_bytes"] <= 16384)' "(1048576, True)"

# Another size with zeros is the same disk, and that is said.
run 0 vu convert --size 64M disk.raw larger.vhdx
run 0 vu compare disk.raw larger.vhdx
out_has "same but for their sizes"
out_has "sizes differ"
run 0 vu compare --json disk.raw larger.vhdx
json_is '(d["same"], d["same_size"], d["size_b"])' "(True, False, 67108864)"
run 0 vu write --offset 63M larger.vhdx x
run 3 vu compare --json larger.vhdx disk.raw
json_is '(d["first"]["offset"], d["size_a"])' "(66060288, 67108864)"

# 64 TiB of nothing take no time.
run 0 vu create --size 64T --block-size 1M e1.vhdx
run 0 vu create --size 64T e2.vhdx
run 0 timeout 60 "$VHD_UTIL" compare e1.vhdx e2.vhdx

run 1 vu compare a.vhd missing.vhd
one_sentence compare
run 2 vu compare a.vhd
usage_error compare
run 0 vu compare --help
out_has "3 they differ"

requires qemu-img
qemu() {
	qemu-img compare -f "$1" -F "$3" "$2" "$4" >/dev/null 2>&1
}
# Statuses of qemu-img: 0 the same, 1 different.
for pair in "vhdx a.vhdx vhdx c.vhdx" "vhdx a.vhdx raw disk.raw" \
	"raw disk.raw vhdx larger.vhdx" "vpc b.vhd vhdx a.vhdx"; do
	# shellcheck disable=SC2086
	set -- $pair
	theirs=0
	qemu "$@" || theirs=3
	run $theirs vu compare "$2" "$4"
done
