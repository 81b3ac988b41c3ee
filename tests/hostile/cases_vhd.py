# SPDX-License-Identifier: BSD-2-Clause
"""Hostile VHD files."""

import struct

import vhd
from case import case, variants
from sparse import join, write

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
BAD = (1, 3)


@variants("vhd length", {str(n): n for n in (0, 1, 510, 511, 512, 513, 1024)})
def short_file(folder, length):
    return write(join(folder, "a.vhd"), length, [(0, vhd.footer())])


SIZES = {"0": 0, "1": 1, "511": 511, "2^63": 1 << 63, "2^63-512": (1 << 63) - 512,
         "2^64-512": (1 << 64) - 512, "2^64-1": (1 << 64) - 1}


@variants("vhd dynamic, size", SIZES, check=BAD)
def dynamic_size(folder, size):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(size), vhd.header())


@variants("vhd fixed, size", SIZES, check=BAD)
def fixed_size(folder, size):
    return write(join(folder, "a.vhd"), MIB + 512,
                 [(MIB, vhd.footer(size, 2))])


@variants("vhd data offset", {
    "0": 0, "1": 1, "own footer": 2560, "the end": 4096, "2^63": 1 << 63,
    "2^64-512": (1 << 64) - 512, "2^64-1": (1 << 64) - 1}, check=BAD)
def data_offset(folder, value):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(data_off=value),
                       vhd.header())


@variants("vhd table offset", {
    "0": 0, "header": 512, "footer": 2048, "the end": 2560, "odd": 1537,
    "2^63": 1 << 63, "2^64-512": (1 << 64) - 512, "2^64-1": (1 << 64) - 1})
def table_offset(folder, value):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(),
                       vhd.header(table_off=value))


@variants("vhd block size", {
    "0": 0, "1": 1, "511": 511, "512": 512, "3 sectors": 1536, "2^28": 1 << 28,
    "2^29": 1 << 29, "2^31": 1 << 31, "2^32-1": (1 << 32) - 1})
def block_size(folder, value):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(),
                       vhd.header(block=value), vhd.table([8] * 8))


@variants("vhd table entries", {
    "0": 0, "1": 1, "2^31": 1 << 31, "2^32-1": (1 << 32) - 1}, check=BAD)
def table_entries(folder, value):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(),
                       vhd.header(entries=value))


# 2 TiB in blocks of 512 bytes: 16 GiB of table in a sparse file. The entries
# that are a hole are 0 and name the footer copy.
@variants("vhd tiny blocks", {"a table of zeros": 0, "with data in the table": 1},
          check=BAD, slow=("convert", "repair all", "salvage"))
def tiny_blocks(folder, data):
    entries = (1 << 32) - 1
    foot = vhd.footer(entries * 512)
    pieces = []
    if data:
        pieces = [(1536 + at, b"\xff" * 4096)
                  for at in range(0, 16 * GIB, 512 * MIB)]
    return vhd.dynamic(join(folder, "a.vhd"), foot,
                       vhd.header(entries=entries, block=512), b"",
                       pieces, 2 * TIB - 512)


BLOCKS = 4080 * 1024        # of 512 KiB: 2040 GiB


def large(folder, bat, end):
    foot = vhd.footer(BLOCKS * 512 * 1024)
    head = vhd.header(entries=BLOCKS, block=512 * 1024)
    return vhd.dynamic(join(folder, "a.vhd"), foot, head, bat, (), end)


LARGE_BATS = {
    "all equal": lambda i: 0x8000,
    "a sector apart": lambda i: 0x8000 + i,
    "descending": lambda i: 0x8000 + (BLOCKS - i) * 1025,
    "all in the header": lambda i: 1,
    "all in the table": lambda i: 3 + i % 8000,
    "all the last sector": lambda i: 0xfffffffe,
    "anywhere": lambda i: i * 2654435761 & 0xffffffff,
}


# Whoever counts what is allocated, or looks into it, reads four million sector
# bitmaps; whoever mends it, moves as many blocks.
@variants("vhd of 2040 GiB, entries", LARGE_BATS,
          slow=("info --allocation", "check --deep", "convert", "repair all",
                "salvage"))
def large_table(folder, value):
    bat = struct.pack(f">{BLOCKS}I", *map(value, range(BLOCKS)))
    return large(folder, bat, 2 * TIB - 512)


@variants("vhd entries", {
    "own table": [3] * 8, "footer copy": [0] * 8, "header": [1, 2] * 4,
    "trailing footer": [5] * 8, "past the end": [0x7fffffff] * 8,
    "the last": [0xfffffffe] * 8, "each other": [8, 9, 10, 11, 12, 13, 14, 15],
}, check=BAD)
def small_table(folder, entries):
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(), vhd.header(),
                       vhd.table(entries))


ENDLESS = (1 << 32) - 1
LOCATORS = {
    "of 2^32-1 bytes": dict(length=ENDLESS, off=2048),
    "of space 2^32-1": dict(text=b"a\0", off=2048, space=ENDLESS),
    "at 2^64-1": dict(text=b"a\0", off=ENDLESS << 32 | ENDLESS),
    "at 2^63": dict(text=b"a\0", off=1 << 63),
    "in the header": dict(length=1024, off=512),
    "in the table": dict(length=512, off=1536),
    "in the footer": dict(length=512, off=2048),
    "of odd length": dict(length=3, off=2048),
    "of 1 GiB": dict(length=GIB, off=2048, space=GIB),
}


@variants("vhd eight locators", LOCATORS)
def locators(folder, fields):
    end = 2 * GIB if fields.get("space") == GIB else 2048
    head = vhd.header(parent=2, name="parent.vhd",
                      locators=[vhd.locator(**fields)] * 8)
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(kind=4), head,
                       end=end)


@variants("vhd parent name", {
    "without an end": b"\0a" * 256, "of lone surrogates": b"\xd8\x00" * 256,
    "of slashes": b"\0/" * 256, "of dots": b"\0." * 256,
    "with a terminal's escape": "\x1b[2J\n\r\x07".encode("utf-16-be")},
    never=("\x1b", "\x07"))
def parent_name(folder, name):
    head = vhd.header(parent=2, name=name)
    return vhd.dynamic(join(folder, "a.vhd"), vhd.footer(kind=4), head)


def batmap(off, sectors, total=0):
    return (b"tdbatmap" + struct.pack(">QIII", off, sectors, 0x10002, total)
            ).ljust(512, b"\0")


@variants("vhd batmap", {
    "of 2^32-1 sectors": (2560, ENDLESS), "of no sectors": (2560, 0),
    "at 2^64-1": ((1 << 64) - 1, 1), "at itself": (2048, 1),
    "in the table": (1536, 1), "past the end": (1 << 40, 1)})
def batmaps(folder, place):
    foot = vhd.footer(at28=("4s", b"tap\0"), at32=("I", 0x10003))
    return vhd.dynamic(join(folder, "a.vhd"), foot, vhd.header(),
                       pieces=[(2048, batmap(*place)), (2560, bytes(512))])


@case("vhd footers that call each other wrong", check=BAD)
def differing(folder):
    path = vhd.dynamic(join(folder, "a.vhd"), vhd.footer(), vhd.header())
    with open(path, "r+b") as f:
        f.seek(-512, 2)
        f.write(vhd.footer(1 << 50, ident=9, data_off=1 << 62))
    return path


@case("vhd of 511 bytes' footer", check=(0, 1, 3))
def old_footer(folder):
    return write(join(folder, "a.vhd"), MIB + 511,
                 [(MIB, vhd.footer(MIB, 2)[:511])])
