#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# td-util as the storage manager for files calls it: create, snapshot, query.
. "$(dirname "$0")/lib.sh"
requires python3

# create: the same image as vhd-util's, apart from its id and time.
run 0 td create vhd 16 base.vhd
expect_silent
run 0 vu query -n base.vhd -vsfS
expect_out '16\n3584\nhidden: 0\n16\n'
run 0 td create vhd 3 odd.vhd
run 0 vu query -n odd.vhd -v
expect_out '4\n'
run 0 vu check -n base.vhd
# Clients make a disk anew over an old file.
pattern odd.vhd 0 8 old
run 0 td create vhd 16 odd.vhd
same "$(stat -c %s odd.vhd)" 3584 "the size of the file is"

# snapshot: child first.
pattern base.vhd 0 8 base
before=$(sum base.vhd)
run 0 td snapshot vhd leaf.vhd base.vhd
expect_silent
same "$(sum base.vhd)" "$before" "the parent's sum is"
run 0 vu query -n leaf.vhd -vpd
expect_out "16\n$(pwd -P)/base.vhd\nchain depth: 2\n"
same "$(digest leaf.vhd)" "$(digest base.vhd)" "the sum of the disk is"
# The rule of empty parents is vhd-util's.
run 0 td snapshot vhd leaf2.vhd leaf.vhd
run 0 vu query -n leaf2.vhd -pd
expect_out "$(pwd -P)/base.vhd\nchain depth: 2\n"
run 2 td snapshot vhd none.vhd gone.vhd
[ ! -e none.vhd ] || fail "there is a child without a parent"

# query: v p f d, in this order.
parent=$(pwd -P)/base.vhd
vu set -n leaf.vhd -f hidden -v 1
for how in -vpfd -dfpv '-d -f -p -v' '-vd -pf'; do
	# shellcheck disable=SC2086
	run 0 td query vhd $how leaf.vhd
	expect_out "16\n$parent\nhidden: 1\nchain depth: 2\n"
done
run 0 td query vhd -vpf base.vhd
expect_out '16\nbase.vhd has no parent\nhidden: 0\n'
run 0 td query vhd -v "$PWD/base.vhd"
expect_out '16\n'
run 0 td query vhd -p leaf.vhd
expect_out "$parent\n"
run 0 td query vhd -f leaf.vhd
expect_out 'hidden: 1\n'
run 0 td query vhd -d base.vhd
expect_out 'chain depth: 1\n'
run 0 td query vhd base.vhd
expect_silent

# -b: the copy of the footer, and that one only.
cp leaf.vhd copy.vhd
end=$(($(stat -c %s copy.vhd) - 512))
python3 - copy.vhd 0 $end <<'P'
import sys
with open(sys.argv[1], "r+b") as f:
    for at, hidden in ((int(sys.argv[2]), 0), (int(sys.argv[3]), 1)):
        f.seek(at)
        b = bytearray(f.read(512))
        b[85] = hidden
        b[64:68] = bytes(4)
        b[64:68] = (~sum(b) & 0xffffffff).to_bytes(4, "big")
        f.seek(at)
        f.write(b)
P
run 0 td query vhd -f copy.vhd
expect_out 'hidden: 1\n'
run 0 td query vhd -vpfb copy.vhd
expect_out "16\n$parent\nhidden: 0\n"

# Fixed disks.
vu create -n fixed.vhd -s 4 -r
for how in -vpfd -vpfdb; do
	run 0 td query vhd $how fixed.vhd
	expect_out '4\nfixed.vhd has no parent\nhidden: 0\nchain depth: 1\n'
done

# Failures: what cannot be opened, and a parent that is gone.
run 2 td query vhd -vpf gone.vhd
expect_out 'failed opening gone.vhd: -2\n'
expect_err ''
head -c 4096 /dev/zero >junk.vhd
run 22 td query vhd -v junk.vhd
expect_out 'failed opening junk.vhd: -22\n'
mv base.vhd away.vhd
run 2 td query vhd -vpf leaf.vhd
expect_out '16\nfailed getting parent: -2\nhidden: 1\n'
run 2 td query vhd -dp leaf.vhd
expect_out 'failed getting parent: -2\nerror checking chain depth: -2\n'
mv away.vhd base.vhd

# What somebody else resizes is left alone.
cp leaf.vhd poisoned.vhd
poison leaf.vhd poisoned.vhd
run 22 td query vhd -v poisoned.vhd
expect_out 'failed opening poisoned.vhd: -22\n'

# The options that vhd-util has for these verbs, and its flag.
run 0 td create vhd -r 4 fixed2.vhd
expect_silent
same "$(bytes_of fixed2.vhd)" $((4194304 + 512))
head -c 3145728 /dev/zero >raw.img
run 0 td snapshot vhd -m onraw.vhd raw.img
run 0 vu query -n onraw.vhd -pd
expect_out "$(pwd -P)/raw.img\nchain depth: 2\n"
run 28 td snapshot vhd -l 2 deep.vhd base.vhd -l1
expect_out 'snapshot depth exceeded: current depth: 1, limit: 1\n'
run 0 td snapshot vhd deep.vhd leaf.vhd -l 3
run 0 td set vhd deep.vhd hidden 1
expect_silent
run 0 td query vhd -f deep.vhd
expect_out 'hidden: 1\n'
run 22 td set vhd deep.vhd hidden 256

# Wrong use is 255, and makes nothing.
for args in '' create 'create vhd' 'create vhd 16' 'create vhd x n.vhd' \
	'create vhd -1 n.vhd' 'create vdi 16 n.vhd' 'create vhd 16 n.vhd more' \
	'snapshot vhd n.vhd' 'snapshot vhd n.vhd base.vhd more' \
	'snapshot aio n.vhd base.vhd' 'query vhd' 'query vhd -v' \
	'query vhd -x base.vhd' 'query vhd -v base.vhd leaf.vhd' \
	'query raw -v base.vhd' 'coalesce vhd n.vhd' '-h' \
	'create vhd -x 16 n.vhd' 'snapshot vhd -l n.vhd base.vhd' \
	'set vhd base.vhd hidden' 'set vhd base.vhd marker 1' \
	'set vhd -x base.vhd hidden 1'; do
	# shellcheck disable=SC2086
	run 255 td $args
	grep -q '^usage: td-util' "$out" || fail "'$args' is not explained"
done
[ ! -e n.vhd ] || fail "wrong use makes a file"
for option in $(grep -o -e '\[-[a-z]' "$out" | tr -d '['); do
	grep -q "^  $option " "$out" || fail "$option is not explained"
done

# What cannot be printed is no success.
if [ -c /dev/full ]; then
	status=0
	td query vhd -v base.vhd >/dev/full 2>"$err" || status=$?
	same "$status" 28 "the status of a full disk is"
fi
