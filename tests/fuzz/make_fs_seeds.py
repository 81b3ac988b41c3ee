# SPDX-License-Identifier: BSD-2-Clause
"""make_fs_seeds.py FS_DUMP CORPUS: inputs for the drivers fs_*, from file systems
that mkfs makes here.  Only what a reader looks at is kept, so they are small."""

import os
import struct
import subprocess
import sys
import tempfile

MIB = 1 << 20
RESEAL = 1
LEVEL = 64		# zeros that end a piece
PIECES = 128

CASES = (
    ("fs_ext", "plain", 2, "mkfs.ext4 -q -F -b 1024 -N 64 -O ^metadata_csum"),
    ("fs_ext", "csum", 2, "mkfs.ext4 -q -F -b 1024 -N 64"),
    ("fs_ext", "groups", 3,
     "mkfs.ext4 -q -F -b 1024 -g 1024 -N 64 -O ^metadata_csum,uninit_bg"),
    ("fs_ext", "meta_bg", 8,
     "mkfs.ext4 -q -F -b 1024 -N 64 -O meta_bg,^resize_inode,^metadata_csum"),
    ("fs_ext", "bigalloc", 16,
     "mkfs.ext4 -q -F -O bigalloc,^metadata_csum -C 16384 -N 64"),
    ("fs_ext", "ext2", 1, "mkfs.ext2 -q -F -b 1024 -N 32"),
    ("fs_ntfs", "small", 2, "mkntfs -F -q -f -c 512"),
    ("fs_ntfs", "4k", 4, "mkntfs -F -q -f -c 4096"),
    ("fs_fat", "12", 1, "mkfs.fat -F 12"),
    ("fs_fat", "16", 4, "mkfs.fat -F 16 -s 1"),
    ("fs_fat", "32", 34, "mkfs.fat -F 32 -s 1"),
    ("fs_exfat", "small", 8, "mkfs.exfat -c 4K"),
    ("fs_xfs", "v5", 300, "mkfs.xfs -q -f"),
    ("fs_xfs", "rmap", 300, "mkfs.xfs -q -f -m rmapbt=1"),
    ("fs_xfs", "v4", 300, "mkfs.xfs -q -f -m crc=0"),
    ("fs_btrfs", "dup", 128, "mkfs.btrfs -q -f"),
    ("fs_btrfs", "mixed", 16, "mkfs.btrfs -q -f -M -n 4096"),
)


def runs(data, base):
    """Pieces of @data that are not zeros."""
    at = 0
    while at < len(data):
        if not data[at:at + LEVEL].strip(b"\0"):
            at += LEVEL
            continue
        end = at + LEVEL
        while end < len(data) and data[end:end + LEVEL].strip(b"\0"):
            end += LEVEL
        yield base + at, data[at:end].rstrip(b"\0")
        at = end


def covered(listing, size):
    """What was read, merged."""
    spans = []
    for line in sorted(tuple(map(int, x.split())) for x in listing):
        off, end = line[0], min(line[0] + line[1], size)
        if spans and off <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([off, end])
    return spans


def seed(image, listing):
    size = os.path.getsize(image)
    pieces = []
    with open(image, "rb") as f:
        for off, end in covered(listing, size):
            f.seek(off)
            pieces.extend(runs(f.read(end - off), off))
    # The shortest gaps are closed until the pieces are few enough.
    while len(pieces) > PIECES:
        gaps = [(pieces[i + 1][0] - pieces[i][0] - len(pieces[i][1]), i)
                for i in range(len(pieces) - 1)]
        gap, i = min(gaps)
        pieces[i:i + 2] = [(pieces[i][0], pieces[i][1] + bytes(gap) +
                            pieces[i + 1][1])]
    head = struct.pack("<BBHQ", RESEAL, len(pieces), 0, size)
    for off, data in pieces:
        head += struct.pack("<QI", off, len(data))
    return head + b"".join(data for _, data in pieces)


def shorten_log(image):
    """Reading 64 MiB of zeros each time is no fuzzing; the checksum is off."""
    with open(image, "r+b") as f:
        f.seek(96)
        f.write(struct.pack(">I", 32))


def disk_seed(dump, folder, corpus):
    """Two partitions of an MBR."""
    disk, part = os.path.join(folder, "disk"), os.path.join(folder, "part")
    commands = ("mkfs.ext4 -q -F -b 1024 -N 32 -O ^metadata_csum,^has_journal",
                "mkfs.fat -F 12")
    with open(disk, "wb") as out:
        out.truncate(4 * MIB)
        for i, command in enumerate(commands):
            with open(part, "wb") as f:
                f.truncate(MIB)
            subprocess.run(command.split() + [part], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            start = (1 + 2 * i) * MIB
            out.seek(446 + 16 * i)
            out.write(struct.pack("<4xB3xII", 0x83, start // 512, MIB // 512))
            out.seek(start)
            with open(part, "rb") as f:
                out.write(f.read())
        out.seek(510)
        out.write(b"\x55\xaa")
    listing = os.path.join(folder, "reads")
    subprocess.run([dump, "-l", listing, disk], check=True)
    with open(listing, encoding="ascii") as f:
        data = seed(disk, f.readlines())
    with open(os.path.join(corpus, "fs_disk", "mbr-two"), "wb") as f:
        f.write(data)


def main(dump, corpus):
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "image")
        listing = os.path.join(folder, "reads")
        for driver, name, size, command in CASES:
            with open(image, "wb") as f:
                f.truncate(size * MIB)
            subprocess.run(command.split() + [image], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            said = subprocess.run([dump, "-l", listing, image], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            with open(listing, encoding="ascii") as f:
                lines = f.readlines()
            if driver == "fs_xfs":
                shorten_log(image)
            data = seed(image, lines)
            for where in (driver, "fs_disk"):
                os.makedirs(os.path.join(corpus, where), exist_ok=True)
                kind = name if where == driver else f"{driver[3:]}-{name}"
                if where == driver or len(data) < 20000:
                    with open(os.path.join(corpus, where, kind), "wb") as f:
                        f.write(data)
            print(f"{driver}/{name}: {len(data)} bytes",
                  said.splitlines()[1].split("\t")[10])
        disk_seed(dump, folder, corpus)


main(*sys.argv[1:3])
