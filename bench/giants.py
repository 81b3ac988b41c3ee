#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Open, create and map the largest images, beside the tools that people use.

    bench/giants.py [--util build/tools/vhd-util] [--rounds N]

Each command runs once to warm up, then N times in turn with the others, so
that a drift of the machine hits all alike.  Printed: the median of wall and
processor time, the peak memory of the process, and the ratio to vhd-util.
Peers that are not installed are left out.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time


def peak(argv):
    """Peak KiB of one run, under a parent so small that it does not count:
    a child of this interpreter would start with the interpreter's own."""
    with tempfile.NamedTemporaryFile("r") as out:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", out.name, *argv],
                       check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return int(out.read())


def run(argv):
    """Wall ms and processor ms of one run."""
    begin = time.monotonic()
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(proc.pid, 0)
    wall = time.monotonic() - begin
    proc.returncode = status
    if status:
        raise SystemExit(f"failed: {' '.join(argv)}")
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def group(title, commands, rounds, prepare=None):
    rows = {name: [] for name, _ in commands}
    memory = {}
    for name, argv in commands:
        if prepare:
            prepare()
        memory[name] = peak(argv)
    for i in range(rounds + 1):
        for name, argv in commands:
            if prepare:
                prepare()
            row = run(argv)
            if i:
                rows[name].append(row)
    print(f"\n## {title}\n")
    print("| command | wall ms | cpu ms | peak KiB | wall ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    base = None
    for name, _ in commands:
        wall, cpu = (statistics.median(c) for c in zip(*rows[name]))
        base = base or wall
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {memory[name]} "
              f"| {wall / base:.2f}x |")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--util", default="build/tools/vhd-util")
    ap.add_argument("--rounds", type=int, default=7)
    args = ap.parse_args()
    util = os.path.abspath(args.util)
    qemu = shutil.which("qemu-img")
    vhdi = shutil.which("vhdiinfo")
    with tempfile.TemporaryDirectory() as tmp:
        giant = os.path.join(tmp, "giant.vhdx")
        new = os.path.join(tmp, "new.vhdx")
        raw = os.path.join(tmp, "zero.raw")
        create = ["create", "--size", "64T", "--block-size", "1M"]
        run([util, *create, giant])

        def fresh():
            if os.path.exists(new):
                os.unlink(new)

        commands = [("vhd-util create --no-sync",
                     [util, *create, "--no-sync", new]),
                    ("vhd-util create", [util, *create, new])]
        if qemu:
            commands.append(("qemu-img create", [
                qemu, "create", "-q", "-f", "vhdx", "-o",
                "block_size=1M", new, "64T"]))
        group("create 64 TiB, 1 MiB blocks", commands,
              min(args.rounds, 3), fresh)
        print(f"\non disk: {os.stat(giant).st_blocks * 512} bytes")

        commands = [("vhd-util info", [util, "info", giant])]
        if qemu:
            commands.append(("qemu-img info", [qemu, "info", giant]))
        if vhdi:
            commands.append(("vhdiinfo", [vhdi, giant]))
        group("info, 64 TiB, 1 MiB blocks", commands, args.rounds)

        commands = [("vhd-util map --json",
                     [util, "map", "--json", giant])]
        if qemu:
            commands.append(("qemu-img map",
                             [qemu, "map", "--output=json", giant]))
        group("map, 64 TiB empty", commands, min(args.rounds, 3))

        commands = [("vhd-util check", [util, "check", giant])]
        if qemu:
            commands.append(("qemu-img check", [qemu, "check", giant]))
        group("check, 64 TiB empty", commands, min(args.rounds, 3))

        small = os.path.join(tmp, "zero.vhdx")
        run([util, "create", "--size", "64G", small])
        commands = [("vhd-util convert",
                     [util, "convert", "--force", "--no-sync", small, raw])]
        if qemu:
            commands.append(("qemu-img convert", [
                qemu, "convert", "-f", "vhdx", "-O", "raw", small, raw]))
        group("convert 64 GiB of zeros to raw", commands,
              min(args.rounds, 2))


if __name__ == "__main__":
    main()
