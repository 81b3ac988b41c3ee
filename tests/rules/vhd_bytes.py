# SPDX-License-Identifier: BSD-2-Clause
"""The structures of a VHD as named fields, written from the format's
description and not from the library: footer and copy, dynamic header, block
allocation table, sector bitmaps, batmap, parent locators.

    with Vhd(path) as v:
        v.set_footers(features=0)         # both copies, sealed
        v.set_footer(saved_state=1)       # the trailing one only
        v.set_header(block_size=4096)     # sealed
        v.bat[3] = 5                      # a sector number, or UNUSED
        v.set_bitmap(3, bytes(512))
        v.set_locator(0, code=b"W2ru", data_length=20)

"seal=False" leaves the checksum as it was.  Numbers are big-endian in the file.
"""

import os

SECTOR = 512
UNUSED = 0xFFFFFFFF
NONE = 0xFFFFFFFFFFFFFFFF
COOKIE = b"conectix"
EPOCH = 946684800

# name: (offset, length, kind); kind "n" is a number, "b" is bytes.
FOOTER = {
    "cookie": (0, 8, "b"), "features": (8, 4, "n"), "version": (12, 4, "n"),
    "data_offset": (16, 8, "n"), "timestamp": (24, 4, "n"),
    "creator_app": (28, 4, "b"), "creator_version": (32, 4, "n"),
    "creator_os": (36, 4, "b"), "original_size": (40, 8, "n"),
    "current_size": (48, 8, "n"), "cylinders": (56, 2, "n"),
    "heads": (58, 1, "n"), "sectors": (59, 1, "n"),
    "disk_type": (60, 4, "n"), "checksum": (64, 4, "n"),
    "unique_id": (68, 16, "b"), "saved_state": (84, 1, "n"),
    "hidden": (85, 1, "n"), "reserved": (86, 426, "b"),
}
HEADER = {
    "cookie": (0, 8, "b"), "data_offset": (8, 8, "n"),
    "table_offset": (16, 8, "n"), "version": (24, 4, "n"),
    "max_entries": (28, 4, "n"), "block_size": (32, 4, "n"),
    "checksum": (36, 4, "n"), "parent_id": (40, 16, "b"),
    "parent_timestamp": (56, 4, "n"), "reserved": (60, 4, "n"),
    "parent_name": (64, 512, "b"), "locators": (576, 192, "b"),
    "reserved2": (768, 256, "b"),
}
LOCATOR = {
    "code": (0, 4, "b"), "data_space": (4, 4, "n"),
    "data_length": (8, 4, "n"), "reserved": (12, 4, "n"),
    "data_offset": (16, 8, "n"),
}
BATMAP = {
    "cookie": (0, 8, "b"), "offset": (8, 8, "n"), "size": (16, 4, "n"),
    "version": (20, 4, "n"), "checksum": (24, 4, "n"), "marker": (28, 1, "n"),
    "key_cookie": (29, 1, "n"), "key_nonce": (30, 32, "b"),
    "key_hash": (62, 32, "b"), "reserved": (94, 418, "b"),
}


class Fields:
    """Bytes seen through a layout; assignments change the bytes."""

    def __init__(self, raw, layout):
        object.__setattr__(self, "raw", bytearray(raw))
        object.__setattr__(self, "layout", layout)

    def __getattr__(self, name):
        off, length, kind = self.layout[name]
        part = bytes(self.raw[off:off + length])
        return int.from_bytes(part, "big") if kind == "n" else part

    def __setattr__(self, name, value):
        off, length, kind = self.layout[name]
        if kind == "n":
            value = (value % (1 << 8 * length)).to_bytes(length, "big")
        self.raw[off:off + length] = value.ljust(length, b"\0")[:length]

    def update(self, **fields):
        for name, value in fields.items():
            setattr(self, name, value)
        return self

    def seal(self):
        """VHD-F-30: complement of the sum of all bytes but the checksum's."""
        self.checksum = 0
        self.checksum = ~sum(self.raw)
        return self


