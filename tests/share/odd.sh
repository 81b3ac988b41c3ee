#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# odd.sh KIND
#
# Sizes and places that are no multiples of a block, holes, sources in memory,
# other file systems: what can be shared is, the rest is copied.
. "$(dirname "$0")/functions.sh"
requires cmp python3

share_fs "$1" 3G

conv() { vu convert --json --no-progress "$@"; }

# there FILE: made of it, and made of that again, the same bytes.
there() {
	for dst in x.vhdx x.vhd x.raw; do
		run 0 conv "$1" "$dst"
		sound "$dst"
		vu convert --no-progress -O raw "$dst" - |
			head -c "$(bytes_of "$1")" | cmp -s - "$1" ||
			fail "$dst has other bytes than $1"
		run 0 conv "$dst" y.raw
		head -c "$(bytes_of "$1")" y.raw | cmp -s - "$1" ||
			fail "what was made of $dst has other bytes"
		rm "$dst" y.raw
	done
}

for size in 1 511 512 4095 4096 4097 16384 20479 65536 1048577 5000000; do
	head -c "$size" /dev/urandom >"s$size.raw"
	there "s$size.raw"
done
raw_disk disk.raw
there disk.raw

# Written a moment ago, and not on the disk yet.
head -c 40000000 /dev/urandom >fresh.raw
run 0 conv fresh.raw fresh.vhdx
shared 95
head -c 40000000 /dev/urandom >other
dd if=other of=fresh.raw bs=1M conv=notrunc status=none
run 0 conv fresh.raw fresh2.vhdx
shared 95
vu convert --no-progress -O raw fresh2.vhdx - | cmp -s -n 40000000 - fresh.raw ||
	fail "what was not on the disk yet is not there"

# Holes stay holes, and preallocated space does not spread.
truncate -s 1G sparse.raw
for mib in 1 100 101 500 1023; do
	head -c 300000 /dev/urandom |
		dd of=sparse.raw bs=4096 seek=$((mib * 256)) conv=notrunc \
			status=none
done
fallocate -o 200M -l 200M sparse.raw 2>/dev/null || true
settle
for dst in holes.raw holes.vhdx holes.vhd; do
	run 0 conv sparse.raw "$dst"
	settle
	within "$dst: space" "$(space_of "$dst")" 12000000
	run 0 vu compare sparse.raw "$dst"
done

# Scattered data: file systems like to give more than is asked for.
python3 - scattered.raw <<'END'
import os, random, sys
rand = random.Random(5)
with open(sys.argv[1], "wb", buffering=0) as out:
    at = 0
    out.truncate(1 << 30)
    while at < (1 << 30) - 65536:
        size = rand.randrange(1, 17) * 4096
        os.pwrite(out.fileno(), rand.randbytes(size), at)
        at += size + rand.randrange(16, 512) * 4096
    os.fsync(out.fileno())
END
settle
data=$(space_of scattered.raw)
for how in "" --no-share "--cache none" "--sync --no-share"; do
	for dst in holes.raw holes.vhdx holes.vhd; do
		# shellcheck disable=SC2086
		run 0 conv --force $how scattered.raw "$dst"
		settle
		# A block of 2 MiB of a VHD has a page for its bitmap.
		within "$how $dst: space" "$(space_of "$dst")" \
			$((data * 105 / 100 + 2097152 + 1048576))
		run 0 vu compare scattered.raw "$dst"
		sound "$dst"
	done
done

# A file on another file system.
head -c 3000000 /dev/urandom >"$T/far.raw"
run 0 conv "$T/far.raw" far.vhdx
[ "$(number shared_bytes)" -eq 0 ] || fail "shared between file systems"
run 0 vu compare "$T/far.raw" far.vhdx
run 0 conv fresh.raw "$T/far.vhdx"
run 0 vu compare fresh.raw "$T/far.vhdx"

# Payload between two blocks of the file system, as other programs lay it out.
if command -v qemu-img >/dev/null; then
	qemu-img convert -O vpc -o force_size=on fresh.raw qemu.vhd
	run 0 conv qemu.vhd from-qemu.raw
	head -c 40000000 from-qemu.raw | cmp -s - fresh.raw ||
		fail "from-qemu.raw has other bytes"
	run 0 conv qemu.vhd from-qemu.vhdx
	run 0 vu compare qemu.vhd from-qemu.vhdx
fi

# A damaged, read-only, verified source, and an old target.
chmod 444 fresh.raw
run 0 conv --force --verify fresh.raw fresh2.vhdx
run 0 conv --force --cache none --sync fresh.raw fresh2.vhdx
run 0 vu compare fresh.raw fresh2.vhdx
