#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two damages in one image: what a repair of everything makes of it.

    pairs.py VHD_UTIL [--count N] [--seed N] [--format vhd|vhdx] [--keep]

Pairs of cases with the same base are drawn.  Of each damaged image: check
answers; a repair with consent to what was found, and to what either case breaks,
ends in order; the same again finds nothing to do, and undoing it gives the
damaged file back.  Where the damages do not depend on each other, which is where
their order makes no difference, the repair brings no rule above a note that
neither case knows, and if the image is clean then and both cases promise the
guest's bytes, these are what they were.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import run
from case import Case
from disk import Util, fingerprint, state
from harness import Failure, expect
from rows import ROWS
from runner import Bases, Run, copy_folder


def both(one, two):
    """The damages of two cases, one behind the other."""
    def damage(path):
        for case in (one, two):
            case.damage(path)
    return damage


def known(*cases):
    return {rule for c in cases
            for rule in (*c.rules, *c.also, *c.after)}


class Pair(Run):
    """A case made of two."""

    def __init__(self, util, one, two, base, folder):
        joined = Case(f"{one.name}+{two.name}", [], base=one.base,
                      damage=both(one, two), deep=one.deep or two.deep,
                      args=one.args)
        super().__init__(util, joined, base, folder, True)
        self.two = (one, two)
        self.apart = True

    def hurt(self):
        """False: the second damage does not find what it wants to damage."""
        other = self.folder + ".other"
        copy_folder(self.base.folder, other)
        turned = os.path.join(other, self.base.name)
        try:
            self.case.damage(self.path)
            both(*reversed(self.two))(turned)
        except Exception:  # pylint: disable=broad-exception-caught
            return False
        finally:
            same = fingerprint(turned) == fingerprint(self.path)
            shutil.rmtree(other)
        self.apart = same
        return True

    def go(self):
        if not self.hurt():
            return
        if self.util.run("check", "--quiet", self.path).returncode == 1:
            # Nothing is left that says what the file is.
            return
        self.found = self.check()
        damaged, disk = state(self.path), self._disk()
        allow = [r for r in sorted(self.found.names | known(*self.two))
                 if ROWS[r].repair == "ask"]
        done = self.repair("--repair", allow=allow)
        expect(done.returncode in (0, 3), f"repair ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        if state(self.path) == damaged:
            return
        if self.apart:
            self.judge(disk)
        self._again(allow)
        self._undone(damaged)

    def judge(self, disk):
        left = self.check()
        # Where a repair gave up the last entries, check says what is left.
        come = left.serious() - self.found.names - known(*self.two) - \
            {"VHD1_TABLE_LOST", "VHDX_TABLE_LOST"}
        expect(not come, f"the repair brought {sorted(come)}: {left.told()}")
        if not left.serious() and all(mended_whole(c) for c in self.two):
            self._disk().must_equal(self.base.disk, "after the repair")
        elif all(c.repaired_same == "readable" for c in self.two):
            self._disk().must_equal(disk, "after the repair")


def usable(case):
    return case.rules and case.damage and not case.repair_args and \
        not case.chain and not case.choice and case.allow is None


def mended_whole(case):
    """All that it breaks can be mended, without a byte of the guest's lost."""
    return case.repaired_same is True and \
        all(ROWS[r].repair != "none" for r in case.rules)


def run_pair(util, bases, scratch, one, two, keep):
    folder = os.path.join(scratch, f"{one.name}+{two.name}")
    try:
        Pair(util, one, two, bases.get(one), folder).go()
    except Failure as failure:
        return f"{one.name} + {two.name}: {failure}"
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return None


def draw(cases, count, seed):
    dice = random.Random(seed)
    pairs = [(a, b) for a in cases for b in cases
             if a is not b and a.base is b.base and a.args == b.args and
             a.deep == b.deep and not set(a.rules) & set(b.rules)]
    return dice.sample(pairs, min(count, len(pairs)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("util")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=("vhd", "vhdx"))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    util = Util(args.util)
    scratch = tempfile.mkdtemp(prefix="vhd-pairs.")
    bases = Bases(util, scratch)
    pairs = draw([c for c in run.load_cases(args.format) if usable(c)],
                 args.count, args.seed)
    try:
        with ThreadPoolExecutor(run.WORKERS) as pool:
            texts = [t for t in pool.map(lambda p: run_pair(
                util, bases, scratch, *p, args.keep), pairs) if t]
    finally:
        if args.keep:
            print(f"images are in {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    for text in texts:
        print(f"FAIL {text}")
    print(f"pairs: {len(pairs) - len(texts)} passed, {len(texts)} failed")
    return 1 if texts or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
