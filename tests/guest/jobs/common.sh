#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154,SC2094
#
# Functions of the jobs; always the first job.

# text SEED LINES: bytes that follow from SEED alone.  No line occurs twice, in
# this file or in another one, so that a block in the wrong place is noticed.
text() {
	seq $(($1 * 100000)) $(($1 * 100000 + $2 - 1))
}

# tree FIRST LAST: files of many sizes in folders, and copies of our programs.
tree() {
	i=$1
	while [ "$i" -le "$2" ]; do
		mkdir -p "dir$((i % 3))/sub$((i % 2))"
		text "$i" $((i * i * 37 % 9000 + 1)) \
			>"dir$((i % 3))/sub$((i % 2))/file$i" || die "write $i"
		i=$((i + 1))
	done
	cp /tools/sfdisk /tools/e2fsck "dir$(($1 % 3))" || die "copy"
}

# seal: note the content of all files, to be compared with later.
seal() {
	find . -type f ! -name SUMS -exec sha256sum {} + >SUMS ||
		die "sha256sum"
	run sync SUMS .
}

# compare: everything is as it was sealed.
compare() {
	run sha256sum -c SUMS
	test "$(wc -l <SUMS)" = "$(find . -type f ! -name SUMS | wc -l)" ||
		die "there are more files than were sealed"
}

# big MIB: a file for the trim to find; a line of its text has 10 bytes.
big() {
	text 5000 104858 >unit || die "write a unit"
	i=0
	while [ $i -lt "$1" ]; do
		cat unit || die "write a large file"
		i=$((i + 1))
	done >large
	rm unit
	sync large || die "sync of a large file"
}

# ext4_clean: the file system that is not mounted has no fault.
ext4_clean() {
	run e2fsck -f -n "$1"
}
