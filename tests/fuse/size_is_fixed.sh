#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Disk and partitions keep their size as devices do, so cp onto one works.
. "$(dirname "$0")/functions.sh"

requires sfdisk
run 0 vu create --size 64M disk.vhdx
for options in "" "-o cache=normal" "-o cache=none"; do
	# shellcheck disable=SC2086
	up disk.vhdx m $options
	gpt m/disk.raw 20M
	eventually test -f m/p1
	size=$(stat -c %s m/p1)
	data model 9
	timeout 60 cp model m/p1 || fail "cp"
	head -c 9M m/p1 | cmp - model || fail "cp wrote something else"
	[ "$(stat -c %s m/p1)" -eq "$size" ] || fail "p1 changed its size"
	echo start >m/p1
	[ "$(head -c 6 m/p1)" = start ] || fail ">"
	[ "$(stat -c %s m/p1)" -eq "$size" ] || fail "p1 changed its size"
	run 0 truncate -s "$size" m/p1
	said "Operation not permitted" truncate -s 1M m/p1
	said "Operation not permitted" truncate -s 100M m/disk.raw
	said "" dd if=/dev/zero of=m/p1 bs=1M count=1 seek=20 conv=notrunc
	said "" dd if=/dev/zero of=m/p1 bs=1M count=1 seek=20 conv=notrunc \
		oflag=direct
	# What the kernel keeps may be too long for a moment.
	has_size() { [ "$(stat -c %s m/p1)" -eq "$size" ]; }
	eventually has_size
	eventually sync -d m/p1
	[ "$(stat -c %s m/disk.raw)" -eq 67108864 ] || fail "disk.raw too"
	down m
done
