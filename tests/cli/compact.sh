#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compact: what it gives up, what it says, what it refuses; and that it changes
# nothing where there is nothing to win.
. "$(dirname "$0")/functions.sh"
PATH=$PATH:/usr/sbin:/sbin

requires python3 mke2fs debugfs e2fsck

# A file system that fills the disk, as WSL makes them; most of it deleted.
mkdir tree
noise 9000000 >tree/gone1
noise 7000000 >tree/gone2
noise 3000000 >tree/stays
run 0 mke2fs -q -t ext4 -L data -d tree disk.raw 64M
for f in gone1 gone2; do run 0 debugfs -w -R "rm /$f" disk.raw; done

# sound IMAGE: the file system is, and the file that stays.
sound() {
	run 0 vu check --quiet "$1"
	run 0 vu convert --format raw --no-sync "$1" now.raw
	run 0 e2fsck -fn now.raw
	run 0 debugfs -R "dump /stays stays" now.raw
	same stays tree/stays
	rm -f now.raw stays
}

for f in a.vhdx a.vhd; do
	block=1M
	[ $f = a.vhdx ] || block=512K
	run 0 vu convert --block-size $block disk.raw $f
	cp $f before
	size=$(stat -c %s $f)
	run 0 vu compact --estimate $f
	err_empty
	out_has "(disk)     ext4"
	out_has "would be given up"
	same $f before
	run 0 vu compact --dry-run --json $f
	json_is 'd["dry_run"]' True
	json_is 'd["file_size_before"]' "$size"
	json_is 'd["file_systems"]["partitions"][0]["understood"]' True
	json_is 'd["file_systems"]["partitions"][0]["label"]' data
	json_is 'd["file_systems"]["table"]' none
	guess=$(json "$out" 'd["file_size"]')
	run 0 vu compact --json $f
	err_empty
	json_is 'd["dry_run"]' False
	json_is 'd["unused_blocks"] > 8' True
	new=$(stat -c %s $f)
	json_is 'd["file_size"]' "$new"
	[ $((new * 3)) -lt $((size * 2)) ] || fail "$f has $new bytes of $size"
	[ $((new - guess)) -le 65536 ] || fail "$f: $new and not $guess"
	[ $((guess - new)) -le 65536 ] || fail "$f: $new and not $guess"
	sound $f
	cp $f before
	run 0 vu compact $f
	out_has "nothing can be saved"
	same $f before
done

# Without file systems no byte changes; zeros go when they are looked for.
run 0 vu convert --block-size 1M disk.raw b.vhdx
run 0 vu compact --no-fs --json b.vhdx
json_is 'd["unused_blocks"]' 0
json_is 'd["file_systems"]' None
run 0 vu convert --format raw --no-sync b.vhdx now.raw
same now.raw disk.raw
run 0 vu create --size 32M z.vhd
head -c 12M /dev/zero >zeros
run 0 vu write --offset 4M z.vhd zeros
run 0 vu compact --no-fs --zero-scan --json z.vhd
json_is 'd["zero_blocks"]' 6
json_is 'd["blocks"]' 6

# Children: unused bytes would change under them.
run 0 vu create --parent b.vhdx child.vhdx
cp b.vhdx before
run 1 vu compact b.vhdx
one_sentence compact
err_has "child.vhdx"
err_has "--no-fs"
same b.vhdx before
run 0 vu compact --no-fs --zero-scan b.vhdx
run 0 vu check --quiet --chain child.vhdx
run 0 vu compact --orphan b.vhdx
if vu check --quiet --chain child.vhdx >"$out" 2>"$err"; then
	fail "the child does not notice"
fi

# What is left alone says so.
cp disk.raw dirty.raw
run 0 debugfs -w -R "ssv state 0" dirty.raw
run 0 vu convert --block-size 1M dirty.raw dirty.vhdx
run 0 vu compact --estimate dirty.vhdx
out_has "left alone: "
run 0 vu compact --json dirty.vhdx
json_is 'd["unused_blocks"]' 0
run 0 vu convert --force --format raw --no-sync dirty.vhdx now.raw
same now.raw dirty.raw

# A machine that sleeps may use what its file systems call free.
run 0 vu convert --block-size 512K disk.raw saved.vhd
run 0 vu set --saved-state yes saved.vhd
cp saved.vhd before
run 1 vu compact saved.vhd
one_sentence compact
err_has "saved"
same saved.vhd before
run 0 vu compact --no-fs saved.vhd

run 0 vu create --type fixed --size 8M fixed.vhd
run 1 vu compact fixed.vhd
one_sentence compact
err_has "convert"
run 1 vu compact absent.vhdx
one_sentence compact
run 2 vu compact
usage_error compact
run 2 vu compact a.vhd a.vhdx
usage_error compact
