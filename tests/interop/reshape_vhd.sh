#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Disks that were resized and packed show QEMU and 7-Zip what they show us: those
# that we made and those that QEMU made, whose geometry counts (VHD-C-12).
. "$(dirname "$0")/../cli/functions.sh"

requires qemu-img qemu-io 7z

head -c 3000000 /dev/urandom >noise

# What the disk holds now, past QEMU's image of it.
judge() {
	rm -f ours.raw seven/*
	run 0 "$VHD_UTIL" check "$1"
	run 0 "$VHD_UTIL" convert "$1" ours.raw
	run 0 qemu-img compare -f vpc -F raw "$1" ours.raw
	qemu-img info -f vpc --output json "$1" |
		grep -q "\"virtual-size\": $2," || fail "QEMU sees another size"
}

# 7-Zip opens what holds blocks.
judge_7z() {
	run 0 7z x -y -oseven "$1"
	cmp seven/* ours.raw || fail "7-Zip reads something else"
}

for type in fixed dynamic; do
	rm -f a.vhd
	run 0 "$VHD_UTIL" create --type $type --size 64M a.vhd
	for at in 1000000 50000000; do
		"$VHD_UTIL" write --offset $at a.vhd <noise || fail "write"
	done
	for size in 83886080 805306368 41943040 67108864; do
		run 0 "$VHD_UTIL" resize --force a.vhd $size
		judge a.vhd $size
	done
	judge_7z a.vhd
done

# Holes at the front, and a table that has grown over blocks.
"$VHD_UTIL" trim --offset 0 --length 30000000 a.vhd || fail "trim"
# No block has space now: that could be a lost table.
run 1 "$VHD_UTIL" compact a.vhd
run 0 "$VHD_UTIL" compact --force a.vhd
judge a.vhd 67108864
judge_7z a.vhd

for type in fixed dynamic; do
	rm -f q.vhd
	run 0 qemu-img create -q -f vpc -o subformat=$type q.vhd 100M
	run 0 qemu-io -f vpc -c 'write -P 7 1M 3M' q.vhd
	for size in 314572800 1073741824 104857600; do
		run 0 "$VHD_UTIL" resize q.vhd $size
		judge q.vhd $size
	done
	run 0 qemu-io -f vpc -c 'read -P 7 1M 3M' -c 'read -P 0 4M 90M' q.vhd
	# QEMU writes to what we left.
	run 0 qemu-io -f vpc -c 'write -P 9 40M 5M' q.vhd
	judge q.vhd 104857600
done
