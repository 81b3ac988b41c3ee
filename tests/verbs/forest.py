#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A folder of images that grow out of one another, and verbs in random order.

    forest.py VHD_UTIL [--seed N] [--steps N] [--rounds N] [--no-kills]

What each image shows is known.  A step is a verb on images chosen by chance; now
and then it is killed at a random call and given again, as people do.  After each
step all images of the folder are read, and what must be refused (a merge that
spoils another child, a write to a parent) has to have changed nothing.  A seed
repeats a run.
"""

import argparse
import json
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
# pylint: disable=wrong-import-position
from harness import Failure, Report, expect, run, scratch
from disk import FORMATS, MIB, SUFFIX, Maker, expect_body, expect_sound
from disk import read_disk
from verbs import traced

MOST = 9                # images in one folder


class Forest:
    """The images of one folder: Disks with a parent."""

    def __init__(self, util, folder, rng, kills):
        self.maker = Maker(util, folder, rng)
        self.util = util
        self.rng = rng
        self.kills = kills
        self.disks = []
        self.made = 0
        self.log = []
        self.traces = os.path.join(folder, "..", "trace")

    # Who is who.

    def name(self, fmt):
        self.made += 1
        return f"i{self.made}{SUFFIX[fmt]}"

    def children(self, disk):
        return [d for d in self.disks if d.parent is disk]

    def chain(self, disk):
        found = []
        while disk:
            found.append(disk)
            disk = disk.parent
        return found

    def add(self, disk, parent, fixed=False):
        disk.parent = parent
        disk.fixed = fixed
        self.disks.append(disk)
        return disk

    def any(self, fit=lambda d: True):
        fits = [d for d in self.disks if fit(d)]
        return self.rng.choice(fits) if fits else None

    # Running.

    def say(self, argv):
        self.log.append(" ".join(os.path.basename(str(a)) for a in argv))

    def call(self, argv):
        return run("timeout", "60", self.util, *argv)

    def do(self, *argv, after_kill=None):
        """Runs a verb to its end, maybe after one that was killed."""
        if self.kills and self.rng.random() < 0.4:
            when = self.rng.randrange(1, 40)
            self.say(("killed at", when, *argv))
            killed = traced(self.util, argv, self.traces, when)
            if killed.returncode == 0:
                return
            if after_kill:
                if after_kill():
                    return
            else:
                self.judge()
        self.say(argv)
        done = self.call(argv)
        expect(done.returncode == 0, f"`{self.log[-1]}` ended with "
               f"{done.returncode}: {done.stderr[:500]}")

    def refused(self, *argv):
        self.say(("refused:", *argv))
        done = self.call(argv)
        expect(done.returncode == 1 and len(done.stderr) > 20,
               f"`{self.log[-1]}` ended with {done.returncode}: "
               f"{done.stderr[:300]}")

    def judge(self):
        for disk in self.disks:
            got = read_disk(self.util, disk.file)
            expect(got is not None, f"{disk.name} does not open")
            expect_body(got, disk.body, disk.name)

    def sound(self):
        for disk in self.disks:
            expect_sound(self.util, disk.file, "step")

    # The steps.

    def plant(self):
        if len(self.disks) >= MOST:
            return
        fmt = self.rng.choice(FORMATS)
        size = self.rng.randrange(1, 5) * MIB + self.rng.choice((0, 4096))
        more = ["--type", self.rng.choice(("fixed", "dynamic"))]
        if more[1] == "dynamic":
            more += ["--block-size", self.rng.choice(
                ("1M", "2M", "32M") if fmt == "vhdx" else
                ("512K", "2M", "4M"))]
        if fmt == "vhdx" and self.rng.random() < 0.3:
            more += ["--logical-sector", "4096"]
        disk = self.maker.create(self.name(fmt), size, fmt, *more)
        self.add(disk, None, more[1] == "fixed")
        disk.scribble(3)

    def snapshot(self):
        up = self.any()
        if not up or len(self.disks) >= MOST:
            return
        name, body = self.name(up.fmt), bytearray(up.body)
        argv = ["snapshot", up.file, self.maker.path(name)]
        if self.rng.random() < 0.2:
            body.extend(bytes(MIB))
            argv += ["--size", str(len(body))]
        if up.fmt == "vhdx" and self.rng.random() < 0.5:
            argv += ["--block-size", self.rng.choice(("1M", "4M", "64M"))]
        path = self.maker.path(name)
        self.do(*argv, after_kill=lambda: os.path.exists(path))
        child = type(up)(self.maker, name, up.fmt, body)
        self.add(child, up)

    def write(self):
        disk = self.any()
        if not disk:
            return
        if self.children(disk):
            self.refused("write", "--zero", "--length", "4096", disk.file)
            return
        self.log.append(f"scribble {disk.name}")
        disk.scribble(self.rng.randrange(1, 5))

    def trim(self):
        disk = self.any(lambda d: not self.children(d) and not d.parent)
        if not disk:
            return
        off = self.rng.randrange(0, len(disk.body) // 4096) * 4096
        size = min(len(disk.body) - off, self.rng.choice((4096, MIB, 3 * MIB)))
        self.do("write", "--zero", "--offset", off, "--length", size,
                disk.file, after_kill=lambda: False)
        disk.body[off:off + size] = bytes(size)

    def merge(self):
        top = self.any(lambda d: d.parent)
        if not top:
            return
        chain = self.chain(top)
        into = self.rng.randrange(1, len(chain))
        anc, path = chain[into], chain[:into]
        argv = ["merge", "--into", anc.file, top.file]
        if into == 1 and self.rng.random() < 0.3:
            argv = ["merge", top.file]
        others = [d for low, up in zip(chain[1:into + 1], path)
                  for d in self.children(low) if d is not up]
        keep = anc.fmt == "vhd" and self.rng.random() < 0.3
        if keep:
            argv.append("--keep-id")
        if len(anc.body) > len(top.body) or \
                (others and self.rng.random() < 0.7):
            self.refused(*argv)
            return
        if others:
            argv.append("--orphan")
        delete = keep or self.rng.random() < 0.5
        if delete:
            argv.append("--delete")
        self.do(*argv, after_kill=lambda: self.cut_merge(top, anc))
        self.end_merge(top, anc, path, others, delete)

    def cut_merge(self, top, anc):
        """The merged image shows its disk, or the ancestor does."""
        got = read_disk(self.util, top.file)
        if got is None:
            got = read_disk(self.util, anc.file)
        expect(got is not None, "neither image opens")
        expect_body(got, top.body, "a merge that was killed")
        return not os.path.exists(top.file)

    def end_merge(self, top, anc, path, others, delete):
        for child in self.children(top):
            child.parent = anc
        for disk in path:
            expect(delete != os.path.exists(disk.file),
                   f"{disk.name}: is it there?")
            if not delete:
                os.unlink(disk.file)
            self.disks.remove(disk)
        for disk in others:
            self.drop(disk)
        anc.body = bytearray(top.body)
        self.log.append(f"now {anc.name} is {top.name}")

    def drop(self, disk):
        for child in self.children(disk):
            self.drop(child)
        if os.path.exists(disk.file):
            os.unlink(disk.file)
        self.disks.remove(disk)

    def prune(self):
        disk = self.any(lambda d: not self.children(d))
        if disk and len(self.disks) > 4:
            self.log.append(f"rm {disk.name}")
            self.drop(disk)

    def rebase(self):
        disk = self.any(lambda d: d.parent)
        if not disk:
            return
        new = self.any(lambda d: d.fmt == disk.fmt and d is not disk)
        if not new:
            return
        argv = ("rebase", "--parent", new.file, disk.file)
        if disk in self.chain(new) or len(new.body) > len(disk.body):
            self.refused(*argv)
            return
        same = self.sectors(disk) == self.sectors(new)
        if not same:
            self.refused(*argv)
            return
        self.do(*argv)
        disk.parent = new

    def sectors(self, disk):
        done = self.call(["info", "--json", disk.file])
        return '"logical_sector": 4096' in done.stdout

    def new_file(self, disk, name, body, parent, *argv):
        path = self.maker.path(name)
        self.do(*argv, after_kill=lambda: os.path.exists(path))
        self.add(type(disk)(self.maker, name, disk.fmt, bytearray(body)),
                 parent)

    def flatten(self):
        disk = self.any()
        if not disk or len(self.disks) >= MOST:
            return
        name = self.name(disk.fmt)
        self.new_file(disk, name, disk.body, None, "flatten", disk.file, "-o",
                      self.maker.path(name))

    def merge_new(self):
        disk = self.any(lambda d: d.parent)
        if not disk or len(self.disks) >= MOST:
            return
        chain = self.chain(disk)
        into = self.rng.randrange(1, len(chain))
        below = chain[into].parent
        name = self.name(disk.fmt)
        self.new_file(disk, name, disk.body, below, "merge", "--into",
                      chain[into].file, "-o", self.maker.path(name), disk.file)

    def diff(self):
        b = self.any()
        if not b or len(self.disks) >= MOST:
            return
        a = self.any(lambda d: d.fmt == b.fmt and
                     len(d.body) <= len(b.body) and
                     self.sectors(d) == self.sectors(b))
        name = self.name(b.fmt)
        self.new_file(b, name, b.body, a, "diff", a.file, b.file, "-o",
                      self.maker.path(name))

    def move(self):
        """Under another name; its children are relinked."""
        disk = self.any()
        if not disk:
            return
        old = disk.file
        disk.name = "n" + self.name(disk.fmt)
        self.log.append(f"mv {old} {disk.name}")
        os.rename(old, disk.file)
        children = self.children(disk)
        if children:
            self.do("relink", *[c.file for c in children],
                    after_kill=lambda: False)

    def grow(self):
        disk = self.any()
        if not disk:
            return
        if self.children(disk):
            self.refused("resize", disk.file, "+1M")
            return
        size = len(disk.body) + MIB
        self.do("resize", disk.file, str(size), after_kill=lambda: False)
        disk.body.extend(bytes(MIB))

    def compact(self):
        disk = self.any(lambda d: not self.children(d) and not d.fixed)
        if disk:
            self.do("compact", "--no-fs", "--zero-scan", disk.file)

    def rename_id(self):
        disk = self.any()
        if not disk:
            return
        if self.children(disk):
            self.refused("set", "--id", "new", disk.file)
        else:
            self.do("set", "--id", "new", disk.file)

    def compare(self):
        a, b = self.any(), self.any()
        done = self.call(["compare", a.file, b.file])
        short, long = sorted((a.body, b.body), key=len)
        same = long == short + bytes(len(long) - len(short))
        expect(done.returncode == (0 if same else 3),
               f"compare {a.name} {b.name} says {done.returncode}")
        first, second = self.digest(a), self.digest(b)
        expect((first == second) == (a.body == b.body),
               f"digests of {a.name} and {b.name}: {first} {second}")

    def digest(self, disk):
        return json.loads(self.call(["digest", "--json",
                                     disk.file]).stdout)["digest"]

    def tree(self):
        """What the program says of all of them."""
        done = self.call(["chain", "--json", self.maker.folder])
        expect(done.returncode == 0, f"chain: {done.stdout}{done.stderr}")


STEPS = {
    Forest.plant: 2, Forest.snapshot: 8, Forest.write: 8, Forest.trim: 1,
    Forest.merge: 8, Forest.prune: 1, Forest.rebase: 5, Forest.flatten: 2,
    Forest.merge_new: 3, Forest.diff: 2, Forest.move: 3, Forest.grow: 2,
    Forest.compact: 2, Forest.rename_id: 1, Forest.compare: 2,
}


def one_round(args, number):
    rng = random.Random(f"{args.seed}/{number}")
    top = scratch("forest-scratch")
    folder = os.path.join(top, "made")
    os.mkdir(folder)
    kills = not args.no_kills and shutil.which("strace")
    forest = Forest(args.util, folder, rng, kills)
    forest.plant()
    try:
        for _ in range(args.steps):
            if not forest.disks:
                forest.plant()
            step = rng.choices(list(STEPS), STEPS.values())[0]
            step(forest)
            forest.judge()
        forest.sound()
        forest.tree()
    except Failure as failure:
        raise Failure(f"{failure}\n  " + "\n  ".join(forest.log)) from failure
    shutil.rmtree(top)
    return f"{len(forest.log)} steps"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("util")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--no-kills", action="store_true")
    args = parser.parse_args()
    args.util = os.path.abspath(args.util)
    report = Report("forest")
    for number in range(args.rounds):
        report.case(f"round/{number}", one_round, args, number)
    report.finish()


if __name__ == "__main__":
    main()
