#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Conversions on a file system that shares blocks, beside copying.

    bench/share.py [--util build/tools/vhd-util] [--size 10G] [--fs xfs,btrfs]
                   [--rounds 3] [--dir DIR] [--no-peers] [--strict]

For each file system one is made in a file in DIR and mounted, and in it a raw disk
of --size random bytes.  Each conversion of ours is run --rounds times, and in
between them, once each, what copies: cp --reflink=never and qemu-img convert; and
as the floor cp --reflink=always.  Printed: seconds until the program ends, seconds
more until fsync of the target returns, and how many bytes fewer the file system
has free afterwards, in percent of --size.  Every image of ours is checked, and
compared with the source by reading both.

With --strict it fails where one of ours takes a second or more, or 5 % of the space.

Needs root, for the mounts, and room in DIR for a bit more than twice --size.  Ends
with status 77 where it cannot run.
"""
import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

# name, source, target, options of ours
OURS = (
    ("raw to VHD, fixed", "src.raw", "a.vhd", ["--type", "fixed"]),
    ("raw to VHD, dynamic", "src.raw", "b.vhd", ["--type", "dynamic"]),
    ("raw to VHDX", "src.raw", "a.vhdx", []),
    ("raw to VHDX, fixed", "src.raw", "b.vhdx", ["--type", "fixed"]),
    ("raw to VHDX, blocks of 1 MiB", "src.raw", "c.vhdx",
     ["--block-size", "1M"]),
    ("VHDX to raw", "a.vhdx", "a.raw", []),
    ("VHD, dynamic, to raw", "b.vhd", "b.raw", []),
    ("VHDX to VHD, dynamic", "a.vhdx", "c.vhd", ["--type", "dynamic"]),
    ("VHD, dynamic, to VHDX", "b.vhd", "d.vhdx", []),
)
QEMU = (
    ("raw to VHD, fixed", "raw", "src.raw", "vpc",
     ["-o", "subformat=fixed,force_size=on"]),
    ("raw to VHDX", "raw", "src.raw", "vhdx", []),
    ("VHDX to raw", "vhdx", "a.vhdx", "raw", []),
)


def skip(why, host=False):
    print(f"SKIP{'(host)' if host else ''}: {why}")
    sys.exit(77)


def size_of(text):
    unit = text[-1].upper()
    return int(float(text[:-1]) * UNITS[unit]) if unit in UNITS else int(text)


def must(*argv, limit=3600):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=limit, check=False)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): "
                         f"{' '.join(str(a) for a in argv)}\n"
                         f"{done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


@contextlib.contextmanager
def mounted(kind, folder, size):
    """An empty file system in a file, which is gone afterwards."""
    disk, place = os.path.join(folder, "disk"), os.path.join(folder, "m")
    with open(disk, "wb") as file:
        file.truncate(size)
    os.makedirs(place, exist_ok=True)
    try:
        must(f"mkfs.{kind}", "-q", disk)
        must("mount", "-o", "loop,discard", disk, place)
        try:
            yield place
        finally:
            must("umount", place)
    finally:
        os.unlink(disk)


def make_source(path, size):
    """Random bytes, no block of which is like another one."""
    with open("/dev/urandom", "rb") as noise, open(path, "wb") as out:
        while size:
            piece = noise.read(min(size, 4 << 20))
            out.write(piece)
            size -= len(piece)
        out.flush()
        os.fsync(out.fileno())


def free_bytes(place):
    must("sync", "-f", place)
    st = os.statvfs(place)
    return st.f_bfree * st.f_frsize


def timed(place, target, *argv):
    """Seconds to the end, to fsync after it, and bytes that are free no more."""
    path = os.path.join(place, target)
    if os.path.exists(path):
        os.unlink(path)
    before = free_bytes(place)
    begin = time.monotonic()
    must(*argv, path)
    end = time.monotonic()
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    synced = time.monotonic()
    return end - begin, synced - end, before - free_bytes(place)


def row(name, runs, size):
    seconds = statistics.median(r[0] for r in runs)
    synced = statistics.median(r[1] for r in runs)
    space = max(r[2] for r in runs) / size * 100
    print(f"| {name} | {seconds:.3f} | {synced:.3f} | {space:.2f} % |",
          flush=True)
    return seconds, space


def head(args, kind):
    print(f"\n{kind}, {args.size} of random bytes:\n\n"
          "| what | seconds | fsync after it | new space |\n"
          "| --- | --- | --- | --- |", flush=True)


def ours(args, place, job):
    name, source, target, more = job
    argv = [args.util, "convert", "--no-progress", *more,
            os.path.join(place, source)]
    return timed(place, target, *argv)


def judge(args, place):
    """All that was made is sound, and the source's bytes."""
    for _, _, target, _ in OURS:
        path = os.path.join(place, target)
        if not path.endswith(".raw"):
            must(args.util, "check", path)
        must(args.util, "compare", os.path.join(place, "src.raw"), path)


def peers(args, place, size):
    src = os.path.join(place, "src.raw")
    for how in ("always", "never"):
        row(f"cp --reflink={how}",
            [timed(place, "peer", "cp", f"--reflink={how}", src)], size)
    os.unlink(os.path.join(place, "peer"))
    if not shutil.which("qemu-img"):
        return
    for name, fmt, source, to, more in QEMU:
        row(f"qemu-img, {name}",
            [timed(place, "peer", "qemu-img", "convert", "-f", fmt, "-O", to,
                   *more, os.path.join(place, source))], size)
        os.unlink(os.path.join(place, "peer"))


def one_kind(args, kind, folder):
    size, worst = size_of(args.size), []
    with mounted(kind, folder, 3 * size + (4 << 30)) as place:
        make_source(os.path.join(place, "src.raw"), size)
        runs = {job[0]: [] for job in OURS}
        for _ in range(args.rounds):
            for job in OURS:
                runs[job[0]].append(ours(args, place, job))
        head(args, kind)
        for name, all_runs in runs.items():
            worst.append((name, *row(f"ours, {name}", all_runs, size)))
        if not args.no_peers:
            peers(args, place, size)
        judge(args, place)
    return [f"{kind}, {name}: {seconds:.2f} s, {space:.1f} %"
            for name, seconds, space in worst if seconds >= 1 or space >= 5]


def can_run(args):
    if os.geteuid():
        skip("only root may mount loop devices", host=True)
    need = ["mount", "umount", "unshare"] + [f"mkfs.{k}" for k in args.fs.split(",")]
    missing = [p for p in need if not shutil.which(p)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if not os.path.exists("/dev/loop-control"):
        skip("there are no loop devices", host=True)


def alone():
    """In a mount namespace of our own, with which mounts and their loop devices go,
    however we end."""
    if "VHD_SHARE_BOX" not in os.environ:
        os.environ["VHD_SHARE_BOX"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, "-B", *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--util", default="build/tools/vhd-util")
    parser.add_argument("--size", default="10G")
    parser.add_argument("--fs", default="xfs,btrfs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", default=None)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    can_run(args)
    alone()
    # So that a signal removes the folder, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bad = []
    with tempfile.TemporaryDirectory(prefix="vhd-share.",
                                     dir=args.dir) as folder:
        for kind in args.fs.split(","):
            bad += one_kind(args, kind, folder)
    if args.strict and bad:
        raise SystemExit("\n".join(["missed:"] + bad))


if __name__ == "__main__":
    main()
