#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# full.sh FORMAT tmpfs|ext4
#
# Where the image's file system is full, the writer gets ENOSPC, the log a line,
# and the daemon goes on: reads work, and writes again when there is room.
. "$(dirname "$0")/functions.sh"

requires mkfs.ext4
mkdir host
case $2 in
tmpfs) mount -t tmpfs -o size=12M none host ;;
*)
	truncate -s 16M host.img
	run 0 mkfs.ext4 -q -m 0 host.img
	mount -t ext4 -o loop host.img host
	;;
esac
run 0 vu create --block-size 1M --size 64M "host/disk.$1"
up "host/disk.$1" m -o log=log
data more 20
poke more m/disk.raw 0 count=2 conv=notrunc,fsync
head -c 4M /dev/zero >host/filler

said "No space left" dd if=more of=m/disk.raw bs=64K seek=32 oflag=direct \
	conv=notrunc
[ -s log ] || fail "the log says nothing"
grep -qi "no space\|full" log || fail "the log says: $(cat log)"
[ -d "/proc/$daemon" ] || fail "the daemon ended"
head -c 2M more >start
dd if=m/disk.raw bs=1M count=2 iflag=direct status=none | cmp - start ||
	fail "what was there cannot be read"
# What fits where there is room already is written all the same.
poke start m/disk.raw 0 oflag=direct,seek_bytes conv=notrunc
# Through the kernel's pages an error comes with fsync.
said "No space left" dd if=more of=m/disk.raw bs=1M count=8 seek=40 \
	conv=notrunc,fsync

rm host/filler
sync -f host
poke start m/disk.raw $((60 << 20)) oflag=direct,seek_bytes
sync -d m/disk.raw || sync -d m/disk.raw || fail "fsync fails for ever"
dd if=m/disk.raw bs=1M skip=60 count=2 status=none | cmp - start ||
	fail "what was written is not there"
down m
run 0 vu check --quiet "host/disk.$1"
run 0 vu read --offset 60M --length 2M --output back "host/disk.$1"
same back start
umount host
