#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A child with a name of its own or one that is chosen; its parent is not
# touched, and others find their way from it (VHD-L-13, VHDX-MRG-01, VHDX-PATH).
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
truncate -s 40M disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	sha256sum base.$f >sums
	run 0 vu snapshot base.$f
	[ "$(cat "$out")" = base.a$f ] || fail "the name is not printed"
	# Numbers go on, whichever of them is asked for a child.
	run 0 vu snapshot base.a$f
	[ "$(cat "$out")" = base-2.a$f ] || fail "not base-2.a$f"
	run 0 vu snapshot base-2.a$f
	[ "$(cat "$out")" = base-3.a$f ] || fail "not base-3.a$f"
	run 0 vu snapshot base.$f mine.$f
	silent
	run 0 vu snapshot --json base.$f "odd $f name"
	json_is 'd["child"]' "odd $f name"
	run 0 sha256sum -c --quiet sums
	for child in base.a$f base-2.a$f base-3.a$f mine.$f "odd $f name"; do
		run 0 vu check --chain "$child"
		run 0 vu convert --format raw --force "$child" back
		same back disk.raw
	done
	# One that is there stays.
	run 1 vu snapshot base.$f mine.$f
	one_sentence snapshot
	err_has "exists"
done

# By rule, and with the sentence that says so.
run 1 vu snapshot base.vhdx other.vhd
one_sentence snapshot
err_has "only a parent of its own format"
run 1 vu snapshot base.vhd other.vhdx
err_has "only a parent of its own format"
absent other.vhd other.vhdx
run 1 vu snapshot disk.raw
one_sentence snapshot
run 2 vu snapshot --type fixed base.vhd
usage_error snapshot

# As Xen makes them: its locator, a raw parent, a parent that holds nothing.
run 0 vu snapshot --for xen base.vhd leaf.vhd
run 0 vu info leaf.vhd
out_has MacX
run 0 vu snapshot --for xen leaf.vhd next.vhd
run 0 vu info next.vhd
out_has leaf.vhd
run 0 vu snapshot --for xen --skip-empty leaf.vhd skips.vhd
run 0 vu info skips.vhd
out_has base.vhd
out_lacks leaf.vhd
echo held | vu write --orphan leaf.vhd
run 0 vu snapshot --for xen --skip-empty leaf.vhd stays.vhd
run 0 vu info stays.vhd
out_has leaf.vhd
run 0 vu snapshot --for xen disk.raw
[ "$(cat "$out")" = disk.avhd ] || fail "a raw disk's child is not disk.avhd"
run 0 vu convert --format raw --force disk.avhd back
same back disk.raw

# For Windows.
run 0 vu snapshot --parent-windows-path 'C:\vm\base.vhdx' base.vhdx win.avhdx
run 0 vu info win.avhdx
out_has 'C:\vm\base.vhdx'
run 0 vu snapshot --size 64M base.vhdx larger.avhdx
run 0 vu info --json larger.avhdx

# Strangers.
noise 300001 >data
for f in vhd vhdx; do
	run 0 vu write --offset 1000001 mine.$f data
	run 0 vu convert --format raw --force mine.$f want
	if command -v vhdiinfo >/dev/null; then
		run 0 vhdiinfo mine.$f
		out_has Differential
	fi
	if command -v 7z >/dev/null; then
		7z x -so -t$f mine.$f >got 2>"$err" ||
			fail "7z does not open mine.$f"
		same got want
	fi
done
