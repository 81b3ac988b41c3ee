#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A 64 TiB image is small on the disk, and in memory.
. "$(dirname "$0")/functions.sh"

[ -z "${VHD_SANITIZE:-}" ] || skip "sanitizers need memory of their own"
[ -x /usr/bin/time ] || skip "there is no /usr/bin/time"
rss() {
	want=$1
	shift
	last=$*
	/usr/bin/time -f %M -o .time "$@" >"$out" 2>"$err" ||
		fail "exit status $?"
	have=$(tail -n 1 .time)
	[ "$have" -le "$want" ] || fail "$have KiB resident, over $want"
	echo "$have KiB: $*"
}
rss 16384 "$VHD_UTIL" create --size 64T --block-size 1M big.vhdx
used=$(($(stat -c '%b * %B' big.vhdx)))
[ $used -lt 4194304 ] || fail "$used bytes on the disk"
rss 6144 "$VHD_UTIL" info big.vhdx
out_has "64 TiB"
rss 6144 "$VHD_UTIL" info --json big.vhdx
rss 32768 "$VHD_UTIL" map big.vhdx
rss 32768 "$VHD_UTIL" map --json big.vhdx
rss 32768 "$VHD_UTIL" map --picture big.vhdx
rss 32768 "$VHD_UTIL" check big.vhdx

# The same with blocks here and there, up to the end.
truncate -s 8T disk.raw 2>/dev/null || exit 0
i=0
while [ $i -lt 50 ]; do
	echo x | dd of=disk.raw bs=1M seek=$((i * 160001)) conv=notrunc \
		status=none
	i=$((i + 1))
done
rss 16384 "$VHD_UTIL" convert --force --size 64T --block-size 1M disk.raw \
	big.vhdx
rss 32768 "$VHD_UTIL" map big.vhdx
[ "$(grep -c ' data ' "$out")" -eq 50 ] || fail "not 50 extents with data"
rss 32768 "$VHD_UTIL" map --picture big.vhdx
rss 32768 "$VHD_UTIL" check big.vhdx
rss 6144 "$VHD_UTIL" info big.vhdx
out_has "50 of 67108864 blocks"
