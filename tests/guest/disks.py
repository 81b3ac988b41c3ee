# SPDX-License-Identifier: BSD-2-Clause
"""Image files for guests: made, measured and judged.

A format is raw, vhd, vhdx, or with "-child" a differencing image on top of a
parent that is read-only from then on.
"""

import os
import subprocess

from guest import Damage
from harness import must, run, sha256

VHD_UTIL = os.environ.get("VHD_UTIL", "vhd-util")
FORMATS = ("vhdx", "vhd", "vhdx-child", "vhd-child")


class Disk:
    """An image file @path of a format, in a chain or alone."""

    def __init__(self, path, form, parent=None):
        self.path = path
        self.form = form
        self.parent = parent
        self.parent_hash = sha256(parent) if parent else None

    def kind(self):
        return self.form.split("-")[0]

    def stored(self):
        """Bytes that the image occupies on this host."""
        return os.stat(self.path).st_blocks * 512

    def judge(self):
        """Damage unless the image is sound and its parent untouched."""
        if self.form == "raw":
            return
        done = run(VHD_UTIL, "check", "--no-progress", "--chain", self.path)
        if done.returncode:
            raise Damage(f"vhd-util check {os.path.basename(self.path)} ended "
                         f"with {done.returncode}: {done.stdout[-800:]}"
                         f"{done.stderr[-300:]}")
        must(VHD_UTIL, "info", "--json", self.path)
        if self.parent and sha256(self.parent) != self.parent_hash:
            raise Damage(f"the parent {os.path.basename(self.parent)} changed")


def create(path, form, size):
    """An empty image."""
    if form == "raw":
        with open(path, "wb") as f:
            f.truncate(size)
    else:
        must(VHD_UTIL, "create", "--no-sync", "--size", size, path)
    return Disk(path, form)


def child_of(disk, path):
    """A differencing image on @disk, which must not be written from now on."""
    must(VHD_UTIL, "create", "--no-sync", "--parent", disk.path, path)
    os.chmod(disk.path, 0o444)
    return Disk(path, disk.form + "-child", disk.path)


def create_ext4(folder, form, size):
    """An image that is a fresh ext4 as a whole; of a child, the parent is."""
    kind = form.split("-")[0]
    raw = os.path.join(folder, "fresh.raw")
    create(raw, "raw", size)
    env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E",
                    "lazy_itable_init=0,lazy_journal_init=0", raw],
                   check=True, env=env)
    if kind == "raw":
        return Disk(raw, form)
    disk = Disk(os.path.join(folder, f"{form}-base.{kind}"), kind)
    must(VHD_UTIL, "convert", "--no-progress", "--no-sync", raw, disk.path)
    os.unlink(raw)
    if form == kind:
        return disk
    return child_of(disk, os.path.join(folder, f"{form}.{kind}"))
