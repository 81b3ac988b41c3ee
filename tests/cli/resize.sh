#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# resize: every kind of image, larger and smaller; others see the same disk.
. "$(dirname "$0")/functions.sh"

requires python3

images 64
noise 3000000 >data
for f in $images; do
	model "$f"
	put "$f" $((29 * 1024 * 1024 - 77)) data
	# Larger: what was there, and zeros.
	run 0 vu resize "$f" 150M
	err_empty
	out_has "$f: grown from 64 MiB to 150 MiB"
	truncate -s 150M "$model"
	agrees "$f"
	put "$f" $((147 * 1024 * 1024)) data
	agrees "$f"
	# The same again is fine.
	sha256sum "$f" >sum
	run 0 vu resize "$f" 150M
	out_has "$f: the disk has 150 MiB already"
	sha256sum --status -c sum || fail "$f has changed"
	# Smaller: not what is in use.
	run 1 vu resize "$f" -20M
	one_sentence resize
	err_has "what is stored on the disk ends at byte 157"
	err_has "hint: the smallest size that cuts nothing is 150MiB; --force"
	run 1 vu resize --dry-run "$f" 140M
	run 0 vu resize --dry-run --force "$f" 140M
	out_has "$f: would be shrunk from 150 MiB to 140 MiB"
	sha256sum --status -c sum || fail "$f has changed"
	run 0 vu resize --force --json "$f" -10M
	json_is 'd["old_size"], d["new_size"]' "(157286400, 146800640)"
	json_is 'd["used_end"] in (157140992, 157143040)' True
	json_is 'd["dry_run"], d["next"]' "(False, [])"
	truncate -s 140M "$model"
	agrees "$f"
	# Nothing of what was cut off comes back.
	run 0 vu resize "$f" +10M
	truncate -s 150M "$model"
	agrees "$f"
	# To the end of what is stored; a VHD's child stays as large as its
	# parent.
	run 0 vu resize --to-min --json "$f"
	least=$(json "$out" 'd["new_size"]')
	case $f in
	child.vhd) [ "$least" -eq $((64 << 20)) ] ;;
	child.vhdx) [ "$least" -le $((38 << 20)) ] ;;
	*) [ "$least" -eq $((32 << 20)) ] ;;
	esac || fail "$f was made as small as $least"
	truncate -s "$least" "$model"
	agrees "$f"
	rm "$model"
done

# What only looks like a change is none.
run 1 vu resize child.vhd 1M
one_sentence resize
err_has "a VHD cannot be smaller than its parent"
run 1 vu resize base.vhdx 100M
one_sentence resize
err_has '"child.vhdx"'
run 1 vu resize --dry-run base.vhd 100M
err_has '"child.vhd"'
run 1 vu resize fixed.vhd 33555000
err_has "no multiple of the disk's sectors of 512 bytes"
run 1 vu resize dynamic.vhd 3T
err_has "over the 2040 GiB that a dynamic VHD can have"
run 1 vu resize dynamic.vhdx 65T
err_has "over the 64 TiB"
run 1 vu resize no-such.vhd 1G
one_sentence resize

# A machine's saved state.
run 0 vu set --saved-state yes dynamic.vhd
run 1 vu resize --orphan dynamic.vhd 100M
err_has "state is saved"
err_has "vhd-util set --saved-state no"
run 0 vu set --saved-state no dynamic.vhd
run 0 vu resize dynamic.vhd 100M

# Raw disks, by their names only.
cp parent.raw disk.img
cp parent.raw disk.bin
run 0 vu resize disk.img 65M
[ "$(stat -c %s disk.img)" -eq $((65 << 20)) ] || fail "disk.img did not grow"
starts_with disk.img parent.raw
run 1 vu resize disk.bin 65M
same disk.bin parent.raw

# What a file does not store is not read: terabytes are over at once.
echo data >sparse.raw
truncate -s 2040G sparse.raw
run 0 vu convert --type fixed sparse.raw sparse.vhd
for f in sparse.raw sparse.vhd; do
	run 0 timeout 60 "$VHD_UTIL" resize --to-min "$f"
	out_has "$f: shrunk from 2040 GiB to 1 MiB"
done
[ "$(head -c 4 sparse.vhd)" = data ] || fail "sparse.vhd lost its data"

# The words of the command.
for bad in 64Q "" -x 1.3 -99999M; do
	[ -n "$bad" ] || continue
	run 2 vu resize disk.img "$bad"
done
run 2 vu resize disk.img
usage_error resize
err_has "a size is needed, or --to-min"
run 2 vu resize --to-min disk.img 1G
usage_error resize
run 2 vu resize disk.img -65M
usage_error resize
err_has "'-65M' is too much: the disk has 65 MiB"
run 0 vu resize disk.img -- -1M
run 2 vu resize --to-min -5M disk.img
usage_error resize
