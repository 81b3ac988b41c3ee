#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# scan of devices that are named like files: sizes are those of the devices, and
# parents are found under the names that storage managers give them.
. "$(dirname "$0")/lib.sh"
requires python3
private_dev "$@"

# The checksum of a footer, made good.
cat >seal.py <<'P'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    b = bytearray(f.read(512))
    b[64:68] = bytes(4)
    b[64:68] = (~sum(b) & 0xffffffff).to_bytes(4, "big")
    f.seek(int(sys.argv[2]))
    f.write(b)
P

truncate -s 8M disk1
truncate -s 12M disk2
truncate -s 4M disk3
for i in 1 2 3; do
	loop_add "disk$i"
	mapper "$loop" "VG_x-VHD--$i"
done
mkdir /dev/VG_x
for i in 1 2 3; do
	ln -s "../mapper/VG_x-VHD--$i" "/dev/VG_x/VHD-$i"
done
vu create -n /dev/mapper/VG_x-VHD--1 -s 16
vu set -n /dev/VG_x/VHD-1 -f hidden -v 1
vu snapshot -n /dev/VG_x/VHD-2 -p /dev/VG_x/VHD-1 -e
vu snapshot -n onraw.vhd -p /dev/VG_x/VHD-3 -m

one="capacity=16777216 size=8388608 hidden=1 parent=none"
two="capacity=16777216 size=12582912 hidden=0 parent=VG_x-VHD--1"
for how in -f -c; do
	run 0 vu scan $how /dev/mapper/VG_x-VHD--1 /dev/mapper/VG_x-VHD--2
	expect_out "vhd=VG_x-VHD--1 $one\nvhd=VG_x-VHD--2 $two\n"
	run 0 vu scan $how -a /dev/mapper/VG_x-VHD--2
	expect_out "vhd=VG_x-VHD--2 $two\nvhd=VG_x-VHD--1 $one\n"
	# By its other name, the parent is still beside it.
	run 0 vu scan $how -a /dev/VG_x/VHD-2
	expect_out "vhd=VHD-2 $two\nvhd=VG_x-VHD--1 $one\n"
	# One device by two names is one parent.
	run 0 vu scan $how -a /dev/VG_x/VHD-2 /dev/VG_x/VHD-1
	expect_out "vhd=VHD-2 $two\nvhd=VHD-1 $one\n"
done
run 0 vu scan -p /dev/VG_x/VHD-2 /dev/VG_x/VHD-1
expect_out "vhd=VHD-1 $one\n   vhd=VHD-2 $two\n"
run 0 vu scan -v -m '/dev/mapper/*2'
expect_out "vhd=/dev/mapper/VG_x-VHD--2 capacity=16777216 size=12582912 hidden=0 parent=/dev/mapper/VG_x-VHD--1\n"
# A raw parent that is a device has its size.
run 0 vu scan -a onraw.vhd
expect_line "vhd=VG_x-VHD--3 capacity=4194304 size=4194304 hidden=1 parent=none"

# The footer in the last sector of a device that is no number of pages.
truncate -s $((4194304 + 1536)) odd
loop_add odd
vu create -n "$loop" -s 16
poke "$loop" 0 00
run 0 vu scan "$loop"
expect_out "vhd=$(basename "$loop") capacity=16777216 size=4195840 hidden=0 parent=none\n"

# A volume is read where it lies on the disk below, which LVM has open all the time:
# what the cache of that disk holds may be old.  Here the volume is written
# through the file below the disk, and this shell is who has the disk open.
ext=$((4 << 20))
truncate -s 9M below
dd if=/dev/mapper/VG_x-VHD--1 of=below bs=1M seek=1 count=1 conv=notrunc 2>"$err"
loop_add below
mkdir bin
echo "echo 'VG_x $ext 1 1 $loop 1048576'" >bin/vgs
echo "echo 'VHD-1 $ext linear 1 0 $ext $loop(0)'" >bin/lvs
sed -i '1i #!/bin/sh' bin/vgs bin/lvs
chmod +x bin/vgs bin/lvs
PATH=$T/bin:$PATH
lv="vhd=VHD-1 capacity=16777216 size=$ext"
for how in -f -c; do
	poke below $((1048576 + 85)) 01
	python3 "$T/seal.py" below 1048576
	run 0 vu scan $how -l VG_x
	expect_out "$lv hidden=1 parent=none\n"
	head -c 2097152 "$loop" >"$T/.cached"
	poke below $((1048576 + 85)) 00
	python3 "$T/seal.py" below 1048576
	head -c 2097152 "$loop" | cmp -s - "$T/.cached" ||
		echo "note: the cache of this disk is not old"
	run 0 vu scan $how -l VG_x
	expect_out "$lv hidden=0 parent=none\n"
done
