#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writing in place, beside QEMU and beside a raw file.

    bench/firstwrite.py [--build build] [--rounds N] [--dir DIR] [PART...]

Parts, all by default:

  first    scattered 4 KiB writes into an empty disk of 100 GiB: each needs a new
           block.  The same places for vhd-util bench and for qemu-io, without
           flushes and with one each 32 and each 64 writes.
  inplace  scattered 4 KiB reads and writes on a full image of 1 GiB, with 1 and
           8 threads, and the same loop on a raw file (rawio).
  giant    a million scattered writes into a disk of 64 TiB with 1 MiB blocks
           and a cache of 16 MiB.

Contenders run in turn, so that a drift of the machine hits all alike; printed
are medians.  Calls are counted by strace in runs of their own.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

WORD = (1 << 64) - 1
SIZE = 4096
QEMU = {"vhd": "vpc", "vhdx": "vhdx"}
CALLS = "pwrite64,pwritev,write,fdatasync,fsync,ftruncate,fallocate"


def mix(seed, i):
    """As in tools/bench_load.c: the place of operation number i."""
    z = (seed + (i + 1) * 0x9E3779B97F4A7C15) & WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


def run(argv, **kwargs):
    """Wall seconds and what it printed."""
    begin = time.monotonic()
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **kwargs)
    wall = time.monotonic() - begin
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(map(str, argv))}\n{done.stdout}")
    return wall, done.stdout


def traced(argv, **kwargs):
    """How often a program made the calls that change a file."""
    with tempfile.NamedTemporaryFile("r") as log:
        run(["strace", "-f", "-c", "-e", f"trace={CALLS}", "-o", log.name,
             *argv], **kwargs)
        counts = {}
        for line in log.read().splitlines():
            match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+"
                             r"(?:\d+\s+)?(\w+)$", line)
            if match and match.group(2) != "total":
                counts[match.group(2)] = int(match.group(1))
    return counts


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


