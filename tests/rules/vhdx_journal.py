# SPDX-License-Identifier: BSD-2-Clause
"""Pending logs of VHDX with any content (VHDX-LOG): entries, the ring that they
stand in, and headers that say that they count."""

import struct
import uuid

import vhdx_bytes as b
from vhdx_bytes import MIB, PAGE

LOG_GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
FIRST_SEQ = 0x100000001

# Of an entry, for edit(): name: (offset, format)
HEAD = {"signature": (0, "4s"), "len": (8, "I"), "tail": (12, "I"),
        "seq": (16, "Q"), "count": (24, "I"), "reserved": (28, "I"),
        "flushed": (48, "Q"), "last": (56, "Q")}


def edit(entry, **values):
    """An entry with other fields, sealed again."""
    data = bytearray(entry)
    for name, value in values.items():
        struct.pack_into("<" + HEAD[name][1], data, HEAD[name][0], value)
    return b.sealed(data)


def entry(seq, tail, flushed, last, changes=(), guid=LOG_GUID):
    """A log entry.  Each change is (offset, page of 4096 bytes) or, for zeros,
    (offset, length)."""
    area = -(-(64 + 32 * len(changes)) // PAGE) * PAGE
    descs, sectors = b"", b""
    for off, what in changes:
        if isinstance(what, int):
            descs += struct.pack("<4sIQQQ", b"zero", 0, what, off, seq)
            continue
        descs += struct.pack("<4s4s8sQQ", b"desc", what[-4:], what[:8], off,
                             seq)
        sectors += struct.pack("<4sI", b"data", seq >> 32) + what[8:-4] + \
            struct.pack("<I", seq & 0xFFFFFFFF)
    head = struct.pack("<4sIIIQII16sQQ", b"loge", 0, area + len(sectors), tail,
                       seq, len(changes), 0, guid.bytes_le, flushed, last)
    return b.sealed((head + descs).ljust(area, b"\0") + sectors)


def put(v, ring_off, data):
    """Write bytes into the ring, round its end if need be."""
    header = v.header(v.current())
    at, length = header["log_off"], header["log_len"]
    first = min(len(data), length - ring_off)
    v.write(at + ring_off, data[:first])
    v.write(at, data[first:])


def mark(v, guid=LOG_GUID):
    """Both headers say that the log counts."""
    v.set_headers(log_guid=guid)


def pend(v, *changes, flushed=None, last=None, seq=FIRST_SEQ, ring_off=0):
    """Make a log pending as Windows does: an entry that says nothing, then one
    with @changes.  The file is taken to be as long as it is, in whole MiB."""
    size = v.length() // MIB * MIB
    flushed = size if flushed is None else flushed
    last = size if last is None else last
    length = v.header(v.current())["log_len"]
    put(v, ring_off, entry(seq, ring_off, flushed, flushed))
    second = (ring_off + PAGE) % length
    put(v, second, entry(seq + 1, ring_off, flushed, last, changes))
    mark(v)


def page_with(v, off, data):
    """The page of the file that holds byte @off, with @data put there: a change
    for pend()."""
    at = off // PAGE * PAGE
    page = bytearray(v.read(at, PAGE))
    page[off - at:off - at + len(data)] = data
    return at, bytes(page)


def bat_change(v, **blocks):
    """A change of one page of the table: b3=(state, offset) sets block 3."""
    page, at = None, None
    for name, (state, off) in blocks.items():
        where = v.bat_off() + 8 * v.block_index(int(name[1:]))
        if page is None:
            at = where // PAGE * PAGE
            page = bytearray(v.read(at, PAGE))
        struct.pack_into("<Q", page, where - at, b.bat_entry(state, off))
    return at, bytes(page)


def hide_table(v, **more):
    """Put the table's first page into a pending log, and zeros in its place:
    the log alone knows of the blocks."""
    at = v.bat_off()
    page = v.read(at, PAGE)
    v.write(at, bytes(PAGE))
    pend(v, (at, page), **more)
