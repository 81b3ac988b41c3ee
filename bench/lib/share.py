# SPDX-License-Identifier: BSD-2-Clause
"""Conversions where the file system can share blocks: XFS and Btrfs in files on
loop devices.

The disk is a file of random bytes and nine clones of it in one, so that making it
does not take longer than everything else; the extents are as many as if all had
been written.  Pieces of the results are compared; bench/share.py writes all and
compares all, beside what copies.
"""
import fcntl
import os
import random
import struct
import subprocess

from .common import Failed, GIB, MIB, output, remove, settle
from .inputs import make_dense
from .measure import timed
from .mounted import Mounted

FICLONERANGE = 0x4020940D
DIRECTIONS = [("raw", "fixed"), ("raw", "vhdx"), ("vhdx", "raw")]
TIMES = 10


def clones(path, size, seed):
    """A disk of @size, a tenth of it written."""
    part = size // TIMES
    make_dense(path, part, seed)
    settle(path)
    with open(path, "r+b") as f:
        for i in range(1, TIMES):
            fcntl.ioctl(f.fileno(), FICLONERANGE,
                        struct.pack("=qQQQ", f.fileno(), 0, part, i * part))
    settle(path)


def used(place):
    """Bytes in use, after everything got to where it goes."""
    output("sync", "-f", place)
    st = os.statvfs(place)
    return (st.f_blocks - st.f_bfree) * st.f_frsize


def piece(tools, path, fmt, off, length):
    """Bytes of a disk."""
    if fmt == "raw":
        with open(path, "rb", buffering=0) as f:
            return os.pread(f.fileno(), length, off)
    done = subprocess.run([tools.util, "read", "--no-progress", "--offset",
                           str(off), "--length", str(length), path],
                          stdout=subprocess.PIPE, check=False, timeout=60)
    return done.stdout


def compare(tools, raw, path, fmt, seed):
    """Whether pieces here and there are the same."""
    rng = random.Random(seed)
    size = os.stat(raw).st_size
    places = [0, size - MIB] + [rng.randrange(size // MIB) * MIB
                                for _ in range(62)]
    return all(piece(tools, raw, "raw", off, MIB) ==
               piece(tools, path, fmt, off, MIB) for off in places)


def one(tools, conversions, place, raw, src, dst, rounds, limit):
    path = raw if src == "raw" else os.path.join(place, f"src.{src}")
    out = os.path.join(place, f"out.{'vhd' if dst == 'fixed' else dst}")
    if not os.path.exists(path):
        output(tools.util, "convert", "--no-progress", raw, path)
    walls = []
    for turn in range(rounds):
        before = used(place)
        c = conversions.ours(src, dst, path, out=out)
        walls.append(timed(tools, c, limit).wall)
        if not turn:
            new = used(place) - before
            if not compare(tools, raw, out, dst, turn):
                raise Failed(f"{src} to {dst}: the bytes are wrong")
            if dst != "raw":
                output(tools.util, "check", "--quiet", out)
        remove(out)
    return {"direction": f"{src}-{dst}", "seconds": sorted(walls)[rounds // 2],
            "new": max(new, 0), "data": os.stat(raw).st_size}


def share(tools, conversions, folder, fs, opts):
    """A row for each direction."""
    size = TIMES * opts.size // MIB * MIB
    rows = []
    with Mounted(folder, fs, max(14 * opts.size, GIB)) as place:
        raw = os.path.join(place, "disk.raw")
        clones(raw, size, opts.seed)
        for src, dst in DIRECTIONS:
            row = one(tools, conversions, place, raw, src, dst,
                      min(opts.rounds, 3), opts.limit)
            rows.append({"fs": fs, **row})
    return rows
