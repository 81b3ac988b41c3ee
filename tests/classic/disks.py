# SPDX-License-Identifier: BSD-2-Clause
"""Disks that know what is in them: an image, and a model of its sectors.

What a guest writes goes through `vhd-util write`, and what it would read comes
from `vhd-util read`, both in the modern form.
"""

import gzip
import hashlib
import os
import shutil
import tempfile

from storage import Failure, call, expect

SECTOR = 512


def sector(number, tag):
    """A written sector as in the sample images."""
    return (number.to_bytes(8, "big") + tag.encode().ljust(8)[:8]) * 32


class Content:
    """What a disk shows: a tag for each sector that was written, None for
    zeros."""

    def __init__(self, size, tags=None):
        self.size = size
        self.tags = dict(tags or {})

    def copy(self):
        return Content(self.size, self.tags)

    def put(self, start, count, tag):
        for number in range(start, start + count):
            self.tags[number] = tag

    def data(self):
        out = bytearray(self.size)
        for number, tag in self.tags.items():
            if tag is not None and (number + 1) * SECTOR <= self.size:
                at = number * SECTOR
                out[at:at + SECTOR] = sector(number, tag)
        return bytes(out)


def write(path, start, count, tag):
    """Write sectors; tag None: zeros."""
    if tag is None:
        data = bytes(count * SECTOR)
    else:
        data = b"".join(sector(n, tag) for n in range(start, start + count))
    done = call("write", "--any-parent-dir", "--ignore-parent-id", "--orphan",
                "--no-progress", "--offset", start * SECTOR, path, stdin=data)
    expect(done.status == 0, f"write {path}: {done.err.decode()}")


def read(path):
    """The whole disk."""
    done = call("read", "--any-parent-dir", "--no-progress", path)
    expect(done.status == 0, f"read {path}: {done.err.decode()}")
    return done.out


def verify(path, content, what=""):
    got, want = read(path), content.data()
    if got == want:
        return
    if len(got) != len(want):
        raise Failure(f"{what}: {path} has {len(got)} bytes, not {len(want)}")
    at = next(i for i in range(0, len(got), SECTOR)
              if got[i:i + SECTOR] != want[i:i + SECTOR]) // SECTOR
    raise Failure(f"{what}: {path}: sector {at} is "
                  f"{got[at * SECTOR:at * SECTOR + 16]!r}, not "
                  f"{want[at * SECTOR:at * SECTOR + 16]!r}")


def verify_device(path, content, what):
    """As the classic form reads it, from parent to parent by their names."""
    done = call("read", "-r", 0, "-c", content.size // 512, "-n", path)
    expect(done.status == 0, f"{what}: read -r {path}: {done.out[:200]}")
    expect(done.out == content.data(), f"{what}: {path} has other content")


def file_sum(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def samples(name):
    """The folder of sample images, or None."""
    top = os.environ.get("VHD_SAMPLES_DIR") or ""
    path = os.path.join(top, name)
    return path if top and os.path.isdir(path) else None


def unpack(folder, name, to):
    with gzip.open(os.path.join(folder, name + ".gz")) as src, \
            open(to, "wb") as dst:
        shutil.copyfileobj(src, dst)


class Scratch:
    """A folder of its own, and the current one; gone at the end."""

    def __enter__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="vhd-classic."))
        os.chdir(self.path)
        return self.path

    def __exit__(self, *what):
        os.chdir("/")
        shutil.rmtree(self.path, ignore_errors=True)
