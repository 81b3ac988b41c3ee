#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""kills.py [OPTION]...

Power cuts under a running guest.  A guest writes files, calls fsync on each and
on its folder, and says "durable" on its serial line; at a random moment QEMU,
or the server of the disk, is killed with SIGKILL.  Then

	- the image opens and breaks no rule of its format,
	- the next guest's kernel replays its journal, and e2fsck finds nothing,
	- every file that was reported durable is there and whole,
	- the parent of a differencing image has not changed by a byte;

and that guest writes on, until it is killed in turn.  An image lives through
all rounds, behind servers that take turns, and a last guest only looks.

With --liar the server is one that loses acknowledged writes when it dies, and
the test passes if that is noticed.
"""

import argparse
import math
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "support"))
import build_guest  # noqa: E402
import disks  # noqa: E402
import guest  # noqa: E402
import servers  # noqa: E402
from folder import folder  # noqa: E402
from harness import Failure  # noqa: E402

SIZE = 192 << 20
VICTIMS = ("qemu", "server")


class Life:
    """A disk through all its rounds, and what it owes to its guests."""

    def __init__(self, disk, folder):
        self.disk = disk
        self.folder = folder
        self.owed = set()       # numbers of the files that must be whole
        self.reported = 0       # how many were ever reported durable
        self.recovered = 0      # how often the journal was replayed
        self.dirty = False      # the last guest died with a journal to replay
        self.whole = set()      # files that the guest of now found whole

    def verdict(self, vm):
        if self.dirty:
            raise vm.failure("the guest's kernel found no journal to replay",
                             guest.Damage)
        lost = sorted(self.owed - self.whole)
        if lost:
            raise vm.failure(f"{len(lost)} durable files are lost or damaged: "
                             f"{lost[:10]}", guest.Damage)

    def handle(self, vm, words):
        """One line of the guest.  True when a file became durable."""
        word, number = words[0], words[-1]
        if word == "fail":
            raise vm.failure(" ".join(words[1:]), guest.Damage)
        if word == "whole":
            self.whole.add(int(number))
        elif word == "recovered":
            self.recovered += 1
            self.dirty = False
        elif word == "keep":
            self.verdict(vm)
            self.owed = {n for n in self.owed if n >= int(number)}
        elif word == "durable":
            self.owed.add(int(number))
            self.reported += 1
        return word == "durable"

    def look(self, kernel, kind, bus):
        """A last guest that only verifies."""
        self.whole = set()
        with servers.server(kind, self.disk, self.folder) as server, \
             guest.Guest(kernel, server.start(), bus, ["journal"],
                         write="no") as vm:
            while words := vm.next():
                if words[0] == "done":
                    break
                self.handle(vm, words)
            else:
                raise vm.failure("the guest ended too early")
            self.verdict(vm)
            vm.close()
            server.stop()
        self.disk.judge()
        return f"{len(self.whole)} files whole"

    def round(self, kernel, kind, bus, victim, rng):
        """One guest: verifies, writes, and is killed; now and then before it
        came to write."""
        files = rng.randint(1, 60) if rng.random() < 0.85 else 0
        delay = rng.uniform(0, 0.25 if files else 3)
        before = self.reported
        self.whole = set()
        with servers.server(kind, self.disk, self.folder) as server, \
             guest.Guest(kernel, server.start(), bus, ["journal"],
                         write="yes") as vm:
            self.until(vm, files)
            moment = time.monotonic() + delay
            while time.monotonic() < moment:
                words = vm.next(moment)
                if words:
                    self.handle(vm, words)
            self.cut(vm, server, victim)
        # Without a durable file nobody knows how far it came.
        self.dirty = self.reported > before
        self.disk.judge()
        return f"{self.reported - before} files durable"

    def until(self, vm, files):
        """Follow the guest until it is up and reported that many files
        durable."""
        up = False
        while files > 0 or not up:
            words = vm.next()
            if not words or words[0] in ("written", "done"):
                raise vm.failure("the guest ended before it was killed")
            files -= self.handle(vm, words)
            up = True

    def cut(self, vm, server, victim):
        """Kill; what the guest printed before it died counts too."""
        if victim == "server":
            server.kill()
            # The guest may go on for a moment; it must not call anything
            # durable that is not.
            time.sleep(0.2)
        vm.kill()
        while words := vm.next():
            if words[0] != "fail":
                self.handle(vm, words)
        if victim == "qemu":
            server.stop()


def plan(forms, kinds, rounds, seed):
    """(round, format, server, bus, victim), such that with rounds enough every
    format meets every server and every victim, and all that soon."""
    pairs = [(kind, victim) for victim in VICTIMS for kind in kinds
             if (kind, victim) != ("qemu", "server")]
    cycle = math.lcm(len(forms), len(pairs))
    buses = list(guest.DEVICES)
    for number in range(rounds):
        turn = number + number // cycle + seed
        kind, victim = pairs[turn % len(pairs)]
        yield (number + 1, forms[number % len(forms)], kind,
               buses[(turn + turn // len(pairs)) % len(buses)], victim)


class Kills:
    """All rounds, and their lines."""

    def __init__(self, options, kernel, tmp):
        self.options = options
        self.kernel = kernel
        self.lives = {}
        self.tmp = tmp
        self.boots = 0

    def life(self, form):
        if form not in self.lives:
            folder = os.path.join(self.tmp, form)
            os.mkdir(folder)
            self.lives[form] = Life(disks.create_ext4(folder, form, SIZE),
                                    folder)
        return self.lives[form]

    def one(self, title, function, *args):
        """Run one boot and print its line; the first failure ends it all."""
        start = time.monotonic()
        self.boots += 1
        damage = None
        try:
            note = function(self.kernel, *args)
        except Failure as failure:
            damage = failure
        print(f"{'FAIL' if damage else 'ok  '} {time.monotonic() - start:6.2f}s"
              f"  {title}  {damage or note}", flush=True)
        if damage:
            raise damage

    def run(self):
        options = self.options
        kind = None
        for number, form, kind, bus, victim in plan(
                options.formats, options.servers, options.rounds,
                options.seed):
            rng = random.Random(f"{options.seed}/{number}")
            killed = kind if victim == "server" else "QEMU"
            self.one(f"{number:3} {form:10} {kind:8} {bus:11} "
                     f"kill {killed:8}", self.life(form).round, kind, bus,
                     victim, rng)
        for form, life in self.lives.items():
            self.one(f"    {form:10} {kind:8} virtio-blk  look at it   ",
                     life.look, kind, "virtio-blk")

    def total(self):
        lives = self.lives.values()
        return (f"{self.boots} boots, "
                f"{sum(x.reported for x in lives)} files reported durable, "
                f"{sum(x.recovered for x in lives)} journals recovered")


def arguments():
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    ask.add_argument("--cache", default="guest-cache",
                     help="folder that keeps the kernel")
    ask.add_argument("--rounds", type=int, default=6)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--formats", type=lambda s: s.split(","),
                     default=list(disks.FORMATS),
                     help="such as vhdx,vhd-child; or raw")
    ask.add_argument("--servers", type=lambda s: s.split(","),
                     default=list(servers.OURS),
                     help=f"some of {','.join(servers.ALL)}")
    ask.add_argument("--liar", action="store_true",
                     help="a raw disk behind a server that loses writes; "
                          "succeed when that shows")
    options = ask.parse_args()
    if options.liar:
        options.formats, options.servers = ["raw"], ["liar"]
    return options


def main():
    options = arguments()
    guest.requirements()
    servers.requirements(options.servers)
    start = time.monotonic()
    damage = None
    with folder() as tmp:
        kernel = build_guest.build(os.path.abspath(options.cache), tmp)
        kills = Kills(options, kernel, tmp)
        try:
            kills.run()
        except Failure as failure:
            damage = failure
    print(f"guest kills, seed {options.seed}: {kills.total()}, "
          f"{time.monotonic() - start:.0f} seconds")
    if options.liar:
        caught = isinstance(damage, guest.Damage)
        print("the liar was caught" if caught else "the liar was not caught")
        sys.exit(not caught)
    sys.exit(1 if damage else 0)


if __name__ == "__main__":
    main()
