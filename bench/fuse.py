#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounted images, beside the other ways to mount them and beside a raw file.

    bench/fuse.py [--build build] [--rounds N] [--dir DIR]... [PART...]

Parts, all by default:

  load   4 KiB random reads and writes at depth 1 and 32 and 1 MiB sequential
         ones at depth 4, direct, on full images in the page cache.
  again  buffered reads of a mounted file that was read before.
  first  2000 scattered writes of 4 KiB into an empty disk of 100 GiB: each
         needs a new block.

Contenders: vhdfuse (also on a raw file), QEMU's FUSE export, vhdimount, and
rawfuse, a server that does the least a server can do, with one and with two
threads.  What is not installed is left out and named.

All are mounted at once, each on its own copy of the image, and take turns in
each round; a ratio is the median of the rounds' ratios.  Processor time is the
server's own, all its threads, for each operation.  On a disk the kernel throttles
who dirties memory faster than the disk takes it, so that buffered writes measure
the disk: give a folder on a tmpfs (--dir /dev/shm) for the cost of the software,
and a folder on a disk for first writes.  Needs root, for rawfuse.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import fuse_goals
import fuse_load
import fuse_peers

PARTS = ("load", "again", "first")
FORMATS = ("vhdx", "vhd", "raw")
FIRSTS = {  # name: depth, writes for each flush
    "first 4K qd1": (1, 0),
    "first 4K qd32": (32, 0),
    "first 4K, a flush each 32": (1, 32),
}


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(argv)}\n{done.stdout}")
    return done.stdout


class Bench:
    """All parts in one folder."""

    def __init__(self, args, where, servers):
        self.args = args
        self.where = where
        self.servers = servers
        self.util = os.path.join(args.build, "tools", "vhd-util")
        self.results = {}       # (contender, job) -> one dict for each round
        self.counts = []        # what first writes do to the file
        self.images = {}
        self.busy = []          # the machine without us, 0 to 1

    def at(self, name):
        return os.path.join(self.where, name)

    def note(self, name, job, found):
        self.results.setdefault((name, job), []).append(found)
        if self.args.verbose:
            print(f"{name}: {job}: {found['rate']:.0f}", file=sys.stderr)

    def settle(self):
        self.busy.append(fuse_load.settle(self.where))

    def make_images(self):
        """One of each format, full of the same bytes."""
        raw = self.at("full.raw")
        with open("/dev/urandom", "rb") as src, open(raw, "wb") as dst:
            for _ in range(self.args.size):
                dst.write(src.read(fuse_load.MIB))
        self.images["raw"] = raw
        for fmt in ("vhdx", "vhd"):
            self.images[fmt] = self.at(f"full.{fmt}")
            run([self.util, "convert", "--no-sync", "--no-progress", raw,
                 self.images[fmt]])

    def mount_all(self, mounts):
        for server in self.servers:
            for fmt in server.formats:
                if fmt not in self.args.formats:
                    continue
                copy = self.at(f"{len(mounts)}.{fmt}")
                shutil.copyfile(self.images[fmt], copy)
                mounts.append(fuse_peers.Mount(server, fmt, copy, self.where))
        self.settle()

    def load(self):
        """Parts load and again."""
        self.make_images()
        mounts = []
        try:
            self.mount_all(mounts)
            for number in range(self.args.rounds):
                turn = number % len(mounts)
                order = mounts[turn:] + mounts[:turn]
                if "load" in self.args.parts:
                    self.load_round(order, number)
            for number in range(self.args.rounds):
                if "again" in self.args.parts:
                    self.again_round(mounts, number)
        finally:
            for mount in mounts:
                mount.stop()

    def load_round(self, mounts, number):
        for job, (pattern, _, _) in fuse_load.JOBS.items():
            for mount in mounts:
                if "write" in pattern and not mount.server.writes:
                    continue
                self.settle()
                self.note(mount.name, job,
                          fuse_load.direct(mount, job, self.args, number))

    def again_round(self, mounts, number):
        files = [("the file itself, raw", self.images["raw"])]
        files += [(mount.name, mount.file) for mount in mounts]
        for job in fuse_load.AGAIN:
            for name, path in files:
                fuse_load.warm(path)
                self.note(name, job,
                          fuse_load.again(path, job, self.args, number))

    def fresh(self, fmt):
        path = self.at(f"first.{fmt}")
        run([self.util, "create", "--force", "--no-sync", "--size",
             str(fuse_load.SIZE), path])
        return path

    def first(self):
        for fmt in ("vhdx", "vhd"):
            if fmt not in self.args.formats:
                continue
            able = [s for s in self.servers if s.writes and fmt in s.formats]
            for job, (depth, flush_every) in FIRSTS.items():
                for number in range(self.args.rounds):
                    for server in able:
                        self.first_one(server, fmt, job, depth, flush_every,
                                       number)
                if shutil.which("strace"):
                    for server in able:
                        self.first_counted(server, fmt, job, depth,
                                           flush_every)

    def first_one(self, server, fmt, job, depth, flush_every, number):
        path = self.fresh(fmt)
        self.settle()
        mount = fuse_peers.Mount(server, fmt, path, self.where)
        try:
            self.note(mount.name, job,
                      fuse_load.first(mount, self.args, depth, flush_every,
                                      number))
        finally:
            mount.stop()
        os.unlink(path)

    def first_counted(self, server, fmt, job, depth, flush_every):
        """Once more under strace, and what became of the file."""
        path = self.fresh(fmt)
        before = os.stat(path)
        log = self.at("strace.log")
        mount = fuse_peers.Mount(server, fmt, path, self.where, strace=log)
        try:
            fuse_load.first(mount, self.args, depth, flush_every, 0)
            found = fuse_load.counted(log)
        finally:
            mount.stop()
        after = os.stat(path)
        found["closing"] = fuse_load.counted(log)["flushes"] - found["flushes"]
        found["name"] = mount.name
        found["job"] = job
        found["growth"] = after.st_size - before.st_size
        found["disk"] = (after.st_blocks - before.st_blocks) * 512
        self.counts.append(found)
        os.unlink(log)
        os.unlink(path)

    # what came out

    def cell(self, name, job):
        found = self.results.get((name, job))
        if not found:
            return "-"
        rate = statistics.median(m["rate"] for m in found)
        used = [m["cpu"] for m in found if m["cpu"] is not None]
        if not used:
            return f"{rate:.0f}"
        return f"{rate:.0f}, {fuse_goals.short(statistics.median(used))} us"

    def print_jobs(self, title, jobs):
        names = []
        for name, job in self.results:
            if job in jobs and name not in names:
                names.append(name)
        names.sort(key=lambda n: FORMATS.index(n.rsplit(", ", 1)[1]))
        if names:
            fuse_goals.table(title, ("", *jobs),
                             [(n, *(self.cell(n, j) for j in jobs))
                              for n in names])

    def print_counts(self):
        rows = []
        for row in self.counts:
            count = fuse_load.COUNT
            rows.append((row["name"], row["job"], f"{row['writes'] / count:.2f}",
                         f"{row['bytes'] / count / 4096:.2f}",
                         f"{row['flushes']}", f"{row['closing']}",
                         f"{row['growth'] / 2**20:.1f}",
                         f"{row['disk'] / 2**20:.1f}"))
        if rows:
            fuse_goals.table(
                "first writes: what the server did to the file",
                ("", "", "writes per write", "bytes per byte", "flushes",
                 "more to close", "growth MiB", "on disk MiB"), rows)

    def report(self, kind):
        if self.busy:
            print(f"\nBetween measurements the processors were "
                  f"{100 * statistics.median(self.busy):.0f} % busy with "
                  "other work.")
        self.print_jobs("operations a second, direct, and the server's "
                        "processor time for each", list(fuse_load.JOBS))
        self.print_jobs("buffered reads again, operations a second",
                        list(fuse_load.AGAIN))
        self.print_jobs("first writes a second", list(FIRSTS))
        self.print_counts()
        rows = [fuse_goals.judge(goal, self.results)
                for goal in fuse_goals.goals(fuse_load.JOBS, kind == "tmpfs")]
        rows = [row for row in rows if row]
        if rows:
            fuse_goals.print_goals(rows)
        return rows


