#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What only Btrfs has: files whose data is not summed, which share with none that
# are; subvolumes; extents that are compressed or lie in the tree.
. "$(dirname "$0")/functions.sh"
requires btrfs chattr sha256sum

share_fs btrfs 3G
conv() { vu convert --json --no-progress "$@"; }

dense src.raw 64
mkdir plain
chattr +C plain || skip_host "chattr +C does not work"
run 0 conv src.raw plain/new.vhdx
[ "$(number shared_bytes)" -eq 0 ] || fail "shared with a file without sums"
run 0 vu compare src.raw plain/new.vhdx
run 0 conv plain/new.vhdx plain/new.raw
shared 99
run 0 conv plain/new.vhdx back.raw
[ "$(number shared_bytes)" -eq 0 ] || fail "shared with a file with sums"
same src.raw back.raw

run 0 btrfs subvolume create one
run 0 btrfs subvolume create two
cp --reflink=never src.raw one/src.raw
run 0 conv one/src.raw two/new.vhd
shared 99
run 0 vu compare src.raw two/new.vhd
run 0 btrfs subvolume snapshot -r two three
run 0 conv three/new.vhd one/new.vhdx
shared 99
run 0 vu compare src.raw one/new.vhdx

# Compressed; and a first block that lies in the tree and was made longer.
mkdir packed
chattr +c packed
awk 'BEGIN { for (i = 0; i < 3000000; i++) printf "%d line\n", i }' \
	>packed/text.raw
settle
run 0 conv packed/text.raw packed/text.vhdx
shared 90
vu convert --no-progress -O raw packed/text.vhdx - |
	cmp -s -n "$(bytes_of packed/text.raw)" - packed/text.raw ||
	fail "packed/text.vhdx has other bytes"
echo inline >small.raw
settle
truncate -s 1M small.raw
head -c 100000 /dev/urandom >>small.raw
settle
run 0 conv small.raw small.vhdx
vu convert --no-progress -O raw small.vhdx - |
	cmp -s -n "$(bytes_of small.raw)" - small.raw ||
	fail "small.vhdx has other bytes"
