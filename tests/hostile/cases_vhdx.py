# SPDX-License-Identifier: BSD-2-Clause
"""Hostile VHDX files."""

import struct
import uuid

import vhdx
from case import case, variants
from crc32c import repeat
from sparse import join, write
from vhdx import BAT, BAT_OFF, GIB, KIB, META, META_OFF, MIB, TIB, item, region

BAD = (1, 3)
MAX32, MAX64 = (1 << 32) - 1, (1 << 64) - 1


def at(folder):
    return join(folder, "a.vhdx")


@variants("vhdx length", {str(n): n for n in (
    8, 65536, 69631, 196608, 327680, MIB, 2 * MIB, BAT_OFF, BAT_OFF + 1)},
    check=BAD)
def short_file(folder, length):
    return vhdx.build(at(folder), end=length)


@variants("vhdx size", {
    "0": 0, "1": 1, "511": 511, "64 TiB": 64 * TIB, "over 64 TiB": 64 * TIB + 512,
    "2^63": 1 << 63, "2^64-512": MAX64 - 511, "2^64-1": MAX64})
def disk_size(folder, size):
    return vhdx.build(at(folder), vhdx.basic(size))


@variants("vhdx block size", {
    "0": 0, "1": 1, "512": 512, "3 MiB": 3 * MIB, "512 MiB": 1 << 29,
    "2^31": 1 << 31, "2^32-1": MAX32}, check=BAD)
def block_size(folder, block):
    return vhdx.build(at(folder), vhdx.basic(block=block))


@variants("vhdx sector size", {
    "0": 0, "1": 1, "511": 511, "2^20": MIB, "2^31": 1 << 31, "2^32-1": MAX32},
    check=BAD)
def sector_size(folder, sector):
    return vhdx.build(at(folder), vhdx.basic(sector=sector, physical=sector))


def unknown(n):
    return uuid.UUID(int=0xbad << 64 | n).bytes_le


BASE = [region(BAT, BAT_OFF, MIB), region(META, META_OFF, MIB)]
REGIONS = {
    "2047 optional ones": (BASE + [region(unknown(i), (8 + i) * MIB, MIB, 0)
                                   for i in range(2045)], None),
    "2045 at one place": (BASE + [region(unknown(i), 8 * MIB, MIB, 0)
                                  for i in range(2045)], None),
    "a count of 2048": (BASE, 2048), "a count of 2^32-1": (BASE, MAX32),
    "none": ([], None),
    "table at 0": ([region(BAT, 0, MIB), BASE[1]], None),
    "table at 2^63": ([region(BAT, 1 << 63, MIB), BASE[1]], None),
    "table at 2^64-1 MiB": ([region(BAT, MAX64 - MIB + 1, MIB), BASE[1]], None),
    "table of no bytes": ([region(BAT, BAT_OFF, 0), BASE[1]], None),
    "table of 4 GiB": ([region(BAT, BAT_OFF, MAX32 - MIB + 1), BASE[1]], None),
    "both at one place": ([region(BAT, META_OFF, MIB), BASE[1]], None),
    "in the log": ([region(BAT, MIB, MIB), BASE[1]], None),
    "an unknown one of 2^63": (BASE + [region(unknown(1), 1 << 63, MIB, 0)],
                               None),
}


@variants("vhdx regions:", REGIONS)
def regions(folder, what):
    table = vhdx.regions(*what)
    return vhdx.build(at(folder), tables=(table, table), end=6 * MIB)


BASIC = vhdx.basic()
ITEMS = {
    "2042 optional ones": (BASIC + [item(unknown(i), b"x", 0)
                                    for i in range(2042)], None),
    "2042 of one name": (BASIC + [item(unknown(1), b"x", 0)
                                  for i in range(2042)], None),
    "2042 at one place": (BASIC + [item(unknown(i), b"", 0, 65536, 4096)
                                   for i in range(2042)], None),
    "2042 of 1 MiB": (BASIC + [item(unknown(i), b"", 1, 65536, MIB)
                               for i in range(2042)], None),
    "a count of 65535": (BASIC, 65535), "none": ([], None),
    "a length of 2^32-1": (BASIC + [item(unknown(1), b"", 0, 65536, MAX32)],
                           None),
    "an offset of 2^32-1": (BASIC + [item(unknown(1), b"", 0, MAX32, 8)], None),
    "the size in the table": ([BASIC[0], item(vhdx.SIZE, b"", 6, 0, 8)]
                              + BASIC[2:], None),
    "the size twice": (BASIC + [BASIC[1]], None),
    "the block size past the end": ([item(vhdx.PARAMS, b"", 4, MIB - 4, 8)]
                                    + BASIC[1:], None),
}


@variants("vhdx metadata:", ITEMS)
def metadata(folder, what):
    return vhdx.build(at(folder), meta=vhdx.metadata(*what))


def loc_item(count, entries, tail=b""):
    return (vhdx.LOCATOR_TYPE + struct.pack("<HH", 0, count)
            + b"".join(struct.pack("<IIHH", *e) for e in entries) + tail)


