# SPDX-License-Identifier: BSD-2-Clause
"""What a run consists of, in which order.  A kind of disk is made when the first
group asks for it and removed after the last, so that they do not add up."""
import os
import re
import sys
from contextlib import contextmanager

from . import costs
from .common import Failed
from .convert import Conversions, DIRECTIONS
from .inputs import Inputs
from .mounted import Mounted, discards
from .share import share
from .streams import FOREIGN, IN, OUT, Streams

COLD = [("raw", "vhdx"), ("vhdx", "raw")]
EMPTY = [("raw", "vhdx"), ("raw", "vhd"), ("vhdx", "raw"), ("vhd", "raw")]


def note(text):
    print(text, file=sys.stderr, flush=True)


class Plan:
    def __init__(self, tools, runner, results, opts, folder):
        self.tools = tools
        self.runner = runner
        self.results = results
        self.opts = opts
        self.folder = folder
        self.inputs = Inputs(tools, folder, opts)
        self.conversions = Conversions(tools, self.inputs, folder, opts)
        self.streams = Streams(tools, self.inputs, self.conversions, folder,
                               opts)
        self.skipped = []

    def wanted(self, name):
        return not self.opts.only or re.search(self.opts.only, name)

    def run(self, group):
        note(f"{group.name}")
        self.runner.run(group)
        self.results.groups.append(group)
        for c in group.contenders:
            if c.runs:
                note(f"    {c.name:20} {c.median('wall'):8.3f} s "
                     f"{c.median('cpu'):8.3f} s processor, {len(c.runs)} runs")
            if c.note:
                note(f"    {c.name:20} {c.note}")
        return group

    def converted(self, kind, mode, directions):
        for src, dst in directions:
            if self.wanted(f"{kind}/{mode}/{src}-{dst}"):
                self.run(self.conversions.group(kind, mode, src, dst))

    def dense(self):
        if self.wanted("dense/exit/raw-raw"):
            self.run(self.conversions.copies())
        self.converted("dense", "exit", DIRECTIONS)
        self.converted("dense", "durable", DIRECTIONS)
        self.converted("dense", "cold", COLD)
        self.calls()
        for way, formats in (("out", OUT), ("in", IN)):
            for fmt in formats:
                if way == "out" and self.wanted(f"stream-out/raw-{fmt}"):
                    self.run(self.streams.out(fmt))
                if way == "in" and self.wanted(f"stream-in/{fmt}-raw"):
                    self.run(self.streams.into(fmt))
        self.foreign()

    def foreign(self):
        ways = [w for w in FOREIGN if self.wanted(f"nbd/{w[0]}-{w[1]}")]
        why = self.streams.no_foreign() if ways else None
        if why:
            self.skipped.append(f"formats of other programs: {why}")
            return
        for src, dst in ways:
            self.run(self.streams.foreign(src, dst))

    def text(self):
        for fmt in ("vhd", "vhdx"):
            if self.wanted(f"gzip-out/raw-{fmt}"):
                self.run(self.streams.gzip(fmt))
        if self.wanted("gzip-in/vhd-raw"):
            self.run(self.streams.gunzip("vhd"))

    def calls(self):
        if not self.tools.strace and self.wanted("calls/"):
            self.skipped.append("system calls: strace is not installed")
        for src, dst in DIRECTIONS if self.tools.strace else ():
            name = f"calls/{src}-{dst}"
            if self.wanted(name):
                note(name)
                group = self.conversions.group("dense", "exit", src, dst)
                self.results.calls[f"{src}-{dst}"] = costs.syscalls(
                    self.tools, group, self.folder)

    @contextmanager
    def elsewhere(self):
        """Another file system for thousands of small extents, where it takes
        too long to remove them from this one again."""
        own = self.conversions.folder
        try:
            with Mounted(own, "ext4", 8 * self.opts.size) as place:
                self.runner.folder = self.conversions.folder = place
                self.inputs.folder = place
                self.results.elsewhere = True
                yield
        finally:
            self.runner.folder = self.conversions.folder = own
            self.inputs.folder = own

    def scattered(self, kind):
        if not any(self.wanted(f"{kind}/exit/{a}-{b}") for a, b in DIRECTIONS):
            return
        if (discards(self.folder) and os.geteuid() == 0 and
                not self.opts.quick):
            with self.elsewhere():
                self.converted(kind, "exit", DIRECTIONS)
        else:
            self.converted(kind, "exit", DIRECTIONS)

    def sparse(self):
        self.scattered("sparse")

    def real(self):
        self.scattered("real")

    def empty(self):
        for src, dst in EMPTY:
            if self.wanted(f"empty/exit/{src}-{dst}"):
                self.run(self.conversions.empty(src, dst))
        for dst in ("vhdx", "raw"):
            if not self.wanted(f"empty/64T/vhdx-{dst}"):
                continue
            group = self.conversions.giant(dst)
            if group:
                self.run(group)
            else:
                self.skipped.append("64 TiB, raw: no file system here has "
                                    "files of that size")

    def giants(self):
        giants = costs.Giants(self.tools, self.folder, self.opts)
        if self.wanted("giants/create"):
            self.run(giants.create())
        if any(self.wanted(f"giants/{w}") for w in giants.LOOKS):
            for group in giants.looks():
                if self.wanted(group.name):
                    self.run(group)
        giants.drop()

    def io(self):
        io = costs.RandomIo(self.tools, self.inputs, self.opts)
        for pattern in ("randread", "randwrite"):
            if self.wanted(f"io/{pattern}"):
                note(f"io/{pattern}")
                self.results.groups.append(
                    io.group(pattern, self.runner.calm))

    def micro(self):
        if self.wanted("micro"):
            note("micro")
            self.runner.calm()
            self.results.micro = costs.micro(self.tools, self.opts.quick)
            for fmt in ("vhdx", "vhd"):
                self.results.lookups[f"full {fmt.upper()}"] = costs.lookups(
                    self.tools, self.inputs.image("io", fmt), self.opts.quick)

    def share(self):
        for fs in ("xfs", "btrfs"):
            if self.wanted(f"share/{fs}"):
                note(f"share/{fs}")
                try:
                    self.results.shared += share(
                        self.tools, self.conversions, self.folder, fs,
                        self.opts)
                except Failed as why:
                    self.skipped.append(f"sharing on {fs}: {why}")

    def all(self):
        for kind in ("dense", "sparse", "real", "empty", "text"):
            getattr(self, kind)()
            self.inputs.drop(kind)
            self.streams.drop()
        self.inputs.drop("tiny")
        self.giants()
        self.micro()
        self.io()
        self.inputs.drop("io")
        self.share()
