# SPDX-License-Identifier: BSD-2-Clause
"""The bytes of a VHDX file, by the letter of MS-VHDX and sharing nothing with
the library: every structure as named fields in a file that can be read and set
to anything, and the checksums that make it hold together again.

    with Vhdx(path) as v:
        v.header(0)["version"] = 2
        v.seal_header(0)

A field takes an integer, bytes, or a UUID where there is a GUID.  Nothing is
checked: what is written may be as wrong as a test wants it to be.
"""

import functools
import os
import struct
import uuid

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

IDENT_OFF = 0
HEADER_OFF = (64 * KIB, 128 * KIB)
HEADER_LEN = 4 * KIB
REGIONS_OFF = (192 * KIB, 256 * KIB)
REGIONS_LEN = 64 * KIB
TABLE_LEN = 64 * KIB  # of the metadata region
PAGE = 4 * KIB

NO_GUID = uuid.UUID(int=0)
BAT_GUID = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA_GUID = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
LOCATOR_TYPE = uuid.UUID("b04aefb7-d19e-4a81-b789-25b8e9445913")
INCOMPLETE_GUID = uuid.UUID("71cc85f0-1b69-4e28-9558-c3bf83ae75d3")
ITEMS = {
    "params": uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b"),
    "size": uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8"),
    "sector": uuid.UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f"),
    "physical": uuid.UUID("cda348c7-445d-4471-9cc9-e9885251c556"),
    "id": uuid.UUID("beca12ab-b2e6-4523-93ef-c309e000c746"),
    "locator": uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c"),
}

# Block states; a sector bitmap has NOT_PRESENT or FULL.
NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, RESERVED_4, DRAFT_5, FULL, PARTIAL = \
    range(8)

# name: (offset, struct format without byte order, or "guid")
IDENT = {"signature": (0, "8s"), "creator": (8, "512s"), "tail": (520, "16s")}
HEADER = {
    "signature": (0, "4s"), "checksum": (4, "I"), "seq": (8, "Q"),
    "file_write": (16, "guid"), "data_write": (32, "guid"),
    "log_guid": (48, "guid"), "log_version": (64, "H"), "version": (66, "H"),
    "log_len": (68, "I"), "log_off": (72, "Q"), "reserved": (80, "16s"),
}
REGIONS = {"signature": (0, "4s"), "checksum": (4, "I"), "count": (8, "I"),
           "reserved": (12, "I")}
REGION = {"guid": (0, "guid"), "off": (16, "Q"), "len": (24, "I"),
          "required": (28, "I")}
TABLE = {"signature": (0, "8s"), "reserved": (8, "H"), "count": (10, "H"),
         "reserved2": (12, "20s")}
ENTRY = {"guid": (0, "guid"), "off": (16, "I"), "len": (20, "I"),
         "flags": (24, "I"), "reserved": (28, "I")}
PARAMS = {"block": (0, "I"), "flags": (4, "I")}
LOCATOR = {"type": (0, "guid"), "reserved": (16, "H"), "count": (18, "H")}
PAIR = {"key_off": (0, "I"), "value_off": (4, "I"), "key_len": (8, "H"),
        "value_len": (10, "H")}

PARAM_FIXED, PARAM_PARENT = 1, 2
META_USER, META_DISK, META_REQUIRED = 1, 2, 4
ITEM_FLAGS = {"params": 4, "size": 6, "sector": 6, "physical": 6, "id": 6,
              "locator": 4}


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


