#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A stream that is cut off, too long, damaged, or no image gives a sentence and
# no file.
#
# shellcheck disable=SC2002
# A file at standard input would be opened as one.
. "$(dirname "$0")/functions.sh"

requires python3 gzip timeout
# What waits for more than there is must not wait for ever.
vu() {
	timeout 100 "$VHD_UTIL" "$@"
}
head -c 3000000 /dev/urandom >piece
truncate -s 64M disk.raw
for at in 0 33 58; do
	dd if=piece of=disk.raw bs=1M seek=$at conv=notrunc status=none
done
printf xyz | dd of=disk.raw bs=1 seek=67108861 conv=notrunc status=none
run 0 vu convert disk.raw a.vhd
run 0 vu convert --block-size 2M disk.raw a.vhdx
run 0 vu convert --type fixed disk.raw f.vhdx
gzip -1 -k a.vhd
set -- disk.raw a.vhd a.vhdx f.vhdx a.vhd.gz piece

# refused TEXT COMMAND...: fed from standard input
refused() {
	text=$1
	shift
	last=$*
	got=0
	"$@" >"$out" 2>"$err" || got=$?
	[ "$got" -eq 1 ] || fail "exit status $got, not 1"
	err_has "$text"
	[ "$(wc -l <"$err")" -le 2 ] || fail "more than a sentence"
}

# One byte less is a footer of 511, as Virtual PC wrote them: two are cut off.
for file in a.vhd a.vhdx f.vhdx; do
	size=$(stat -c %s $file)
	for at in 100 512 1024 1536 2000 65536 200000 1048576 1048577 \
		3145728 4194304 4200000 $((size / 2)) $((size - 3000000)) \
		$((size - 513)) $((size - 512)) $((size - 2)); do
		# A VHDX has nothing behind its last byte of the disk.
		for dst in o.raw o.vhdx -; do
			head -c $at $file | refused "" vu convert - $dst
			only "$@"
		done
	done
	head -c $((size / 2)) $file | refused "cut off" vu convert - o.raw
	err_has "$((size / 2)) bytes"
done
size=$(stat -c %s a.vhd)
{
	cat a.vhd
	head -c 512 /dev/zero
} | refused "without the footer" vu convert - o.raw
# The end of another image.
run 0 vu create --size 64M other.vhd
{
	head -c $((size - 512)) a.vhd
	tail -c 512 other.vhd
} | refused "" vu convert - o.raw
rm other.vhd
# A fixed disk on which a guest has written a whole image.
run 0 vu convert --type fixed --source-format raw --size 80M a.vhd bomb.vhd
cat bomb.vhd | refused "what the end of the stream says" vu convert - o.raw
rm bomb.vhd
only "$@"

size=$(stat -c %s a.vhd.gz)
for at in 3 9 15 5000 $((size / 2)) $((size - 8)) $((size - 1)); do
	head -c $at a.vhd.gz | refused "" vu convert - o.raw
	only "$@"
done
head -c $((size - 1)) a.vhd.gz | refused "cut off" vu convert - o.raw
{
	head -c $((size - 6)) a.vhd.gz
	printf 'XXXXXX'
} | refused "damaged" vu convert - o.raw
{
	head -c 100000 a.vhd.gz
	head -c 100000 /dev/urandom
	tail -c +200001 a.vhd.gz
} | refused "damaged" vu convert - o.raw

# Raw disks: what is longer than was said is refused, what is shorter goes on.
cat disk.raw | refused "more than the 33554432 bytes" vu convert \
	--size 33554432 - o.vhdx
cat /dev/zero | refused "more than the 1048576 bytes" vu convert --size 1M \
	- o.raw
cat disk.raw | refused "it may not be stored" vu convert --no-spool - o.vhdx
: | refused "the stream is empty" vu convert - o.raw
: | refused "the stream is empty" vu convert - o.vhdx
only "$@"
last="convert --size 65M"
cat disk.raw | vu convert --no-spool --size 65M - o.raw || fail "status $?"
truncate -s 65M disk.raw
same o.raw disk.raw
rm o.raw

# Children do not come alone.
run 0 vu create --parent a.vhd child.vhd
run 0 vu write --offset 20M child.vhd piece
cat child.vhd | refused "differs from a parent" vu convert - o.raw
cat child.vhd | refused "it has a parent" vu convert --no-spool \
	--parent a.vhd - o.raw
run 0 vu convert child.vhd want.raw
last="convert --parent"
cat child.vhd | vu convert --parent a.vhd - o.raw 2>"$err" || fail "status $?"
same o.raw want.raw
rm o.raw want.raw child.vhd
# Only convert reads streams.
run 1 vu info -
err_has "only convert reads an image from a pipe"
# Other formats are not taken for raw disks.
printf 'QFI\373................' | refused "qcow2" vu convert - o.raw
only "$@"
