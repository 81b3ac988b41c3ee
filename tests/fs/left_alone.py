# SPDX-License-Identifier: BSD-2-Clause
"""File systems of which nothing may be called unused, each with its reason."""

import os
import re
import struct
import uuid

from fsdisk import (SLOW, Dump, can_loop, copy, fill, make, mounted, patch,
                    peek)
from harness import expect, must, noise, run

MIB = 1 << 20


class Bench:
    """Cases on copies of one file system that is sound."""

    def __init__(self, report, dump, folder, kind, size, argv):
        self.report, self.dump, self.kind = report, dump, kind
        self.base = os.path.join(folder, "base.img")
        self.mnt = os.path.join(folder, "mnt")
        make(self.base, size, *argv)

    def check(self, name, words, damage, understood=False):
        def one():
            image = copy(self.base, "damaged.img")
            damage(image)
            dump = Dump(self.dump, image)
            os.unlink(image)
            if understood:
                dump.understood()
                return ""
            return dump.left(words)
        self.report.case(f"left_alone/{self.kind}_{name}", one)

    def while_mounted(self, words, seed=3):
        """What a crash, or a copy of a running guest, would leave."""
        def damage(image):
            crashed = image + ".crashed"
            with mounted(self.kind, image, self.mnt):
                fill(self.mnt, seed, 0.3)
                path = os.path.join(self.mnt, "synced")
                with open(path, "wb") as f:
                    f.write(b"x" * 100000)
                    f.flush()
                    os.fsync(f.fileno())
                must("cp", "--sparse=always", image, crashed, timeout=SLOW)
            os.replace(crashed, image)
        self.check("while_mounted", words, damage)

    def bytes(self, name, words, off, data):
        self.check(name, words, lambda image: patch(image, off, data))

    def shorter(self):
        size = os.path.getsize(self.base)
        self.check("shorter", "larger than its partition",
                   lambda image: os.truncate(image, size - 4 * MIB))

    def tool(self, name, words, *argv):
        """A program of the file system's own does the damage."""
        self.check(name, words,
                   lambda image: run(*[image if a is None else a for a in argv],
                                     timeout=SLOW))


def ext(report, dump, folder):
    b = Bench(report, dump, folder, "ext4", 48 * MIB, ("mkfs.ext4", "-q", "-F"))

    def debugfs(name, words, command):
        b.tool(name, words, "debugfs", "-w", "-R", command, None)

    if can_loop("ext4"):
        b.while_mounted("journal has to be recovered")
    debugfs("errors", "marked as having errors", "ssv state 2")
    debugfs("open", "not unmounted cleanly", "ssv state 0")
    debugfs("open_for_more", "not unmounted cleanly", "ssv state 5")
    debugfs("orphans", "deleted while open", "ssv last_orphan 12")
    debugfs("count", "counts 77 free", "ssv free_blocks_count 77")
    debugfs("external", "journal of another", "ssv feature_incompat 0x2ca")
    b.bytes("checksum", "checksum of its superblock", 1024 + 120, b"changed")
    b.bytes("snapshot", "features that are not known", 1024 + 100, b"\x80")
    b.bytes("feature", "features that are not known", 1024 + 99, b"\x80")
    b.bytes("revision", "no file system is recognised", 1024 + 76, b"\x07")
    b.bytes("cluster", "superblock is damaged", 1024 + 28, b"\x07")
    b.bytes("both", "signatures of both", 0, b"XFSB")
    b.shorter()

    def descriptor(image):
        block = 1024 << peek(image, 1024 + 24, 1)[0]
        patch(image, max(block, 2048) + 12, b"\x55")
    b.check("descriptor", "group descriptors are damaged", descriptor)

    def metadata(image):
        """Counts and checksums go with it: only E3 is left to notice."""
        text = must("dumpe2fs", image, timeout=SLOW).stdout
        free = int(re.search(r"^Free blocks: +(\d+)", text, re.M).group(1))
        here = int(re.search(r"^  (\d+) free blocks", text, re.M).group(1))
        commands = ("freeb 1", f"ssv free_blocks_count {free + 1}",
                    f"set_bg 0 free_blocks_count {here + 1}",
                    "set_bg 0 checksum calc")
        must("debugfs", "-w", "-f", "-", image, timeout=SLOW,
             input="\n".join(commands) + "\n")
    b.check("metadata", "own metadata free", metadata)

    def bitmap(image):
        block = 1024 << peek(image, 1024 + 24, 1)[0]
        at = struct.unpack("<I", peek(image, max(block, 2048), 4))[0]
        patch(image, at * block + 900, b"\x55")
    b.check("bitmap", "block bitmaps are damaged", bitmap)
    old = Bench(report, dump, folder, "ext4", 48 * MIB,
                ("mkfs.ext4", "-q", "-F", "-b", "1024",
                 "-O", "^metadata_csum,^uninit_bg"))
    old.check("bitmap_plain", "counts", bitmap)
    ext_mmp(report, dump, folder)


