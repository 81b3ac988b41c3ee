#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The helpers of these tests do what they say; devices above all, for what they
# leave behind would be everybody's.
. "$(dirname "$0")/lib.sh"

run 0 printf 'one\ntwo%%\n'
expect_out 'one\ntwo%%\n'
expect_first one
expect_line 'two%'
run 0 true
expect_silent

vu create --size 8M a.vhd
pattern a.vhd 4096 2 tag
zeros a.vhd 4097 1
run 0 vu read --offset 2097152 --length 1024 a.vhd
[ "$(hex "$out" 0 16)" = "00000000000010007461672020202020" ] ||
	fail "the pattern is another one"
[ "$(hex "$out" 512 4)" = 00000000 ] || fail "the zeros are none"
same "$(digest a.vhd)" "$(vu convert -O raw --no-progress a.vhd - | sha256sum |
	cut -d ' ' -f 1)"
same "$(be a.vhd 40 8)" 8388608
poke a.vhd 84 0102
same "$(hex a.vhd 84 3)" 010200

private_dev "$@"

truncate -s 4M disk1 disk2
loop_add disk1
first=$loop
loop_add disk2
mapper "$first" VG-one
[ -b /dev/mapper/VG-one ] || fail "there is no /dev/mapper/VG-one"
same "$(bytes_of /dev/mapper/VG-one)" 4194304
poke /dev/mapper/VG-one 0 c0ffee
sync /dev/mapper/VG-one
same "$(hex disk1 0 3)" c0ffee
if dm_linear "vhd-classic-$$" "$first" "$loop"; then
	same "$(bytes_of "/dev/mapper/vhd-classic-$$")" 8388608
fi
cleanup_devices=$first
mapper "$loop" VG-two
loop_del "$loop"
[ ! -e /dev/mapper/VG-two ] || fail "a device is gone and has a name"
[ -b /dev/mapper/VG-one ] || fail "another device has lost its name"
loop_add disk2
same "$cleanup_devices" "$first"
