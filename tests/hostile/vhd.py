# SPDX-License-Identifier: BSD-2-Clause
"""VHD files by the letter, and against it: any field may be given any value."""

import struct

from sparse import write

SECTOR = 512
NONE64 = (1 << 64) - 1
UNUSED = 0xffffffff


def checksum(data, at):
    return ~sum(data[:at] + data[at + 4:]) & 0xffffffff


def put(buf, at, form, *values):
    struct.pack_into(">" + form, buf, at, *values)


def guid(n):
    """The n-th identity."""
    return struct.pack(">QQ", 0x5eed0000 + n, 0xcafe0000 + n)


def footer(size=16 << 20, kind=3, data_off=512, ident=1, **other):
    """@other: offset of a field as "at20" with (format, value)."""
    buf = bytearray(SECTOR)
    buf[0:8] = b"conectix"
    put(buf, 8, "IIQI", 2, 0x10000, NONE64 if kind == 2 else data_off,
        600000000)
    buf[28:32] = b"host"
    put(buf, 32, "I", 0x10000)
    buf[36:40] = b"Wi2k"
    put(buf, 40, "QQ", size & NONE64, size & NONE64)
    put(buf, 56, "HBB", min(size // SECTOR // 68, 65535), 4, 17)
    put(buf, 60, "I", kind)
    buf[68:84] = guid(ident)
    for name, (form, value) in other.items():
        put(buf, int(name[2:]), form, value)
    put(buf, 64, "I", checksum(buf, 64))
    return bytes(buf)


def locator(text=None, code=b"W2ru", off=0, space=SECTOR, length=None):
    """24 bytes; the text is placed by whoever calls."""
    if length is None:
        length = len(text or b"")
    return code + struct.pack(">IIIQ", space, length, 0, off)


def header(table_off=1536, entries=8, block=2 << 20, parent=0, name="",
           locators=(), **other):
    buf = bytearray(1024)
    buf[0:8] = b"cxsparse"
    put(buf, 8, "QQIII", NONE64, table_off, 0x10000, entries, block)
    if parent:
        buf[40:56] = guid(parent)
    raw = name if isinstance(name, bytes) else name.encode("utf-16-be")
    buf[64:64 + len(raw[:512])] = raw[:512]
    for i, one in enumerate(locators):
        buf[576 + 24 * i:600 + 24 * i] = one
    for field, (form, value) in other.items():
        put(buf, int(field[2:]), form, value)
    put(buf, 36, "I", checksum(buf, 36))
    return bytes(buf)


def table(entries):
    raw = struct.pack(f">{len(entries)}I", *entries)
    return raw + b"\xff" * (-len(raw) % SECTOR)


def dynamic(path, foot, head, bat=None, pieces=(), end=None):
    """Footer copy, header, table at 1536, pieces, footer at @end."""
    bat = table([UNUSED] * 8) if bat is None else bat
    if end is None:
        end = 1536 + len(bat)
        end = max([end] + [off + len(data) for off, data in pieces])
        end += -end % SECTOR
    return write(path, end + SECTOR, [(0, foot), (512, head), (1536, bat),
                                      *pieces, (end, foot)])


def child(path, ident, parent, names, size=16 << 20):
    """A differencing image without blocks; @names: (code, path) each."""
    pieces, locators, at = [], [], 2048
    for code, name in names:
        raw = name.encode("utf-8" if code == b"MacX" else "utf-16-le")
        space = -(-len(raw) // SECTOR) * SECTOR
        locators.append(locator(raw, code, at, space))
        pieces.append((at, raw))
        at += space
    foot = footer(size, 4, ident=ident)
    last = names[-1][1].replace("\\", "/").split("/")[-1] if names else ""
    head = header(parent=parent, name=last[:250], locators=locators)
    return dynamic(path, foot, head, pieces=pieces, end=at)
