# SPDX-License-Identifier: BSD-2-Clause
"""The disks that are converted.  All are made from a fixed seed.

  dense   random bytes, no zeros
  sparse  a twentieth is data, in extents of 4 to 64 KiB at random places
  real    an ext4 file system with the files of a folder
  empty   nothing stored
  text    files of a folder, one behind the other, to be compressed

Each exists as a raw file, a VHDX and a dynamic VHD, made when they are first
asked for: by vhd-util, or by qemu-img (--made-by qemu), whose images have no
holes inside of blocks and whose VHDs are not aligned.
"""
import os
import random

from .common import GIB, KIB, MIB, output, remove, settle

EXT = {"raw": "raw", "vhdx": "vhdx", "vhd": "vhd"}
QEMU = {"raw": "raw", "vhdx": "vhdx", "vhd": "vpc", "fixed": "vpc",
        "qcow2": "qcow2", "vmdk": "vmdk"}
UUID = "8a5a3b1e-5d0c-4f5e-9c54-2d1b7c1f6e01"


def make_dense(path, size, seed):
    rng = random.Random(seed)
    with open(path, "wb") as f:
        for pos in range(0, size, 4 * MIB):
            f.write(rng.randbytes(min(4 * MIB, size - pos)))


def extents(rng, size, total):
    """(offset, length) of pages, @total bytes in all, ascending."""
    lengths = []
    left = total // (4 * KIB)
    while left:
        lengths.append(min(left, rng.randint(1, 16)))
        left -= lengths[-1]
    # Each gap but those at the ends has at least one page.
    free = size // (4 * KIB) - total // (4 * KIB) - len(lengths)
    cuts = sorted(rng.randrange(free + 1) for _ in lengths)
    pos = last = 0
    for cut, n in zip(cuts, lengths):
        pos += cut - last + 1
        last = cut
        yield pos * 4 * KIB, n * 4 * KIB
        pos += n


def make_sparse(path, size, seed):
    rng = random.Random(seed)
    noise = rng.randbytes(8 * MIB)
    with open(path, "wb", buffering=0) as f:
        f.truncate(size)
        for off, n in extents(rng, size, size // 20):
            at = rng.randrange(len(noise) - n)
            os.pwrite(f.fileno(), noise[at:at + n], off)


def bytes_below(folder):
    """Bytes of the files below a folder, and how many."""
    total = count = 0
    for where, _, names in os.walk(folder):
        for name in names:
            st = os.lstat(os.path.join(where, name))
            total += (st.st_size + 4 * KIB - 1) // (4 * KIB) * 4 * KIB
            count += 1
    return total, count


def make_real(path, folder, least):
    """A disk twice as large as what is in it."""
    total, count = bytes_below(folder)
    size = max(2 * total, least)
    size = (size + 64 * MIB - 1) // (64 * MIB) * 64 * MIB
    inodes = max(count * 3 // 2, 4096)
    output("mke2fs", "-q", "-F", "-t", "ext4", "-U", UUID, "-N", inodes, "-E",
           f"hash_seed={UUID},root_owner=0:0,nodiscard", "-d", folder, path,
           f"{size // KIB}k", env={**os.environ, "SOURCE_DATE_EPOCH": "1",
                                   "PATH": os.environ.get("PATH", "") +
                                   ":/usr/sbin:/sbin"})


def make_text(path, folder, size):
    """The start of all files below a folder, in the order of their names."""
    left = size
    with open(path, "wb") as out:
        for where, dirs, names in os.walk(folder):
            dirs.sort()
            for name in sorted(names):
                file = os.path.join(where, name)
                if left and os.path.isfile(file) and os.access(file, os.R_OK):
                    with open(file, "rb") as f:
                        left -= out.write(f.read(min(left, MIB)))
        out.truncate(size)


class Inputs:
    """Files of all kinds, below one folder."""

    def __init__(self, tools, folder, opts):
        self.tools = tools
        self.folder = folder
        self.opts = opts

    def path(self, kind, fmt):
        return os.path.join(self.folder, f"{kind}.{EXT[fmt]}")

    def make_raw(self, kind, path):
        if kind == "dense":
            make_dense(path, self.opts.size, self.opts.seed)
        elif kind == "io":
            make_dense(path, self.opts.size // 4, self.opts.seed + 1)
        elif kind == "sparse":
            make_sparse(path, 20 * self.opts.size, self.opts.seed)
        elif kind == "text":
            make_text(path, self.opts.real, max(self.opts.size // 32, MIB))
        elif kind == "tiny":
            make_dense(path, MIB, self.opts.seed)
        elif kind == "real":
            make_real(path, self.opts.real, 64 * MIB)
        else:
            with open(path, "wb") as f:
                f.truncate(self.opts.empty)

    def raw(self, kind):
        path = self.path(kind, "raw")
        if not os.path.exists(path):
            self.make_raw(kind, path)
            settle(path)
        return path

    def image(self, kind, fmt):
        """The disk in a format."""
        raw, path = self.raw(kind), self.path(kind, fmt)
        if os.path.exists(path):
            return path
        if self.opts.made_by == "qemu":
            more = ["-o", "force_size=on"] if fmt == "vhd" else []
            output(self.tools.qemu, "convert", "-f", "raw", "-O", QEMU[fmt],
                   *more, raw, path)
        else:
            output(self.tools.util, "convert", "--no-progress",
                   "--source-format", "raw", "-O", fmt, raw, path)
        settle(path)
        return path

    def drop(self, kind):
        for fmt in EXT:
            remove(self.path(kind, fmt))

    def room(self):
        """Bytes of the disk that all this needs at one time."""
        return 6 * self.opts.size + (6 * GIB if self.opts.size >= GIB else 0)
