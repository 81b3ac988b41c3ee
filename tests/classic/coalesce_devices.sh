#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coalesce on block devices: parents, children and raw disks that cannot grow and
# have their footers in their last sectors.
. "$(dirname "$0")/lib.sh"
private_dev "$@"

bits=$(dirname "$self")/bits.py
bits() { python3 -B "$bits" "$@"; }
good() { vu check -n "$1" >/dev/null || fail "check -n $1 fails"; }

base=''
child=''
raw=''
loop_base=''
loop_child=''

# device NAME MIB: a new one, /dev/mapper/vg-NAME
device() {
	truncate -s "${2}M" "$1.disk"
	loop_add "$1.disk"
	mapper "$loop" "vg-$1"
	eval "$1=/dev/mapper/vg-$1 loop_$1=$loop"
}
tail_of() { hex "$1" $(($(bytes_of "$1") - 512)) 512; }

echo "from device to device"
device base 20
device child 20
vu create -n "$base" -s 16
vu snapshot -n "$child" -p "$base"
bits write "$base" 0 5000 base
bits write "$child" 100 10 new
bits write "$child" 12288 4096 full
bits mark "$child" 3
foot=$(tail_of "$base")
before=$(sum "$child")
disk=$(digest "$child")
run 0 vu coalesce -n "$child"
expect_out 'Coalesced 4106 sectors'
same "$(sum "$child")" "$before" "the child is"
same "$(digest "$base")" "$disk" "the disk is"
same "$(tail_of "$base")" "$foot" "the last sector is"
same "$(hex "$base" 0 512)" "$foot" "the first sector is"
same "$(bits full "$base" | tr '\n' ' ')" '0 3 ' "the batmap shows"
bits sane "$base" || fail "not sane"
good "$base"
good "$child"
run 0 vu query -n "$base" -s
expect_out "$(bits place "$base" |
	awk '{ n = $2 + 512 + 2097152; if (n > e) e = n } END { print e + 512 }')\n"

echo "what was on the device before shows nowhere"
head -c 20971520 /dev/zero | tr '\0' x >"$base" || true
vu create -n "$base" -s 16
vu snapshot -n "$child" -p "$base"
for block in 0 4; do
	bits write "$child" $((block * 4096 + 50)) 1 new
done
disk=$(digest "$child")
run 0 vu coalesce -n "$child"
same "$(digest "$base")" "$disk" "the disk is"
at=$(bits place "$base" | awk '$1 == 4 { print $2 + 512 }')
same "$(hex "$base" "$at" 16)" "$(printf '%032d' 0)" "an unwritten sector is"
good "$base"
run 0 vu check -b -n "$base"
head -c 20971520 /dev/zero | tr '\0' x >"$base" || true
vu create -n "$base" -s 16
run 0 vu coalesce -n "$child" -s
expect_out 'opening for sparse writes\nCoalesced 2 sectors'
same "$(digest "$base")" "$disk" "the disk is"
same "$(bits count "$base")" 2 "marked are"

echo "there is not room enough"
loop_del "$loop_base"
device base 5
vu create -n "$base" -s 16
bits write "$base" 0 1 old
vu snapshot -n "$child" -p "$base"
for block in 0 1 2 3; do
	bits write "$child" $((block * 4096)) 20 new
done
disk=$(digest "$child")
run 28 vu coalesce -n "$child"
expect_out 'error coalescing: -28\n'
same "$(digest "$child")" "$disk" "the disk is"
good "$base"
run 0 vu repair -n "$base"
good "$base"

echo "the last room is for a block, not for moving the batmap"
loop_del "$loop_base"
loop_del "$loop_child"
device child 20
truncate -s $((2 * (4096 + 2097152) + 4096 + 512)) base.disk
loop_add base.disk
mapper "$loop" vg-base
base=/dev/mapper/vg-base
loop_base=$loop
vu create -n "$base" -s 4
vu snapshot -n "$child" -p "$base"
bits write "$child" 0 8192 full
bits mark "$child" 0 1
run 0 vu coalesce -n "$child"
expect_out 'Coalesced 8192 sectors'
same "$(digest "$base")" "$(digest "$child")" "the disk is"
bits sane "$base" || fail "not sane"
good "$base"

echo "the same with room in the batmap"
loop_del "$loop_base"
truncate -s $((4327936 + 2 * (4096 + 2097152))) base.disk
loop_add base.disk
mapper "$loop" vg-base
loop_base=$loop
vu create -n "$base" -s 4 -S 2097152
vu snapshot -n "$child" -p "$base"
bits write "$child" 0 8192 full
bits mark "$child" 0 1
run 0 vu coalesce -n "$child"
expect_out 'Coalesced 8192 sectors'
same "$(digest "$base")" "$(digest "$child")" "the disk is"
bits sane "$base" || fail "not sane"
good "$base"

echo "a raw device"
loop_del "$loop_base"
loop_del "$loop_child"
device raw 8
rm -f child.vhd
vu snapshot -n child.vhd -p "$raw" -m
bits write child.vhd 5 3 x
bits zero child.vhd 4096 4096
head -c 8388608 /dev/zero | tr '\0' y >"$raw"
vu read -n child.vhd -r 0 -c 16384 >shown
disk=$(sum shown)
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 4099 sectors'
same "$(sum "$raw")" "$disk" "the device is"
same "$(hex "$raw" 2560 16)$(hex "$raw" 2097152 8)" \
	000000000000000578202020202020200000000000000000

echo "ok"
