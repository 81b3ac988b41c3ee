#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# query, read and key on block devices: the footer is in the last sector, and
# what is in use is less than the device.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
private_dev "$@"

MIB=1048576
P=/dev/mapper/VG-VHD--parent
C=/dev/mapper/VG-VHD--child
for name in parent child; do
	truncate -s 32M $name.img
	# What was there before does not count.
	dd if=/dev/urandom of=$name.img bs=64k count=80 conv=notrunc \
		status=none
	loop_add $name.img
	mapper "$loop" VG-VHD--$name
done

vu create -n $P -s 16 -S 1048576
pattern $P 0 8 AAAA
pattern $P 20480 4096 BBBB
used=$(vu query -n $P -s)
[ "$used" -lt $((8 * MIB)) ] || fail "in use: $used"
run 0 vu query -n $P -vsafS
expect_out "16\\n$used\\nhidden: 0\\n2\\n1048576\\n"
# The same as a file is as long as that.
vu create -n file.vhd -s 16 -S 1048576
pattern file.vhd 0 8 AAAA
pattern file.vhd 20480 4096 BBBB
same "$(bytes_of file.vhd)" "$used" "a file has"

run 0 vu snapshot -n $C -p $P
run 0 vu query -n $C -vsafpd
expect_out "16\\n$(vu query -n $C -s)\\n$P\\nhidden: 0\\nchain depth: 2\\n0\\n"
run 0 vu query -n $C -pu
expect_out './VG-VHD--parent\n'
run 0 vu query -n $C -vb
expect_out '16\n'

run 0 vu read -p -n $C
expect_line 'Parent name         : VG-VHD--parent'
expect_line '       decoded name : ./VG-VHD--parent'
run 0 vu read -n $P -B
same "$(od -An -v -tx1 "$out" | tr -d ' \n')" 84
run 0 vu read -n $C -r 20480 -c 4096
pattern_data 20480 4096 BBBB | cmp - "$out" || fail "other bytes"

hash=$(printf '%064d' 9)
run 22 vu key -s -n $P -H "$hash"
run 0 vu key -s -n $C -H "$hash"
run 0 vu key -p -n $C
expect_out "$(printf '%064d' 0) $hash\\n"
same "$(bytes_of $C)" $((32 * MIB))

# The footer of the device is lost: its copy does, and says the same.
poke $C $((32 * MIB - 512)) "$(printf '%01024d' 0)"
run 0 vu query -n $C -vfd
expect_out '16\nhidden: 0\nchain depth: 2\n'
