#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Streams of huge disks take little memory.
# (What is quoted below is for the shell that rss() starts.)
# shellcheck disable=SC2016
. "$(dirname "$0")/functions.sh"

[ -z "${VHD_SANITIZE:-}" ] || skip "sanitizers need memory of their own"
[ -x /usr/bin/time ] || skip "there is no /usr/bin/time"
# rss KIB SHELL-COMMAND: of the program in a pipe, "$V" in the command
rss() {
	most=$1
	last=$2
	V="/usr/bin/time -f %M -o $T/.time $VHD_UTIL" timeout 500 sh -c "$2" \
		>"$out" 2>"$err" || fail "status $?"
	have=$(tail -n 1 .time)
	[ "$have" -le "$most" ] || fail "$have KiB resident, over $most"
	echo "$have KiB: $2"
}
truncate -s 8T disk.raw 2>/dev/null || skip_host "no files of 8 TiB here"
i=0
while [ $i -lt 50 ]; do
	echo x | dd of=disk.raw bs=1M seek=$((i * 160001)) conv=notrunc \
		status=none
	i=$((i + 1))
done
# Tables of 512 MiB, and of 16.
rss 65536 '$V convert --format vhdx --size 64T --block-size 1M disk.raw - |
	cat >a.vhdx'
[ "$(stat -c %s a.vhdx)" -gt 580000000 ] || fail "the stream is too short"
run 0 vu check --quiet a.vhdx
run 0 vu map a.vhdx
[ "$(grep -c ' data ' "$out")" -eq 50 ] || fail "not 50 extents with data"
rm a.vhdx
rss 65536 '$V convert --format vhdx --size 64T disk.raw - | cat >/dev/null'
rss 65536 '$V convert --for wsl --size 64T disk.raw a.vhdx.gz'
rss 65536 '$V convert --print-size --format vhdx --type fixed --size 64T \
	disk.raw -'
[ "$(cat "$out")" -gt 70368744177664 ] || fail "the fixed image is too short"

# As many blocks as a VHD can have, nearly.
rm -f disk.raw a.vhdx.gz
truncate -s 2040G disk.raw
i=0
while [ $i -lt 50 ]; do
	echo x | dd of=disk.raw bs=1M seek=$((i * 41000)) conv=notrunc \
		status=none
	i=$((i + 1))
done
rss 65536 '$V convert --format vhd disk.raw - >a.vhd'
run 0 vu check --quiet a.vhd
