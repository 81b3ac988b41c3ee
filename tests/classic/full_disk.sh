#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A file system without space: "set" is done when the copy of the footer is
# written, and what does not fit leaves things as they were.
. "$(dirname "$0")/lib.sh"
private_dev "$@"

vu create -n a.vhd -s 4
pattern a.vhd 0 4096 a
content=$(digest a.vhd)
size=$(bytes_of a.vhd)
same $(((size - 512) % 4096)) 0 "the footer's place in its page"
mkdir small
mount -t tmpfs -o size=4m tmpfs small
trap 'umount "$T/small"; cleanup' EXIT
# The footer at the end is lost, and needs a page that cannot be had.
head -c $((size - 512)) a.vhd >small/a.vhd
# What is free is counted by each processor; so until nothing fits any more.
fill_up() {
	for try in 1 2 3 4 5; do
		dd if=/dev/zero bs=4096 2>"$err" >>small/rest || true
		grep -q 'No space' "$err" || fail "the file system is not full"
		sleep "0.$try"
	done
}
fill_up

run 0 vu set -n small/a.vhd -f hidden -v 1
expect_silent
run 0 vu query -n small/a.vhd -f
expect_out 'hidden: 1\n'
same "$(hex small/a.vhd 85 1)" 01
same "$(bytes_of small/a.vhd)" $((size - 512))
same "$(digest small/a.vhd)" "$content"

# It is not shown again by half.
fill_up
before=$(sum small/a.vhd)
run 28 vu set -n small/a.vhd -f hidden -v 0
same "$(sum small/a.vhd)" "$before"

run 28 vu repair -n small/a.vhd
same "$(digest small/a.vhd)" "$content"
run 28 vu create -n small/b.vhd -s 16
[ ! -e small/b.vhd ] || fail "small/b.vhd is there"
run 28 vu snapshot -n small/c.vhd -p small/a.vhd
[ ! -e small/c.vhd ] || fail "small/c.vhd is there"
before=$(sum small/a.vhd)
run 28 vu resize -n small/a.vhd -s 4096 -j small/j
same "$(sum small/a.vhd)" "$before"
[ ! -e small/j ] || fail "small/j is there"

rm small/rest
run 0 vu repair -n small/a.vhd
run 0 vu check -n small/a.vhd
same "$(bytes_of small/a.vhd)" "$size"

# A coalesce that ended for want of space: the footer is far out, and right, and
# where it belongs is a hole.  The image is left as it is, and sound.
tail -c 512 small/a.vhd >footer
truncate -s $((size - 512)) small/a.vhd
truncate -s $((size + 1048576)) small/a.vhd
cat footer >>small/a.vhd
fill_up
before=$(sum small/a.vhd)
run 0 vu repair -n small/a.vhd
expect_silent
same "$(sum small/a.vhd)" "$before"
run 0 vu check -n small/a.vhd
poke small/a.vhd 27 ff
run 0 vu repair -n small/a.vhd
same "$(sum small/a.vhd)" "$before"
# One that is wrong out there does not do.
poke small/a.vhd $(($(bytes_of small/a.vhd) - 512 + 27)) ff
fill_up
run 28 vu repair -n small/a.vhd
expect_out 'error opening small/a.vhd: -28\n'
rm small/rest
run 0 vu repair -n small/a.vhd
run 0 vu check -n small/a.vhd
same "$(bytes_of small/a.vhd)" "$size"
same "$(digest small/a.vhd)" "$content"

# A coalesce that does not fit; the child keeps what it has.
vu snapshot -n small/c.vhd -p small/a.vhd
vu resize -n small/a.vhd -s 16 -j small/j
vu resize -n small/c.vhd -s 16 -j small/j
pattern small/c.vhd 8192 100 c
content=$(digest small/c.vhd)
fill_up
run 28 vu coalesce -n small/c.vhd
same "$(digest small/c.vhd)" "$content"
rm small/rest
run 0 vu repair -n small/a.vhd
run 0 vu check -n small/c.vhd -p
