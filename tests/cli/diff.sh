#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# diff makes a small child that shows the other disk, to us and to others.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
cp disk.raw new.raw
noise 70000 | dd of=new.raw bs=1000 seek=11000 conv=notrunc status=none
dd if=/dev/zero of=new.raw bs=1M seek=10 count=2 conv=notrunc status=none
for ext in vhd vhdx; do
	run 0 vu convert disk.raw a.$ext
	before=$(sha256sum a.$ext)
	# The other disk in whatever form.
	for b in new.raw b.vhd b.vhdx; do
		case $b in b.*) run 0 vu convert new.raw $b ;; esac
		run 0 vu diff a.$ext $b -o d.$ext
		silent
		run 0 vu check --quiet --chain d.$ext
		run 0 vu compare d.$ext new.raw
		run 0 vu info --json d.$ext
		json_is '(d["image"]["type"], len(d["chain"]))' \
			"('differencing', 2)"
		run 0 vu convert d.$ext flat.raw
		starts_with flat.raw new.raw
		rm d.$ext flat.raw
		case $b in b.*) rm $b ;; esac
	done
	[ "$(sha256sum a.$ext)" = "$before" ] || fail "the parent was changed"
	# What does not differ takes no space.
	run 0 vu diff --json a.$ext disk.raw -o same.$ext
	json_is 'd["differing_bytes"]' 0
	run 0 vu changes --json same.$ext
	json_is 'd' "[]"
	[ "$(du -k same.$ext | cut -f 1)" -le 2048 ] || fail "same is large"
	# A larger disk has a larger child.
	cp new.raw larger.raw
	truncate -s 64M larger.raw
	echo end | patch larger.raw 67000000
	run 0 vu diff a.$ext larger.raw -o large.$ext
	run 0 vu compare large.$ext larger.raw
	run 0 vu info --json large.$ext
	json_is 'd["image"]["virtual_size"]' 67108864
	# Killed at any moment: no child, or a whole one.
	for t in 0.002 0.005 0.01 0.02 0.04; do
		timeout -s KILL $t "$VHD_UTIL" diff a.$ext larger.raw \
			-o killed.$ext >"$out" 2>&1 || true
		[ -e killed.$ext ] || continue
		run 0 vu compare killed.$ext larger.raw
		rm killed.$ext
	done
	# A smaller one has none.
	head -c 1M disk.raw >small.raw
	run 1 vu diff a.$ext small.raw -o no.$ext
	one_sentence diff
	absent no.$ext
	# What is there stays.
	run 1 vu diff a.$ext new.raw -o same.$ext
	err_has "hint: --force replaces it"
	one_sentence diff
	run 0 vu diff --force a.$ext new.raw -o same.$ext
	run 1 vu diff --force a.$ext new.raw -o a.$ext
	one_sentence diff
	[ "$(sha256sum a.$ext)" = "$before" ] || fail "the parent was replaced"
	rm ./*.$ext larger.raw small.raw
done

run 0 vu convert disk.raw a.vhd
run 2 vu diff a.vhd new.raw
usage_error diff
run 1 vu diff a.vhd new.raw -o d.vhdx
one_sentence diff
run 1 vu diff a.vhd missing.raw -o d.vhd
one_sentence diff
absent d.vhd d.vhdx
