# SPDX-License-Identifier: BSD-2-Clause
"""Sound VHDs to be damaged, and damages that several cases share."""

import fcntl
import os
import shutil
import struct

from harness import noise, write_sparse
from vhd_bytes import SECTOR, Vhd, geometry

MIB = 1 << 20
BLOCK = 512 << 10
XEN_BLOCK = 2 * MIB
SIZE = 8 * BLOCK
FIXED = 2 * MIB
# Blocks that hold data; the disk has eight.
USED = (0, 1, 3, 6)


def disk_runs(seed, blocks=USED, block=BLOCK):
    """What a guest has written: most of each of these blocks."""
    return [(b * block, noise(f"{seed}{b}", block - 64 * SECTOR))
            for b in blocks]


def convert(b, name, seed, *options, size=SIZE, runs=None):
    raw = b.path(name + ".raw")
    write_sparse(raw, size, disk_runs(seed) if runs is None else runs)
    b.vu("convert", "--no-progress", "--no-sync", *options, raw, b.path(name))
    os.unlink(raw)
    return b.path(name)


def write(b, name, at, length):
    """A guest writes to an image."""
    with open(b.path("part"), "wb") as f:
        f.write(noise(f"{name}{at}", length))
    b.vu("write", "--no-progress", "--offset", at, b.path(name),
         b.path("part"))
    os.unlink(b.path("part"))


def dynamic(b):
    return convert(b, "disk.vhd", "dynamic", "--block-size", BLOCK)


def fixed(b):
    return convert(b, "disk.vhd", "fixed", "--type", "fixed", size=FIXED,
                   runs=disk_runs("fixed", (0, 1)))


def small_fixed(b):
    return convert(b, "disk.vhd", "small", "--type", "fixed", size=MIB,
                   runs=disk_runs("small", (0,), MIB))


def empty(b):
    """No block is allocated."""
    b.vu("create", "--no-sync", "--size", SIZE, "--block-size",
         BLOCK, b.path("disk.vhd"))
    return b.path("disk.vhd")


def xen(b):
    """Eight blocks of 2 MiB, a batmap."""
    return convert(b, "disk.vhd", "xen", "--for", "xen", size=8 * XEN_BLOCK,
                   runs=disk_runs("xen", block=XEN_BLOCK))


def child(b, *options):
    """disk.vhd over base.vhd: whole and partial blocks on both sides."""
    convert(b, "base.vhd", "base", "--block-size", BLOCK, *options)
    b.vu("create", "--no-sync", *options, "--parent", b.path("base.vhd"),
         b.path("disk.vhd"))
    for at in (BLOCK + 4096, 2 * BLOCK, 6 * BLOCK + 4096):
        write(b, "disk.vhd", at, 256 << 10)
    return b.path("disk.vhd")


def edit(function):
    """A damage from a function of the open Vhd."""
    def damage(path):
        with Vhd(path) as v:
            function(v)
    return damage


def footers(**fields):
    """Both footers say so, with right checksums."""
    return edit(lambda v: v.set_footers(**fields))


def header(**fields):
    return edit(lambda v: v.set_header(**fields))


def sized(size):
    """Another size of the disk, with all that goes with it."""
    c, h, s = geometry(size)
    return footers(current_size=size, original_size=size, cylinders=c,
                   heads=h, sectors=s)


def xen_empty(b):
    b.vu("create", "--no-sync", "--for", "xen", "--size", 8 * XEN_BLOCK,
         b.path("disk.vhd"))
    return b.path("disk.vhd")


def xen_child(b):
    """As child, with batmaps; block 3 is partial."""
    convert(b, "base.vhd", "base", "--for", "xen", size=8 * XEN_BLOCK,
            runs=disk_runs("xenbase", block=XEN_BLOCK))
    b.vu("create", "--no-sync", "--for", "xen", "--parent", b.path("base.vhd"),
         b.path("disk.vhd"))
    write(b, "disk.vhd", 3 * XEN_BLOCK + 4096, 64 << 10)
    return b.path("disk.vhd")


def xen_raw(b):
    """Beside the parent lies its content without a format, just as old."""
    path = xen_child(b)
    b.vu("convert", "--no-sync", b.path("base.vhd"), b.path("base.raw"))
    shutil.copystat(b.path("base.vhd"), b.path("base.raw"))
    return path


def xen_large(b):
    """The smallest disk with a map of two sectors."""
    b.vu("create", "--no-sync", "--for", "xen", "--size", (8192 + 16) * MIB,
         b.path("disk.vhd"))
    write(b, "disk.vhd", 0, 64 << 10)
    return b.path("disk.vhd")


def three(b):
    """disk.vhd over base.vhd over root.vhd."""
    convert(b, "root.vhd", "root", "--block-size", BLOCK)
    for parent, name in (("root", "base"), ("base", "disk")):
        b.vu("create", "--no-sync", "--parent", b.path(parent + ".vhd"),
             b.path(name + ".vhd"))
        write(b, name + ".vhd", BLOCK, 64 << 10)
    return b.path("disk.vhd")


def in_use(path):
    """Locks a file as a program does that writes to it: QEMU's bytes for what
    it does (100) and for what it does not share (200).  Returns what ends it.
    """
    f = open(path, "r+b")  # pylint: disable=consider-using-with
    for byte in (100, 101, 103, 200, 201, 202, 203):
        fcntl.fcntl(f, fcntl.F_OFD_SETLK, struct.pack(
            "hh4xqqi4x", fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0))
    return f.close
