# SPDX-License-Identifier: BSD-2-Clause
"""Disks that are left alone for their partition table, or for what is beside."""

import os
import struct

from fsdisk import SLOW, Dump, copy, make, patch
from harness import expect, must

MIB = 1 << 20


def partition(disk, image, off):
    must("dd", f"if={image}", f"of={disk}", "bs=64K", "oflag=seek_bytes",
         f"seek={off}", "conv=notrunc,sparse", "status=none", timeout=SLOW)


def tables(report, dump, folder):
    """Tables and signatures, around an ext4 that is sound."""
    image = os.path.join(folder, "part.img")
    disk = os.path.join(folder, "disk.img")
    make(image, 16 * MIB, "mkfs.ext4", "-q", "-F")

    def table(script):
        with open(disk, "wb") as f:
            f.truncate(64 * MIB)
        must("sfdisk", "-q", "--no-reread", "--no-tell-kernel", disk,
             input=script, timeout=SLOW)
        partition(disk, image, 1 * MIB)
        partition(disk, image, 20 * MIB)

    gpt = ("label: gpt\nstart=2048, size=32768, type=L\n"
           "start=40960, size=32768, type=L\n")
    mbr = gpt.replace("gpt", "dos")

    def good(script, sector=512):
        table(script)
        seen = Dump(dump, disk, "-s", str(sector))
        expect(not seen.why and len(seen.parts) == 2 and seen.ranges,
               f"{seen.why} {seen.parts}")
        for part in seen.parts:
            expect(part[4] == "1", f"left alone: {part}")
            expect(all(off >= MIB for off, _ in seen.ranges), "outside")
    report.case("tables/gpt", good, gpt)
    report.case("tables/mbr", good, mbr)
    report.case("tables/4096_says_512", good, gpt, 4096)

    def whole(script, words, damage):
        table(script)
        damage()
        seen = Dump(dump, disk)
        expect(words in seen.why, f"{seen.why!r}, wanted {words}")
        expect(not seen.ranges, "has ranges")
        expect(all(part[4] == "0" and part[10] for part in seen.parts),
               "a partition was not left alone")
        return seen.why

    def wipe(off, length=512):
        return lambda: patch(disk, off, bytes(length))

    report.case("tables/hybrid", whole, gpt, "hybrid", lambda: patch(
        disk, 446 + 16, b"\0\0\0\0\x83\0\0\0" + struct.pack("<II", 2048, 9)))
    report.case("tables/first_copy_lost", whole, gpt, "first copy", wipe(512))
    report.case("tables/both_lost", whole, gpt, "GPT is damaged", lambda: (
        patch(disk, 512, bytes(512)), patch(disk, 64 * MIB - 512, bytes(512))))
    report.case("tables/overlap", whole, mbr, "overlap", lambda: patch(
        disk, 446 + 12, struct.pack("<I", 40000)))
    report.case("tables/outside", whole, mbr, "past the end", lambda: patch(
        disk, 446 + 16 + 12, struct.pack("<I", 400000)))
    report.case("tables/empty", whole, mbr, "empty", wipe(446, 64))
    report.case("tables/covers_itself", whole, gpt.replace("gpt", "dos"),
                "covers", lambda: patch(disk, 446 + 32, b"\0\0\0\0\x05\0\0\0" +
                                        struct.pack("<II", 4096, 9) + b"" * 4)
                or patch(disk, 4096 * 512 + 510, b"\x55\xaa"))
    report.case("tables/whole_too", whole, mbr, "fills the disk",
                lambda: patch(disk, 65536 + 64, b"_BHRfS_M"))
    report.case("tables/lvm_whole", whole, mbr, "fills the disk",
                lambda: patch(disk, 512, b"LABELONE"))
    signatures(report, dump, disk)

    sound = copy(image, "sound.img")

    def asleep():
        must("mkswap", "-q", "-f", image, timeout=SLOW)
        patch(image, 4096 - 10, b"S1SUSPEND\0")
        partition(disk, image, 20 * MIB)
    report.case("tables/asleep", whole, gpt, "a system sleeps", asleep)

    def verity():
        patch(disk, 20 * MIB, b"verity\0\0" + bytes(2 * MIB))
    os.replace(sound, image)
    report.case("tables/verity", whole, gpt, "dm-verity", verity)
    owners(report, dump, table, disk, image)