LINK = ("parent_linkage", f"{{{vhdx.guid(2)}}}")
LOCATORS = {
    "65535 pairs in 20 bytes": loc_item(65535, []),
    "65535 pairs of one text": loc_item(65535, [(20, 24, 4, 4)] * 65535),
    "keys outside": loc_item(2, [(MAX32, 44, 28, 76), (44, MAX32, 28, 76)]),
    "keys before the item": loc_item(2, [(0, 0, 65534, 65534)] * 2),
    "the longest texts": loc_item(8, [(20, 20, 65534, 65534)] * 8, bytes(70000)),
    "no lengths": loc_item(4, [(20, 20, 0, 0)] * 4),
    "odd lengths": loc_item(4, [(20, 20, 3, 5)] * 4),
    "256 paths": vhdx.locator([LINK] + [("relative_path", f"..\\{i}")
                                        for i in range(255)]),
    "a path of 65534 bytes": vhdx.locator(
        [LINK, ("relative_path", "a\\" * 16383)]),
    "a path of dots": vhdx.locator([LINK, ("relative_path", "..\\" * 10000)]),
    "a path with an escape": vhdx.locator(
        [LINK, ("relative_path", "\x1b[2J\n\x07")]),
    "a path that ends early": vhdx.locator(
        [LINK, ("relative_path", "a\0/etc/passwd")]),
}


@variants("vhdx locator:", LOCATORS, never=("\x1b", "\x07"))
def locator(folder, raw):
    items = vhdx.basic(flags=2) + [item(vhdx.LOCATOR, raw, 4)]
    return vhdx.build(at(folder), items)


# The log.

def entries(*many):
    return b"".join(many)


ZERO = "zero"
LOGS = {
    "zeros": bytes(4096),
    "2^32-1 descriptors": vhdx.log_entry(1, count=MAX32),
    "2^27 descriptors": vhdx.log_entry(1, count=1 << 27, length=MAX32 & ~4095),
    "a length of 2^32-4096": vhdx.log_entry(1, length=MAX32 & ~4095),
    "a length of 0": vhdx.log_entry(1, length=0),
    "zeros of 2^63": vhdx.log_entry(1, [(ZERO, 4 * MIB, 1 << 63)]),
    "zeros of 2^64-4096": vhdx.log_entry(1, [(ZERO, 4 * MIB, MAX64 - 4095)]),
    "zeros of 2^62": vhdx.log_entry(1, [(ZERO, 4 * MIB, 1 << 62)]),
    "zeros over everything": vhdx.log_entry(1, [(ZERO, 0, 1 << 40)]),
    "zeros over the table": vhdx.log_entry(1, [(ZERO, BAT_OFF, MIB)]),
    "zeros over the log": vhdx.log_entry(1, [(ZERO, MIB, MIB)]),
    "data in the headers": vhdx.log_entry(1, [("desc", 65536, bytes(4096))]),
    "data at 2^63": vhdx.log_entry(1, [("desc", 1 << 63, b"a" * 4096)]),
    "data at 2^62": vhdx.log_entry(1, [("desc", 1 << 62, b"a" * 4096)]),
    "data at 2^64-4096": vhdx.log_entry(1, [("desc", MAX64 - 4095,
                                             b"a" * 4096)]),
    "a file of 2^63": vhdx.log_entry(1, last=1 << 63),
    "a file of 2^62": vhdx.log_entry(1, last=1 << 62),
    "a file of 2^64-1": vhdx.log_entry(1, flushed=MAX64, last=MAX64),
    "a tail past the ring": vhdx.log_entry(1, tail=MIB),
    "a tail of 2^32-4096": vhdx.log_entry(1, tail=MAX32 & ~4095),
    "a tail in the middle": vhdx.log_entry(1, tail=512 * KIB),
    "the sequence 2^64-1": entries(vhdx.log_entry(MAX64),
                                   vhdx.log_entry(0, tail=0)),
    "a ring of 256 entries": entries(*(
        vhdx.log_entry(i + 1, tail=4096 * ((i + 1) % 256))
        for i in range(256))),
    "256 heads": entries(*(vhdx.log_entry(1, tail=4096 * i)
                           for i in range(256))),
    "256 entries that tail the next": entries(*(
        vhdx.log_entry(256 - i, tail=4096 * ((i + 1) % 256))
        for i in range(256))),
}


@variants("vhdx log:", LOGS)
def log(folder, raw):
    return vhdx.build(at(folder), log=raw)


PLACES = {
    "at 0": (0, MIB), "at 2^63": (1 << 63, MIB), "odd": (MIB + 1, MIB),
    "at 2^64-1 MiB": (MAX64 - MIB + 1, MIB), "of 4 GiB": (MIB, MAX32 & -MIB),
    "of 2^32-1": (MIB, MAX32), "of no bytes": (MIB, 0),
    "over the regions": (MIB, 3 * MIB),
}


@variants("vhdx log place:", PLACES)
def log_place(folder, place):
    heads = [vhdx.header(seq, 1, True, *place) for seq in (1, 2)]
    return vhdx.build(at(folder), heads=heads, log=vhdx.log_entry(1))


