#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verbs that change images, killed at any call that reaches a file.

    verbs.py VHD_UTIL [--seed N] [--rounds N] [--kills N] [--only VERB]...
             [--format vhd|vhdx]

For each verb, format and round, random images are made (scenes.py).  The verb is
run to its end once, on a copy, to judge its result and to count its calls; then
on further copies, each time killed at another call.  What is left has to open,
to pass the check, and to show what it showed; the same command, given again, has
to finish the work.  A seed repeats a run.
"""

import argparse
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
# pylint: disable=wrong-import-position
from harness import Report, expect, need, run, scratch
from disk import FORMATS, Maker, copy_folder
from scenes import SCENES

# With a question mark those that not every machine has.
CALLS = ("write,pwrite64,pwritev,pwritev2,ftruncate,fallocate,fdatasync,fsync,"
         "copy_file_range,ioctl,linkat,?rename,?renameat,renameat2,?unlink,"
         "unlinkat")


def traced(util, argv, trace, when=None):
    command = ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={CALLS}"]
    if when:
        command += ["-e", f"inject={CALLS}:signal=KILL:when={when}"]
    return run("timeout", "120", *command, util, *argv)


def finish(scene, folder):
    done = run("timeout", "120", scene.util, *scene.argv(folder))
    expect(done.returncode == 0, f"`{' '.join(scene.argv(folder))}` ended "
           f"with {done.returncode}: {done.stderr[:500]}")
    scene.done(folder)


def count_calls(scene, folder, trace):
    done = traced(scene.util, scene.argv(folder), trace)
    expect(done.returncode == 0, f"`{' '.join(scene.argv(folder))}` ended "
           f"with {done.returncode}: {done.stderr[:500]}")
    scene.done(folder)
    with open(trace, encoding="utf-8", errors="replace") as f:
        return sum(1 for line in f if "+++" not in line)


def one_round(args, kind, fmt, number):
    rng = random.Random(f"{args.seed}/{kind.name}/{fmt}/{number}")
    top = scratch("verbs-scratch")
    original, copy = os.path.join(top, "made"), os.path.join(top, "copy")
    trace = os.path.join(top, "trace")
    os.mkdir(original)
    scene = kind(Maker(args.util, original, rng), fmt)
    copy_folder(original, copy)
    calls = count_calls(scene, copy, trace)
    whens = sorted(rng.sample(range(1, calls + 1), min(args.kills, calls)))
    for when in whens:
        copy_folder(original, copy)
        traced(args.util, scene.argv(copy), trace, when)
        try:
            scene.cut(copy)
            finish(scene, copy)
        except Exception as failure:
            failure.args = (f"killed at call {when} of {calls}: {failure}",)
            raise
    shutil.rmtree(top)
    return f"{calls} calls, killed at {len(whens)} of them"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("util")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--only", action="append")
    parser.add_argument("--format", choices=FORMATS, action="append")
    args = parser.parse_args()
    need("strace")
    args.util = os.path.abspath(args.util)
    report = Report("verbs")
    for kind in SCENES:
        if args.only and kind.name not in args.only:
            continue
        missing = [t for t in kind.tools if not shutil.which(t)]
        if missing:
            print(f"{kind.name}: left out, for there is no {missing[0]}")
            continue
        for fmt in args.format or FORMATS:
            for number in range(args.rounds):
                report.case(f"{kind.name}/{fmt}/{number}", one_round, args,
                            kind, fmt, number)
    report.finish()


if __name__ == "__main__":
    main()
