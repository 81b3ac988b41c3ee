#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""golden.py VHD_UTIL: the builder of the VHDX cases can be trusted.

It makes the golden images of the format's notes bit for bit (VHDX-TST-01), and
its sound images read as the bytes that were put into them."""

import hashlib
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

# pylint: disable=wrong-import-position
import vhdx_bases as bases  # noqa: E402
import vhdx_bytes as b  # noqa: E402
import vhdx_journal as journal  # noqa: E402
from case import Builder  # noqa: E402
from harness import Report, expect, must, same_content  # noqa: E402
from harness import write_sparse  # noqa: E402
from vhdx_bytes import GIB, MIB  # noqa: E402
from vhdx_make import golden, make  # noqa: E402

EMPTY = "ce78bca38166f525b5ad2063475c23061fe65017e6fb6d12eee6050387f1b5db"
DIRTY = "d2cb9f2cab1cad7eb4e033af1de14dbda9d0bd4d1807782762c8e9885e3ddbc8"

# What a guest reads: the parent's data, then the child's over it.
PLAIN = ((bases.DISK, bases.RUNS),)
CHILD = PLAIN + ((bases.DISK, bases.CHILD_RUNS +
                  ((2 * MIB, bytes(MIB)),)),)
CONTENT = {
    "dynamic": PLAIN, "sectors_4k": PLAIN, "child": CHILD, "child_4k": CHILD,
    "child_of_two_names": CHILD,
    "two_chunks": ((5 * GIB, bases.TWO_CHUNKS),),
    "over_4_gib": ((5 * GIB, bases.TWO_CHUNKS),),
}


def digest(path):
    """SHA-256 of a file."""
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def empty(folder):
    """VHDX-TST-01, first image."""
    path = os.path.join(folder, "empty.vhdx")
    golden(path)
    expect(digest(path) == EMPTY, f"SHA-256 is {digest(path)}")


def dirty(folder):
    """VHDX-TST-01, third image: three entries in the log."""
    path = os.path.join(folder, "dirty.vhdx")
    make(path, 10 * GIB, 32 * MIB, creator="golden",
         log_guid=journal.LOG_GUID)
    with b.Vhdx(path) as v:
        first = [journal.bat_change(v, b0=(b.ZERO, 0))]
        second = [journal.bat_change(v, b0=(b.FULL, 4 * MIB),
                                     b319=(b.ZERO, 0))]
        journal.put(v, 0, journal.entry(0x100000001, 0, 4 * MIB, 4 * MIB))
        journal.put(v, 0x1000, journal.entry(
            0x100000002, 0x1000, 4 * MIB, 4 * MIB, first))
        journal.put(v, 0x3000, journal.entry(
            0x100000003, 0x1000, 4 * MIB, 36 * MIB, second))
    expect(digest(path) == DIRTY, f"SHA-256 is {digest(path)}")


def reads(util, name, folder):
    """A base gives the bytes that were put into it."""
    folder = os.path.join(folder, name)
    os.makedirs(folder)
    path = getattr(bases, name)(Builder(folder, None))
    layers = CONTENT[name]
    want, got = path + ".want", path + ".got"
    write_sparse(want, layers[-1][0], [r for _, runs in layers for r in runs])
    must(util, "convert", "--no-progress", "--format", "raw", path, got)
    expect(os.stat(got).st_size == os.stat(want).st_size, "another size")
    where = same_content(want, got)
    expect(where is None, f"reads other bytes at {where}")


def main():
    """Runs all of them."""
    report = Report("golden")
    folder = tempfile.mkdtemp(prefix="vhd-golden.")
    try:
        report.case("empty", empty, folder)
        report.case("dirty", dirty, folder)
        for name in CONTENT:
            report.case(name, reads, sys.argv[1], name, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish()


if __name__ == "__main__":
    main()