def file_system(where):
    return run(["stat", "-f", "-c", "%T", where]).strip()


def bench_in(args, folder, servers):
    with tempfile.TemporaryDirectory(prefix="vhd-bench-",
                                     dir=folder) as where:
        kind = file_system(where)
        print(f"\n## On {kind}\n")
        bench = Bench(args, where, servers)
        try:
            if "load" in args.parts or "again" in args.parts:
                bench.load()
            if "first" in args.parts and kind == "tmpfs":
                print("First writes are left out: on a tmpfs a flush costs "
                      "nothing.")
            elif "first" in args.parts:
                bench.first()
        finally:
            goals = bench.report(kind)      # of what there is
    return {"file_system": kind, "goals": goals, "counts": bench.counts,
            "results": [{"contender": name, "job": job, "rounds": found}
                        for (name, job), found in bench.results.items()]}


def present(args):
    """The servers that can run here."""
    found = []
    for server in fuse_peers.servers(args.build):
        why = server.missing()
        if args.servers and server.name not in args.servers.split(","):
            continue
        if why:
            print(f"{server.name} is left out: {why}.")
        else:
            found.append(server)
    if not found or not shutil.which("fio"):
        raise SystemExit("fuse.py: fio and at least one server are needed")
    return found


def arguments():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    ap.add_argument("--build", default="build")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=1.0,
                    help="of each direct load in each round")
    ap.add_argument("--size", type=int, default=256, help="of a disk, in MiB")
    ap.add_argument("--dir", action="append",
                    help="where the images are made (repeatable)")
    ap.add_argument("--formats", default="vhdx,vhd,raw")
    ap.add_argument("--servers", help="only these, comma separated")
    ap.add_argument("--engine", default="libaio", help="fio's I/O engine")
    ap.add_argument("--json", metavar="FILE", help="all figures")
    ap.add_argument("--verbose", action="store_true")
    ap.add_argument("parts", nargs="*", metavar="PART",
                    help=", ".join(PARTS))
    args = ap.parse_args()
    args.build = os.path.abspath(args.build)
    args.parts = args.parts or list(PARTS)
    args.formats = args.formats.split(",")
    for name, known in ((args.parts, PARTS), (args.formats, FORMATS)):
        for word in name:
            if word not in known:
                ap.error(f"there is no '{word}'")
    if os.geteuid() != 0:
        ap.error("root is needed to mount without a helper")
    return args


def stop(signo, _frame):
    raise SystemExit(128 + signo)


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, stop)
    print(f"Linux {platform.release()}, {os.cpu_count()} processors, load "
          f"{os.getloadavg()[0]:.1f}, {args.rounds} rounds")
    servers = present(args)
    found = [bench_in(args, folder, servers)
             for folder in args.dir or [None]]
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"processors": os.cpu_count(),
                       "kernel": platform.release(), "folders": found}, f,
                      indent=1)


if __name__ == "__main__":
    main()
