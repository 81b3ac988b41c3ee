#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random reads from chains of snapshots of any depth, beside a flat image.

    bench/chain.py [--build build] [--dir DIR] [--size 1G] [--rounds N]
                   [--depths 1,2,8,32,64] [--formats vhdx,vhd]

The base is full; each child holds another 3 % of the disk, in pieces of 64 KiB
at scattered places. The flat image is the deepest chain, converted. All are read
through the library, after as many reads at other places as the disk has pages:
the rate is what stays. Printed, as the best of rounds in which the images take
turns, since other work on the machine only takes away: reads for each second, and
for each second of processor time; their ratios to the flat image's; the floor,
which is pread() at places that are known beforehand (chainfloor.c), as such a
ratio; the first reads, without a warm-up; the time to open; and the memory of the
process.

Front to back: `convert` to a raw file and `digest` of the same images, processor
time and wall time, and their ratios to the flat image's.

With fio and the right to mount, the same chains are read through vhdfuse and
vhdimount (libvhdi), one read at a time and past the kernel's cache.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time

from fuse_load import direct
from fuse_peers import Mount, Server


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", default="build")
    p.add_argument("--dir", default=None)
    p.add_argument("--size", default="1G")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--count", type=int, default=400000)
    p.add_argument("--seconds", type=int, default=4,
                   help="of a load on a mount")
    p.add_argument("--depths", default="1,2,8,32,64")
    p.add_argument("--formats", default="vhdx,vhd")
    return p.parse_args()


class Chains:
    """The images of one format."""

    def __init__(self, args, directory, ext):
        self.util = os.path.join(args.build, "tools", "vhd-util")
        self.fill = os.path.join(args.build, "bench", "chainfill")
        self.dir = directory
        self.ext = ext
        self.floor = {}
        self.depths = sorted(int(d) for d in args.depths.split(","))
        self.make(args.size)

    def path(self, name):
        return os.path.join(self.dir, f"{name}.{self.ext}")

    def run(self, *argv):
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)

    def make(self, size):
        self.run(self.util, "create", "--no-sync", "--size", size,
                 self.path(0))
        self.run(self.fill, self.path(0), "100", "1")
        for i in range(1, self.depths[-1]):
            self.run(self.util, "create", "--no-sync", "--parent",
                     self.path(i - 1), self.path(i))
            self.run(self.fill, self.path(i), "3", str(i + 1))
        self.run(self.util, "convert", "--no-sync",
                 self.path(self.depths[-1] - 1), self.path("flat"))

    def images(self):
        """(name, depth, file)"""
        yield "flat", 1, self.path("flat")
        for depth in self.depths:
            yield f"depth {depth}", depth, self.path(depth - 1)

    def remove(self):
        for name in os.listdir(self.dir):
            os.unlink(os.path.join(self.dir, name))


def bench(util, path, count, warm_up, seed):
    """One run, under a shell, so that no memory of ours is counted."""
    cmd = (f"'{util}' bench --json --no-progress --count {count} "
           f"--warm-up {warm_up} --seed {seed} '{path}'; exit $?")
    out = subprocess.run(["sh", "-c", cmd], check=True, capture_output=True,
                         stdin=subprocess.DEVNULL)
    return json.loads(out.stdout)


def measure(chains, args, pages):
    """Rows: name -> list of results; images take turns."""
    warm, cold = {}, {}
    tool = os.path.join(args.build, "bench", "chainfloor")
    for turn in range(args.rounds):
        for name, _, path in chains.images():
            out = subprocess.run([tool, path, str(args.count)], check=True,
                                 capture_output=True, text=True)
            chains.floor.setdefault(name, []).append(float(out.stdout))
            warm.setdefault(name, []).append(
                bench(chains.util, path, args.count, 2 * pages, turn + 1))
            cold.setdefault(name, []).append(
                bench(chains.util, path, 1000, 0, turn + 1))
    return warm, cold


def best(rows, what):
    return max(what(r) for r in rows)


def rate(r):
    return r["operations_per_second"]


def cpu_rate(r):
    return r["count"] / r["load"]["cpu_seconds"]


