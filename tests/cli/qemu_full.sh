#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A full disk is called that, whatever QEMU's drivers call it.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd timeout unshare mount
unshare -m -r true 2>/dev/null ||
	skip_host "no mounts in a name space of our own"
noise 270336 >disk.raw
truncate -s 40M disk.raw
mkdir small
cat >inside.sh <<'S'
mount -t tmpfs -o size="$2" none small || exit 99
timeout 60 "$VHD_UTIL" convert disk.raw "small/a.$1"
got=$?
[ -z "$(ls -A small)" ] || exit 98
exit $got
S
export VHD_UTIL
for format in qcow2 vmdk vdi; do
	for size in 100k 200k 300k; do
		got=0
		unshare -m -r sh inside.sh $format $size >"$out" 2>"$err" \
			</dev/null || got=$?
		[ $got -ne 99 ] || skip_host "another user cannot mount a tmpfs"
		[ $got -eq 1 ] || fail "$format in $size: status $got"
		one_sentence convert
		err_has "No space left"
	done
done
clean