def ext_mmp(report, dump, folder):
    """The block in which the machines that share a disk say who has it."""
    b = Bench(report, dump, folder, "ext4", 16 * MIB,
              ("mkfs.ext4", "-q", "-F", "-b", "1024", "-O", "mmp"))
    block = 1024 * struct.unpack("<Q", peek(b.base, 1024 + 360, 8))[0]
    expect(peek(b.base, block, 4) == b"PMM\0", "no MMP block")
    b.check("mmp_clean", "", lambda image: None, understood=True)
    b.bytes("mmp_elsewhere", "another machine", block + 4,
            struct.pack("<I", 77))
    b.bytes("mmp_e2fsck", "another machine", block + 4,
            struct.pack("<I", 0xe24d4d50))
    b.bytes("mmp_damaged", "MMP block is damaged", block, b"x")
    b.bytes("mmp_outside", "damaged (MMP)", 1024 + 360, b"\xff" * 8)


def ntfs_run(image, record):
    """First cluster of the content of a system file, in bytes."""
    cluster = 512 * peek(image, 13, 1)[0]
    lcn = struct.unpack("<Q", peek(image, 48, 8))[0]
    raw = peek(image, lcn * cluster + record * 1024, 1024)
    at = struct.unpack_from("<H", raw, 20)[0]
    while struct.unpack_from("<I", raw, at)[0] != 0x80:
        at += struct.unpack_from("<I", raw, at + 4)[0]
    at += struct.unpack_from("<H", raw, at + 32)[0]
    lengths, offsets = raw[at] & 15, raw[at] >> 4
    start = raw[at + 1 + lengths:at + 1 + lengths + offsets]
    return int.from_bytes(start, "little", signed=True) * cluster


def restart_page(version, clients, flags, lsn):
    """The first page of a log, as far as it is looked at."""
    page = bytearray(4096)
    page[:8] = b"RSTR" + struct.pack("<HH", 30, 9)
    struct.pack_into("<IIHhHH", page, 16, 4096, 4096, 48, *version[::-1], 0)
    struct.pack_into("<HH", page, 26, version[1], version[0])
    struct.pack_into("<QHHHH", page, 48, lsn, 1, 0xffff, clients, flags)
    return bytes(page)


