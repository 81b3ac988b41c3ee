#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check the largest and the most damaged images, beside the tools people use.

    bench/check.py [--util build/tools/vhd-util] [--rounds N] [--dir DIR]

Builds a VHDX of 64 TiB in 1 MiB blocks whose table is full (67 million
entries), sound, with one damaged entry of each kind, and with nothing but
damaged entries; a VHD of 2000 GiB in 512 KiB blocks (4 million); and a VHDX of
64 GiB with 2 GiB in use.  Printed: the median of wall and processor time, the
peak memory of the process, and the ratio to vhd-util.  Peers that are not
installed are left out; one that takes longer than --limit seconds is stopped.

DIR must be on a file system whose files may have 65 TiB (tmpfs, XFS), which
ext4 is not; the files are almost all holes and take about 700 MiB.
"""
import argparse
import array
import os
import shutil
import struct
import subprocess
import tempfile
import uuid

from lib.common import MIB, TIB, Failed, Tools
from lib.measure import Contender, timed

BAT = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le
CHUNK = 4096            # blocks of 1 MiB for each sector bitmap
FULL, PARTIAL = 6, 7    # states


def measure(argv, args):
    """A row of the table: wall and processor ms, peak KiB; None when it took
    too long."""
    tools = Tools(args.util, None)
    c = Contender("", argv)
    try:
        # Sound, or damaged.
        c.runs = [timed(tools, c, args.limit, (0, 2, 3))
                  for _ in range(args.rounds)]
    except Failed as why:
        if "took more than" in str(why):
            return None
        raise SystemExit(str(why)) from None
    return c.median("wall") * 1000, c.median("cpu") * 1000, c.peak() // 1024


def group(title, commands, args):
    print(f"\n## {title}\n")
    print("| command | wall ms | cpu ms | peak KiB | wall ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    base = None
    for name, argv in commands:
        row = measure(argv, args)
        if row is None:
            print(f"| {name} | stopped after {args.limit} s | | | |")
            continue
        wall, cpu, memory = row
        base = base or wall
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {memory} "
              f"| {wall / base:.2f}x |", flush=True)


def table_of(file):
    """Place and length of the block allocation table."""
    file.seek(192 << 10)
    regions = file.read(1 << 12)
    for i in range(struct.unpack_from("<I", regions, 8)[0]):
        guid, off, length = struct.unpack_from("<16sQI", regions, 16 + 32 * i)
        if guid == BAT:
            return off, length
    raise SystemExit("no table")


def entry_of(blk):
    return blk + blk // CHUNK


class Giant:
    """A full VHDX of 64 TiB, to be damaged in place."""

    def __init__(self, path, util):
        self.path = path
        subprocess.run([util, "create", "--size", "64T", "--block-size", "1M",
                        "--no-sync", path], check=True)
        with open(path, "r+b") as file:
            self.off, length = table_of(file)
            self.data = self.off + length
            self.fill(file, FULL)
            file.truncate(self.data + 64 * TIB)

    def fill(self, file, state, step=MIB, first=None):
        """All entries: one after the other, or all alike."""
        pos = self.data if first is None else first
        file.seek(self.off)
        for _ in range(64 * TIB // MIB // CHUNK):
            if step:
                run_ = range(pos + state, pos + state + CHUNK * step, step)
                file.write(array.array("Q", run_).tobytes())
            else:
                file.write(struct.pack("<Q", pos + state) * CHUNK)
            file.write(bytes(8))
            pos += CHUNK * step

    def put(self, idx, raw):
        with open(self.path, "r+b") as file:
            file.seek(self.off + 8 * idx)
            file.write(struct.pack("<Q", raw))

    def get(self, idx):
        with open(self.path, "rb") as file:
            file.seek(self.off + 8 * idx)
            return struct.unpack("<Q", file.read(8))[0]

    def damage_each(self):
        """One entry of each kind, far apart."""
        kinds = [
            lambda raw: raw | 0x80,                     # reserved bits
            lambda raw: raw & ~7 | 4,                   # states
            lambda raw: raw & ~7 | 5,
            lambda raw: raw & ~7 | 2,
            lambda raw: raw & ~7 | 3,
            lambda raw: raw & ~7 | PARTIAL,
            lambda raw: FULL,                           # places
            lambda raw: 1 << 47 | FULL,
            lambda raw: MIB | FULL,
            lambda raw: raw + 5000 * MIB,
        ]
        for i, kind in enumerate(kinds):
            idx = entry_of((i + 1) * 6000001)
            self.put(idx, kind(self.get(idx)))
        self.put(entry_of(7 * CHUNK) - 1, MIB | FULL)   # a bitmap's

    def damage_all(self, what):
        with open(self.path, "r+b") as file:
            if what == "overlap":
                self.fill(file, FULL, 0, self.data)
            elif what == "anchors":
                self.fill(file, 3, 0, self.data)
            elif what == "nowhere":
                self.fill(file, FULL, 0, 0)
            else:
                self.fill(file, 0x80 | 4, MIB)


def peers(path, fmt):
    """Who else can check: QEMU knows how for VHDX only."""
    out = []
    if fmt == "vhdx" and shutil.which("qemu-img"):
        out.append(("qemu-img check", ["qemu-img", "check", "-f", fmt, path]))
    if fmt == "vpc" and shutil.which("blktap-vhd-util"):
        out.append(("Xen's vhd-util check",
                    ["blktap-vhd-util", "check", "-n", path]))
    return out


def giant_vhdx(tmp, util, args):
    giant = Giant(os.path.join(tmp, "giant.vhdx"), util)
    check = [util, "check", giant.path]
    group("VHDX of 64 TiB, 1 MiB blocks, full",
          [("vhd-util check", check), *peers(giant.path, "vhdx")], args)
    giant.damage_each()
    group("the same, one damaged entry of each kind",
          [("vhd-util check", check)], args)
    for what in ("overlap", "anchors", "nowhere", "reserved"):
        giant.damage_all(what)
        group(f"the same, all entries damaged: {what}",
              [("vhd-util check", check)], args)
    os.unlink(giant.path)


def giant_vhd(tmp, util, args):
    """Blocks one after the other, each with its bitmap of one sector."""
    path = os.path.join(tmp, "giant.vhd")
    subprocess.run([util, "create", "--size", "2000G", "--block-size", "512K",
                    "--no-sync", path], check=True)
    count = 2000 * 2048
    with open(path, "r+b") as file:
        file.seek(-512, os.SEEK_END)
        footer = file.read(512)
        file.seek(512)
        header = file.read(1024)
        table = struct.unpack_from(">Q", header, 16)[0]
        first = (table + 4 * count + 511) // 512
        step = 1 + 1024
        bat = array.array("I", range(first, first + count * step, step))
        bat.byteswap()
        file.seek(table)
        file.write(bat.tobytes())
        file.truncate((first + count * step) * 512)
        file.seek(0, os.SEEK_END)
        file.write(footer)
    group("VHD of 2000 GiB, 512 KiB blocks, full",
          [("vhd-util check", [util, "check", path]), *peers(path, "vpc")],
          args)
    os.unlink(path)


def everyday(tmp, util, args):
    """64 GiB with 2 GiB in use, blocks of 32 MiB."""
    path = os.path.join(tmp, "everyday.vhdx")
    subprocess.run([util, "create", "--size", "64G", "--block-size", "32M",
                    "--no-sync", path], check=True)
    with open(path, "r+b") as file:
        off, length = table_of(file)
        data = off + length
        for i in range(64):
            file.seek(off + 8 * (i * 31 + i * 31 // 128))
            file.write(struct.pack("<Q", data + i * 32 * MIB | FULL))
        file.truncate(data + 2048 * MIB)
    group("VHDX of 64 GiB, 2 GiB in use",
          [("vhd-util check", [util, "check", path]),
           ("vhd-util check --deep", [util, "check", "--deep", path]),
           *peers(path, "vhdx")], args)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--util", default="build/tools/vhd-util")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--limit", type=int, default=120)
    ap.add_argument("--dir", default="/dev/shm")
    args = ap.parse_args()
    util = os.path.abspath(args.util)
    with tempfile.TemporaryDirectory(dir=args.dir) as tmp:
        everyday(tmp, util, args)
        giant_vhd(tmp, util, args)
        giant_vhdx(tmp, util, args)


if __name__ == "__main__":
    main()
