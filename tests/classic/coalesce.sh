#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coalesce: what an image marks is written into its parent, and nothing else
# changes anywhere.
. "$(dirname "$0")/lib.sh"

bits=$(dirname "$self")/bits.py
bits() { python3 -B "$bits" "$@"; }
sane() { bits sane "$1" || fail "$1 is not sane"; }

# A coalesce leaves all of it alone.
footer_of() { hex "$1" 0 512; }
end_of() { bits place "$1" | awk -v e="$2" '{ n = $2 + 512 + 2097152;
	if (n > e) e = n } END { print e + 512 }'; }
good() { vu check -n "$1" >/dev/null || fail "check -n $1 fails"; }

# A base of 16 MiB with a few sectors, and a child of it without any.
fresh() {
	rm -f base.vhd child.vhd
	vu create -n base.vhd -s 16
	bits write base.vhd 0 5000 base
	bits write base.vhd 30000 50 base
	vu snapshot -n child.vhd -p base.vhd
}

echo "exactly the sectors that are marked"
fresh
bits write child.vhd 7 1 one
bits write child.vhd 4990 20 two
bits zero child.vhd 3 2
bits write child.vhd 20001 1 new
vu set -n base.vhd -f hidden -v 1
child=$(sum child.vhd)
foot=$(footer_of base.vhd)
disk=$(digest child.vhd)
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 24 sectors'
expect_err ''
same "$(sum child.vhd)" "$child" "the child is"
same "$(footer_of base.vhd)" "$foot" "the footer is"
same "$(digest base.vhd)" "$disk" "the disk of the parent is"
same "$(bits runs base.vhd | tr '\n' ,)" '0 5010,20001 1,30000 50,' "marked is"
same "$(bytes_of base.vhd)" "$(end_of base.vhd 0)" "the length is"
same "$(bits place base.vhd | awk '{ print ($2 + 512) % 4096 }' | sort -u)" 0
sane base.vhd
good base.vhd
good child.vhd

echo "and once more, to no effect"
base=$(sum base.vhd)
run 0 vu coalesce --debug -n child.vhd
expect_out 'Coalesced 24 sectors'
same "$(sum base.vhd)" "$base" "the parent is"

echo "nothing to write"
rm child.vhd
vu snapshot -n child.vhd -p base.vhd -e
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 0 sectors'
same "$(sum base.vhd)" "$base" "the parent is"

echo "new blocks come last, and are as large as clients think"
fresh
was=$(bytes_of base.vhd)
for block in 6 3 5; do
	bits write child.vhd $((block * 4096 + 100)) 3 x
done
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 9 sectors'
same "$(bits place base.vhd | awk '{ print $1 }' | tr '\n' ' ')" \
	'0 1 3 5 6 7 ' "blocks are"
[ "$(bytes_of base.vhd)" -le $((was + 3 * (2097152 + 4096))) ] ||
	fail "the file became too long"
first=$(bits place base.vhd | awk '$1 == 3 { print $2 }')
[ "$first" -ge $((was - 512)) ] || fail "a new block is not at the end"

echo "full blocks get their bit"
fresh
bits write child.vhd 8192 4096 full
bits mark child.vhd 2
bits write child.vhd 12288 4095 most
disk=$(digest child.vhd)
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 8191 sectors'
same "$(bits full base.vhd | tr '\n' ' ')" '2 ' "the batmap shows"
same "$(digest base.vhd)" "$disk" "the disk of the parent is"
sane base.vhd
bits write child.vhd 16383 1 last
run 0 vu coalesce -n child.vhd
same "$(bits full base.vhd | tr '\n' ' ')" '2 3 ' "the batmap shows"
sane base.vhd
good base.vhd

echo "a bit of the batmap counts for the block"
fresh
bits write child.vhd 8192 4096 full
bits mark child.vhd 2
at=$(bits place child.vhd | awk '$1 == 2 { print $2 }')
poke child.vhd "$at" 0000
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 4096 sectors'
same "$(bits runs base.vhd | tr '\n' ,)" '0 5000,8192 4096,30000 50,' "marked is"

