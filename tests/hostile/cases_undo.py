# SPDX-License-Identifier: BSD-2-Clause
"""Hostile undo files: given to `repair --undo`, which overwrites what it is
told to. Whatever they say, a file that was not named stays as it is, and so does
the image unless every byte of the undo file is as it should be."""

import os
import shutil
import struct

import vhd
from case import case, variants
from crc32c import crc32c
from sparse import join, write

MAX64 = (1 << 64) - 1
PART, DATA, ZERO, HOLE, DONE, SPAN, NEW, BLANK, EDGE = (
    int.from_bytes(w, "little") for w in (
        b"PART", b"DATA", b"ZERO", b"HOLE", b"DONE", b"SPAN", b"NEW.", b"BLNK",
        b"EDGE"))
HEADER = 5632
IMAGE = "a.vhd"
REFUSED = [("undo", ["repair", "--undo"], [], (1,)),
           ("undo of an image", ["repair", "--undo"], ["{folder}/a.vhd"], (1,))]
UNNAMED = [("undo", ["repair", "--undo"], [], (1,))]
ANY = [("undo of an image", ["repair", "--undo"], ["{folder}/a.vhd"], (0, 1))]


def pad(data):
    return data + bytes(-len(data) % 512)


def seal(raw, at=4):
    raw = raw[:at] + bytes(4) + raw[at + 4:]
    return raw[:at] + struct.pack("<I", crc32c(raw)) + raw[at + 4:]


def header(length=2560, name=IMAGE, witnesses=0):
    raw = b"vhd undo" + struct.pack("<IIQ16sII16x", 0, 2, length, b"id",
                                    witnesses, len(name))
    raw = (raw + name.encode()).ljust(64 + 1024, b"\0")
    # Of the second page, which no record has anything of.
    raw += struct.pack("<QII", 4096, 0x5eed, 0) * min(witnesses, 272)
    return seal(raw.ljust(HEADER, b"\0"), 8)


def rec(kind, off, length, prev=0, data=b""):
    return seal(struct.pack("<IIQQQII", kind, 0, off, length, prev,
                            crc32c(data), 0)) + data


def part(records, length=2560, prev=0, said=None, new=None):
    """Of what was overwritten, and of what was written."""
    records += rec(SPAN, length, 0) if new is None else new
    return (pad(rec(PART, length, len(records) if said is None else said, prev))
            + pad(records))


def undo(folder, head, *rest):
    """The undo file beside an image, and a file of somebody else."""
    vhd.dynamic(join(folder, IMAGE), vhd.footer(), vhd.header())
    with open(join(folder, "victim"), "w", encoding="ascii") as f:
        f.write("not yours" * 1000)
    shutil.copy(join(folder, "victim"), join(folder, "evil"))
    os.symlink("victim", join(folder, "link"))
    os.mkdir(join(folder, "sub"))
    raw = head + b"".join(rest)
    return write(join(folder, "sub" if "/" in head[64:90].decode("latin-1")
                      else ".", "evil.undo"), len(raw), [(0, raw)])


EVIL = rec(DATA, 0, 512, data=b"evil" * 128)
MANY = b"".join(part(EVIL, prev=HEADER + 1536 * (i - 1) if i else 0)
                for i in range(4000))

BROKEN = {
    "nothing": b"", "a header alone": header(),
    "a header cut off": header()[:100],
    "a part of 2^64-1 bytes": header() + part(EVIL, said=MAX64),
    "a part of 2^63 bytes": header() + part(EVIL, said=1 << 63),
    "a part that is its own": header() + part(EVIL, prev=HEADER),
    "data of 2^64-1 bytes": header() + part(rec(DATA, 0, MAX64)),
    "data past the end": header() + part(rec(DATA, 2560, 4, data=b"evil")),
    "data across the end": header() + part(rec(DATA, 2048, 1024,
                                               data=b"evil" * 256)),
    "data inside a sector": header() + part(rec(DATA, 4, 4, data=b"evil")),
    "data at 2^64-512": header() + part(rec(DATA, MAX64 - 511, 4,
                                            data=b"evil")),
    "zeros of 2^63": header() + part(rec(ZERO, 0, 1 << 63)),
    "records that go back": header() + part(EVIL + EVIL),
    "an unknown record": header() + part(rec(0x12345678, 0, 4)),
    "an end of 2^64-1": header() + part(EVIL) + pad(rec(DONE, 2560, MAX64)),
    "no end of zeros": header() + part(rec(ZERO, 0, 0)),
    "an image of 2^63": header(1 << 63) + part(EVIL, 1 << 63),
    "2^32-1 witnesses": header(witnesses=(1 << 32) - 1) + part(EVIL),
    "nothing of what was written": header() + part(EVIL, new=b""),
    "two spans": header() + part(EVIL, new=rec(SPAN, 2560, 0) * 2),
    "a span of 2^64-1": header() + part(EVIL, new=rec(SPAN, 0, MAX64)),
    "a span past the image": header() + part(EVIL, new=rec(SPAN, 4096, 4096)),
    "a span before the image": header() + part(EVIL, new=rec(SPAN, 0, 512)),
    "sums of 2^64-512 bytes": header() + part(
        EVIL, new=rec(SPAN, 0, 2560) + rec(NEW, 0, MAX64 - 511)),
    "sums of 2^20 sectors that are not there": header() + part(
        EVIL, new=rec(SPAN, 0, 1 << 40) + rec(NEW, 0, 1 << 29)),
    "sums of half a sector": header() + part(
        EVIL, new=rec(SPAN, 0, 2560) + rec(NEW, 0, 768, data=bytes(4))),
    "zeros at 2^64-512": header() + part(
        EVIL, new=rec(SPAN, 0, 2560) + rec(BLANK, MAX64 - 511, 512)),
    "an edge of all": header() + part(
        EVIL, new=rec(SPAN, 0, 2560) + rec(EDGE, 0, 2560)),
    "what was overwritten after what was written": header() + part(
        b"", new=rec(SPAN, 2560, 0) + EVIL),
    # Whole, but of another image: this one has neither bytes like that.
    "another image's sums": header() + part(
        EVIL, new=rec(SPAN, 2560, 0) + rec(NEW, 0, 512, data=bytes(4))),
    "another image's length": header(2048) + part(EVIL, 2048),
    "another image's witnesses": header(witnesses=200) + part(EVIL),
}


@variants("undo file of", BROKEN, verbs=REFUSED, keep=(IMAGE, "victim"))
def broken(folder, raw):
    return undo(folder, raw)


# Whole, but what it names is not for it to write to.
@variants("undo file that names", {
    name: name for name in (
        "evil", "victim", "link", "../victim", "/etc/passwd", "sub/../victim", "..",
        ".", "", "/dev/null", "sub")},
    verbs=UNNAMED, keep=("victim", "evil"))
def naming(folder, name):
    if name == "evil":
        # It may be named, but is another image: the witness says so.
        return undo(folder, header(9000, name, 2), part(EVIL, 9000))
    return undo(folder, header(9000, name), part(EVIL, 9000))


@case("undo file of 4000 parts", verbs=ANY, keep=("victim",))
def parts(folder):
    return undo(folder, header(), MANY)


@case("undo file of a hole of 2^62", verbs=ANY, keep=("victim",))
def hole(folder):
    return undo(folder, header(1 << 62), part(rec(HOLE, 0, 1 << 62), 1 << 62))
