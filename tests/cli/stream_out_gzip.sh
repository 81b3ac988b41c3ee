#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# gzip files: by name or by --compress, for any reader of gzip.
. "$(dirname "$0")/functions.sh"

requires gzip zcat python3
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
guid=c0ffee00-1234-4abc-8def-0123456789ab
raw_disk disk.raw
# What does not get smaller, and what lies before a long hole.
head -c 3000001 /dev/urandom | dd of=disk.raw conv=notrunc status=none \
	oflag=seek_bytes seek=21000000

unpack='
import gzip, shutil, sys
shutil.copyfileobj(gzip.open(sys.argv[1]), sys.stdout.buffer)'

# packed NAME OPTIONS...: gzip, zcat and Python agree with the plain file.
packed() {
	name=$1
	shift
	run 0 vu convert --no-progress --uuid $guid "$@" disk.raw "$name.gz"
	run 0 vu convert --uuid $guid "$@" disk.raw "$name"
	run 0 gzip -t "$name.gz"
	zcat "$name.gz" | cmp - "$name" || fail "zcat gives other bytes"
	python3 -c "$unpack" "$name.gz" | cmp - "$name" ||
		fail "Python gives other bytes"
}
packed a.vhd
packed b.vhd --type fixed
packed c.vhd --for xen
packed d.vhd --for azure
packed a.vhdx
packed b.vhdx --type fixed
packed c.avhdx --block-size 1M
packed a.raw
packed a.img
run 0 vu convert --json --uuid $guid disk.raw j.vhd.gz
json_is "d['target']" j.vhd.gz
same j.vhd.gz a.vhd.gz

# However many threads there are, and whatever the level.
for threads in 1 2 3 7; do
	run 0 vu convert --force --threads $threads disk.raw t.raw.gz
	same t.raw.gz a.raw.gz
done
for level in 1 5 9; do
	run 0 vu convert --force --compress=$level disk.raw t.raw.gz
	zcat t.raw.gz | cmp - disk.raw || fail "level $level spoils it"
done
vu convert --compress disk.raw - | zcat | cmp - disk.raw ||
	fail "other bytes on standard output"
vu convert --format vhdx --uuid $guid --compress=3 disk.raw - | zcat |
	cmp - a.vhdx || fail "another VHDX on standard output"
# Any name will do; the format is that of the name or the option.
run 0 vu convert --compress --uuid $guid disk.raw packed.vhdx
zcat <packed.vhdx | cmp - a.vhdx || fail "another VHDX in packed.vhdx"
run 0 vu convert --compress --format vhd --uuid $guid disk.raw packed
zcat <packed | cmp - a.vhd || fail "another VHD in packed"

# The same rules as for other files.
run 1 vu convert disk.raw a.vhd.gz
one_sentence convert
run 2 vu convert disk.raw disk.gz
usage_error convert
run 2 vu convert --compress=0 disk.raw x.raw.gz
usage_error convert
run 2 vu convert --verify disk.raw x.raw.gz
usage_error convert
err_has "a packed file is not read back"
run 2 vu convert --verify disk.raw -
usage_error convert
err_has "standard output cannot be read back"
for name in - x.raw.gz; do
	run 2 vu convert --preallocate disk.raw $name
	usage_error convert
done
absent disk.gz x.raw.gz
run 1 vu convert --force a.vhd.gz a.vhd.gz
one_sentence convert
err_has "the target is the same file as the source"
mkdir place.raw.gz
run 1 vu convert --force disk.raw place.raw.gz
one_sentence convert
