#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# info and check say that a merge was interrupted and what to do; when only the
# last file was to be removed, the same command removes it.
. "$(dirname "$0")/functions.sh"

requires strace
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

noise 3000001 >data

# cut_off CALL WHEN IMAGE [OPTION]
cut_off() {
	! strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e trace="$1" -e inject="$1":signal=KILL:when="$2" \
		"$VHD_UTIL" merge --delete ${4:+"$4"} "$3" >/dev/null 2>&1 ||
		fail "nothing was killed"
}

# killed CALL WHEN FORMAT
killed() {
	rm -f base.* top.*
	run 0 vu create --size 8M base."$3"
	run 0 vu create --parent base."$3" top."$3"
	run 0 vu write --offset 4097 top."$3" data
	cut_off "$1" "$2" top."$3"
}

# In the midst of it: the place differs with the format.
interrupted() {
	for when in 6 8 10 12 14 16 18 20; do
		killed pwrite64 $when "$1"
		run 0 vu info base."$1"
		! grep -q "Unfinished merge" "$out" || return 0
	done
	fail "$1: info never says that a merge was interrupted"
}

for f in vhd vhdx; do
	interrupted $f
	out_has "mixture of two disks"
	run 0 vu info --json top.$f
	json_is 'd["unfinished_merge"]["of"] == d["image"]["file"]' True
	json_is 'd["unfinished_merge"]["into"] == d["chain"][1]["file"]' True
	run 0 vu check top.$f
	out_has "the same merge goes on there"
	# No backup is made of that: status 0 would mean that the disk can be used.
	run 3 vu check base.$f
	out_has "the same merge is finished"
	run 0 vu merge --delete top.$f
	run 0 vu info --json base.$f
	json_is 'd["unfinished_merge"]' None
	run 0 vu check base.$f
	out_lacks "merge"

	# The mark goes last, after what was merged.
	killed '?unlink,unlinkat' 2 $f
	[ -e base.$f.merge ] || fail "$f: the mark is gone already"
	absent top.$f
	run 0 vu merge --into base.$f --delete top.$f
	out_has "removed before"
	absent base.$f.merge
	run 1 vu merge --into base.$f --delete top.$f
	err_has "that is done"
	one_sentence merge
done

# Nor does it stay beside an ancestor whose identity does not tell: one that keeps
# its own, or a raw disk.
for base in base.vhd base.raw; do
	rm -f base.* top.*
	if [ $base = base.raw ]; then
		truncate -s 8M $base
		run 0 vu create --for xen --parent $base --raw-parent top.vhd
	else
		run 0 vu create --size 8M $base
		run 0 vu create --parent $base top.vhd
	fi
	run 0 vu write --offset 4097 top.vhd data
	cut_off unlink 2 top.vhd --keep-id
	[ -e $base.merge ] || fail "$base: the mark is gone already"
	absent top.vhd
	# Who does not ask for anything to be removed is told what may be.
	run 1 vu merge --keep-id --into $base top.vhd
	err_has "\"$base.merge\" may be removed"
	one_sentence merge
	run 0 vu merge --keep-id --into $base --delete top.vhd
	out_has "removed before"
	absent $base.merge
done
