#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""forward_vhd.py OUT <STREAM: a dynamic VHD, read as importers of streams do.

It reads forward only, a byte once, and knows nothing but what came before: the
footer in front, the header, the table, the blocks in ascending places with their
bitmaps, and the footer right behind the last of them (VHD-E-1, 4, 5, 7).  The
disk is written to OUT.  Prints the length of the stream.
"""
import struct
import sys

SECTOR = 512
UNUSED = 0xFFFFFFFF
GAP_MOST = 4096


class Forward:
    """Bytes that come once."""

    def __init__(self, file):
        self.file = file
        self.pos = 0

    def take(self, count):
        data = self.file.read(count)
        want(len(data) == count,
             f"the stream ends at {self.pos + len(data)}, in the midst of "
             f"{count} bytes")
        self.pos += count
        return data

    def up_to(self, place, what):
        """Passes over what lies before @place: zeros, and few."""
        want(place >= self.pos, f"{what} at {place} lies behind us, at "
             f"{self.pos}")
        gap = place - self.pos
        want(gap < GAP_MOST, f"{gap} bytes between {self.pos} and {what}")
        want(not any(self.take(gap)), f"bytes in the gap before {what}")


def want(true, text):
    if not true:
        raise SystemExit(f"forward_vhd.py: {text}")


def checksum(data, at):
    return ~(sum(data) - sum(data[at:at + 4])) & 0xFFFFFFFF


def read_footer(data):
    want(data[:8] == b"conectix", "no footer in front")
    offset, = struct.unpack_from(">Q", data, 16)
    size, = struct.unpack_from(">Q", data, 48)
    kind, total = struct.unpack_from(">II", data, 60)
    want(total == checksum(data, 64), "the footer's checksum is wrong")
    want(kind == 3, f"type {kind}, not dynamic")
    want(offset == 512, f"the header is said to be at {offset}")
    want(data[84] == 0, "the saved state is set")
    return size, data[28:32] == b"tap\0"


def read_header(data, size):
    want(data[:8] == b"cxsparse", "no header behind the footer")
    following, table, version, entries, block, total = \
        struct.unpack_from(">QQIIII", data, 8)
    want(total == checksum(data, 36), "the header's checksum is wrong")
    want(following == 2 ** 64 - 1, "the header names another")
    want(version == 0x10000, f"version {version:#x}")
    want(table % SECTOR == 0 and 1536 <= table <= 2048,
         f"the table is said to be at {table}")
    want(entries * block >= size, f"{entries} entries for {size} bytes")
    return table, entries, block


def read_batmap(stream, entries):
    """What Xen has between table and blocks; importers pass over it."""
    head = stream.take(SECTOR)
    want(head[:8] == b"tdbatmap", "no batmap behind the table")
    place, = struct.unpack_from(">Q", head, 8)
    sectors, = struct.unpack_from(">I", head, 16)
    want(place == stream.pos, f"the batmap is said to be at {place}")
    want(sectors * SECTOR * 8 >= entries, "the batmap is too short")
    stream.take(sectors * SECTOR)


def read_block(stream, block):
    count = block // SECTOR
    length = (count // 8 + SECTOR - 1) // SECTOR * SECTOR
    bitmap = stream.take(length)
    want(bitmap[:count // 8] == b"\xff" * (count // 8),
         f"a bitmap at {stream.pos - length} is not all ones")
    return stream.take(block)


def blocks_of(table, entries, xen):
    """(place, number) of what has a place: both ascend."""
    found = []
    for number in range(entries):
        sector, = struct.unpack_from(">I", table, 4 * number)
        if sector == UNUSED:
            continue
        want(not found or sector > found[-1][0],
             f"block {number} lies before the one before it")
        found.append((sector, number))
    # VHD-B-3: Xen has zeros there, all others ones.
    want(not table[4 * entries:].strip(b"\0" if xen else b"\xff"),
         "the table's padding is used")
    return [(sector * SECTOR, number) for sector, number in found]


def main():
    stream = Forward(sys.stdin.buffer)
    front = stream.take(SECTOR)
    size, xen = read_footer(front)
    place, entries, block = read_header(stream.take(1024), size)
    stream.up_to(place, "the table")
    table = stream.take((4 * entries + SECTOR - 1) // SECTOR * SECTOR)
    if xen:
        read_batmap(stream, entries)
    with open(sys.argv[1], "wb") as out:
        for place, number in blocks_of(table, entries, xen):
            stream.up_to(place, f"block {number}")
            data = read_block(stream, block)
            out.seek(number * block)
            # Of the last block only what is on the disk counts.
            out.write(data[:size - number * block])
        out.truncate(size)
    want(stream.take(SECTOR) == front,
         "behind the last block is not the footer again")
    want(not stream.file.read(1), f"more bytes behind the end, {stream.pos}")
    print(stream.pos)


main()
