# SPDX-License-Identifier: BSD-2-Clause
"""What it costs to look at the largest images, to find a place in one, and to read
from one at random."""
import json
import os

from .common import Failed, MIB, output, remove
from .convert import DEFAULT
from .measure import Contender, Group, Run


class Giants:
    """create, info, map and check, beside qemu-img and vhdiinfo."""

    LOOKS = ("info", "info-vhd", "map", "check")

    def __init__(self, tools, folder, opts):
        self.tools = tools
        self.folder = folder
        self.opts = opts

    def image(self, name, *options):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            output(self.tools.util, "create", "--no-sync", *options, path)
        return path

    def group(self, what, title, *contenders):
        return Group(f"giants/{what}", title,
                     [c for c in contenders if c.argv[0]],
                     min(self.opts.rounds * 2 - 1, 9), writes=False,
                     facts={"kind": "giants", "what": what})

    def create(self):
        out = os.path.join(self.folder, "new.vhdx")
        argv = ["create", "--size", "64T", "--block-size", "1M"]
        return self.group(
            "create", "create 64 TiB, 1 MiB blocks",
            Contender("vhd-util create --no-sync",
                      [self.tools.util, *argv, "--no-sync", out], out),
            Contender("vhd-util create", [self.tools.util, *argv, out], out),
            Contender("qemu-img create",
                      [self.tools.qemu, "create", "-q", "-f", "vhdx", "-o",
                       "block_size=1M", out, "64T"], out))

    def looks(self):
        giant = self.image("giant.vhdx", "--size", "64T", "--block-size", "1M")
        vhd = self.image("giant.vhd", "--size", "2040G")
        util, qemu, vhdi = self.tools.util, self.tools.qemu, self.tools.vhdi
        yield self.group(
            "info", "info, VHDX of 64 TiB, 1 MiB blocks",
            Contender("vhd-util info", [util, "info", giant]),
            Contender("qemu-img info", [qemu, "info", giant]),
            Contender("vhdiinfo", [vhdi, giant]))
        yield self.group(
            "info-vhd", "info, dynamic VHD of 2040 GiB",
            Contender("vhd-util info", [util, "info", vhd]),
            Contender("qemu-img info", [qemu, "info", vhd]),
            Contender("vhdiinfo", [vhdi, vhd]))
        yield self.group(
            "map", "map, VHDX of 64 TiB, nothing stored",
            Contender("vhd-util map --json", [util, "map", "--json", giant]),
            Contender("qemu-img map", [qemu, "map", "--output=json", giant]))
        yield self.group(
            "check", "check, VHDX of 64 TiB, nothing stored",
            Contender("vhd-util check", [util, "check", giant]),
            Contender("qemu-img check", [qemu, "check", giant]))

    def drop(self):
        for name in ("giant.vhdx", "giant.vhd"):
            remove(os.path.join(self.folder, name))


class RandomIo:
    """Operations of 4 KiB at random places of a full disk, through the library
    and on a raw file without it.  The figure is what they say themselves."""

    COUNT = 400000
    FORMATS = ("vhdx", "vhd")

    def __init__(self, tools, inputs, opts):
        self.tools = tools
        self.inputs = inputs
        self.count = self.COUNT if opts.pause else 1000
        self.rounds = opts.rounds

    def ours(self, path, pattern, seed):
        out = output(self.tools.util, "bench", "--json", "--no-progress",
                     "--yes", "--pattern", pattern, "--count", self.count,
                     "--seed", seed, path)
        got = json.loads(out)
        return self.run(got["operations_per_second"])

    def floor(self, path, pattern, seed):
        return self.run(float(output(self.tools.rawio, pattern, path, 4096,
                                     self.count, 1, seed)))

    @staticmethod
    def run(rate):
        return Run(1 / rate, 0, 0)

    def group(self, pattern, calm):
        raw = self.inputs.raw("io")
        files = {f: self.inputs.image("io", f) for f in self.FORMATS}
        names = {"a raw file": lambda s: self.floor(raw, pattern, s)}
        for fmt, path in files.items():
            names[f"vhd-util bench, {fmt}"] = (
                lambda s, path=path: self.ours(path, pattern, s))
        all_ = {name: Contender(name, []) for name in names}
        for turn in range(self.rounds + 1):
            for name, call in names.items():
                calm()
                run = call(turn + 1)
                if turn:        # the first one fills the cache
                    all_[name].runs.append(run)
        return Group(f"io/{pattern}", f"{pattern} of 4 KiB",
                     list(all_.values()), self.rounds, (), (),
                     {"kind": "io", "pattern": pattern})


def calls_of(log):
    """All system calls that strace -c counted."""
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f.read().splitlines():
            parts = line.split()
            if parts and parts[-1] == "total":
                return int(parts[3])
    return None


def syscalls(tools, group, folder):
    """Calls for each MiB of data, of each contender of a group."""
    log = os.path.join(folder, "strace.log")
    found = {}
    for c in group.contenders:
        if c.name == DEFAULT:       # many and slow
            continue
        remove(c.out)
        try:
            output(tools.strace, "-f", "-c", "-o", log, "-E",
                   "ASAN_OPTIONS=detect_leaks=0", *c.argv, limit=120)
            calls = calls_of(log)
            found[c.name] = calls and calls / (group.facts["data"] / MIB)
        except Failed:
            found[c.name] = None
        finally:
            remove(c.out)
            remove(log)
    return found


def micro(tools, quick):
    """(what, code, bytes, GB/s) of the inner loops."""
    out = output(tools.micro, "sums", 1 if quick else 20)
    return [(what, code, int(size), float(rate)) for what, code, size, rate in
            (line.split() for line in out.splitlines())]


def lookups(tools, path, quick):
    """Nanoseconds of finding a place: one over and over, and scattered ones."""
    out = output(tools.micro, "resolve", path, 1000 if quick else 1000000)
    return {line.split()[1]: float(line.split()[3])
            for line in out.splitlines()}