@functools.lru_cache(maxsize=256)
def crc32c(data):
    """CRC-32C of bytes: 123456789 gives e3069283."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def sealed(data):
    """@data with the right checksum, which all structures have at offset 4."""
    data = bytes(data)
    crc = crc32c(data[:4] + bytes(4) + data[8:])
    return data[:4] + struct.pack("<I", crc) + data[8:]


class Fields:
    """One structure: named fields at a place in a file."""

    def __init__(self, fd, at, layout):
        self.fd, self.at, self.layout = fd, at, layout

    def place(self, name):
        """Byte of the file where a field begins."""
        return self.at + self.layout[name][0]

    def __getitem__(self, name):
        off, fmt = self.layout[name]
        if fmt == "guid":
            return uuid.UUID(bytes_le=os.pread(self.fd, 16, self.at + off))
        data = os.pread(self.fd, struct.calcsize("<" + fmt), self.at + off)
        return struct.unpack("<" + fmt, data)[0]

    def __setitem__(self, name, value):
        off, fmt = self.layout[name]
        data = value.bytes_le if fmt == "guid" else struct.pack("<" + fmt,
                                                                value)
        os.pwrite(self.fd, data, self.at + off)

    def update(self, **values):
        """Set several fields."""
        for name, value in values.items():
            self[name] = value


def bat_entry(state, off=0, reserved=0):
    """An entry of the table; @off in bytes."""
    return off & ~0xFFFFF | reserved << 3 | state


class Vhdx:
    """A file and what is in it.  Places are read anew at each use, so that
    they follow what a test has moved."""

    def __init__(self, path):
        self.path = path
        self.fd = None

    def __enter__(self):
        self.fd = os.open(self.path, os.O_RDWR)
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    # bytes of the file

    def read(self, off, length):
        """Bytes of the file; zeros past its end."""
        return os.pread(self.fd, length, off).ljust(length, b"\0")

    def write(self, off, data):
        """Overwrite bytes of the file."""
        while data:
            done = os.pwrite(self.fd, data, off)
            off, data = off + done, data[done:]

    def length(self):
        """Length of the file."""
        return os.fstat(self.fd).st_size

    def truncate(self, length):
        """Make the file shorter or longer."""
        os.ftruncate(self.fd, length)

    # header section

    def ident(self):
        """The file type identifier."""
        return Fields(self.fd, IDENT_OFF, IDENT)

    def header(self, copy):
        """Header 0 or 1."""
        return Fields(self.fd, HEADER_OFF[copy], HEADER)

    def current(self):
        """Number of the header that counts, of two sound ones."""
        return int(self.header(1)["seq"] > self.header(0)["seq"])

    def seal_header(self, copy):
        """Make the checksum of a header right."""
        at = HEADER_OFF[copy]
        self.write(at, sealed(self.read(at, HEADER_LEN)))

    def set_headers(self, **values):
        """Set fields of both headers and seal them."""
        for copy in (0, 1):
            self.header(copy).update(**values)
            self.seal_header(copy)

    def regions(self, copy=0):
        """Region table 0 or 1."""
        return Fields(self.fd, REGIONS_OFF[copy], REGIONS)

    def region(self, index, copy=0):
        """An entry of a region table."""
        return Fields(self.fd, REGIONS_OFF[copy] + 16 + 32 * index, REGION)

    def seal_regions(self, copies=(0, 1)):
        """Make the checksums of region tables right."""
        for copy in copies:
            at = REGIONS_OFF[copy]
            self.write(at, sealed(self.read(at, REGIONS_LEN)))

    def find_region(self, guid, copy=0):
        """The entry of a region; the first copy, or the one that is sound."""
        for index in range(min(self.regions(copy)["count"], 2047)):
            region = self.region(index, copy)
            if region["guid"] == guid:
                return region
        raise KeyError(guid)

    def set_region(self, guid, **values):
        """Set fields of a region in both tables and seal them."""
        for copy in (0, 1):
            self.find_region(guid, copy).update(**values)
        self.seal_regions()

    def add_region(self, guid, off, length, required):
        """Append a region to both tables."""
        for copy in (0, 1):
            count = self.regions(copy)["count"]
            self.region(count, copy).update(
                guid=guid, off=off, len=length, required=required)
            self.regions(copy)["count"] = count + 1
        self.seal_regions()

    # metadata

    def meta_off(self):
        """Where the metadata region begins."""
        return self.find_region(METADATA_GUID)["off"]

    def table(self):
        """Header of the metadata table."""
        return Fields(self.fd, self.meta_off(), TABLE)

    def entry(self, index):
        """An entry of the metadata table, by number."""
        return Fields(self.fd, self.meta_off() + 32 + 32 * index, ENTRY)

    def item_entry(self, name):
        """The entry of a known item."""
        for index in range(self.table()["count"]):
            if self.entry(index)["guid"] == ITEMS[name]:
                return self.entry(index)
        raise KeyError(name)

    def item_off(self, name):
        """Byte of the file where an item begins."""
        return self.meta_off() + self.item_entry(name)["off"]

    def item(self, name):
        """Bytes of an item."""
        return self.read(self.item_off(name), self.item_entry(name)["len"])

    def set_item(self, name, data):
        """Overwrite the first bytes of an item."""
        self.write(self.item_off(name), data)

    def set_number(self, name, value):
        """Set an item that is a number: the size has 8 bytes, others 4."""
        self.set_item(name, struct.pack("<Q" if name == "size" else "<I",
                                        value))

    def params(self):
        """The file parameters."""
        return Fields(self.fd, self.item_off("params"), PARAMS)

    def add_entry(self, guid, off, length, flags):
        """Append an entry to the metadata table; gives its number."""
        count = self.table()["count"]
        self.entry(count).update(guid=guid, off=off, len=length, flags=flags,
                                 reserved=0)
        self.table()["count"] = count + 1
        return count

    def drop_entry(self, name):
        """Take a known item out of the metadata table."""
        gone, last = self.item_entry(name), self.table()["count"] - 1
        self.write(gone.at, self.read(self.entry(last).at, 32))
        self.write(self.entry(last).at, bytes(32))
        self.table()["count"] = last

    # parent locator

    def locator(self):
        """Header of the parent locator."""
        return Fields(self.fd, self.item_off("locator"), LOCATOR)

    def pair(self, index):
        """An entry of the parent locator."""
        return Fields(self.fd, self.item_off("locator") + 20 + 12 * index,
                      PAIR)

    def pairs(self):
        """What the parent locator says, as a dict in its order."""
        data, found = self.item("locator"), {}
        for index in range(self.locator()["count"]):
            key, value, klen, vlen = struct.unpack_from("<IIHH", data,
                                                        20 + 12 * index)
            found[data[key:key + klen].decode("utf-16-le")] = \
                data[value:value + vlen].decode("utf-16-le")
        return found

    def set_pairs(self, pairs):
        """Write another parent locator in place of the one that is there."""
        data = locator_item(pairs)
        self.set_item("locator", data)
        self.item_entry("locator")["len"] = len(data)

    # table and blocks

    def shape(self):
        """Block size, sector size, disk size, chunk ratio."""
        block = self.params()["block"]
        sector = struct.unpack("<I", self.item("sector"))[0]
        size = struct.unpack("<Q", self.item("size"))[0]
        return block, sector, size, (sector << 23) // block

    def bat_off(self):
        """Where the table begins."""
        return self.find_region(BAT_GUID)["off"]

    def block_index(self, blk):
        """Entry of a payload block."""
        return blk + blk // self.shape()[3]

    def bitmap_index(self, chunk):
        """Entry of a sector bitmap."""
        ratio = self.shape()[3]
        return chunk * (ratio + 1) + ratio

    def get_bat(self, index):
        """An entry of the table: (state, offset)."""
        raw = struct.unpack("<Q", self.read(self.bat_off() + 8 * index, 8))[0]
        return raw & 7, raw & ~0xFFFFF

    def set_bat(self, index, state, off=0, reserved=0):
        """Set an entry of the table."""
        self.write(self.bat_off() + 8 * index,
                   struct.pack("<Q", bat_entry(state, off, reserved)))

    def get_block(self, blk):
        """State and place of a payload block."""
        return self.get_bat(self.block_index(blk))

    def set_block(self, blk, state, off=0, reserved=0):
        """Set state and place of a payload block."""
        self.set_bat(self.block_index(blk), state, off, reserved)

    def set_bits(self, blk, first, count, value=1):
        """Set bits of a block's part of its sector bitmap."""
        block, sector, _, ratio = self.shape()
        at = self.get_bat(self.bitmap_index(blk // ratio))[1]
        bit = blk % ratio * (block // sector) + first
        data = bytearray(self.read(at + bit // 8, bit % 8 + count + 7 >> 3))
        for i in range(bit % 8, bit % 8 + count):
            data[i >> 3] = data[i >> 3] & ~(1 << (i & 7)) | value << (i & 7)
        self.write(at + bit // 8, bytes(data))


def edit(function):
    """A damage for a case: @function gets the file as a Vhdx."""
    def damage(path):
        with Vhdx(path) as v:
            function(v)
    return damage


def steps(*damages):
    """A damage of several parts, each of which gets the path."""
    def damage(path):
        for part in damages:
            part(path)
    return damage


def locator_item(pairs, kind=LOCATOR_TYPE):
    """A parent locator: strings packed behind the entries, without NULs."""
    at = 20 + 12 * len(pairs)
    head, strings = struct.pack("<16sHH", kind.bytes_le, 0, len(pairs)), b""
    for pair in pairs.items():
        key, value = (text.encode("utf-16-le") for text in pair)
        head += struct.pack("<IIHH", at, at + len(key), len(key), len(value))
        strings += key + value
        at += len(key) + len(value)
    return head + strings
