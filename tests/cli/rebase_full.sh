#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A rebase that fills its file system keeps what it has copied, leaves an image
# that nobody takes for one without a table, and is finished when there is room.
if [ -z "${VHD_FULL_BOX-}" ]; then
	if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
		echo "SKIP(host): only root may mount file systems"
		exit 77
	fi
	VHD_FULL_BOX=1
	export VHD_FULL_BOX
	exec unshare -m sh "$0" "$@"
fi
. "$(dirname "$0")/functions.sh"

cleanup() {
	cd /
	umount "$T/small" 2>/dev/null || true
	rm -rf --one-file-system "$T"
}

# The child lies alone on a small disk, whose pages take space when written.
mkdir small
mount -t tmpfs -o size=10M none small || skip_host "no tmpfs here"
yes "some bytes that are not zeros" | head -c 12M >data
for f in vhd vhdx; do
	run 0 vu create --size 200M old.$f
	run 0 vu write --offset 12345 old.$f data
	run 0 vu create --size 200M new.$f
	run 0 vu create --any-parent-dir --parent old.$f small/child.$f
	run 0 vu convert --format raw --any-parent-dir small/child.$f want \
		--force
	run 1 vu rebase --any-parent-dir --parent new.$f small/child.$f
	one_sentence rebase
	err_has "make room"
	run 0 vu check --any-parent-dir small/child.$f
	out_lacks TABLE_LOST
	run 0 vu map --any-parent-dir small/child.$f
	out_has data
	mount -o remount,size=64M small
	run 0 vu rebase --any-parent-dir --parent new.$f small/child.$f
	rm old.$f
	run 0 vu convert --format raw --any-parent-dir small/child.$f got \
		--force
	same got want
	run 0 vu check --any-parent-dir small/child.$f
	rm small/child.$f
	mount -o remount,size=10M small
done
