#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image that was cut off, or whose tables are damaged, is no disk with zeros
# in it; and no file that a disk is read from is replaced by it.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd qemu-io timeout gzip
raw_disk disk.raw
truncate -s 40M disk.raw

# refused FILE TEXT
refused() {
	run 1 vu convert "$1" new.vhdx
	one_sentence convert
	err_has "$2"
	err_lacks "vhd-util check"
	absent new.vhdx
	run 1 vu convert "$1" -
	out_empty
}

# cuts FILE: wherever the end is missing
cuts() {
	size=$(stat -c %s "$1")
	for bytes in 5000 100000 $((size / 2)) $((size - 70000)) \
		$((size - 512)) $((size - 1)); do
		head -c $bytes "$1" >short
		refused short ""
		grep -qE "cut off|damaged|qemu-nbd says" "$err" ||
			fail "$1, $bytes bytes: other words"
	done
	run 0 vu convert "$1" new.vhdx
	silent
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
}

for format in qcow2 vmdk vdi qcow qed parallels; do
	run 0 qemu-img convert -f raw -O $format disk.raw image
	cuts image
	rm image
done
for format in qcow2 vmdk vdi; do
	run 0 vu convert -O $format disk.raw image
	cuts image
	rm image
done
# Packed data has no place in the map, but does not unpack either.
run 0 qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk.raw so
head -c -100000 so >short
run 1 vu convert short new.vhdx
absent new.vhdx
run 0 qemu-img convert -c -f raw -O qcow2 disk.raw image
head -c $(($(stat -c %s image) - 70000)) image >short
run 1 vu convert short new.vhdx
absent new.vhdx
rm so image

run 0 qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2
head -c -65536 disk.qcow2 >short
refused short "the image was cut off: it has "
err_has ", and data up to byte $(stat -c %s disk.qcow2), so get a whole copy"
# Its first table of clusters is one that has no place.
cp disk.qcow2 bad.qcow2
at=$(od -An -tu8 --endian=big -j 40 -N 8 bad.qcow2)
printf '\200\0\0\1\0\0\0\0' | patch bad.qcow2 "$((at))"
refused bad.qcow2 "the image is damaged or was cut off"
err_has "qemu-img check -f qcow2"
# While somebody may be writing to it, it is only said.
head -c -65536 disk.qcow2 >short
run 0 vu convert --no-lock short new.vhdx
err_has "vhd-util convert: warning: short: the image was cut off"
rm new.vhdx
# Space that is in use by nothing is no harm.
cp disk.qcow2 leak.qcow2
truncate -s +65536 leak.qcow2
run 0 vu convert leak.qcow2 new.vhdx
silent
rm new.vhdx
# Written by a QEMU that was killed: its counts of references are old, its data
# is there.
run 0 qemu-img create -q -f qcow2 -o lazy_refcounts=on dirty.qcow2 40M
run 0 sh -c 'qemu-io -f qcow2 -c "write -P 65 1M 3M" -c flush \
	-c "sigraise 9" dirty.qcow2; exit 0'
run 0 vu convert dirty.qcow2 new.raw
[ "$(tr -d '\0' <new.raw | tr -d A | wc -c)" -eq 0 ] || fail "other bytes"
[ "$(tr -d '\0' <new.raw | wc -c)" -eq 3145728 ] || fail "not all bytes"
rm new.raw

# Of several files.
run 0 qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat disk.raw \
	flat.vmdk
cp flat-flat.vmdk keep
truncate -s -512 flat-flat.vmdk
refused flat.vmdk 'its part "flat-flat.vmdk" was cut off: it has '
cp keep flat-flat.vmdk
run 0 qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse \
	disk.raw two.vmdk
head -c -70000 two-s001.vmdk >short
mv short two-s001.vmdk
refused two.vmdk "the image is damaged or was cut off"

# spared SOURCE TARGET [ARG...]: the target stays what it is
spared() {
	source=$1
	target=$2
	shift 2
	cp "$target" keep
	for to in raw vhd vhdx qcow2 vmdk "raw --compress"; do
		# shellcheck disable=SC2086
		run 1 vu convert --force "$@" -O $to "$source" "$target"
		one_sentence convert
		err_has "the target is "
		err_has "the source"
		same "$target" keep
	done
}
ln -s disk.qcow2 link.qcow2
ln disk.qcow2 hard.qcow2
spared disk.qcow2 disk.qcow2
spared disk.qcow2 link.qcow2
spared link.qcow2 ./hard.qcow2
spared flat.vmdk flat.vmdk
spared flat.vmdk flat-flat.vmdk
run 0 qemu-img create -q -f qcow2 -b disk.qcow2 -F qcow2 top.qcow2
spared top.qcow2 disk.qcow2 --allow-backing
run 0 vu convert disk.raw disk.vhd
gzip -c disk.vhd >disk.vhd.gz
spared disk.vhd.gz disk.vhd.gz
for to in raw vhd; do
	got=0
	# shellcheck disable=SC2094 # that is the point
	vu convert --force -O "$to" - disk.vhd.gz <disk.vhd.gz >"$out" 2>"$err" ||
		got=$?
	[ $got -eq 1 ] || fail "status $got"
	err_has "the target is the same file as the source"
done
gzip -t disk.vhd.gz
absent new.vhdx
clean