def ntfs(report, dump, folder):
    b = Bench(report, dump, folder, "ntfs", 32 * MIB,
              ("mkntfs", "-F", "-q", "-f", "-c", "4096"))

    def hibernate(head):
        def damage(image):
            with mounted("ntfs", image, b.mnt):
                fill(b.mnt, 1, 0.1)
                with open(os.path.join(b.mnt, "HiberFil.sys"), "wb") as f:
                    f.write(head + bytes(20000))
        return damage

    def log(pages):
        def damage(image):
            patch(image, ntfs_run(image, 2), pages)
        return damage

    for head in (b"hibr", b"HIBR", b"RSTR", b"else"):
        b.check(f"sleeps_{head.decode()}",
                "fast start", hibernate(head))
    b.check("awake", "", hibernate(b"wake"), understood=True)
    b.check("zeros", "", hibernate(bytes(4)), understood=True)
    closed = restart_page((1, 1), 0xffff, 2, 100)
    used = restart_page((1, 1), 0, 0, 200)
    b.check("log_closed", "", log(closed + closed), understood=True)
    b.check("log_used", "not in place", log(closed + used))
    b.check("log_used_first", "not in place", log(used + closed))
    b.check("log_of_8", "shutdown /s", log(restart_page((2, 0), 0, 0, 9) * 2))
    b.check("log_unknown", "version 3.0",
            log(restart_page((3, 0), 0xffff, 0, 9) * 2))
    b.check("log_rubbish", "$LogFile is damaged", log(bytes(8192)))
    b.tool("dirty", "run chkdsk", "ntfsfix", None)
    b.shorter()

    def torn(image):
        at = ntfs_run(image, 0) + 3 * 1024
        patch(image, at + 510, b"zz")
    b.check("torn", "written in part", torn)
    b.check("bitmap", "clusters free that a file has",
            lambda image: patch(image, ntfs_run(image, 6), b"\0\0"))
    b.bytes("boot", "boot sector is damaged", 13, b"\x07")
    b.bytes("mft", "damaged", 48, b"\x01\0\0\0\0\0\0\0")


def ntfs_shadow(report, dump, folder):
    """Shadow copies read what was deleted where it is."""
    b = Bench(report, dump, folder, "ntfs", 32 * MIB,
              ("mkntfs", "-F", "-q", "-f", "-c", "4096"))
    mine, other = bytes(range(1, 17)), bytes(range(2, 18))

    def header(catalog, store):
        head = uuid.UUID("3808876b-c176-4e48-b7ae-04046e6cc752").bytes_le
        head += struct.pack("<IIQQQQQ", 2, 1, 0x1e00, 0x1e00, 0, catalog, 0)
        return head + mine + store + bytes(416)

    def case(name, words, *fields):
        b.check(name, words,
                lambda image: patch(image, 0x1e00, header(*fields)),
                understood=not words)
    case("shadow_copies", "vssadmin delete shadows", 12 * MIB, mine)
    case("shadow_copies_elsewhere", "on another volume", 0, other)
    case("shadow_copies_gone", "", 0, mine)
    case("shadow_copies_never", "", 0, bytes(16))


def fragmented_mft(image, folder, count):
    """Fills the volume, frees every other file, and grows the MFT into it."""
    with mounted("ntfs", image, folder):
        names, index = [], 0
        try:
            while True:
                name = os.path.join(folder, f"big{index}")
                names.append(name)
                with open(name, "wb") as f:
                    f.write(bytes(4096))
                index += 1
        except OSError:
            pass
        for name in names[::2]:
            os.unlink(name)
        try:
            for i in range(count):
                with open(os.path.join(folder, f"small{i}"), "wb") as f:
                    f.write(b"resident")
        except OSError:
            pass


def xfs(report, dump, folder):
    quiet = ("mkfs.xfs", "-q", "-f")
    b = Bench(report, dump, folder, "xfs", 304 * MIB, quiet)

    def db(name, words, *commands):
        argv = []
        for command in commands:
            argv += ["-c", command]
        b.tool(name, words, "xfs_db", "-x", *argv, None)

    b.while_mounted("log has to be recovered")
    db("count", "superblock counts", "sb 0", "write fdblocks 1234")
    db("agf_count", "counts 99", "agf 1", "write -d freeblks 99")
    db("agf_longest", "counts", "agf 0", "write longest 3")
    db("record", "tree of free space is damaged", "agf 0", "addr bnoroot",
       "write recs[1].blockcount 0")
    db("feature", "features that are not known", "sb 0",
       "write -d features_incompat 0x8001")
    db("repair", "needs xfs_repair", "sb 0", "write features_incompat 0x11")
    b.bytes("checksum", "superblock is damaged", 108, b"changed")
    b.bytes("agf", "AGF is damaged", 512 + 200, b"changed")
    b.shorter()

    db("external_log", "log is on another disk", "sb 0",
       "write -d logstart 0")


