# SPDX-License-Identifier: BSD-2-Clause
"""Images to serve: one of each kind that can be written, and disks with
partitions on them."""

import struct

from server import MIB, vu  # which knows where the harness is
from harness import noise, write_sparse

SIZE = 40 * MIB
# The first bytes, some over the border of blocks, a lone sector, whole blocks.
RUNS = [(0, noise(1, 9000)), (2 * MIB - 700, noise(2, 1400)),
        (9 * MIB + 512, noise(3, 512)), (12 * MIB, noise(4, 4 * MIB)),
        (SIZE - 512, noise(5, 512))]
WRITABLE = {
    "fixed.vhd": ("--type", "fixed"),
    "dynamic.vhd": (),
    "small.vhd": ("--block-size", "512K"),
    "fixed.vhdx": ("--type", "fixed"),
    "dynamic.vhdx": (),
    "small.vhdx": ("--block-size", "1M"),
    "sector.vhdx": ("--logical-sector", "4096"),
}
CHILDREN = {"child.vhd": "base.vhd", "child.vhdx": "base.vhdx"}


def raw(name="data.raw", runs=None):
    write_sparse(name, SIZE, RUNS if runs is None else runs)
    with open(name, "rb") as f:
        return f.read()


def empty(name, size=SIZE):
    """An empty image of that kind; children get their parent as well."""
    if name in CHILDREN:
        parent = CHILDREN[name]
        raw("parent.raw")
        vu("convert", "--force", "--orphan", "--source-format", "raw", "parent.raw",
           parent)
        vu("create", "--force", "--parent", parent, name)
    else:
        vu("create", "--force", "--size", str(size), *WRITABLE[name], name)
    return name


def filled(name):
    """An image with data; returns the bytes of its disk."""
    empty(name)
    if name in CHILDREN:
        runs = [(3 * MIB + 100, noise(6, 5000)), (12 * MIB, noise(7, 70000))]
        disk = bytearray(raw("parent.raw"))
    else:
        runs, disk = RUNS, bytearray(SIZE)
    for off, data in runs:
        disk[off:off + len(data)] = data
        with open("run.bin", "wb") as f:
            f.write(data)
        vu("write", "--offset", str(off), name, "run.bin")
    return bytes(disk)


def mbr(parts):
    """A partition table with [(start, length)] in sectors, four at most."""
    sector = bytearray(512)
    for i, (start, length) in enumerate(parts):
        struct.pack_into("<B3sB3sII", sector, 446 + 16 * i, 0, b"\xfe\xff\xff",
                         0x83, b"\xfe\xff\xff", start, length)
    sector[510:] = b"\x55\xaa"
    return bytes(sector)
