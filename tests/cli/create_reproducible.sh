#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The same --uuid and SOURCE_DATE_EPOCH give the same bytes.
. "$(dirname "$0")/functions.sh"

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
guid=c0ffee00-1234-4abc-8def-0123456789ab
raw_disk disk.raw
for f in vhd vhdx; do
	mkdir one two
	for d in one two; do
		run 0 vu create --size 100M --uuid $guid $d/new.$f
		run 0 vu create --size 8M --type fixed --uuid $guid $d/fix.$f
		run 0 vu convert --uuid $guid disk.raw $d/copy.$f
		(cd $d && vu create --parent new.$f --uuid \
			11111111-2222-4333-8444-555555555555 child.$f)
	done
	same one/new.$f two/new.$f
	same one/fix.$f two/fix.$f
	same one/copy.$f two/copy.$f
	same one/child.$f two/child.$f
	rm -r one two
done
run 0 vu create --size 100M --uuid $guid a.vhd
run 0 vu info a.vhd
out_has $guid
out_has "2023-11-14T22:13:20Z"
# Without --uuid, no two images have the same identity.
run 0 vu create --size 100M b.vhd
run 0 vu create --size 100M c.vhd
cmp -s b.vhd c.vhd && fail "two images have the same unique id"
exit 0
