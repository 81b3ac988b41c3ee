# SPDX-License-Identifier: BSD-2-Clause
"""Contenders that take turns, and what each run cost.

Before each run what the one before left is removed, the file system is brought
to the disk, and there is a short pause: nobody pays for the write-back of
somebody else.  Each round begins with another contender; a peer that takes three
times as long as the fastest of all has three rounds only.
"""
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field

from .common import Failed, KIB, on_disk, output, read_once, remove, settle


@dataclass
class Run:
    wall: float         # seconds
    cpu: float          # user and system, of the command and its threads
    peak: int           # bytes


@dataclass
class Contender:
    name: str
    argv: list
    out: str = None             # what it makes
    to_stdout: bool = False     # it writes that to its standard output
    fsync: bool = False         # it does not wait for the disk: we do
    verify: object = None       # called with @out; False: the bytes are wrong
    runs: list = field(default_factory=list)
    note: str = ""              # why there are no runs
    disk: int = None            # bytes that @out takes
    verified: bool = None

    def median(self, what):
        return (statistics.median(getattr(r, what) for r in self.runs)
                if self.runs else None)

    def peak(self):
        return max((r.peak for r in self.runs), default=None)


@dataclass
class Group:
    """What is compared with each other."""
    name: str                   # such as dense/exit/raw-vhdx
    title: str
    contenders: list
    rounds: int = 5
    warm: list = ()             # files that are in the cache at the start
    cold: list = ()             # files that are not, at each run
    facts: dict = field(default_factory=dict)
    busy: float = None          # processors that others used meanwhile
    writes: bool = True         # much: bring that to the disk in between

    def of(self, name):
        for c in self.contenders:
            if c.name == name and c.runs:
                return c
        return None

    def ratio(self, ours, peer, what):
        """Of medians; None where one of them was not measured."""
        a, b = self.of(ours), self.of(peer)
        if not a or not b or not b.median(what):
            return None
        return a.median(what) / b.median(what)


def timed(tools, contender, limit, fine=(0,)):
    """One run; Failed when it does not end with one of these statuses."""
    argv = [tools.timed]
    if contender.to_stdout:
        argv += ["-o", contender.out]
    if contender.fsync:
        argv += ["-s", contender.out]
    line = output(*argv, *contender.argv, limit=limit).split()
    status, wall, user, system, peak = (int(x) for x in line)
    if status not in fine:
        raise Failed(f"ended with {status}: "
                     f"{' '.join(map(str, contender.argv))}")
    return Run(wall / 1e6, (user + system) / 1e6, peak * KIB)


def slow(c, group):
    """A peer that takes so much longer that three rounds are enough."""
    least = min(x.median("wall") for x in group.contenders if x.runs)
    return (c.name.startswith("qemu") and c.runs and
            c.median("wall") > max(0.3, 3 * least))


class Runner:
    """Runs groups, one after the other."""

    def __init__(self, tools, machine, folder, opts):
        self.tools = tools
        self.machine = machine
        self.folder = folder
        self.opts = opts

    def calm(self, writes=True):
        """What was written so far is on the disk, and the machine quiet."""
        if self.opts.pause > 0 and not writes:
            self.machine.pause(self.opts.pause / 4)
        elif self.opts.pause > 0:
            try:
                output("sync", "-f", self.folder, limit=120)
            except Failed:
                pass            # somebody else writes without end
            self.machine.pause(self.opts.pause)

    def chill(self, files):
        """These files are not in the cache."""
        for path in files:
            settle(path)
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        if files and self.opts.drop:
            with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
                f.write("3\n")

    def first(self, c):
        """What is looked at once, after the first run.  The result is not
        brought to the disk: to free thousands of small extents there again
        takes a file system that discards them longer than all the rest, and
        what is still to be written counts as well."""
        if not c.out or not os.path.exists(c.out):
            return
        c.disk = on_disk(c.out)
        if c.verify:
            c.verified = bool(c.verify(c.out))
            if not c.verified:
                c.note = "the bytes are wrong"

    def turn(self, c, group):
        if c.out:
            remove(c.out)
        self.calm(group.writes)
        self.chill(group.cold)
        try:
            c.runs.append(timed(self.tools, c, self.opts.limit))
        except (Failed, subprocess.SubprocessError) as why:
            c.note = str(why)
            c.runs = []
        else:
            if len(c.runs) == 1:
                self.first(c)
        if c.out:
            remove(c.out)

    def run(self, group):
        for path in group.warm:
            read_once(path)
        begin = time.monotonic()
        seen = len(self.machine.idle)
        least = min(3, group.rounds)
        for i in range(group.rounds):
            if i >= least and time.monotonic() - begin > self.opts.budget:
                break
            at = i % len(group.contenders)
            for c in group.contenders[at:] + group.contenders[:at]:
                if not c.note and not (i >= least and slow(c, group)):
                    self.turn(c, group)
        idle = self.machine.idle[seen:]
        group.busy = sum(idle) / len(idle) if idle else None
