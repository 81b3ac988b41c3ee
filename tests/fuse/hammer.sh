#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# hammer.sh FORMAT
#
# Many clients at once, through the page cache and around it, holes and fsyncs
# beside them: every byte comes back, and the image is sound.
# VHD_FUSE_HAMMER_MIB makes it longer.
. "$(dirname "$0")/functions.sh"

requires fio fallocate
size=${VHD_FUSE_HAMMER_MIB:-256}
[ -z "${VHD_SANITIZE-}" ] || size=96
run 0 vu create --block-size 2M --size $((size * 2))M "disk.$1"
up "disk.$1" m -o log=log
quarter=$((size / 4))
cat >jobs.fio <<EOF
[global]
filename=m/disk.raw
rw=randrw
size=${quarter}M
bsrange=512-128k
verify=crc32c
verify_fatal=1
ioengine=libaio
iodepth=16
allow_file_create=0
[direct1]
direct=1
offset=0
[direct2]
direct=1
offset=${quarter}M
fsync=64
[buffered1]
ioengine=psync
bs_unaligned
offset=$((quarter * 2))M
[buffered2]
ioengine=psync
bsrange=4k-1m
offset=$((quarter * 3))M
fdatasync=32
EOF
timeout 250 fio --output=fio.log jobs.fio >"$out" 2>&1 &
fio=$!
# Beside them, behind their ranges.
n=0
while kill -0 $fio 2>/dev/null; do
	at=$(((size + n * 7 % size) << 20))
	fallocate -n -o $at -l 3145728 m/disk.raw 2>/dev/null || true
	fallocate -p -o $((at + 1536)) -l 2099000 m/disk.raw || fail "punch"
	fallocate -z -n -o $((at + 77)) -l 1000000 m/disk.raw || fail "zero"
	stat m/disk.raw >/dev/null
	n=$((n + 1))
	sleep 0.05
done
wait $fio || { cat fio.log; fail "fio"; }
[ ! -s log ] || { cat log; fail "something was logged"; }
tail -c "${size}M" m/disk.raw | tr -d '\0' | head -c 1 | grep -q . &&
	fail "what was zeroed is not zeros"
down m
run 0 vu check --quiet "disk.$1"