def owners(report, dump, table, disk, image):
    """One partition of two is left alone, for what it or the other one is."""
    gpt = "label: gpt\nstart=2048, size=32768, type={}\n" \
          "start=40960, size=32768, type=L\n"
    mbr = gpt.replace("gpt", "dos")

    def typed(script, kind, words):
        table(script.format(kind))
        seen = Dump(dump, disk)
        first, second = seen.parts
        expect(not seen.why and first[4] == "0" and second[4] == "1",
               f"{seen.why} {seen.parts}")
        expect(words in first[10], first[10])
        expect(all(off >= 20 * MIB for off, _ in seen.ranges), "in the first")
        return first[10]

    kinds = (
        ("dynamic", gpt, "AF9B60A0-1431-4F62-BC68-3311714A69AD", "dynamic"),
        ("lvm", gpt, "E6D6D379-F507-44C2-A23C-238F2A3DF928", "LVM"),
        ("dm_crypt", gpt, "7FFEC5C9-2D00-49B7-8941-3EA10A5586B7", "dm-crypt"),
        ("flatcar", gpt, "5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6", "verifies"),
        ("mbr_dynamic", mbr, "42", "dynamic"), ("mbr_raid", mbr, "fd", "RAID"),
        ("mbr_bsd", mbr, "a5", "BSD"), ("mbr_lvm", mbr, "8e", "LVM"),
    )
    for name, script, kind, words in kinds:
        report.case(f"owner/{name}", typed, script, kind, words)

    def neighbour(kind, argv, state, understood):
        must(*argv, image, timeout=SLOW)
        table(gpt.format("L"))
        must("mkfs.ext4", "-q", "-F", image, timeout=SLOW)
        must("debugfs", "-w", "-R", f"ssv state {state}", image, timeout=SLOW)
        partition(disk, image, 20 * MIB)
        first, second = Dump(dump, disk).parts
        expect(first[3] == kind and second[3] == "ext4", "types")
        expect(first[4] == second[4] == understood, f"{first} {second}")
        return first[10]
    for kind, *argv in (("btrfs", "mkfs.btrfs", "-q", "-f", "-M"),
                        ("vfat", "mkfs.fat", "-F", "16")):
        report.case(f"owner/{kind}_beside_closed", neighbour, kind, argv, 1, "1")
        report.case(f"owner/{kind}_beside_open", neighbour, kind, argv, 0, "0")


def signatures(report, dump, disk):
    """Whole disks of what is not looked into."""
    def one(off, data, kind):
        with open(disk, "wb") as f:
            f.truncate(8 * MIB)
        patch(disk, off, data)
        seen = Dump(dump, disk).one()
        expect(seen["type"] == kind and seen["understood"] == "0", f"{seen}")
        return seen["why"]

    cases = (
        ("luks", 0, b"LUKS\xba\xbe\0\2", "LUKS"),
        ("bitlocker", 0, b"\xeb\x58\x90-FVE-FS-", "BitLocker"),
        ("refs", 0, b"\0\0\0ReFS\0\0\0\0", "ReFS"),
        ("lvm", 512, b"LABELONE", "LVM"),
        ("md_0_90", 8 * MIB - 65536, b"\xfc\x4e\x2b\xa9", "md"),
        ("md_1_0", 8 * MIB - 8192, b"\xfc\x4e\x2b\xa9", "md"),
        ("md_1_1", 0, b"\xfc\x4e\x2b\xa9", "md"),
        ("md_1_2", 4096, b"\xfc\x4e\x2b\xa9", "md"),
        ("swap", 4086, b"SWAPSPACE2", "swap"),
        ("zfs", (128 << 10) + 5120, struct.pack("<Q", 0xbab10c), "ZFS"),
        ("asm", 32, b"ORCLDISK", "Oracle ASM"),
        ("geli", 8 * MIB - 512, b"GEOM::ELI\0", "GEOM"),
        ("gmirror_4096", 8 * MIB - 4096, b"GEOM::MIRROR\0", "GEOM"),
        ("hfs", 1024, b"H+\0\4", "HFS+"),
        ("nothing", 0, b"\0", ""),
    )
    for name, off, data, kind in cases:
        report.case(f"signature/{name}", one, off, data, kind)
