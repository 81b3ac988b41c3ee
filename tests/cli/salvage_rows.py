#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Salvage of damaged images: every byte that could be read is in the copy, and
every other is reported as lost and reads as zeros, no byte more or less.
What a guess decides is reported as doubtful.

    salvage_rows.py VHD_UTIL [--only PATTERN] [--keep]
"""

import argparse
import atexit
import bisect
import fnmatch
import hashlib
import json
import os
import resource
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "support"),
                os.path.join(TESTS, "rules")]

# pylint: disable=wrong-import-position
from harness import Report, expect, pieces, run  # noqa: E402
from row_bench import RowBench  # noqa: E402
from salvage_cases import ALL, CASES, Refused  # noqa: E402

CHUNK = 1 << 20
MEMORY = 256 << 10  # KiB


class Bench(RowBench):
    """A folder for one case, and the program."""

    def raw(self, name, out, *options):
        """The bytes of a disk."""
        self.vu("convert", "--no-sync", "--no-progress", *options, name, out)


def fingerprint(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for part in iter(lambda: f.read(CHUNK), b""):
            digest.update(part)
    st = os.stat(path)
    return digest.digest(), st.st_mtime_ns, st.st_size, st.st_ino


def stored(path):
    """Pieces of a file that may hold something else than zeros."""
    pos, found = 0, []
    for data, length in pieces(path):
        if data is not None:
            found.append((pos, length))
        pos += length
    return found


def without(data, off, losses):
    """@data at @off with zeros for what is lost."""
    data = bytearray(data)
    at = max(bisect.bisect_right(losses, (off, 1 << 64)) - 1, 0)
    while at < len(losses) and losses[at][0] < off + len(data):
        start = max(losses[at][0] - off, 0)
        end = min(sum(losses[at]) - off, len(data))
        if start < end:
            data[start:end] = bytes(end - start)
        at += 1
    return bytes(data)


def compare(before, after, losses, bad):
    """The copy holds @before but for the losses, which are zeros, and for what
    is doubtful and @bad."""
    expect(os.path.getsize(before) <= os.path.getsize(after),
           "the copy is smaller than the disk")
    with open(before, "rb") as a, open(after, "rb") as b:
        for off, length in stored(before) + stored(after):
            one = os.pread(a.fileno(), length, off).ljust(length, b"\0")
            other = os.pread(b.fileno(), length, off).ljust(length, b"\0")
            one = without(one, off, losses)
            expect(without(one, off, bad) == without(other, off, bad),
                   f"the copy differs in 0x{off:x} to 0x{off + length:x}")


def merged(ranges):
    found = []
    for off, length in sorted(ranges):
        if found and found[-1][0] + found[-1][1] == off:
            found[-1] = (found[-1][0], found[-1][1] + length)
        elif length:
            found.append((off, length))
    return found


def check_doubts(case, said):
    """Gives what is doubtful."""
    found = [(x["start"], x["length"]) for x in said["doubts"]]
    result = said["result"]
    want = case.doubts
    if want == ALL:
        want = [(0, result["disk_size"])]
    expect(merged(found) == merged(want) and found == sorted(found),
           f"doubtful: {found[:6]}, not {want[:6]}")
    expect(result["doubtful_bytes"] == sum(n for _, n in found) and
           result["doubts"] == len(found), "the sums of doubts are wrong")
    expect(all(x["message"] for x in said["doubts"]), "a doubt without words")
    return merged(want)


def refused(bench, case, done, existed):
    expect(done.returncode == 1, f"ended with {done.returncode}, not 1")
    expect(sorted(os.listdir(bench.where)) == existed,
           "something was left behind")
    expect(case.lost.hint in done.stderr, f"no hint: {done.stderr.strip()}")
    return done.stderr.splitlines()[0][:100]


def try_case(bench, case):
    image = case.make(bench)
    before = bench.path("before.raw")
    if not os.path.exists(before):
        bench.raw(image, "before.raw")
    for change in case.damage:
        change(bench, image)
    path = bench.path(image)
    mark, existed = fingerprint(path), sorted(os.listdir(bench.where))
    argv = [bench.util, "salvage", "--no-sync", "--json", *case.options, image,
            case.target]
    done = run(*argv, cwd=bench.where, timeout=300)
    expect(fingerprint(path) == mark, "the source has been changed")
    if isinstance(case.lost, Refused):
        return refused(bench, case, done, existed)
    said = json.loads(done.stdout)
    expect("result" in said, f"failed: {done.stderr.strip()}")
    losses = merged((x["start"], x["length"]) for x in said["losses"])
    want = merged(case.lost(bench) if callable(case.lost) else case.lost)
    expect(losses == want,
           f"lost: {losses[:6]}, {len(losses)} in all, not {want[:6]}, "
           f"{len(want)} in all")
    result = said["result"]
    expect(result["lost_bytes"] == sum(n for _, n in want) and
           result["losses"] == len(said["losses"]), "the sums are wrong")
    doubts = check_doubts(case, said)
    expect(done.returncode == (3 if want or doubts else 0),
           f"ended with {done.returncode}")
    expect(bool(said["assumptions"]) == case.assumes,
           f"assumptions: {[s['message'] for s in said['assumptions']]}")
    bench.vu("check", "--quiet", case.target)
    bench.raw(case.target, "after.raw")
    bad = doubts if case.bad else []
    if bad == [(0, said["result"]["disk_size"])]:
        return f"{len(want)} lost, all is doubtful"
    compare(before, bench.path("after.raw"), want, bad)
    return f"{len(want)} lost, {len(doubts)} doubtful" + (
        f", {len(said['assumptions'])} assumed" if case.assumes else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("util")
    parser.add_argument("--only", default="*")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    report = Report("salvage")
    where = tempfile.mkdtemp(prefix="vhd-salvage.")
    if args.keep:
        print(where)
    else:
        atexit.register(shutil.rmtree, where, True)
    for number, case in enumerate(CASES):
        if not fnmatch.fnmatch(case.name, args.only):
            continue
        bench = Bench(os.path.abspath(args.util),
                      os.path.join(where, str(number)))
        os.mkdir(bench.where)
        report.case(case.name, try_case, bench, case)
        if not args.keep:
            shutil.rmtree(bench.where)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sanitized = bool(os.environ.get("VHD_SANITIZE"))
    if not sanitized:
        report.add("memory", "FAIL" if peak > MEMORY else "ok  ",
                   f"{peak >> 10} MiB at most", 0)
    report.finish()


if __name__ == "__main__":
    main()