def btrfs(report, dump, folder):
    quiet = ("mkfs.btrfs", "-q", "-f")
    b = Bench(report, dump, folder, "btrfs", 256 * MIB, quiet)
    b.while_mounted("log has to be replayed")

    def pair(image):
        other = image + ".2"
        with open(other, "wb") as f:
            f.truncate(256 * MIB)
        must(*quiet, "-d", "single", "-m", "single", image, other,
             timeout=SLOW)
        os.unlink(other)
    b.check("devices", "more than one device", pair)
    b.check("sums", "kind of checksums",
            lambda image: must(*quiet, "--csum", "sha256", image))
    b.bytes("checksum", "superblock is damaged", 65536 + 2000, b"changed")
    b.shorter()
    text = must("btrfs", "inspect-internal", "dump-tree", "-t", "dev",
                b.base).stdout
    expect("DEV_EXTENT" in text, "dump-tree")

    def node(image):
        """Every byte of metadata that says it is the extent tree's."""
        for at in range(MIB, 256 * MIB, 16384):
            head = peek(image, at, 101)
            if head[32:48] == fsid and head[88:96] == b"\2" + bytes(7):
                patch(image, at + 3000, b"changed")
    fsid = peek(b.base, 65536 + 32, 16)
    b.check("node", "tree is damaged", node)
    btrfs_asleep(report, dump, folder)


def btrfs_asleep(report, dump, folder):
    """A swap file with a system in it is all that Btrfs has to tell."""
    files = os.path.join(folder, "files")
    for page in (4096, 65536):
        for mark in (b"S1SUSPEND\0", b"SWAPSPACE2"):
            os.makedirs(files, exist_ok=True)
            data = bytearray(noise("swap", 3 * MIB))
            data[page - 10:page] = mark
            with open(os.path.join(files, "swapfile"), "wb") as f:
                f.write(data)
            b = Bench(report, dump, folder, "btrfs", 256 * MIB,
                      ("mkfs.btrfs", "-q", "-f", "--rootdir", files))
            awake = mark == b"SWAPSPACE2"
            b.check(f"swap_file_{page}{'_awake' if awake else ''}",
                    "sleeps in a swap file", lambda image: None, awake)


def exfat(report, dump, folder):
    b = Bench(report, dump, folder, "exfat", 32 * MIB, ("mkfs.exfat",))
    b.bytes("dirty", "not unmounted cleanly", 106, b"\2")
    b.bytes("errors", "read or write errors", 106, b"\4")
    b.bytes("texfat", "version", 110, b"\2")
    b.bytes("checksum", "boot region is damaged", 600, b"x")
    b.shorter()
    heap = struct.unpack("<I", peek(b.base, 88, 4))[0] * 512
    b.bytes("bitmap", "own metadata free", heap, b"\0")


def fat(report, dump, folder):
    for bits, size in (("16", 32), ("32", 64)):
        options = ("-F", bits) if bits == "16" else ("-F", bits, "-s", "1")
        b = Bench(report, dump, folder, f"fat{bits}", size * MIB,
                  ("mkfs.fat",) + options)
        table = struct.unpack("<H", peek(b.base, 14, 2))[0] * 512
        at = 37 if bits == "16" else 65
        clean = b"\xff\x7f" if bits == "16" else b"\xff\xff\xff\x07"
        error = b"\xff\xbf" if bits == "16" else b"\xff\xff\xff\x0b"
        width = int(bits) // 8
        b.bytes("dirty", "not unmounted cleanly", at, b"\1")
        b.bytes("copies", "copies of its file allocation", table + 3000, b"x")
        second = table + 512 * (
            struct.unpack("<H", peek(b.base, 22, 2))[0] or
            struct.unpack("<I", peek(b.base, 36, 4))[0])

        def both(data, off, table=table, second=second):
            def damage(image):
                patch(image, table + off, data)
                patch(image, second + off, data)
            return damage
        b.check("open", "not unmounted cleanly", both(clean, width))
        b.check("errors", "read or write errors", both(error, width))
        b.check("entry", "file allocation table is damaged",
                both(b"\1" + bytes(width - 1), 60 * width))
        b.check("medium", "file allocation table is damaged", both(b"\0", 0))
        b.shorter()
