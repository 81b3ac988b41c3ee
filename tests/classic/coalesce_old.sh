#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coalesce -o, -a and -x, which older releases had.
. "$(dirname "$0")/lib.sh"

bits=$(dirname "$self")/bits.py
bits() { python3 -B "$bits" "$@"; }
good() { vu check -n "$1" >/dev/null || fail "check -n $1 fails"; }

# A chain of four.
rm -f ./*.vhd
vu create -n base.vhd -s 16
bits write base.vhd 0 5000 base
vu snapshot -n one.vhd -p base.vhd
bits write one.vhd 100 200 one
bits write one.vhd 12288 4096 one
bits mark one.vhd 3
vu snapshot -n two.vhd -p one.vhd
bits write two.vhd 150 200 two
vu snapshot -n top.vhd -p two.vhd
bits write top.vhd 140 100 top
bits write top.vhd 12300 1 top
bits zero top.vhd 4096 904
disk=$(digest top.vhd)

echo "-o: the flattened chain in a new image"
run 0 vu coalesce -n top.vhd -o flat.vhd
grep -qE '^Coalesced [0-9]+ sectors$' "$out" || fail "another line"
same "$(digest flat.vhd)" "$disk" "the disk is"
run 0 vu query -n flat.vhd -vp
expect_out '16\nflat.vhd has no parent\n'
same "$(bits place flat.vhd | awk '{ print $1 }' | tr '\n' ' ')" '0 3 ' \
	"blocks are"
good flat.vhd
bits sane flat.vhd
same "$(digest top.vhd)" "$disk" "the disk is"
run 17 vu coalesce -n top.vhd -o flat.vhd
expect_line 'flat.vhd already exists'
expect_line 'error coalescing: -17'
same "$(digest flat.vhd)" "$disk" "the disk is"
run 0 vu coalesce -n base.vhd -o flat2.vhd
same "$(digest flat2.vhd)" "$(digest base.vhd)" "the disk is"
run 2 vu coalesce -n top.vhd -o nowhere/flat3.vhd
expect_out 'error creating nowhere/flat3.vhd: -2\nerror coalescing: -2\n'
run 2 vu coalesce -n none.vhd -o flat3.vhd
expect_out 'error opening none.vhd: -2\nerror coalescing: -2\n'
[ ! -e flat3.vhd ] || fail "something was left"
run 0 vu coalesce -p -n top.vhd -o flat3.vhd
grep -q '100.00%' "$out" || fail "no progress"
rm flat*.vhd

echo "-o: ciphertext, sector by sector, and the hash of its key"
key=$(printf '%064d' 7)
vu create -n kbase.vhd -s 16
vu key -s -n kbase.vhd -H "$key"
vu snapshot -n kchild.vhd -p kbase.vhd
bits write kbase.vhd 10 20 base
bits write kbase.vhd 4096 4096 base
bits zero kchild.vhd 15 3
bits write kchild.vhd 9000 1 child
run 0 vu coalesce -n kchild.vhd -o kflat.vhd
expect_out 'Coalesced 4117 sectors'
same "$(vu key -p -n kflat.vhd)" "$(vu key -p -n kchild.vhd)" "the key is"
same "$(bits runs kflat.vhd | tr '\n' ,)" '10 20,4096 4096,9000 1,' "marked is"
same "$(bits full kflat.vhd)" 1 "the batmap shows"
vu read -n kchild.vhd -r 0 -c 32768 >want.raw
vu read -n kflat.vhd -r 0 -c 32768 >is.raw
same_file is.raw want.raw
good kflat.vhd

echo "-a: into an ancestor, and out of the layers between"
before=$(sum top.vhd)
run 0 vu coalesce -n top.vhd -a base.vhd
expect_out 'Coalesced 1005 sectors'
same "$(sum top.vhd)" "$before" "the image is"
same "$(digest top.vhd)" "$disk" "the disk of the top is"
same "$(digest two.vhd)" "$disk" "the disk of the layer below is"
same "$(bits runs two.vhd | tr '\n' ,)" '240 110,' "marked is"
same "$(bits runs one.vhd | tr '\n' ,)" \
	'100 40,240 60,12288 12,12301 4083,' "marked is"
same "$(bits full one.vhd)" '' "the batmap shows"
for image in base one two top; do
	good $image.vhd
	bits sane $image.vhd || fail "$image is not sane"
done
run 0 vu coalesce -n top.vhd -a base.vhd
expect_out 'Coalesced 1005 sectors'
same "$(digest two.vhd)" "$disk" "the disk of the layer below is"
vu create -n other.vhd -s 16
run 22 vu coalesce -n top.vhd -a other.vhd
expect_out 'error coalescing: -22\n'
run 2 vu coalesce -n top.vhd -a none.vhd
expect_out 'error opening none.vhd: -2\nerror coalescing: -2\n'

echo "-a: into a raw disk"
head -c 4194304 /dev/zero >raw
vu snapshot -n rone.vhd -p raw -m
bits write rone.vhd 10 10 one
vu snapshot -n rtop.vhd -p rone.vhd
bits write rtop.vhd 15 10 top
disk=$(digest rtop.vhd)
run 0 vu coalesce -n rtop.vhd -a raw
expect_out 'Coalesced 10 sectors'
same "$(digest rone.vhd)" "$disk" "the disk is"
same "$(bits runs rone.vhd)" '10 5' "marked is"

echo "-x: another file for the parent"
cp two.vhd elsewhere.vhd
two=$(sum two.vhd)
bits write top.vhd 9000 1 x
run 0 vu coalesce -n top.vhd -x elsewhere.vhd
expect_out 'Coalesced 1006 sectors'
same "$(sum two.vhd)" "$two" "the recorded parent is"
same "$(bits runs elsewhere.vhd | tail -n 2 | tr '\n' ,)" \
	'9000 1,12300 1,' "marked is"
run 2 vu coalesce -n top.vhd -x none.vhd
expect_out 'error opening none.vhd: -2\nerror coalescing: -2\n'

echo "ok"