def report(chains, warm, cold):
    print(f"\n### {chains.ext}\n")
    print("| image | reads/s | ratio | reads/cpu s | ratio | floor's ratio "
          "| first 1000: reads/s | open ms | peak KiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    flat, flat_cpu = best(warm["flat"], rate), best(warm["flat"], cpu_rate)
    for name, _, _ in chains.images():
        rows = warm[name]
        print(f"| {name} | {best(rows, rate):.0f} "
              f"| {best(rows, rate) / flat:.2f}x "
              f"| {best(rows, cpu_rate):.0f} "
              f"| {best(rows, cpu_rate) / flat_cpu:.2f}x "
              f"| {max(chains.floor[name]) / max(chains.floor['flat']):.2f}x "
              f"| {best(cold[name], rate):.0f} "
              f"| {-best(rows, lambda r: -1000 * r['open_seconds']):.2f} "
              f"| {best(rows, lambda r: r['peak_memory'] / 1024):.0f} |")


def timed(argv):
    """(processor seconds, wall seconds) of a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime +
            after.ru_stime - before.ru_stime, wall)


def front_to_back(chains, args):
    """A table of verbs that read the whole disk; images take turns."""
    out = os.path.join(chains.dir, "out.raw")
    verbs = {
        "convert": lambda path: ["convert", "--no-sync", "--no-progress",
                                 path, out],
        "digest": lambda path: ["digest", "--no-progress", path],
    }
    took = {}
    for _ in range(args.rounds):
        for name, _, path in chains.images():
            for verb, words in verbs.items():
                if os.path.exists(out):
                    os.unlink(out)
                took.setdefault((verb, name), []).append(
                    timed([chains.util] + words(path)))
    print(f"\n| front to back, {chains.ext} | cpu ms | ratio | wall ms "
          "| ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for verb, name in sorted(took, key=lambda k: k[0]):
        cells = []
        for i in range(2):
            value = min(t[i] for t in took[verb, name])
            flat = min(t[i] for t in took[verb, "flat"])
            cells.append(f"{value * 1000:.0f} | {value / flat:.2f}x")
        print(f"| {verb}, {name} | {' | '.join(cells)} |")


def peers(build):
    """Servers that show a chain as a file, read-only."""
    fuse = os.path.join(build, "fuse", "vhdfuse")
    both = ("vhdx", "vhd")
    return [
        Server("vhdfuse", both, fuse,
               lambda image, fmt, point: [fuse, "-f", "-o", "ro", image,
                                          point]),
        Server("vhdimount", both, "vhdimount",
               lambda image, fmt, point: ["vhdimount", image, point],
               shows="vhdi1"),
    ]


def through(server, ext, path, where, args, turn):
    """Reads a second through a mount, after a warm-up; None: it does not."""
    try:
        mount = Mount(server, ext, path, where)
    except (SystemExit, OSError):
        return None
    try:
        if server.shows:        # one file for each layer
            names = sorted(os.listdir(mount.point), key=lambda n: (len(n), n))
            mount.file = os.path.join(mount.point, names[-1])
        direct(mount, "read 4K qd1", args, turn + 100)
        return direct(mount, "read 4K qd1", args, turn)["rate"]
    finally:
        mount.stop()


def mounts(chains, args):
    """A table of all mounts."""
    load = argparse.Namespace(engine="psync", seconds=args.seconds, size=64)
    names = [name for name, _, _ in chains.images()]
    print(f"\n| mounted, {chains.ext}: reads/s | {' | '.join(names)} |")
    print(f"| --- |{' ---: |' * len(names)}")
    for server in peers(args.build):
        if server.missing():
            continue
        rates = {name: [] for name in names}
        with tempfile.TemporaryDirectory() as where:
            for turn in range(args.rounds):
                for name, _, path in chains.images():
                    rates[name].append(through(server, chains.ext, path, where,
                                               load, turn))
        rows = [None if None in rates[n] else max(rates[n])
                for n in names]
        print(f"| {server.name} | " + " | ".join(
            "-" if r is None else f"{r:.0f}" for r in rows) + " |")


def main():
    args = parse()
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    size = int(args.size[:-1]) * units[args.size[-1]]
    with tempfile.TemporaryDirectory(dir=args.dir) as directory:
        for ext in args.formats.split(","):
            chains = Chains(args, directory, ext)
            warm, cold = measure(chains, args, size // 4096)
            report(chains, warm, cold)
            front_to_back(chains, args)
            if shutil.which("fio") and os.access("/dev/fuse", os.W_OK):
                mounts(chains, args)
            chains.remove()


if __name__ == "__main__":
    main()
