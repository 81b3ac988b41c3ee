# SPDX-License-Identifier: BSD-2-Clause
"""The machine that a run was made on, and what else it did meanwhile."""
import os
import platform
import re
import time

from .common import Failed, human, output

TICK = os.sysconf("SC_CLK_TCK")
BUSY = 0.15             # of a processor, used by others while we pause


def first_line(*argv):
    try:
        return output(*argv, limit=20).splitlines()[0].strip()
    except (Failed, OSError, IndexError):
        return None


def processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        found = re.search(r"^model name\s*:\s*(.+)$", f.read(), re.M)
    return found.group(1).strip() if found else platform.machine()


def memory():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def file_system(folder):
    """Type of the file system that a folder is on."""
    return first_line("findmnt", "-n", "-o", "FSTYPE", "-T", folder) or "?"


def versions(tools):
    found = {"vhd-util": first_line(tools.util, "--version")}
    for name, argv in (("qemu-img", ["qemu-img", "--version"]),
                       ("cp", ["cp", "--version"]),
                       ("vhdiinfo", ["vhdiinfo", "-V"])):
        line = first_line(*argv)
        if line:
            found[name] = line.split(" (Debian")[0]
    return found


class Machine:
    """Facts, and the load."""

    def __init__(self, tools, folder):
        self.facts = {
            "processor": processor(),
            "processors": len(os.sched_getaffinity(0)),
            "memory": memory(),
            "kernel": platform.release(),
            "file_system": file_system(folder),
            "versions": versions(tools),
            "load": os.getloadavg()[0],
        }
        self.idle = []

    def sentence(self):
        f = self.facts
        return (f"{f['processor']}, {f['processors']} processors, "
                f"{human(f['memory'])} of memory, Linux {f['kernel']}, "
                f"{f['file_system']}")

    def pause(self, seconds):
        """Does nothing for a while, and looks who does something."""
        if seconds <= 0:
            return
        before, begin = self.spent(), time.monotonic()
        time.sleep(seconds)
        self.idle.append((self.spent() - before) / TICK /
                         (time.monotonic() - begin))

    @staticmethod
    def spent():
        """Ticks that all processors were in use, or were taken away."""
        with open("/proc/stat", encoding="ascii") as f:
            t = [int(x) for x in f.readline().split()[1:9]]
        return sum(t) - t[3] - t[4]

    def others(self):
        """Processors that others used on average while we paused."""
        return sum(self.idle) / len(self.idle) if self.idle else None

    def busy(self):
        others = self.others()
        return (others is not None and others > BUSY or
                self.facts["load"] > self.facts["processors"] / 2)
