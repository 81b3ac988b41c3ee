#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A partition table that lies does no harm: partitions that overlap, that leave
# the disk, that follow each other in circles.
. "$(dirname "$0")/functions.sh"

requires python3
python3 - <<'P'
import struct
def entry(kind, start, count):
    return struct.pack("<B3sB3sII", 0, b"", kind, b"", start, count)
def sector(*entries):
    return (b"".join(entries).ljust(64, b"\0")).rjust(510, b"\0") + b"\x55\xaa"
def disk(name, *sectors):
    with open(name, "wb") as f:
        for at, data in sectors:
            f.seek(at * 512)
            f.write(data)
E = entry
disk("overlap", (0, sector(E(0x83, 2048, 20000), E(7, 10000, 50000),
                           E(0x83, 0, 131072), E(7, 1, 1))))
disk("beyond", (0, sector(E(0x83, 2048, 0xffffffff), E(7, 0xffffffff, 7),
                          E(0x83, 131071, 2), E(7, 131072, 1))))
disk("circle", (0, sector(E(5, 2048, 100000))),
     (2048, sector(E(0x83, 1, 1000), E(5, 0, 100000))))
disk("self", (0, sector(E(5, 0, 131072), E(0x0f, 0, 131072))))
disk("gpt", (0, sector(E(0xee, 1, 131071))),
     (1, b"EFI PART" + b"\xff" * 504))
P
for table in overlap beyond circle self gpt; do
	run 0 vu create --force --size 64M disk.vhdx
	run 0 vu write disk.vhdx $table
	# Both as it is found, and as it is written under a mount.
	for when in before after; do
		[ $when = before ] ||
			run 0 vu create --force --size 64M disk.vhdx
		up disk.vhdx m
		[ $when = before ] || poke $table m/disk.raw 0 conv=notrunc,fsync
		[ $when = before ] || sleep 0.3
		for file in m/*; do
			size=$(stat -c %s "$file")
			if [ "$size" -le 0 ] || [ "$size" -gt 67108864 ]; then
				fail "$table: $file has $size bytes"
			fi
			cat "$file" >/dev/null || fail "$table: $file"
			[ "$file" != m/disk.raw ] || continue
			echo end | poke /dev/stdin "$file" $((size - 4)) ||
				fail "$table: the end of $file"
		done
		[ "$(stat -c %s m/disk.raw)" -eq 67108864 ] || fail "the disk"
		[ -d "/proc/$daemon" ] || fail "$table: the daemon fell over it"
		down m
		run 0 vu check --quiet disk.vhdx
	done
done
