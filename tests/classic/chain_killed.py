# SPDX-License-Identifier: BSD-2-Clause
"""The life of chain.py, where calls are killed at random and then recovered as
is documented: a parent that was coalesced into is repaired, a journal reverted,
and the call given again.  No disk shows anything else in between.

chain_killed.py [volumes] [SEED]: the seed decides where; VHD_CLASSIC_SEED does so,
too; volumes: on loop devices that are named as logical volumes
"""

import os
import random
import subprocess
import sys
import time

import storage
from collector import Files, Manager, Volumes, life
from disks import Scratch, verify, verify_device
from harness import need, skip
from storage import CommandError, Failure, expect

SOAK = bool(os.environ.get("VHD_SOAK"))
LEVELS = 30 if SOAK else 12
SECONDS = 60 if SOAK else 20
LEAST = 20 if SOAK else 8
# How many such calls verbs make at most, and how often one is left alone.
LENGTHS = {"set_hidden": 5, "set_size_virt_fast": 5, "set_size_virt": 40}
SPARED = {"set_size_virt_fast": 0, "set_size_virt": 0.1}
# With a question mark those that not every machine has.
CALLS = ("pwrite64,pwritev,pwritev2,write,fsync,fdatasync,ftruncate,fallocate,"
         "copy_file_range,sendfile,linkat,?rename,?renameat,renameat2,?unlink,"
         "unlinkat,setxattr,fsetxattr,sync_file_range")


def killing(number):
    """The program dies when it begins its n-th call that changes something."""
    return ["strace", "-f", "-qq", "-o", os.devnull,
            "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", f"trace={CALLS}",
            "-e", f"inject={CALLS}:signal=SIGKILL:when={number}"]


class Killer:
    """do() of a Manager."""

    def __init__(self, store, rng):
        self.store, self.rng = store, rng
        self.verify = verify_device if store.room else verify
        self.manager = None
        self.kills = {}
        self.path = None	# of the image that the call is about
        self.changing = False	# its disk, or whether it is one
        self.until = time.monotonic() + SECONDS

    def __call__(self, step, *args):
        name = step.__name__
        self.path = args[0]
        self.changing = name not in ("coalesce", "set_parent", "set_hidden")
        try:
            return self.run(name, step, *args)
        finally:
            self.path = None

    def run(self, name, step, *args):
        for _ in range(3):
            if self.rng.random() < SPARED.get(name, 0.4) or \
                    time.monotonic() > self.until:
                break
            most = LENGTHS.get(name, 12)
            storage.PREFIX[:] = killing(self.rng.randint(1, most))
            try:
                return step(*args)
            except CommandError as error:
                if error.code not in (-9, 137):
                    raise
            finally:
                storage.PREFIX[:] = []
            self.kills[name] = self.kills.get(name, 0) + 1
            self.look(f"{name} was killed")
            getattr(self, f"after_{name}", lambda *_: None)(*args)
            self.look(f"{name} was killed and mended")
        return step(*args)

    def look(self, what):
        """What can be read now is what was there before."""
        ready = [d for d in self.manager.leaves()
                 if os.path.exists(self.manager.path(d))
                 and not self.poisoned(self.manager.path(d))]
        ready = self.rng.sample(ready, min(2, len(ready)))
        for leaf in ready:
            if self.complete(leaf):
                self.verify(self.manager.path(leaf), leaf.content, what)

    def complete(self, leaf):
        """Neither it is being made nor its chain resized right now."""
        while leaf:
            path = self.manager.path(leaf)
            if not os.path.exists(path) or self.poisoned(path):
                return False
            if self.changing and path == self.path:
                return False
            leaf = leaf.parent
        return True

    @staticmethod
    def poisoned(path):
        with open(path, "rb") as f:
            return f.read(8) == b"v_poison"

    def after_snapshot(self, path, parent, *_):
        expect(storage.check(parent), f"check {parent}: its child was killed")

    def after_set_hidden(self, path, hidden):
        expect(storage.get_hidden(path) in (0, 1), f"hidden of {path}")

    def after_set_size_virt_fast(self, path, _mib):
        storage.repair(path)
        expect(storage.check(path), f"check {path}, repaired")

    def after_set_size_virt(self, path, _mib, journal):
        """The manager reverts after any failure.  What was not begun has no
        journal, or one that says nothing."""
        try:
            storage.revert(path, journal)
        except CommandError as error:
            expect(error.code in (2, 22), f"{error}")
            expect(not self.poisoned(path), f"{path} cannot be reverted")
            if os.path.exists(journal):
                os.unlink(journal)
        expect(not os.path.exists(journal), f"{journal} was not removed")
        expect(storage.check(path), f"check {path}, reverted")

    def after_coalesce(self, path):
        below = self.store.path(storage.get_parent(path, self.store.uuid_of))
        storage.repair(below)
        expect(storage.check(below), f"check {below}, repaired")
        expect(storage.check(path), f"check {path}, its parent repaired")

    def after_set_parent(self, path, parent):
        expect(storage.check(path, "-i"), f"check {path}, link half made")
        uuid_of = self.store.uuid_of
        name = storage.get_parent(path, uuid_of)
        old = self.manager.disks[uuid_of(path)].parent.name
        expect(name in (uuid_of(parent), old), f"{path} is {name}'s child")


def main():
    need("strace")
    probe = subprocess.run([*killing(1), "true"], capture_output=True,
                           check=False)
    if probe.returncode != 0:
        skip("processes cannot be traced here", host=True)
    words = sys.argv[1:]
    store = Files()
    if words[:1] == ["volumes"]:
        store = Volumes()
        words.pop(0)
    seed = int(words[0] if words else os.environ.get("VHD_CLASSIC_SEED", 8))
    killer = Killer(store, random.Random(seed + 1000))
    with Scratch():
        manager = Manager(store, random.Random(seed), killer)
        killer.manager = manager
        if store.room:
            compare = manager.compare
            manager.compare = lambda what: compare(what, verify_device)
        try:
            life(manager, LEVELS, manager.check_all)
        except (Failure, CommandError) as failure:
            keep = os.environ.get("VHD_CLASSIC_KEEP")
            if keep:
                subprocess.run(["cp", "-a", ".", keep], check=False)
            print(f"FAIL: seed {seed}, step {manager.steps}: {failure}")
            sys.exit(1)
    print(f"seed {seed}: {manager.steps} steps, killed: " +
          ", ".join(f"{n} {c}" for n, c in sorted(killer.kills.items())))
    expect(sum(killer.kills.values()) >= LEAST or time.monotonic() > killer.until,
           f"too few kills: {killer.kills}")


main()
