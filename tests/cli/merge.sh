#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Layers go into one below them, and who depends on them is not forgotten
# (VHD-D-5, VHD-D-11, VHDX-MRG-02 to VHDX-MRG-06).
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
truncate -s 40M disk.raw
noise 700001 >data

# base <- one <- two <- three <- four, each with changes.
chain() {
	rm -f ./*."$1" ./*.a"$1" ./*.merge
	run 0 vu convert disk.raw base."$1"
	below=base.$1
	for name in one two three four; do
		run 0 vu snapshot "$below" $name.a"$1"
		below=$name.a$1
		at=$((at + 1234567))
		run 0 vu write --offset $at "$below" data
		[ $name != two ] ||
			run 0 vu write --zero --offset 3M --length 5M "$below"
	done
	for name in one two three four; do
		run 0 vu convert --format raw --force $name.a"$1" $name.want
	done
}

shows() {
	run 0 vu convert --format raw --force "$1" got
	same got "$2.want"
	run 0 vu check --chain "$1"
}

for f in vhd vhdx; do
	at=0
	chain $f
	# A plan names every step, and changes nothing.
	sha256sum ./*.$f ./*.a$f >sums
	run 0 vu merge --dry-run --delete --into base.$f three.a$f
	out_has "three.a$f: goes into base.$f"
	out_has "one.a$f: is removed"
	out_has "four.a$f: gets base.$f as its parent"
	run 0 vu merge --dry-run --json --into base.$f three.a$f
	json_is 'd["layers"]' 3
	json_is 'd["dry_run"]' True
	json_is 'd["data_bytes"] > 2000000' True
	run 0 sha256sum -c --quiet sums

	# A new image of some layers, between others.
	run 0 vu merge -o new.a$f --into two.a$f three.a$f
	silent
	shows new.a$f three
	run 0 vu info new.a$f
	out_has one.a$f
	run 0 vu merge --json -o all.$f --into base.$f four.a$f
	json_is 'd["layers"]' 5
	shows all.$f four
	run 0 sha256sum -c --quiet sums
	run 2 vu merge --delete -o x.$f four.a$f
	usage_error merge
	run 2 vu merge --size 1G four.a$f
	usage_error merge

	# The new image is a second child of one: in the way of a merge.
	run 1 vu merge --dry-run --into one.a$f three.a$f
	err_has "new.a$f"
	run 1 vu merge --into one.a$f three.a$f
	err_has "new.a$f"
	err_has "hint: "
	run 0 sha256sum -c --quiet sums
	rm new.a$f

	# In the middle; its child finds its new parent.
	run 0 vu merge --into one.a$f --delete three.a$f
	out_has "three.a$f: is removed"
	absent two.a$f three.a$f one.a$f.merge
	shows one.a$f three
	shows four.a$f four

	# Spent layers are refused, and asking again is no harm.
	run 0 vu snapshot four.a$f five.a$f
	run 0 vu merge four.a$f
	shows one.a$f four
	run 1 vu convert --format raw --force four.a$f got
	err_has "parent"
	run 0 vu merge four.a$f
	out_has "four.a$f: was merged into one.a$f before"
	out_has "four.a$f: is spent"
	out_lacks "merged,"
	run 0 vu merge --delete --json four.a$f
	json_is 'd["removed"]' 1
	shows five.a$f four
done

# The parent elsewhere; a way back from the child to it is recorded.
mkdir low high
run 0 vu create --size 16M low/base.vhdx
run 0 vu snapshot low/base.vhdx high/one.avhdx
run 0 vu write --parent-dir low --offset 1M high/one.avhdx data
run 0 vu snapshot --parent-dir low high/one.avhdx high/two.avhdx
run 0 vu convert --format raw --parent-dir low high/two.avhdx there.want
run 1 vu merge high/one.avhdx
err_has "--parent-dir"
run 0 vu merge --parent-dir low --delete high/one.avhdx
run 0 vu info high/two.avhdx
out_has '..\low\base.vhdx'
run 0 vu convert --format raw --force --parent-dir low high/two.avhdx got
same got there.want
# A place that only --parent knows.
run 0 vu snapshot --parent-dir low high/two.avhdx high/three.avhdx
mv low lost
run 0 vu merge --parent lost/base.vhdx --delete high/two.avhdx
run 0 vu convert --format raw --force --parent-dir lost high/three.avhdx got
same got there.want

# A VHD may keep its unique id.
at=0
chain vhd
id=$(vu info --json base.vhd | sed -n 's/.*"unique_id": "\(.*\)".*/\1/p')
run 0 vu merge --keep-id --into base.vhd --delete three.avhd
vu info --json base.vhd | grep -q "\"unique_id\": \"$id\"" ||
	fail "the id has changed"
shows four.avhd four
chain vhdx
run 1 vu merge --keep-id four.avhdx
one_sentence merge

# Xen's raw parent.
run 0 vu snapshot --for xen disk.raw xen.vhd
run 0 vu write --offset 12345678 xen.vhd data
run 0 vu snapshot --for xen xen.vhd leaf.vhd
run 0 vu convert --format raw --force leaf.vhd leaf.want
cp disk.raw before.raw
run 0 vu merge --delete xen.vhd
same disk.raw leaf.want
run 0 vu convert --format raw --force leaf.vhd got
same got leaf.want

# Nothing to merge into.
run 1 vu merge base.vhdx
one_sentence merge
err_has "no parent"
