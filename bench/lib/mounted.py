# SPDX-License-Identifier: BSD-2-Clause
"""File systems in sparse files, on loop devices.  Only root can do that."""
import os
import shutil
import subprocess
import time

from .common import Failed, output, remove
from .machine import first_line

MAKE = {"xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
        "btrfs": ["mkfs.btrfs", "-q"],
        "ext4": ["mkfs.ext4", "-q", "-F", "-E", "nodiscard"]}


def discards(folder):
    """Whether the file system discards what is freed, extent by extent: to
    remove a file in small pieces takes minutes then."""
    line = first_line("findmnt", "-n", "-o", "OPTIONS", "-T", folder) or ""
    return "discard" in line.split(",")


class Mounted:
    """A mounted file system that is gone afterwards."""

    def __init__(self, folder, fs, size):
        self.file = os.path.join(folder, fs + ".img")
        self.place = os.path.join(folder, fs)
        if os.geteuid():
            raise Failed("only root may mount")
        if not shutil.which(MAKE[fs][0]):
            raise Failed(f"{MAKE[fs][0]} is not installed")
        with open(self.file, "wb") as f:
            f.truncate(size)
        os.makedirs(self.place, exist_ok=True)
        try:
            output(*MAKE[fs], self.file)
            output("mount", "-t", fs, "-o", "loop", self.file, self.place)
        except Failed:
            remove(self.file)
            raise

    def __enter__(self):
        return self.place

    def __exit__(self, *_):
        for _ in range(50):
            if not subprocess.run(["umount", self.place], check=False,
                                  stderr=subprocess.DEVNULL).returncode:
                break
            time.sleep(0.2)
        remove(self.file)
