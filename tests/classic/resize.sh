#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# resize -f and -j: sizes, messages, statuses, and what becomes of every structure.
# The images are made, and looked at, by oldxen.py, which shares nothing with the
# program.  How a resize is undone is in revert.sh.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
requires python3
here=$(dirname "$self")
old() { python3 -B "$here/oldxen.py" "$@"; }
fact() { old facts "$1" | sed -n "s/^$2=//p"; }

# Wrong use.
old make a.vhd 16 blocks=0,5,7 full=0
cp a.vhd kept
for line in '' '-n a.vhd' '-n a.vhd -s 32' '-n a.vhd -f' '-s 32 -f' \
		'-n a.vhd -s 32 -f -j j' '-n a.vhd -s abc -f' '-n a.vhd -s -1 -f' \
		'-n a.vhd -s 32 -f stray' '-n a.vhd -s 32 -f -x' \
		'-n a.vhd -s 99999999999999999999 -f'; do
	# shellcheck disable=SC2086
	run 22 vu resize --debug $line
done
run 22 vu resize --debug -h
run 2 vu resize -n none.vhd -s 32 -f
expect_out 'error opening none.vhd: -2\n'
run 2 vu resize -n none.vhd -s 32 -j j
expect_out 'error opening none.vhd: -2\n'
head -c 4096 /dev/zero >zeros.vhd
run 22 vu resize -n zeros.vhd -s 32 -f
expect_out 'error opening zeros.vhd: -22\n'

# -f: within the room, and not a byte but in the footers.
run 22 vu resize -n a.vhd -s 18 -f
expect_silent
run 22 vu resize -n a.vhd -s 14 -f
expect_out 'a.vhd: size (14680064) < curr size (16777216)\n'
run 0 vu resize -n a.vhd -s 16 -f
expect_silent
run 0 vu resize -fs15 --debug -na.vhd
same_file a.vhd kept
old make r.vhd 16 room=1024 blocks=0,5,7 full=0
cp r.vhd r0
run 0 vu resize --debug -s 999 -f -n r.vhd
expect_silent
old sound r.vhd "end=$(bytes_of r0)"
same "$(fact r.vhd size)" 1000
same "$(fact r.vhd original)" 16
same "$(fact r.vhd entries)" 512
same "$(hex r.vhd 512 5000)" "$(hex r0 512 5000)"
len=$(bytes_of r0)
cmp -n $((len - 1024)) -i 512 r.vhd r0 || fail "more than footers changed"
same "$(old content r.vhd to=16)" "$(old content r0)"
run 22 vu resize -n r.vhd -s 1025 -f
expect_silent
run 0 vu resize -n r.vhd -s 1024 -f
old sound r.vhd

# From a small size to more than 8 GiB, where the map's checksum covers more
# sectors, and where what lay in them never counted (a stale footer, say).
old make big.vhd 16 room=2097152 blocks=0,5,7 full=0
poke big.vhd $((1536 + 4194304 + 512 + 512)) 636f6e6563746978
poke big.vhd $((1536 + 4194304 + 512 + 131071)) 01
cp big.vhd big0
for mib in 8194 8208 2097152; do
	run 0 vu resize -n big.vhd -s $mib -f
	expect_silent
	old sound big.vhd
	same "$(fact big.vhd size)" $mib
	run 0 vu check -n big.vhd
done
same "$(old content big.vhd to=16)" "$(old content big0)"
run 22 vu resize -n big.vhd -s 2097154 -f
expect_silent

# A lost footer keeps nobody from it.
cp r0 lost.vhd
poke lost.vhd $(($(bytes_of lost.vhd) - 512)) "$(printf '%01024d' 0)"
run 0 vu resize -n lost.vhd -s 64 -f
old sound lost.vhd

# Who made it.
cp a.vhd foreign.vhd
run 0 vu set foreign.vhd --creator 'win '
run 22 vu resize -n foreign.vhd -s 32 -j j
expect_out 'foreign.vhd not created by xen; resize not supported\n'
run 22 vu resize -n foreign.vhd -s 32 -f
expect_out 'foreign.vhd not created by xen; resize not supported\n'
run 0 vu create -n fixed.vhd -s 4 -r
sum=$(sum fixed.vhd)
run 22 vu resize -n fixed.vhd -s 8 -f
run 22 vu resize -n fixed.vhd -s 8 -j j
same "$sum" "$(sum fixed.vhd)"
[ ! -e j ] || fail "there is a journal"

# -j.  Same size, smaller, a journal that is there, one that cannot be made.
run 0 vu resize -n a.vhd -s 15 -j j
expect_silent
run 38 vu resize -n a.vhd -s 14 -j j
expect_out 'dynamic shrink not fully implemented\nresize failed: -38\n'
echo mine >j
run 17 vu resize -n a.vhd -s 32 -j j
expect_out 'creating journal failed: -17\n'
same "$(cat j)" mine
rm j
ln -s nowhere j
run 17 vu resize -n a.vhd -s 32 -j j
rm j
run 2 vu resize -n a.vhd -s 32 -j no/such/j
expect_out 'creating journal failed: -2\n'
run 17 vu resize -n a.vhd -s 32 -j a.vhd
run 22 vu resize -n a.vhd -s 2097154 -j j
expect_out 'resize failed: -22\n'
same_file a.vhd kept
[ ! -e j ] || fail "there is a journal"

