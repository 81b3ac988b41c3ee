#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A merge was cut off, and the merged image changed before it is called again:
# a VHDX has another identity then, and is known nevertheless (VHDX-MRG-02).
. "$(dirname "$0")/functions.sh"

requires strace
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

noise 300001 >data
noise 5000 >more.bin

prepare() {
	rm -rf work
	mkdir work
	run 0 vu create --size 24M work/a."$1"
	run 0 vu write --offset 1M work/a."$1" data
	run 0 vu snapshot work/a."$1" work/m."$1"
	run 0 vu write --offset 2M work/m."$1" data
	run 0 vu snapshot work/m."$1" work/t."$1"
	for at in 3 7 11 15; do
		run 0 vu write --offset ${at}M work/t."$1" data
	done
}

# cut FORMAT N: killed when it writes to the ancestor for the N-th time, so that
# has changed, and not all is in it.  How often it writes to other files before is
# a matter of the file system.
cut() {
	timeout 60 strace -f -qq -o trace -P "work/a.$1" \
		-e trace=pwrite64,pwritev \
		-e inject=pwrite64,pwritev:signal=KILL:when="$2" \
		"$VHD_UTIL" merge --into work/a."$1" work/t."$1" >/dev/null 2>&1 || :
	[ -e work/a."$1".merge ] || fail "the merge has not begun, or is over"
}

# finish FORMAT: the merge shows what the merged image shows now
finish() {
	run 0 vu convert --format raw --force work/t."$1" want
	run 0 vu merge --into work/a."$1" --delete work/t."$1"
	run 0 vu convert --format raw --force work/a."$1" got
	same got want
	run 0 vu check work/a."$1"
	absent work/m."$1" work/t."$1" work/a."$1".merge
}

for f in vhd vhdx; do
	case $f in
	vhd) middle=8 late=13 ;;
	vhdx) middle=3 late=6 ;;
	esac
	for moment in $middle $late; do
		prepare $f
		cut $f "$moment"
		run 0 vu write --offset 10M work/t.$f more.bin
		finish $f
		prepare $f
		cut $f "$moment"
		run 0 vu compact work/t.$f
		finish $f
		prepare $f
		cut $f "$moment"
		run 0 vu resize work/t.$f 32M
		finish $f
	done

	# Restored from a backup: what the mark says is done is not.
	prepare $f
	mkdir bak
	cp -a work/* bak
	sleep 0.1
	cut $f "$late"
	cp -a bak/* work
	rm -r bak
	finish $f

	# Meanwhile it is said, and nobody builds on what is half done.
	prepare $f
	cut $f "$late"
	run 3 vu chain work
	out_has "a merge into \"a.$f\" was interrupted"
	for image in a m; do
		run 1 vu snapshot work/$image.$f work/new.$f
		one_sentence snapshot
		err_has "a merge into \"a.$f\" was interrupted"
	done
	run 0 vu snapshot work/t.$f work/new.$f
	finish $f

	# A layer between is another image, whatever was written to the merged one.
	prepare $f
	cut $f "$late"
	run 0 vu write --offset 10M work/t.$f more.bin
	run 1 vu merge --into work/a.$f work/m.$f
	one_sentence merge
	# And so is another child of it, although it has the place of the lost one.
	prepare $f
	run 0 vu snapshot work/m.$f work/other.$f
	mv work/other.$f away.$f
	cut $f "$late"
	cp --remove-destination away.$f work/t.$f
	run 1 vu merge --into work/a.$f work/t.$f
	one_sentence merge
	err_has "interrupted"
done
