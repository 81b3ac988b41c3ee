# SPDX-License-Identifier: BSD-2-Clause
"""Sound VHDX images, built byte by byte: what the cases then break.

make() lays a file out as Windows does: header section, log at 1 MiB, metadata
at 2 MiB, table at 3 MiB, then blocks in the order of the disk, with nothing
left over, so that a check of it finds nothing to say.
"""

import os
import struct
import uuid

import vhdx_bytes as b
from vhdx_bytes import GIB, MIB

CREATOR = "tests/rules"
FILE_WRITE = uuid.UUID("11111111-2222-3333-4444-555555555555")
DATA_WRITE = uuid.UUID("66666666-7777-8888-9999-aaaaaaaaaaaa")
DISK_ID = uuid.UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
LOG_OFF, META_OFF, BAT_OFF = MIB, 2 * MIB, 3 * MIB


class Shape:
    """The numbers that follow from the sizes (VHDX-BAT)."""

    def __init__(self, size, block, sector):
        self.size, self.block, self.sector = size, block, sector
        self.ratio = (sector << 23) // block
        self.blocks = -(-size // block)
        self.chunks = -(-self.blocks // self.ratio)

    def bat_len(self):
        """Bytes of a table with room for sector bitmaps, whole MiB."""
        return -(-8 * self.chunks * (self.ratio + 1) // MIB) * MIB

    def block_index(self, blk):
        """Entry of a block."""
        return blk + blk // self.ratio

    def bitmap_index(self, chunk):
        """Entry of a sector bitmap."""
        return chunk * (self.ratio + 1) + self.ratio


def _headers(f, seq, log_guid, log_len, data_write):
    for copy in (0, 1):
        head = struct.pack("<4sIQ16s16s16sHHIQ", b"head", 0, seq + copy,
                           FILE_WRITE.bytes_le, data_write.bytes_le,
                           log_guid.bytes_le, 0, 1, log_len, LOG_OFF)
        f.seek(b.HEADER_OFF[copy])
        f.write(b.sealed(head.ljust(b.HEADER_LEN, b"\0")))


def _regions(f, bat_len):
    table = struct.pack("<4sIII", b"regi", 0, 2, 0)
    for guid, off, length in ((b.BAT_GUID, BAT_OFF, bat_len),
                              (b.METADATA_GUID, META_OFF, MIB)):
        table += struct.pack("<16sQII", guid.bytes_le, off, length, 1)
    for at in b.REGIONS_OFF:
        f.seek(at)
        f.write(b.sealed(table.ljust(b.REGIONS_LEN, b"\0")))


def _metadata(f, items):
    table = struct.pack("<8sHH20s", b"metadata", 0, len(items), b"")
    at, data = b.TABLE_LEN, b""
    for name, item in items.items():
        table += struct.pack("<16sIIII", b.ITEMS[name].bytes_le, at, len(item),
                             b.ITEM_FLAGS[name], 0)
        at += len(item)
        data += item
    f.seek(META_OFF)
    f.write(table)
    f.seek(META_OFF + b.TABLE_LEN)
    f.write(data)


def _items(shape, flags, physical, pairs):
    items = {
        "params": struct.pack("<II", shape.block, flags),
        "size": struct.pack("<Q", shape.size),
        "sector": struct.pack("<I", shape.sector),
        "physical": struct.pack("<I", physical),
        "id": DISK_ID.bytes_le,
    }
    if pairs:
        items["locator"] = b.locator_item(pairs)
    return items


def link(parent, **more):
    """What a locator says of @parent: name and DataWriteGuid."""
    with b.Vhdx(parent) as v:
        guid = v.header(v.current())["data_write"]
    return {"parent_linkage": f"{{{guid}}}",
            "relative_path": ".\\" + os.path.basename(parent), **more}


def _place(f, shape, runs, states, pairs, end):
    """Blocks with data go to the end of the file, one after the other; gives
    the table's entries, the bitmaps, and where the file ends."""
    entries = {shape.block_index(blk): (state, 0)
               for blk, state in states.items()}
    bitmaps, bits = {}, shape.block // shape.sector
    touched = {blk for off, data in runs for blk in
               range(off // shape.block, (off + len(data) - 1) // shape.block
                     + 1)}
    holders = touched | {blk for blk, state in states.items()
                         if state in (b.FULL, b.PARTIAL)}
    for blk in sorted(holders):
        state = states.get(blk, b.FULL)
        entries[shape.block_index(blk)] = (state, end)
        for off, data in runs:
            first = max(off, blk * shape.block)
            last = min(off + len(data), (blk + 1) * shape.block)
            if first >= last:
                continue
            f.seek(end + first % shape.block)
            f.write(data[first - off:last - off])
            if state == b.PARTIAL and pairs:
                bitmap = bitmaps.setdefault(blk // shape.ratio, set())
                at = blk % shape.ratio * bits
                bitmap.update(range(
                    at + first % shape.block // shape.sector,
                    at + (last - blk * shape.block) // shape.sector))
        end += shape.block
    return entries, bitmaps, end


def _bitmap(bits):
    data = bytearray(MIB)
    for bit in bits:
        data[bit >> 3] |= 1 << (bit & 7)
    return bytes(data)


def make(path, size, block=MIB, sector=512, physical=4096, fixed=False,
         runs=(), states=None, pairs=None, seq=2, log_len=MIB,
         log_guid=b.NO_GUID, data_write=DATA_WRITE, creator=CREATOR,
         first_block=0):
    """Write a sound image.

    @runs is the disk's data, [(offset, bytes)]; @states what blocks are when
    it does not follow from that; @pairs the parent locator of a child.  Blocks
    follow the table, or begin at @first_block."""
    shape, states = Shape(size, block, sector), dict(states or {})
    if fixed:
        states = {blk: b.FULL for blk in range(shape.blocks)}
    flags = b.PARAM_FIXED * fixed | b.PARAM_PARENT * bool(pairs)
    with open(path, "w+b") as f:
        f.write(b"vhdxfile" + creator.encode("utf-16-le"))
        _headers(f, seq, log_guid, log_len, data_write)
        _regions(f, shape.bat_len())
        _metadata(f, _items(shape, flags, physical, pairs))
        end = max(BAT_OFF + shape.bat_len(), first_block)
        entries, bitmaps, end = _place(f, shape, runs, states, pairs, end)
        for chunk, bits in sorted(bitmaps.items()):
            entries[shape.bitmap_index(chunk)] = (b.FULL, end)
            f.seek(end)
            f.write(_bitmap(bits))
            end += MIB
        for index, (state, off) in entries.items():
            f.seek(BAT_OFF + 8 * index)
            f.write(struct.pack("<Q", b.bat_entry(state, off)))
        f.truncate(end)


def golden(path):
    """The image of VHDX-TST-01: 10 GiB without a block, SHA-256 ce78bca3..."""
    make(path, 10 * GIB, 32 * MIB, seq=0, creator="golden")
