# SPDX-License-Identifier: BSD-2-Clause
"""File systems in plain files: mounting them without leaving anything behind,
filling them, and remembering what is in them."""

import contextlib
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time

from harness import Failure, expect, must, noise, run

SLOW = 120


def mounts_of_our_own():
    """Starts the program again where nobody else sees what it mounts: a name
    space that another one makes meanwhile would keep it mounted."""
    if os.geteuid() != 0 or "VHD_FS_MOUNTS" in os.environ:
        return
    if shutil.which("unshare") and run("unshare", "-m", "true").returncode == 0:
        os.environ["VHD_FS_MOUNTS"] = "own"
        os.execvp("unshare", ["unshare", "-m", sys.executable, "-B", *sys.argv])


def kernel_knows(name):
    with open("/proc/filesystems", encoding="ascii") as f:
        return name in f.read().split()


def wait_mounted(path, process):
    for _ in range(1200):
        if os.path.ismount(path):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    raise Failure(f"{process.args[0]} has not mounted")


@contextlib.contextmanager
def fuse_mount(folder, *argv):
    """A FUSE file system in the foreground, so that its end can be waited for."""
    with subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_mounted(folder, process)
            yield folder
        finally:
            unmount = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
            run(*unmount, folder, timeout=SLOW)
            try:
                process.wait(timeout=SLOW)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def loop_mount(folder, image, options="loop"):
    must("mount", "-o", options, image, folder, timeout=SLOW)
    try:
        yield folder
    finally:
        must("umount", folder, timeout=SLOW)


@contextlib.contextmanager
def fuse_on_loop(folder, program, image, *options):
    """For a driver that wants a block device."""
    device = must("losetup", "-f", "--show", image).stdout.strip()
    try:
        with fuse_mount(folder, program, *options, device, folder):
            yield folder
    finally:
        must("losetup", "-d", device)


def root_with_loops():
    return os.geteuid() == 0 and os.path.exists("/dev/loop-control")


def can_loop(kind):
    """Does the kernel mount this, and may we?"""
    return root_with_loops() and kernel_knows(kind)


def can_fuse(program):
    return shutil.which(program) and os.access("/dev/fuse", os.R_OK | os.W_OK)


def can_mount(kind):
    if kind == "ntfs":
        return can_fuse("ntfs-3g")
    if kind == "exfat":
        return can_loop(kind) or (root_with_loops() and
                                  can_fuse("mount.exfat-fuse"))
    if kind in ("ext2", "ext3", "ext4"):
        return can_loop("ext4") or can_fuse("fuse2fs")
    return can_loop(kind)


def mounted(kind, image, folder):
    """The context in which @image is mounted for writing."""
    os.makedirs(folder, exist_ok=True)
    if kind == "ntfs":
        return fuse_mount(folder, "ntfs-3g", "-o", "no_detach", image, folder)
    if kind == "exfat" and not can_loop(kind):
        return fuse_on_loop(folder, "mount.exfat-fuse", image, "-d")
    if kind in ("ext2", "ext3", "ext4") and not can_loop("ext4"):
        return fuse_mount(folder, "fuse2fs", "-f", "-o", "rw,fakeroot", image,
                          folder)
    return loop_mount(folder, image)


def fill(folder, seed, scale=1.0):
    """Files of all sizes, of which about half are deleted again; what is left
    lies in pieces."""
    rand = random.Random(seed)
    names = []
    for i in range(160):
        where = os.path.join(folder, f"d{i % 7}")
        os.makedirs(where, exist_ok=True)
        name = os.path.join(where, f"file-{i}-{'x' * rand.randrange(40)}")
        size = rand.choice((0, 100, 700, 5000, 60000, 300000, 900000))
        with open(name, "wb") as f:
            f.write(noise(f"{seed}-{i}", int(size * scale * rand.random())))
            if rand.random() < 0.1:
                f.truncate(int(scale * (1 << 20)))
        names.append(name)
    rand.shuffle(names)
    for name in names[::2]:
        os.unlink(name)
    for name in names[1::6]:
        with open(name, "ab") as f:
            f.write(noise(name, int(50000 * scale)))
    for i in range(30):
        with open(os.path.join(folder, f"late-{i}"), "wb") as f:
            f.write(noise(f"{seed}-late-{i}", int(30000 * scale)))
    os.sync()


def listing(folder):
    """A hash of all names and contents."""
    digest = hashlib.sha256()
    for where, dirs, files in os.walk(folder):
        dirs.sort()
        for name in sorted(files):
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                content = hashlib.sha256(f.read()).hexdigest()
            digest.update(f"{os.path.relpath(path, folder)} {content}\n"
                          .encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def make(path, size, *argv, status=0):
    """A sparse file, and a program that puts a file system there."""
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "wb") as f:
        f.truncate(size)
    return must(*argv, path, status=status, timeout=SLOW)


def copy(image, name):
    """Beside the image; holes stay holes."""
    to = os.path.join(os.path.dirname(image), name)
    must("cp", "--sparse=always", image, to, timeout=SLOW)
    return to


def patch(path, off, data):
    with open(path, "r+b") as f:
        f.seek(off)
        f.write(data)


def peek(path, off, length):
    with open(path, "rb") as f:
        f.seek(off)
        return f.read(length)


class Dump:
    """What fs_dump says of a disk."""

    def __init__(self, program, image, *options):
        self.ranges = []
        out = must(program, *options, "-r", image + ".ranges", image,
                   timeout=SLOW).stdout.splitlines()
        self.table, self.why = out[0].split("\t")
        self.parts = [line.split("\t") for line in out[1:]]
        with open(image + ".ranges", encoding="ascii") as f:
            for line in f:
                off, length = line.split()
                self.ranges.append((int(off), int(off) + int(length)))
        os.unlink(image + ".ranges")

    def one(self):
        expect(len(self.parts) == 1, f"{len(self.parts)} partitions")
        keys = ("number", "off", "len", "type", "understood", "used", "unused",
                "block", "uuid", "label", "why")
        return dict(zip(keys, self.parts[0]))

    def understood(self):
        part = self.one()
        expect(part["understood"] == "1", f"left alone: {part['why']}")
        total = sum(end - off for off, end in self.ranges)
        expect(total == int(part["unused"]),
               f"{total} bytes in ranges, {part['unused']} reported")
        return part

    def left(self, words):
        """Left alone, with these words in the reason."""
        part = self.one()
        expect(part["understood"] == "0" and not self.ranges,
               f"was understood, {part['unused']} unused; wanted: {words}")
        expect(words in part["why"], f"the reason is: {part['why']}")
        return part["why"]


def join(ranges):
    """Sorted and merged."""
    out = []
    for off, end in sorted(ranges):
        if out and off <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > off:
            out.append((off, end))
    return out


def same_ranges(ours, theirs):
    theirs = join(theirs)
    for mine, other in zip(ours, theirs):
        expect(mine == other, f"we say {mine} is unused, the oracle {other}")
    expect(len(ours) == len(theirs),
           f"{len(ours)} ranges, the oracle has {len(theirs)}")


def bits_to_ranges(bitmap, count, unit, base=0):
    """Runs of bits that are 0, least significant first."""
    out, start = [], None
    for i in range(count):
        used = bitmap[i >> 3] >> (i & 7) & 1
        if used and start is not None:
            out.append((base + start * unit, base + i * unit))
            start = None
        elif not used and start is None:
            start = i
    if start is not None:
        out.append((base + start * unit, base + count * unit))
    return out
