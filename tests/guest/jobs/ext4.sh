#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154
#
# A new GPT with two partitions, and ext4 in the first: a tree is written,
# sealed, part of it deleted and trimmed, and the rest compared.
printf 'label: gpt\nsize=320MiB, name=linux\nname=windows\n' >/tmp/table
/tools/sfdisk --wipe always "$disk" </tmp/table >/tmp/out 2>&1 || {
	cat /tmp/out
	die "sfdisk"
}
run sfdisk --verify "$disk"
test "$(cat "$queue/discard_max_bytes")" -gt 0 || die "no discard is offered"
run mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$p1"
run mount -t ext4 "$p1" /mnt
cd /mnt || die "cd"
tree 1 40
seal
big 64
ask full
rm large
sync	# only what a commit freed is trimmed
run fstrim -v /mnt
ask trimmed
compare
cd /
run umount /mnt
ext4_clean "$p1"