def pad512(n):
    return -(-n // SECTOR) * SECTOR


def footer_fields(raw):
    return Fields(raw, FOOTER)


class Bat:
    """The table, an entry at a time."""

    def __init__(self, vhd):
        self.vhd = vhd

    def offset(self, block):
        return self.vhd.header.table_offset + 4 * block

    def __getitem__(self, block):
        return int.from_bytes(self.vhd.get(self.offset(block), 4), "big")

    def __setitem__(self, block, sector):
        self.vhd.put(self.offset(block), sector.to_bytes(4, "big"))

    def __len__(self):
        return self.vhd.header.max_entries

    def used(self):
        return [i for i in range(len(self)) if self[i] != UNUSED]


class Vhd:
    """A VHD file open for damage."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "r+b", buffering=0)
        self.bat = Bat(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    # Bytes.

    def get(self, off, length):
        return os.pread(self.file.fileno(), length, off)

    def put(self, off, data):
        os.pwrite(self.file.fileno(), data, off)

    def flip(self, off, mask=0xFF):
        self.put(off, bytes([self.get(off, 1)[0] ^ mask]))

    @property
    def size(self):
        return os.fstat(self.file.fileno()).st_size

    def truncate(self, size):
        os.ftruncate(self.file.fileno(), size)

    # Footer and copy.

    @property
    def tail(self):
        """Offset of the trailing footer."""
        return self.size - (511 if self.size % SECTOR == 511 else SECTOR)

    @property
    def footer(self):
        return Fields(self.get(self.tail, SECTOR).ljust(SECTOR, b"\0"), FOOTER)

    @property
    def copy(self):
        return Fields(self.get(0, SECTOR), FOOTER)

    @property
    def sparse(self):
        return self.copy.cookie == COOKIE and self.footer.disk_type != 2

    def set_footer(self, seal=True, **fields):
        """The trailing footer."""
        f, at = self.footer.update(**fields), self.tail
        self.put(at, bytes(f.seal().raw if seal else f.raw))

    def set_copy(self, seal=True, **fields):
        f = self.copy.update(**fields)
        self.put(0, bytes(f.seal().raw if seal else f.raw))

    def set_footers(self, seal=True, **fields):
        """Both, or the only one that a fixed disk has."""
        if self.sparse:
            self.set_copy(seal, **fields)
        self.set_footer(seal, **fields)

    def move_tail(self, to):
        """Puts the trailing footer at @to and ends the file behind it."""
        raw = bytes(self.footer.raw)
        self.put(self.tail, bytes(SECTOR))
        self.truncate(max(to, 0))
        self.put(to, raw)

    # Dynamic header.

    @property
    def header_off(self):
        return self.copy.data_offset

    @property
    def header(self):
        return Fields(self.get(self.header_off, 1024), HEADER)

    def set_header(self, seal=True, **fields):
        h = self.header.update(**fields)
        self.put(self.header_off, bytes(h.seal().raw if seal else h.raw))

    def reseal_header(self):
        self.set_header()

    # Locators.

    def locator(self, slot):
        return Fields(self.get(self.header_off + 576 + 24 * slot, 24), LOCATOR)

    def set_locator(self, slot, seal=True, **fields):
        loc = self.locator(slot).update(**fields)
        self.put(self.header_off + 576 + 24 * slot, bytes(loc.raw))
        if seal:
            self.reseal_header()

    def locator_text(self, slot):
        loc = self.locator(slot)
        return self.get(loc.data_offset, loc.data_length)

    # Table and blocks.

    @property
    def table_end(self):
        h = self.header
        return h.table_offset + pad512(4 * h.max_entries)

    @property
    def bitmap_len(self):
        return max(SECTOR, pad512(self.header.block_size // SECTOR // 8))

    @property
    def stride(self):
        return self.bitmap_len + self.header.block_size

    def block_off(self, block):
        """Offset of a block's bitmap."""
        return self.bat[block] * SECTOR

    def data_off(self, block):
        return self.block_off(block) + self.bitmap_len

    def bitmap(self, block):
        return self.get(self.block_off(block), self.bitmap_len)

    def set_bitmap(self, block, raw):
        self.put(self.block_off(block), raw)

    def data_end(self):
        """Behind the last block, or behind the metadata."""
        ends = [self.block_off(b) + self.stride for b in self.bat.used()]
        return max(ends + [self.table_end])

    # Batmap (Xen).

    @property
    def batmap_off(self):
        return self.table_end

    @property
    def batmap(self):
        return Fields(self.get(self.batmap_off, SECTOR), BATMAP)

    def set_batmap(self, **fields):
        b = self.batmap.update(**fields)
        self.put(self.batmap_off, bytes(b.raw))

    def map_covered(self):
        """VHD-X-6: bytes of the map that the checksum covers."""
        units = self.footer.current_size >> 24
        return SECTOR * max(1, -(-units // SECTOR))

    def reseal_map(self):
        b = self.batmap
        length = min(self.map_covered(), SECTOR * b.size)
        self.set_batmap(checksum=~sum(self.get(b.offset, length)))

    def set_map_bit(self, block, on=True, seal=True):
        at = self.batmap.offset + block // 8
        byte, mask = self.get(at, 1)[0], 0x80 >> block % 8
        self.put(at, bytes([byte | mask if on else byte & ~mask]))
        if seal:
            self.reseal_map()

    def map_bit(self, block):
        at = self.batmap.offset + block // 8
        return bool(self.get(at, 1)[0] & 0x80 >> block % 8)


def geometry(size):
    """VHD-C-1."""
    n = min(size // SECTOR, 65535 * 16 * 255)
    if n >= 65535 * 16 * 63:
        return n // 255 // 16, 16, 255
    spt, t = 17, n // 17
    heads = max(4, -(-t // 1024))
    if heads > 16 or t >= 1024 * heads:
        spt, heads, t = 31, 16, n // 31
        if t >= 16384:
            spt, t = 63, n // 63
    return t // heads, heads, spt
