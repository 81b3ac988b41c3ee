#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Reading an image does not change its file.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in a.vhd a.vhdx; do
	run 0 vu convert disk.raw $f
	touch -d '2020-01-01 00:00:00' $f
	cp -p $f keep
	run 0 vu info $f
	run 0 vu check $f
	run 0 vu map $f
	run 0 vu convert $f out.raw
	rm out.raw
	same $f keep
	[ "$(stat -c %Y $f)" = "$(stat -c %Y keep)" ] || fail "$f was touched"
done