class Bench:
    def __init__(self, args, where):
        self.util = os.path.join(args.build, "tools", "vhd-util")
        self.rawio = os.path.join(args.build, "bench", "rawio")
        self.args = args
        self.where = where

    def at(self, name):
        return os.path.join(self.where, name)

    def create(self, path, *options):
        run([self.util, "create", "--force", "--no-sync", *options, path])

    def bench(self, path, *options):
        wall, out = run([self.util, "bench", "--json", "--yes",
                         "--no-progress", *options, path])
        return wall, json.loads(out)

    # first

    def script(self, size, count, flush_every):
        """The same operations for qemu-io."""
        lines = []
        for i in range(count):
            off = mix(1, i) % (size // SIZE) * SIZE
            lines.append(f"write -q -P 85 {off} {SIZE}")
            if flush_every and (i + 1) % flush_every == 0:
                lines.append("flush")
        return "\n".join(lines + ["flush", "quit"]) + "\n"

    def ours(self, path, count, flush_every):
        argv = [self.util, "bench", "--pattern", "randwrite", "--yes",
                "--json", "--no-progress", "--count", str(count)]
        if flush_every:
            argv += ["--flush-every", str(flush_every)]
        return [*argv, path], None

    def theirs(self, path, fmt, size, count, flush_every):
        return (["qemu-io", "-f", QEMU[fmt], "-t", "writeback", path],
                self.script(size, count, flush_every))

    def first_row(self, name, path, fresh, argv, text, count):
        """What strace counts of one contender, and the file afterwards."""
        fresh()
        before = os.stat(path).st_size
        counts = traced(argv, input=text)
        after = os.stat(path)
        syncs = counts.get("fdatasync", 0) + counts.get("fsync", 0)
        writes = counts.get("pwrite64", 0) + counts.get("pwritev", 0)
        return {"name": name, "writes": writes / count, "syncs": syncs,
                "growth": after.st_size - before,
                "disk": after.st_blocks * 512, "walls": []}

    def first(self):
        size = 100 << 30
        if not shutil.which("strace"):
            raise SystemExit("strace is not installed")
        for fmt in ("vhdx", "vhd"):
            path = self.at(f"first.{fmt}")

            def fresh():
                self.create(path, "--size", str(size))

            rows = []
            for flush_every in (0, 32, 64):
                rows += self.first_pair(path, fmt, size, flush_every, fresh)
            table(f"first writes, {fmt}, {self.args.count} of 4 KiB in "
                  "100 GiB",
                  ("program, writes per flush", "writes/s", "ratio",
                   "pwrite per write", "fdatasync in all", "while writing",
                   "growth MiB", "on disk MiB"), rows)
            os.unlink(path)

    def first_pair(self, path, fmt, size, flush_every, fresh):
        count = self.args.count
        pair = [("vhd-util", self.ours(path, count, flush_every))]
        if shutil.which("qemu-io"):
            pair.append(("qemu-io",
                         self.theirs(path, fmt, size, count, flush_every)))
        found = [self.first_row(name, path, fresh, argv, text, count)
                 for name, (argv, text) in pair]
        for _ in range(self.args.rounds):
            for row, (_, (argv, text)) in zip(found, pair):
                fresh()
                wall, out = run(argv, input=text)
                row["walls"].append(wall)
                if text is None:
                    row["load"] = json.loads(out)["load"]["flushes"]
        base = statistics.median(found[0]["walls"])
        label = f", {flush_every}" if flush_every else ", no flush"
        rows = []
        for row in found:
            wall = statistics.median(row["walls"])
            rows.append((row["name"] + label, f"{count / wall:.0f}",
                         f"{wall / base:.2f}x", f"{row['writes']:.3f}",
                         str(row["syncs"]), str(row.get("load", "")),
                         f"{row['growth'] / 2**20:.1f}",
                         f"{row['disk'] / 2**20:.1f}"))
        return rows

    # inplace

    def inplace(self):
        raw = self.at("full.raw")
        with open("/dev/urandom", "rb") as src, open(raw, "wb") as dst:
            for _ in range(1024):
                dst.write(src.read(1 << 20))
        images = []
        for fmt in ("vhdx", "vhd"):
            path = self.at(f"full.{fmt}")
            run([self.util, "convert", "--force", "--no-sync",
                 "--no-progress", raw, path])
            images.append((fmt, path))
        os.sync()
        rows = []
        for pattern in ("randread", "randwrite"):
            for threads in (1, 8):
                rows += self.inplace_group(pattern, threads, raw, images)
        table("4 KiB in place, 1 GiB in the page cache",
              ("load", "operations/s", "of raw", "calls per operation"),
              rows)
        for path in [raw] + [p for _, p in images]:
            os.unlink(path)

    def inplace_group(self, pattern, threads, raw, images):
        count = 200000
        speeds = {"raw": []}
        calls = {"raw": 1.0}
        for i in range(self.args.rounds + 1):
            os.sync()
            _, out = run([self.rawio, pattern, raw, SIZE, count, threads, 1])
            if i:       # the first round warms up
                speeds["raw"].append(float(out))
            for fmt, path in images:
                os.sync()
                _, r = self.bench(path, "--pattern", pattern, "--count",
                                  count, "--threads", threads)
                if i:
                    speeds.setdefault(fmt, []).append(
                        r["operations_per_second"])
                calls[fmt] = (r["load"]["reads"] + r["load"]["writes"] +
                              r["load"]["flushes"]) / count
        rows = []
        for name, values in speeds.items():
            ratios = [v / base for v, base in zip(values, speeds["raw"])]
            rows.append((f"{pattern}, {threads} thread"
                         f"{'s' if threads > 1 else ''}, {name}",
                         f"{statistics.median(values):.0f}",
                         f"{statistics.median(ratios):.2f}",
                         f"{calls[name]:.3f}"))
        return rows

    # giant

    def giant(self):
        path = self.at("giant.vhdx")
        self.create(path, "--size", "64T", "--block-size", "1M")
        rows = []
        for flush_every in (0, 10000):
            flags = ["--flush-every", flush_every] if flush_every else []
            self.create(path, "--size", "64T", "--block-size", "1M")
            wall, r = self.bench(path, "--pattern", "randwrite", "--count",
                                 self.args.giant, "--cache", "16M", *flags)
            load = r["load"]
            rows.append((f"a flush each {flush_every}" if flush_every else
                         "no flush",
                         f"{r['operations_per_second']:.0f}",
                         f"{r['peak_memory'] / 2**20:.1f}",
                         f"{load['writes'] / self.args.giant:.3f}",
                         f"{load['write_bytes'] / self.args.giant:.0f}",
                         str(load["flushes"]),
                         f"{r['end']['seconds']:.2f}", f"{wall:.1f}"))
        table(f"{self.args.giant} writes scattered over 64 TiB, cache 16 MiB",
              ("", "writes/s", "peak MiB", "calls per write",
               "bytes per write", "flushes", "closing s", "all s"), rows)
        os.unlink(path)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    ap.add_argument("--build", default="build")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--count", type=int, default=2000)
    ap.add_argument("--giant", type=int, default=1000000)
    ap.add_argument("--dir", help="where the images are made")
    ap.add_argument("parts", nargs="*", metavar="PART",
                    help="first, inplace, giant")
    args = ap.parse_args()
    args.build = os.path.abspath(args.build)
    parts = args.parts or ["first", "inplace", "giant"]
    for part in parts:
        if part not in ("first", "inplace", "giant"):
            ap.error(f"there is no part '{part}'")
    with tempfile.TemporaryDirectory(dir=args.dir) as where:
        bench = Bench(args, where)
        for part in parts:
            getattr(bench, part)()


if __name__ == "__main__":
    main()
