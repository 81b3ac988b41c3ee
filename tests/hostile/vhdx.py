# SPDX-License-Identifier: BSD-2-Clause
"""VHDX files by the letter, and against it."""

import struct
import uuid

from crc32c import crc32c
from sparse import write

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
BAT = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le
META = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
PARAMS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
SIZE = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le
LSS = uuid.UUID("8141bf1d-a96f-4709-ba47-f233a8faab5f").bytes_le
PSS = uuid.UUID("cda348c7-445d-4471-9cc9-e9885251c556").bytes_le
DISK_ID = uuid.UUID("beca12ab-b2e6-4523-93ef-c309e000c746").bytes_le
LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le
LOCATOR_TYPE = uuid.UUID("b04aefb7-d19e-4a81-b789-25b8e9445913").bytes_le
LOG_OFF, META_OFF, BAT_OFF = MIB, 2 * MIB, 3 * MIB
LOG_ID = uuid.UUID(int=0x10c).bytes_le


def guid(n):
    return uuid.UUID(int=0xd15c << 64 | n)


def seal(buf):
    buf[4:8] = bytes(4)
    buf[4:8] = struct.pack("<I", crc32c(bytes(buf)))
    return bytes(buf)


def header(seq=1, ident=1, log=False, log_off=LOG_OFF, log_len=MIB, version=1):
    buf = bytearray(4096)
    buf[0:4] = b"head"
    struct.pack_into("<Q", buf, 8, seq)
    buf[16:32] = guid(ident + 1000000).bytes_le
    buf[32:48] = guid(ident).bytes_le
    buf[48:64] = LOG_ID if log else bytes(16)
    struct.pack_into("<HHIQ", buf, 64, 0, version, log_len, log_off)
    return seal(buf)


def region(ident, off, length, required=1):
    return ident + struct.pack("<QII", off, length, required)


def regions(entries, count=None):
    buf = bytearray(64 * KIB)
    buf[0:4] = b"regi"
    struct.pack_into("<I", buf, 8, len(entries) if count is None else count)
    raw = b"".join(entries)[:len(buf) - 16]
    buf[16:16 + len(raw)] = raw
    return seal(buf)


def item(ident, data, flags=6, off=None, length=None):
    return ident, data, flags, off, length


def metadata(items, count=None):
    """The table and the items behind it, packed from 64 KiB on."""
    table = bytearray(64 * KIB)
    table[0:8] = b"metadata"
    struct.pack_into("<H", table, 10, len(items) if count is None else count)
    body = b""
    for i, (ident, data, flags, off, length) in enumerate(items):
        where = 64 * KIB + len(body) if off is None else off
        size = len(data) if length is None else length
        if 64 + 32 * i <= len(table):
            table[32 + 32 * i:64 + 32 * i] = ident + struct.pack(
                "<IIII", where if size else 0, size, flags, 0)
        body += data
    return bytes(table) + body


def basic(size=GIB, block=MIB, sector=512, physical=4096, flags=0):
    return [item(PARAMS, struct.pack("<II", block & 0xffffffff, flags), 4),
            item(SIZE, struct.pack("<Q", size & (1 << 64) - 1)),
            item(LSS, struct.pack("<I", sector)),
            item(PSS, struct.pack("<I", physical)),
            item(DISK_ID, guid(7).bytes_le)]


def locator(pairs):
    """The item of a differencing image."""
    fixed = 20 + 12 * len(pairs)
    entries, text = b"", b""
    for key, value in pairs:
        raw_key, raw_value = (s.encode("utf-16-le") for s in (key, value))
        at = fixed + len(text)
        entries += struct.pack("<IIHH", at, at + len(raw_key), len(raw_key),
                               len(raw_value))
        text += raw_key + raw_value
    return (LOCATOR_TYPE + struct.pack("<HH", 0, len(pairs)) + entries + text)


def bat_region(entries):
    """Bytes of a region that holds so many entries."""
    return max(MIB, -(-8 * entries // MIB) * MIB)


def entries_of(size, block, sector=512):
    """For an image that may have a parent."""
    ratio = (1 << 23) * sector // block
    blocks = -(-size // block)
    return -(-blocks // ratio) * (ratio + 1)


def build(path, items=None, bat=b"", bat_len=MIB, log=None, pieces=(),
          end=None, ident=1, heads=None, tables=None, meta=None):
    """A file of identifier, headers, log, metadata and table. @bat: bytes, or
    [(offset in the table, bytes)]; @log: bytes, which make it pending."""
    items = basic() if items is None else items
    meta = metadata(items) if meta is None else meta
    if heads is None:
        heads = (header(1, ident, log is not None),
                 header(2, ident, log is not None))
    if tables is None:
        one = regions([region(BAT, BAT_OFF, bat_len),
                       region(META, META_OFF, MIB)])
        tables = one, one
    parts = bat if isinstance(bat, list) else [(0, bat)]
    end = BAT_OFF + bat_len if end is None else end
    return write(path, end, [
        (0, b"vhdxfile" + "hostile".encode("utf-16-le")),
        (64 * KIB, heads[0]), (128 * KIB, heads[1]),
        (192 * KIB, tables[0]), (256 * KIB, tables[1]),
        (LOG_OFF, log or b""), (META_OFF, meta),
        *((BAT_OFF + off, data) for off, data in parts), *pieces])


def child(path, ident, parent, pairs, size=GIB):
    """A differencing image without blocks."""
    pairs = [("parent_linkage", f"{{{guid(parent)}}}")] + pairs
    items = basic(size, flags=2) + [item(LOCATOR, locator(pairs), 4)]
    return build(path, items, ident=ident)


def log_header(seq, length=4096, tail=0, count=0, flushed=4 * MIB,
               last=4 * MIB):
    return (b"loge" + bytes(4) + struct.pack("<IIQII", length, tail, seq,
                                             count, 0)
            + LOG_ID + struct.pack("<QQ", flushed, last))


def log_entry(seq, descriptors=(), data=(), **header_fields):
    """Zero descriptors are ("zero", offset, length), data ("desc", offset,
    page)."""
    raw = b""
    for kind, off, what in descriptors:
        edge = (bytes(4) + struct.pack("<Q", what) if kind == "zero"
                else what[4092:] + what[:8])
        raw += kind.encode() + edge + struct.pack("<QQ", off, seq)
        if kind == "desc":
            data = [*data, b"data" + struct.pack("<I", seq >> 32)
                    + what[8:4092] + struct.pack("<I", seq & 0xffffffff)]
    area = -(-(64 + len(raw)) // 4096) * 4096
    fields = {"length": area + 4096 * len(data),
              "count": len(descriptors), **header_fields}
    buf = bytearray((log_header(seq, **fields) + raw).ljust(area, b"\0")
                    + b"".join(data))
    return seal(buf)
