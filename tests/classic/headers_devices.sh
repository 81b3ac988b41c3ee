#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# set, repair and modify on block devices: the footer is their last sector, and
# they are never cut, filled or removed.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
private_dev "$@"

MIB=1048576
bytes() { printf "%$2s" '' | sed "s/ /$1/g"; }
P=/dev/mapper/VG-VHD--parent
Q=/dev/mapper/VG-VHD--other
C=/dev/mapper/VG-VHD--child
parent_is() {
	run 0 vu query -n "$C" -p
	expect_out "$1\\n"
	run 0 vu check -n "$C" -p
	run 0 vu query -n "$C" -u -p
	expect_out "./${1##*/}\\n"
}
size_is() {
	same "$(bytes_of "$1")" "$2" "bytes of the device:"
	[ -b "$1" ] || fail "$1 is gone"
}

for name in parent other child; do
	truncate -s 24M $name.img
	# What was there before does not count.
	dd if=/dev/urandom of=$name.img bs=64k count=40 conv=notrunc \
		status=none
	loop_add $name.img
	mapper "$loop" VG-VHD--$name
done
run 0 vu create -n $P -s 16
run 0 vu snapshot -n $C -p $P
run 0 vu create -n $Q -s 16
foot=$((24 * MIB - 512))

# set
run 0 vu set -n $C -f hidden -v 1
same "$(hex $C 0 512)" "$(hex $C "$foot" 512)"
same "$(be $C $((foot + 85)) 1)" 1
run 0 vu set -n $C -f hidden -v 0
run 0 vu set -n $C -f marker -v 9
run 0 vu query -n $C -fm
expect_out 'hidden: 0\nmarker: 9\n'
run 0 vu set -n $C -f marker -v 0

# modify -p, from empty to full: behind the headers, behind the blocks, between.
run 0 vu modify -n $C -p $Q
parent_is $Q
run 0 vu modify -n $C -p $P
parent_is $P
for blocks in 1 3 8; do
	zeros $C 0 $((blocks * 4096))
	pattern $C 5 5 DATA
	content=$(digest $C)
	run 0 vu modify -n $C -p $Q
	expect_silent
	parent_is $Q
	same "$(digest $C)" "$content"
	run 0 vu modify -n $C -p $P
	parent_is $P
	size_is $C $((24 * MIB))
done
# A device that ends right behind its last block.
run 0 vu query -n $C -s
used=$(cat "$out")
cp $C tight.all
head -c "$used" tight.all >tight.img
cp tight.img tight.was
tail -c 512 tight.all | dd of=tight.img bs=1 seek=$((used - 512)) \
	conv=notrunc status=none
cp tight.img tight.was
loop_add tight.img
mapper "$loop" VG-VHD--tight
C=/dev/mapper/VG-VHD--tight
[ "$(bytes_of $C)" -eq "$used" ] || fail "the device is not tight"
run 0 vu modify -n $C -p $Q
parent_is $Q
same "$(digest $C)" "$content"
run 0 vu modify -n $C -p $P
parent_is $P
# No room at all: one block, right behind the headers.
loop_del "$loop"
python3 - tight.was full.img <<'EOF'
import struct, sys
data = open(sys.argv[1], "rb").read()
head = data[512:1536]
end = max(struct.unpack(">Q", head[592 + 24 * i:600 + 24 * i])[0] + 512
          for i in range(3))
first = min(struct.unpack(">8I", data[1536:1568])) * 512
block = data[first:first + 512 + (2 << 20)]
table = struct.pack(">I", end // 512) + b"\xff" * 28
out = data[:1536] + table + data[1568:end] + block + data[-512:]
# The map of full blocks is clear.
at = 1536 + 512
note = bytearray(out[at:at + 512])
note[24:28] = b"\xff" * 4
out = out[:at] + note + bytes(512) + out[at + 1024:]
open(sys.argv[2], "wb").write(out)
EOF
loop_add full.img
mapper "$loop" VG-VHD--tight
run 0 vu check -n $C
content=$(digest $C)
cp $C full.was
run 28 vu modify -n $C -p $Q
expect_out "failed to set parent to '$Q': -28\n"
cmp $C full.was || fail "a device without room was touched"
# The flag needs none.
run 0 vu set -n $C -f hidden -v 1
run 0 vu set -n $C -f hidden -v 0
same "$(digest $C)" "$content"
# Some more of it, and its end there.
loop_del "$loop"
truncate -s +8192 full.img
loop_add full.img
mapper "$loop" VG-VHD--tight
run 0 vu modify -n $C -s "$(bytes_of full.img)"
run 0 vu modify -n $C -p $Q
parent_is $Q
run 0 vu modify -n $C -p $P
parent_is $P
same "$(digest $C)" "$content"
size_is $C "$(bytes_of full.img)"
C=/dev/mapper/VG-VHD--child

# Nobody is below itself; a raw device is a parent.
run 22 vu modify -n $C -p $C
run 22 vu modify -n $C -p "$(losetup -n -O NAME -j child.img | head -n 1)"
run 0 vu modify -n $C -p $Q -m
parent_is $Q
run 0 vu modify -n $C -p $P
parent_is $P

# repair
poke $C "$foot" "$(bytes c7 512)"
run 0 vu repair -n $C
expect_silent
parent_is $P
poke $C 0 "$(bytes 00 512)"
run 0 vu repair -n $C
parent_is $P
same "$(hex $C 0 512)" "$(hex $C "$foot" 512)"
poke $C "$foot" "$(bytes 00 512)"
run 0 vu repair -b -n $C
parent_is $P
size_is $C $((24 * MIB))

# -s: before a device is cut, and after it has grown.
run 0 vu query -n $C -s
used=$(cat "$out")
run 22 vu modify -n $C -s $((used - 512))
run 0 vu modify -n $C -s $((20 * MIB))
expect_silent
same "$(hex $C $((20 * MIB - 512)) 512)" "$(hex $C 0 512)"
parent_is $P
run 28 vu modify -n $C -s $((32 * MIB))
expect_out "failed to set physical size to $((32 * MIB)): -28\\n"
loop_del "$(losetup -n -O NAME -j child.img | head -n 1)"
for mib in 20 28; do
	truncate -s ${mib}M child.img
	loop_add child.img
	mapper "$loop" VG-VHD--child
	run 0 vu modify -n $C -s $((mib * MIB))
	parent_is $P
	same "$(hex $C $((mib * MIB - 512)) 512)" "$(hex $C 0 512)"
	size_is $C $((mib * MIB))
	loop_del "$loop"
done
loop_add child.img
mapper "$loop" VG-VHD--child

# -z: the device stays as long as it is.
run 0 vu modify -n $C -z
expect_silent
run 0 vu query -n $C -a
expect_out '0\n'
parent_is $P
size_is $C $((28 * MIB))
same "$(hex $C $((28 * MIB - 512)) 512)" "$(hex $C 0 512)"