echo "progress"
fresh
bits write child.vhd 0 4096 x
run 0 vu coalesce -n child.vhd -p
tr '\r' '\n' <"$out" >lines
same "$(grep -c . lines)" "$(grep -cE '^ *[0-9]+\.[0-9][0-9]%$|^Coal' lines)"
expect_line "$(printf 'Coalesced 4096 sectors')"
printf '\r100.00%%\nCoalesced 4096 sectors' >end
tail -c 31 "$out" | cmp - end || fail "the output ends otherwise"

echo "a parent behind -p"
fresh
bits write child.vhd 0 4096 x
bits write child.vhd 30040 20 x
cp base.vhd other.vhd
before=$(sum base.vhd)
disk=$(digest child.vhd)
run 0 vu coalesce -p other.vhd -n child.vhd
expect_out 'Coalesced 4116 sectors'
same "$(digest other.vhd)" "$disk" "the sum of the disk is"
same "$(sum base.vhd)" "$before" "the recorded parent's sum is"
cp base.vhd other.vhd
run 0 vu coalesce -sn child.vhd -sp "$T/other.vhd"
expect_out 'opening for sparse writes\nCoalesced 4116 sectors'
same "$(digest other.vhd)" "$disk" "the sum of the disk is"
run 2 vu coalesce -p nope.vhd -n child.vhd
expect_out 'error opening nope.vhd: -2\nerror coalescing: -2\n'

echo "without zeros first"
fresh
bits write child.vhd 20000 1 x
run 0 vu coalesce -n child.vhd -s
expect_out 'opening for sparse writes\nCoalesced 1 sectors'
same "$(bits runs base.vhd | tr '\n' ,)" '0 5000,20000 1,30000 50,' "marked is"

echo "a chain of three, by hand"
fresh
bits write child.vhd 4000 2000 mid
bits write child.vhd 30010 5 mid
vu snapshot -n leaf.vhd -p child.vhd
bits write leaf.vhd 4999 2 leaf
bits zero leaf.vhd 30010 1
disk=$(digest leaf.vhd)
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 2005 sectors'
same "$(digest leaf.vhd)" "$disk" "the disk of the leaf is"
vu modify -n leaf.vhd -p base.vhd
rm child.vhd
same "$(digest leaf.vhd)" "$disk" "the disk of the leaf is"
good leaf.vhd

echo "the grandparent need not be there"
fresh
bits write child.vhd 100 1 mid
vu snapshot -n leaf.vhd -p child.vhd
bits write leaf.vhd 102 1 leaf
bits write leaf.vhd 9001 3 leaf
mv base.vhd away
run 0 vu coalesce -n leaf.vhd
expect_out 'Coalesced 4 sectors'
mv away base.vhd
same "$(bits runs child.vhd | tr '\n' ,)" '100 1,102 1,9001 3,' "marked is"
same "$(digest child.vhd)" "$(digest leaf.vhd)" "the disk is"
rm leaf.vhd

echo "the identity of the parent is not compared"
fresh
bits write child.vhd 1 1 x
mv base.vhd old.vhd
vu create -n base.vhd -s 16
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 1 sectors'
rm old.vhd

echo "the parent is not resized"
rm -f base.vhd child.vhd
vu create -n base.vhd -s 8 -S 64
vu snapshot -n child.vhd -p base.vhd -S 64
vu resize -n child.vhd -s 32 -f
bits write child.vhd 10 1 in
bits write child.vhd 16383 2 over
run 34 vu coalesce -n child.vhd
expect_out 'error coalescing: -34\n'
sane base.vhd
good base.vhd
bits runs base.vhd | grep -qx '10 1' || fail "nothing was written before that"
vu resize -n base.vhd -s 32 -f
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 3 sectors'
same "$(digest base.vhd)" "$(digest child.vhd)" "the disk is"

echo "a raw parent"
rm -f base.vhd child.vhd
head -c 8389120 /dev/zero >raw
vu snapshot -n child.vhd -p raw -m
bits write child.vhd 5 3 x
bits write child.vhd 16384 1 last
disk=$(digest child.vhd)
run 0 vu coalesce -n child.vhd -s
expect_out 'Coalesced 4 sectors'
same "$(sum raw)" "$disk" "the raw disk is"
same "$(bytes_of raw)" 8389120
truncate -s 8388608 raw
run 34 vu coalesce -n child.vhd
same "$(bytes_of raw)" 8388608

