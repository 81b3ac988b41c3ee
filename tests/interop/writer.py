# SPDX-License-Identifier: BSD-2-Clause
"""A small writer of differencing images, by the letter of the specifications
and sharing nothing with the library: it puts sectors into a child that has no
blocks yet.  What a hypervisor would do, as far as readers can tell."""

import os
import struct
import uuid

MIB = 1 << 20
BAT_GUID = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le


def by_block(runs, block):
    """[(offset, data)] as {block number: [(offset in block, data)]}."""
    blocks = {}
    for off, data in runs:
        while data:
            inside = off % block
            n = min(len(data), block - inside)
            blocks.setdefault(off // block, []).append((inside, data[:n]))
            off, data = off + n, data[n:]
    return blocks


def write_vhd(path, runs):
    """A block is its sector bitmap, most significant bit first, then data."""
    with open(path, "r+b") as f:
        f.seek(-512, os.SEEK_END)
        end, footer = f.tell(), f.read(512)
        header = struct.unpack_from(">Q", footer, 16)[0]
        f.seek(header)
        head = f.read(1024)
        table = struct.unpack_from(">Q", head, 16)[0]
        block = struct.unpack_from(">I", head, 32)[0]
        bits = max(512, block // 512 // 8)
        for blk, parts in sorted(by_block(runs, block).items()):
            bitmap, payload = bytearray(bits), bytearray(block)
            for off, data in parts:
                payload[off:off + len(data)] = data
                for sec in range(off // 512, (off + len(data)) // 512):
                    bitmap[sec >> 3] |= 0x80 >> (sec & 7)
            f.seek(end)
            f.write(bitmap + payload)
            f.seek(table + 4 * blk)
            f.write(struct.pack(">I", end // 512))
            end += bits + block
        f.seek(end)
        f.write(footer)


def find_bat(f):
    f.seek(192 << 10)
    table = f.read(64 << 10)
    for i in range(struct.unpack_from("<I", table, 8)[0]):
        at = 16 + 32 * i
        if table[at:at + 16] == BAT_GUID:
            return struct.unpack_from("<Q", table, at + 16)[0]
    raise ValueError("no block allocation table")


def write_vhdx(path, runs, block, sector):
    """Blocks go to the end of the file in state 7, partially present; their
    chunk gets a sector bitmap, least significant bit first, in state 6."""
    ratio = (1 << 23) * sector // block
    with open(path, "r+b") as f:
        bat = find_bat(f)
        end = -(-f.seek(0, os.SEEK_END) // MIB) * MIB
        bitmaps = {}
        for blk, parts in sorted(by_block(runs, block).items()):
            chunk = blk // ratio
            bits = bitmaps.setdefault(chunk, bytearray(MIB))
            for off, data in parts:
                f.seek(end + off)
                f.write(data)
                first = (blk % ratio * block + off) // sector
                for sec in range(first, first + len(data) // sector):
                    bits[sec >> 3] |= 1 << (sec & 7)
            f.truncate(end + block)
            f.seek(bat + 8 * (blk + chunk))
            f.write(struct.pack("<Q", end | 7))
            end += block
        for chunk, bits in bitmaps.items():
            f.seek(end)
            f.write(bits)
            f.seek(bat + 8 * (chunk * (ratio + 1) + ratio))
            f.write(struct.pack("<Q", end | 6))
            end += MIB
