#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The first line and the status of `check` for each fault that it has a sentence
for: one thing is broken in an image that is sound otherwise, its checksums
included.  And that the options let through what they are there for, and no
more."""

import os
import shutil
import struct
import sys
import time

from storage import BLOCK, call
from vhdfile import EPOCH
from harness import Failure, expect, scratch

HEADER, TABLE = 512, 1536
FRONT, BACK, BOTH = 1, 2, 3
FUTURE = int(time.time()) - EPOCH + 3600
NEAR = int(time.time()) - EPOCH + 600
OTHER = bytes(range(16))


def seal(data, at, length, field):
    """A right checksum for the structure at @at."""
    struct.pack_into(">I", data, at + field, 0)
    struct.pack_into(">I", data, at + field,
                     ~sum(data[at:at + length]) & 0xFFFFFFFF)


def put(data, at, value):
    data[at:at + len(value)] = value


def get(data, at, form):
    return struct.unpack_from(form, data, at)[0]


def be32(value):
    return struct.pack(">I", value)


def be64(value):
    return struct.pack(">Q", value)


# What breaks something: a function of the bytes.

def footer(at, value, where=BOTH, sealed=True):
    def change(data):
        for flag, start in ((FRONT, 0), (BACK, len(data) - 512)):
            if where & flag:
                put(data, start + at, value)
                if sealed:
                    seal(data, start, 512, 64)
    return change


def header(at, value, sealed=True):
    def change(data):
        put(data, HEADER + at, value)
        if sealed:
            seal(data, HEADER, 1024, 36)
    return change


def slot(number, at, value):
    return header(576 + 24 * number + at, value)


def entry(block, value):
    """@value: a sector, or a function of the bytes."""
    def change(data):
        sector = value(data) if callable(value) else value
        put(data, TABLE + 4 * block, be32(sector))
    return change


def place(block):
    return lambda data: get(data, TABLE + 4 * block, ">I")


def at_map(data):
    return TABLE + -(-get(data, HEADER + 28, ">I") * 4 // 512) * 512


def batmap(at, value):
    return lambda data: put(data, at_map(data) + at, value)


def batmap_bit(block):
    def change(data):
        at = at_map(data)
        start = get(data, at + 8, ">Q")
        data[start + block // 8] |= 0x80 >> block % 8
        put(data, at + 24, be32(~sum(data[start:start + 512]) & 0xFFFFFFFF))
    return change


def payload(number, text):
    """Another text in a locator."""
    def change(data):
        put(data, get(data, HEADER + 576 + 24 * number + 16, ">Q"), text)
        slot(number, 8, be32(len(text)))(data)
    return change


def length(by):
    def change(data):
        if by < 0:
            del data[by:]
        else:
            data.extend(bytes(by))
    return change


def stray(block, sector):
    """Data in a sector that the bitmap does not show."""
    def change(data):
        at = place(block)(data) * 512
        data[at + sector // 8] &= ~(0x80 >> sector % 8) & 0xff
        data[at + 512 + sector * 512 + 7] = 1
    return change


def all_of(*changes):
    def change(data):
        for one in changes:
            one(data)
    return change


P, B = "primary footer invalid: ", "backup footer invalid: "
H, D = "header is invalid: ", "differencing header is invalid: "

# Image, what is broken, options, first line.  None: it is valid.
FAULTS = [
    ("base", footer(0, b"x", BACK), "", P + "invalid cookie"),
    ("base", footer(0, b"v_poison"), "", P + "invalid cookie"),
    ("base", footer(0, b"v_poison"), "-i", B + "invalid cookie"),
    ("base", footer(20, b"xx", BACK, False), "", P + "invalid checksum"),
    ("base", footer(20, b"xx", FRONT, False), "", B + "invalid checksum"),
    ("base", footer(20, b"xx", FRONT, False), "-i", B + "invalid checksum"),
    ("base", footer(8, be32(0)), "", P + "invalid 'reserved' feature"),
    ("base", footer(8, be32(6)), "", P + "invalid extra features"),
    ("base", footer(8, be32(3)), "", None),
    ("base", footer(12, be32(0x20000)), "", P + "invalid file format version"),
    ("base", footer(16, be64(513)), "", P + "invalid data offset"),
    ("base", footer(16, be64(1 << 40)), "", P + "invalid data offset"),
    ("fixed", footer(16, be64(512), BACK), "", P + "invalid data offset"),
    ("base", footer(24, be32(FUTURE)), "", P + "creation time in future"),
    ("base", footer(24, be32(FUTURE)), "-t", None),
    ("base", footer(24, be32(NEAR)), "", None),
    ("base", footer(32, be32(0x10004)), "",
     P + "unsupported tap creator version"),
    ("base", footer(32, be32(1)), "", P + "unsupported tap creator version"),
    ("base", footer(56, bytes([255, 255, 16, 255])), "",
     P + "geometry too large"),
    ("base", footer(60, be32(7)), "", P + "invalid type"),
    ("base", footer(84, b"\2"), "", P + "invalid 'saved' state"),
    ("base", footer(84, b"\1"), "", None),
    ("base", footer(85, b"\2"), "", P + "invalid 'hidden' state"),
    ("base", footer(85, b"\1"), "", None),
    ("base", footer(200, b"\1"), "", P + "invalid 'reserved' bits"),
    ("base", footer(68, bytes(16)), "", P + "invalid (NULL) uuid"),
    ("base", footer(68, OTHER, BACK), "",
     "primary and backup footers do not match"),
    ("base", footer(68, OTHER, BACK), "-i", None),
    ("base", footer(0, bytes(512), BACK, False), "-i", None),
    ("fixed", footer(0, bytes(512), BACK, False), "", P + "invalid cookie"),
    ("fixed", footer(48, be64(1 << 30), BACK), "",
     P + "disk larger than file"),
    ("base", length(-512), "", P + "invalid cookie"),
    ("base", length(512), "", P + "invalid cookie"),
    ("base", header(0, b"x"), "", H + "invalid cookie"),
    ("base", header(300, b"x", False), "", H + "invalid checksum"),
    ("base", header(24, be32(0x10001)), "", H + "invalid header version"),
    ("base", header(8, be64(0)), "", H + "invalid data offset"),
    ("base", header(16, be64(1537)), "", H + "invalid table offset"),
    ("base", header(16, be64(0)), "", H + "invalid table offset"),
    ("base", header(16, be64(1 << 50)), "", H + "invalid table offset"),
    ("base", header(32, be32(3 << 20)), "", H + "invalid block size"),
    ("base", header(32, be32(0)), "", H + "invalid block size"),
    ("base", header(60, b"\1"), "", H + "invalid reserved bits"),
    ("base", header(1000, b"\1"), "", H + "invalid reserved bits"),
    ("base", header(28, be32(5)), "",
     "VHD size (8 blocks) exceeds BAT size (5)"),
    ("base", header(40, OTHER), "", D + "parent of a dynamic disk"),
    ("child", header(56, be32(FUTURE)), "", D + "invalid parent timestamp"),
    ("child", header(56, be32(FUTURE)), "-t", None),
    ("base", entry(3, 2), "",
     "block 3 (offset 0x2) clobbers headers"),
    ("base", entry(3, 0x100000), "",
     "block 3 (offset 0x100000) clobbers footer"),
    ("base", entry(3, lambda d: place(0)(d) + 1), "",
     lambda d: f"block 0 (offset 0x{place(0)(d):x}) clobbers block 3 "
               f"(offset 0x{place(0)(d) + 1:x})"),
    ("base", entry(3, place(0)), "",
     lambda d: f"block 0 (offset 0x{place(0)(d):x}) clobbers block 3 "
               f"(offset 0x{place(0)(d):x})"),
    ("base", entry(3, place(0)), "-B", None),
    ("base", entry(3, 2), "-B", "block 3 (offset 0x2) clobbers headers"),
    ("base", batmap(0, b"x"), "", "batmap is invalid: invalid cookie"),
    ("base", batmap(8, be64(1 << 40)), "",
     "batmap is invalid: invalid offset"),
    ("base", batmap(16, be32(0)), "", "batmap is invalid: invalid size"),
    ("base", batmap(20, be32(0x20000)), "",
     "batmap is invalid: invalid version"),
    ("base", batmap(24, be32(1)), "", "batmap is invalid: invalid checksum"),
    ("base", batmap_bit(6), "", "batmap shows unallocated block 6 full"),
    ("child", slot(0, 0, b"abcd"), "",
     "invalid parent locator 0: invalid platform code"),
    ("child", slot(0, 8, be32(0)), "",
     "invalid parent locator 0: invalid data length"),
    ("child", slot(1, 16, be64(1 << 40)), "",
     "invalid parent locator 1: invalid data offset"),
    ("child", slot(2, 4, be32(0)), "",
     "invalid parent locator 2: invalid data space"),
    ("child", slot(1, 0, b"MacX"), "",
     "duplicate platform code in locator 1: 0x4d616358"),
    ("child", payload(0, b"file://./b\x1bse.vhd"), "",
     "parent locator 0 name (b\\x1bse.vhd) does not match header name "
     "(base.vhd)"),
    ("child", payload(0, b"file://./gone/base.vhd"), "", None),
    ("child", header(40, OTHER), "",
     lambda d: f"invalid parent {os.getcwd()}/base.vhd: invalid parent uuid"),
    ("child", header(40, OTHER), "-I", None),
    ("base", stray(0, 11), "", None),
    ("base", stray(0, 11), "-b",
     "sector 0xb of block 0x0 has data where bitmap is clear"),
    ("child", stray(2, 4000), "-b",
     "sector 0xfa0 of block 0x2 has data where bitmap is clear"),
    ("base", lambda d: None, "-b", None),
    ("child", lambda d: None, "-b", None),
]


def must(*words, stdin=None):
    done = call(*words, stdin=stdin)
    expect(done.status == 0, f"{done.argv} ended with {done.status}: "
           f"{done.err.decode()}")


def write(name, off, count):
    must("write", "--orphan", "--no-progress", "--offset", off, name,
         stdin=b"x" * count)


def scene():
    must("create", "--for", "xen", "--size", "16M", "base.vhd")
    write("base.vhd", 0, 5000)
    write("base.vhd", 5 * BLOCK, 5000)
    must("create", "--for", "xen", "--parent", "base.vhd", "child.vhd")
    write("child.vhd", 2 * BLOCK, 4096)
    must("create", "--type", "fixed", "--size", "2M", "fixed.vhd")


def one(image, change, options, want):
    """A sentence about what is wrong, or None."""
    name = f"x-{image}.vhd"
    shutil.copy(f"{image}.vhd", name)
    with open(name, "r+b") as f:
        data = bytearray(f.read())
        change(data)
        f.seek(0)
        f.write(data)
        f.truncate()
    before = bytes(data)
    done = call("check", "-n", name, *options.split())
    with open(name, "rb") as f:
        expect(f.read() == before, "the image was written to")
    expect(not done.err, f"stderr: {done.err!r}")
    if want is None:
        expect(done.status == 0 and done.text == f"{name} is valid\n",
               f"it ended with {done.status}: {done.text[:300]}")
        return
    if callable(want):
        want = want(data)
    lines = done.text.split("\n")
    expect(lines[0] == want, f"the first line is: {lines[0]}")
    expect(done.status == 22, f"it ended with {done.status}")
    expect(lines[1] == f"{name} appears invalid; dumping metadata",
           f"the second line is: {lines[1]}")
    expect(all(b == 10 or 32 <= b < 127 for b in done.out),
           "unprintable bytes are printed")


def main():
    os.chdir(scratch("classic-check-faults"))
    scene()
    bad = 0
    for number, row in enumerate(FAULTS):
        image, _, options, want = row
        try:
            one(*row)
        except Failure as failure:
            bad += 1
            name = want if isinstance(want, str) else "row"
            print(f"{number}: {image} {options} ({name}): {failure}")
    os.chdir("..")
    shutil.rmtree("classic-check-faults")
    print(f"{len(FAULTS) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