echo "the last block has no bit of its own"
head -c 8389120 /dev/zero >raw
rm -f base.vhd child.vhd leaf.vhd
vu snapshot -n child.vhd -p raw -m
vu snapshot -n leaf.vhd -p child.vhd -e
bits write leaf.vhd 16384 1 last
run 0 vu coalesce -n leaf.vhd
expect_out 'Coalesced 1 sectors'
same "$(bits full child.vhd)" ''
sane child.vhd

echo "a fixed parent"
rm -f base.vhd child.vhd leaf.vhd raw
vu create -n base.vhd -s 4 -r
vu snapshot -n child.vhd -p base.vhd
bits write child.vhd 8191 1 x
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 1 sectors'
same "$(digest base.vhd)" "$(digest child.vhd)" "the disk is"
same "$(bytes_of base.vhd)" 4194816

echo "ciphertext stays what it is"
rm -f base.vhd child.vhd
vu create -n base.vhd -s 4
vu key -s -n base.vhd -H "$(printf '%064d' 7)"
vu snapshot -n child.vhd -p base.vhd
bits write child.vhd 0 8 secret
run 0 vu coalesce -n child.vhd
expect_out 'Coalesced 8 sectors'
same "$(hex base.vhd 4096 16)" "$(hex child.vhd 8192 16)"
same "$(vu key -p -n base.vhd)" "$(vu key -p -n child.vhd)"

echo "a parent whose footer was lost, and one that is too long"
fresh
bits write child.vhd 1 1 x
poke base.vhd $(($(bytes_of base.vhd) - 512)) "$(printf '%01024d' 0)"
run 0 vu coalesce -n child.vhd
good base.vhd
fresh
bits write child.vhd 1 1 x
len=$(bytes_of base.vhd)
truncate -s $((len + 5000000)) base.vhd
run 0 vu coalesce -n child.vhd
same "$(bytes_of base.vhd)" "$len" "the length is"
good base.vhd

echo "what cannot be done"
fresh
run 22 vu coalesce -n base.vhd
expect_out 'coalescing of non-differencing disks is not supported\nerror coalescing: -22\n'
run 2 vu coalesce -n none.vhd
expect_out 'error opening none.vhd: -2\nerror coalescing: -2\n'
printf 'no image' >text
run 22 vu coalesce -n text
expect_out 'error opening text: -22\nerror coalescing: -22\n'
mv base.vhd away
run 2 vu coalesce -n child.vhd
expect_out 'error finding child.vhd parent: -2\nerror coalescing: -2\n'
cp text base.vhd
run 22 vu coalesce -n child.vhd
expect_out "error opening $T/base.vhd: -22\nerror coalescing: -22\n"
mv away base.vhd
cp base.vhd keep
poison keep base.vhd
poisoned=$(sum base.vhd)
run 22 vu coalesce -n child.vhd
expect_out "error opening $T/base.vhd: -22\nerror coalescing: -22\n"
same "$(sum base.vhd)" "$poisoned"
mv keep base.vhd
for wrong in '' '-n' '-n child.vhd more' '-n child.vhd -q' '-n child.vhd -h' \
	'-n child.vhd -o a -x b' '-n child.vhd -s base.vhd' \
	'base.vhd -p -n child.vhd' '-n child.vhd -p base.vhd more' \
	'-n child.vhd -p base.vhd -p base.vhd' '-p base.vhd' \
	'-n child.vhd -p -- base.vhd' '-n child.vhd -p base.vhd -a base.vhd'; do
	# shellcheck disable=SC2086
	run 22 vu coalesce $wrong
	grep -q '^usage' "$out" || fail "coalesce $wrong prints no usage"
done

echo "somebody else writes to the parent"
mkfifo pipe
vu write --orphan --no-progress base.vhd <pipe &
writer=$!
exec 9>pipe
# More than the pipe takes: once it reads, it has its locks; before that, it would
# find ours.
head -c 70000 /dev/zero >&9
status=0
vu coalesce -n child.vhd >"$out" || status=$?
same "$status" 11 "the status is"
expect_out "error opening $T/base.vhd: -11\nerror coalescing: -11\n"
exec 9>&-
wait "$writer"

echo "ok"
