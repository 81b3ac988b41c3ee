#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "create" and "snapshot" on block devices: the footer is in the last sector, the
# device stays what it is, and volumes are known by their names.
. "$(dirname "$0")/lib.sh"
private_dev "$@"

MiB=1048576
footer_at() {
	same "$(hex "$1" "$2" 8)" 636f6e6563746978 "at $2 there is"
}
fresh() {
	head -c "$2" /dev/urandom >"$1"
}
locator_text() {
	python3 - "$1" <<-'EOF'
	import struct, sys
	raw = open(sys.argv[1], 'rb').read(5 << 20)
	_, _, length, _, off = struct.unpack_from('>4sIIIQ', raw, 0x440)
	print(raw[off:off + length].decode())
	EOF
}

fresh one $((12 * MiB))
fresh two $((8 * MiB))
loop_add one
one=$loop
loop_add two
two=$loop
mapper "$one" VG_XenStorage--1-VHD--base
mapper "$two" VG_XenStorage--1-VHD--leaf
base=/dev/mapper/VG_XenStorage--1-VHD--base
leaf=/dev/mapper/VG_XenStorage--1-VHD--leaf

run 0 vu create -n $base -s 64
expect_silent
same "$(bytes_of $base)" $((12 * MiB))
[ -b $base ] || fail "the device is gone"
footer_at $base 0
footer_at $base $((12 * MiB - 512))
# Nothing but metadata and footers was written.
run 0 vu query -n $base -vsa
expect_out '64\n3584\n0\n'
run 0 vu check -n $base
expect_out "$base is valid\\n"
same "$(digest $base)" "$(head -c $((64 * MiB)) /dev/zero | sha256sum |
	cut -d ' ' -f 1)"
# An image that is there is replaced, also by a shorter one.
pattern $base 0 4096 old
run 0 vu create -n $base -s 2
run 0 vu query -n $base -vsa
expect_out '2\n3584\n0\n'
same "$(digest $base)" "$(head -c $((2 * MiB)) /dev/zero | sha256sum |
	cut -d ' ' -f 1)"
run 0 vu create -n $base -s 10 -S 2097152
run 0 vu query -n $base -vsS
expect_out '10\n4327936\n2097152\n'
run 0 vu check -n $base
pattern $base 100 50 base

# Volumes know each other by the names they have beside each other.
run 0 vu snapshot -n $leaf -p $base
expect_silent
same "$(locator_text $leaf)" "file://./VG_XenStorage--1-VHD--base"
run 0 vu query -n $leaf -vpd
expect_out "10\\n$base\\nchain depth: 2\\n"
run 0 vu check -n $leaf -p
same "$(digest $leaf)" "$(digest $base)"
mkdir /dev/VG_XenStorage-1
ln -s ../mapper/VG_XenStorage--1-VHD--base /dev/VG_XenStorage-1/VHD-base
ln -s ../mapper/VG_XenStorage--1-VHD--leaf /dev/VG_XenStorage-1/VHD-leaf
run 0 vu snapshot -n /dev/VG_XenStorage-1/VHD-leaf \
	-p /dev/VG_XenStorage-1/VHD-base -S 2097152
same "$(locator_text $leaf)" "file://./VG_XenStorage--1-VHD--base"
run 0 vu query -n /dev/VG_XenStorage-1/VHD-leaf -vspS
expect_out "10\\n4329472\\n$base\\n2097152\\n"
run 0 vu check -n $leaf -p
# A raw volume as parent, its size to the byte.
fresh raw $((3 * MiB + 512))
loop_add raw
mapper "$loop" VG_XenStorage--1-LV--raw
run 0 vu snapshot -m -n $leaf -p /dev/mapper/VG_XenStorage--1-LV--raw
same "$(be $leaf 48 8)" $((3 * MiB + 512))
same "$(digest $leaf)" "$(sum raw)"
run 0 vu query -n $leaf -p
expect_out '/dev/mapper/VG_XenStorage--1-LV--raw\n'

# Onto what it depends on, by any name.
run 0 vu snapshot -n $leaf -p $base
before=$(sum one)
for name in $base "$one" /dev/VG_XenStorage-1/VHD-base; do
	run 22 vu snapshot -n "$name" -p $base
	run 22 vu snapshot -n "$name" -p $leaf
	run 22 vu snapshot -n "$name" -p $base -m
	[ -b "$name" ] || fail "$name is gone"
done
same "$(sum one)" "$before" "the parent is"

# What cannot be made changes nothing and takes nothing away.
before=$(sum two)
run 28 vu create -n $leaf -s 9000 -r
expect_err "$leaf: failed to create: -28\\n"
run 2 vu snapshot -n $leaf -p nope.vhd
expect_silent
run 22 vu snapshot -n $leaf -p $base -S 4
run 22 vu create -n $leaf -s 2097153
[ -b $leaf ] || fail "the device is gone"
same "$(sum two)" "$before" "the device has"
truncate -s 3072 tiny
loop_add tiny
run 28 vu create -n "$loop" -s 64
[ -b "$loop" ] || fail "the device is gone"
loop_del "$loop"

# Fixed: zeros all over, and the footer at the end.
run 0 vu create -n $leaf -r -s 6
expect_silent
footer_at $leaf $((8 * MiB - 512))
same "$(digest $leaf)" "$(head -c $((6 * MiB)) /dev/zero | sha256sum |
	cut -d ' ' -f 1)"
run 22 vu create -n $leaf
[ -b $leaf ] || fail "the device is gone"
run 28 vu create -n $leaf -r -s 8