LARGE_LOG = 64 * MIB


def large_log(folder, pieces):
    """A log of 64 MiB behind the table."""
    off = 4 * MIB
    heads = [vhdx.header(seq, 1, True, off, LARGE_LOG) for seq in (1, 2)]
    return vhdx.build(at(folder), heads=heads, end=off + LARGE_LOG,
                      pieces=[(off + where, raw) for where, raw in pieces])


@variants("vhdx log of two million zero descriptors", {
    "of 4 KiB": (8 * GIB, 4096), "of 2^62": (8 * GIB, 1 << 62),
    "over the table": (BAT_OFF, MIB)})
def many_zeros(folder, target):
    off, length = target
    one = struct.pack("<4sIQQQ", b"zero", 0, length, off, 1)
    sectors = LARGE_LOG // 4096 - 2
    first = bytearray(vhdx.log_header(1, sectors * 4096, 0,
                                      126 + 128 * (sectors - 1)) + one * 126)
    rest = one * 128
    state = repeat(vhdx.crc32c(bytes(first)) ^ MAX32, rest, sectors - 1)
    first[4:8] = struct.pack("<I", state ^ MAX32)
    return large_log(folder, [(0, bytes(first)), (4096, rest * (sectors - 1))])


# Each sector says that it starts an entry as long as the ring: whoever sums
# each of them up reads 2^14 times 64 MiB.
@case("vhdx log of 16384 entries of 64 MiB", check=BAD)
def long_entries(folder):
    sectors = LARGE_LOG // 4096
    one = vhdx.log_header(1, LARGE_LOG, 0, 126 + 128 * (sectors - 1))
    one += struct.pack("<4sIQQQ", b"zero", 0, 4096, 8 * GIB, 1) * 126
    return large_log(folder, [(0, one * sectors)])


@case("vhdx log of 16384 entries", check=(0, 3))
def short_entries(folder):
    raw = entries(*(vhdx.log_entry(i + 1, tail=0) for i in range(64)))
    return large_log(folder, [(0, raw * 256)])


# The table.

def packed(form, values):
    return struct.pack(form, *values)


BLOCKS = 1 << 20            # 1 TiB in blocks of 1 MiB
COUNT = vhdx.entries_of(TIB, MIB)
TABLES = {
    "all equal": lambda i: 64 * MIB | 6,
    "all in the headers": lambda i: 6,
    "all in the log": lambda i: MIB | 6,
    "all in the metadata": lambda i: META_OFF | 6,
    "all in the table": lambda i: BAT_OFF + (i % 8) * MIB | 6,
    "all past 2^63": lambda i: MAX64 & -MIB | 6,
    "all ones": lambda i: MAX64,
    "all partial": lambda i: (16 + i) * MIB | 7,
    "descending": lambda i: (16 + COUNT - i) * MIB | 6,
    "anywhere": lambda i: (i * 2654435761 % (1 << 24)) * MIB | 6,
    "any state": lambda i: (16 + i) * MIB | i % 8,
    "anchors": lambda i: (16 + i // 2) * MIB | (3 if i % 2 else 6),
}


@variants("vhdx of 1 TiB, entries", TABLES, slow=("convert", "salvage"))
def table(folder, value):
    raw = packed(f"<{COUNT}Q", [value(i) for i in range(COUNT)])
    return vhdx.build(at(folder), vhdx.basic(TIB), raw,
                      vhdx.bat_region(COUNT), end=TIB + 16 * MIB)


@variants("vhdx of 1 TiB with a parent, entries", {
    "all partial": 7, "all present": 6}, slow=("convert", "salvage"))
def child_table(folder, state):
    raw = packed(f"<{COUNT}Q", [(16 + i) * MIB | state for i in range(COUNT)])
    items = vhdx.basic(TIB, flags=2) + [item(vhdx.LOCATOR, vhdx.locator([LINK]),
                                             4)]
    return vhdx.build(at(folder), items, raw, vhdx.bat_region(COUNT),
                      end=TIB + 16 * MIB)


@variants("vhdx of 64 TiB", {
    "with an empty table": [], "with a far table": [
        (off, struct.pack("<Q", 6)) for off in range(0, 512 * MIB, MIB)],
    "with a table of one place": [
        (off, struct.pack("<512Q", *[8 * TIB | 6] * 512))
        for off in range(0, 512 * MIB, 4 * MIB)],
}, slow=("convert", "salvage"))
def largest(folder, bat):
    size = 64 * TIB
    return vhdx.build(at(folder), vhdx.basic(size), bat,
                      vhdx.bat_region(vhdx.entries_of(size, MIB)),
                      end=9 * TIB)


@case("vhdx headers that are one and differ", check=BAD)
def twins(folder):
    return vhdx.build(at(folder), heads=(vhdx.header(5), vhdx.header(5, 9)))


@case("vhdx identifier alone", check=BAD)
def identifier(folder):
    return write(at(folder), 1 << 43, [(0, b"vhdxfile")])
