#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A file that is no child of the image is not taken for its overlay, and kept.
. "$(dirname "$0")/functions.sh"

mkdir m
data model 8
run 0 vu convert model disk.vhdx
run 0 vu create --size 8M other.vhdx
run 0 vu create --parent other.vhdx child.vhdx
seq 10 >text
for f in other.vhdx child.vhdx text; do
	hash=$(content $f)
	run 1 vf disk.vhdx m -o overlay=$f
	refused
	[ "$(content $f)" = "$hash" ] || fail "$f was changed"
done
run 2 vf -o overlay=new.vhdx --snapshot disk.vhdx m
run 2 vf -o overlay=new.vhdx -r disk.vhdx m
absent new.vhdx
none_mounted