# grow NAME MIB [END]: by the journal, and everything is where it should be.
grow() {
	cp "$1" before
	run 0 vu resize -n "$1" -s "$2" -j j
	expect_silent
	[ ! -e j ] || fail "the journal is still there"
	old grew before "$1" "$2"
}

# One more block in the padding of the table: nothing moves.
cp kept p.vhd
grow p.vhd 17
same "$(fact p.vhd bat)" "$(fact kept bat)"
same "$(fact p.vhd entries)" 9
grow p.vhd 256
same "$(fact p.vhd bat)" "$(fact kept bat)"
same "$(fact p.vhd entries)" 128
# As the original has left it: the first block went to the end.
grow p.vhd 512
same "$(fact p.vhd bat)" 0:12319,5:4111,7:8215
run 0 vu check -n p.vhd
# On and on.
for mib in 600 8194 8210 2097152; do
	grow p.vhd $mib
done
same "$(fact p.vhd entries)" 1048576

# In one go, with blocks and without, with names.
for mib in 256 8208 60000; do
	for how in '' 'blocks=3' 'blocks=2,0,1,5,7,6 full=0,1,2'; do
		# shellcheck disable=SC2086
		old make g.vhd 16 $how locators=1
		grow g.vhd $mib
		# shellcheck disable=SC2086
		old make g.vhd 16 $how
		grow g.vhd $mib
	done
done
old make g.vhd 16 blocks=2,0,1,5,7,6 full=0,1,2 locators=1
grow g.vhd 2097152
# Nothing of the metadata is more than the allowance of the clients.
old make g.vhd 16 locators=1
grow g.vhd 2097152
same "$(fact g.vhd length)" 4329472
old make g.vhd 16
grow g.vhd 2097152
same "$(fact g.vhd length)" 4327936

# The wanted size counts, and is not added to the room that there is.
cp r0 room.vhd
grow room.vhd 20
same "$(fact room.vhd entries)" 512
same "$(fact room.vhd bat)" "$(fact r0 bat)"
grow room.vhd 1024
same "$(fact room.vhd entries)" 512
grow room.vhd 1030
same "$(fact room.vhd entries)" 515

# A map that nobody may believe becomes one that everybody may.
cp kept badmap.vhd
poke badmap.vhd 2560 ff
run 0 vu resize -n badmap.vhd -s 512 -j j
old sound badmap.vhd
same "$(old content badmap.vhd to=16)" "$(old content kept)"

# Blocks without room between them (VHD-X-12).
old make packed.vhd 16 blocks=0,1,2 packed=1
cp packed.vhd before
run 0 vu resize -n packed.vhd -s 512 -j j
old sound packed.vhd packed=1
same "$(old content packed.vhd to=16)" "$(old content before)"

# A file that is longer than its blocks need.
old make slack.vhd 16 blocks=0,5,7 full=0 tail=6400000
cp slack.vhd before
run 0 vu resize -n slack.vhd -s 512 -j j
old sound slack.vhd
same "$(old content slack.vhd to=16)" "$(old content before)"

# A child: who its parent is stays, and past the end of that are zeros.
run 0 vu create -n base.vhd -s 8
pattern base.vhd 0 16 base
pattern base.vhd 16380 4 base
run 0 vu snapshot -n child.vhd -p base.vhd
pattern child.vhd 4090 12 child
vu read --no-progress child.vhd >disk
run 0 vu resize -n child.vhd -s 700 -j j
expect_silent
run 0 vu query -n child.vhd -vpS
expect_line 700
expect_line "$(pwd -P)/base.vhd"
run 0 vu check -n child.vhd -p
vu read --no-progress --length 8388608 child.vhd | cmp - disk ||
	fail "the child shows something else"
vu read --no-progress --offset 8388608 child.vhd | tr -d '\0' | cmp - /dev/null ||
	fail "there is something behind the end of the parent"
run 0 vu snapshot -n child2.vhd -p base.vhd -S 2097152
run 0 vu resize -n child2.vhd -s 2097152 -f
run 0 vu check -n child2.vhd
same "$(bytes_of child2.vhd)" 4329472

# Broken images stay what they are.
for entry in 00000002 00000008 00ffffff; do
	cp kept broken.vhd
	poke broken.vhd 1540 $entry
	sum=$(sum broken.vhd)
	run 22 vu resize -n broken.vhd -s 512 -j j
	same "$(sum broken.vhd)" "$sum"
done
cp kept broken.vhd
poke broken.vhd 2048 00
sum=$(sum broken.vhd)
run 22 vu resize -n broken.vhd -s 512 -j j
same "$(sum broken.vhd)" "$sum"
cp kept broken.vhd
truncate -s 5000000 broken.vhd
sum=$(sum broken.vhd)
run 22 vu resize -n broken.vhd -s 512 -j j
same "$(sum broken.vhd)" "$sum"
[ ! -e j ] || fail "there is a journal"
