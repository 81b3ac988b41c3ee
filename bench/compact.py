#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compact disks that were filled and mostly emptied again, beside what people do
instead: qemu-img convert to a new file.

    bench/compact.py [--util build/tools/vhd-util] [--size 64G] [--fill 20G]
                     [--delete 75] [--fs ext4,ntfs] [--format vhdx,vhd]
                     [--dir DIR] [--strict] [--seed N]

For each file system a disk with a GPT and one partition is made, files of random
sizes (4 KiB to a twentieth of --fill, so that most bytes are in large ones and
most files are small) are written until --fill bytes are there, and --delete percent of these
bytes are deleted again.  The disk becomes a VHDX of 1 MiB blocks and a VHD of
2 MiB blocks.  Then, for each of them:

  1. qemu-img convert to a new file of the same format (it keeps what was
     deleted, for it does not know of file systems)
  2. vhd-util compact in place

and the file system is checked (e2fsck -fn, ntfsfix -n) and every file that was
kept is read and compared.  Printed: the file's length and the space that it
takes, both beside the bytes that the file system says are in use, and the times.
With --strict it fails where the space is more than 5 % (and 16 blocks) above
them, or the length by more than that and a block for each file that was kept and
two for each GiB of the disk: the file cannot be shorter than the blocks in which
files, and the file system's own tables, begin and end.

Needs root, for mounts through loop devices, and room in DIR for about twice
--fill.  Ends with status 77 where it cannot run.
"""
import argparse
import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
UNITS = {"K": 1 << 10, "M": MIB, "G": 1 << 30, "T": 1 << 40}
BLOCK = {"vhdx": MIB, "vhd": 2 * MIB}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "ntfs": ["mkntfs", "-q", "-F", "-Q"]}
MOUNT = {"ext4": ["mount", "-t", "ext4"], "ntfs": ["ntfs-3g"]}
CHECK = {"ext4": ["e2fsck", "-fn"], "ntfs": ["ntfsfix", "-n"]}
START = MIB             # of the partition
QEMU = {"vhdx": "vhdx", "vhd": "vpc"}


def skip(why, host=False):
    print(f"SKIP{'(host)' if host else ''}: {why}")
    sys.exit(77)


def size_of(text):
    unit = text[-1].upper()
    return int(float(text[:-1]) * UNITS[unit]) if unit in UNITS else int(text)


def must(*argv, limit=7200, **kwargs):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=limit, check=False, **kwargs)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): "
                         f"{' '.join(str(a) for a in argv)}\n"
                         f"{done.stdout.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def settle(path):
    """Brings one file to the disk; other programs' are not waited for."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def timed(path, *argv):
    """Seconds of a run that includes bringing its result, @path, to the disk."""
    begin = time.monotonic()
    out = must(*argv)
    settle(path)
    return time.monotonic() - begin, out


class Loop:
    """The partition of a raw disk as a device, and its file system mounted."""

    def __init__(self, raw, length, read_only=False):
        more = ["-r"] if read_only else []
        self.dev = must("losetup", "-f", "--show", *more, "-o", START,
                        "--sizelimit", length, raw).strip()
        self.read_only = read_only
        self.place = None
        self.listed(True)

    def listed(self, held):
        """For who cleans up after us, should we be killed.  What is detached
        may be somebody else's at once, and is not to be cleaned up."""
        if "VHD_FUSE_BOX" not in os.environ:
            return
        with open(os.path.join(os.environ["VHD_FUSE_BOX"], "loops"), "a+",
                  encoding="ascii") as loops:
            loops.seek(0)
            others = [n for n in loops.read().split() if n != self.dev]
            loops.truncate(0)
            for name in others + [self.dev] * held:
                loops.write(name + "\n")

    def backing(self):
        name = os.path.basename(self.dev)
        try:
            with open(f"/sys/block/{name}/loop/backing_file", "rb") as file:
                return file.read()
        except OSError:
            return None

    def mount(self, kind, place):
        argv = list(MOUNT[kind])
        if self.read_only:
            argv += ["-o", "ro"]
        must(*argv, self.dev, place)
        self.place = place

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.place:
            for _ in range(50):
                if subprocess.run(["umount", self.place], check=False,
                                  stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.2)
        ours = self.backing()
        self.listed(False)
        # ntfs-3g goes on writing back for a moment after umount; the device
        # stays as long as that has it open.
        subprocess.run(["losetup", "-d", self.dev], check=False,
                       stderr=subprocess.DEVNULL)
        for _ in range(300):
            if self.backing() != ours:
                break
            time.sleep(0.1)


class Filler:
    """Files whose bytes are cheap to make and never zeros."""

    def __init__(self, rng, largest):
        self.rng = rng
        self.span = math.log(max(largest, 8192) / 4096)
        self.noise = rng.randbytes(8 * MIB + 4096)

    def size(self):
        return int(4096 * math.exp(self.rng.uniform(0, self.span)))

    def write(self, path, size):
        """Writes a file; returns the hash of its bytes."""
        digest = hashlib.blake2b(digest_size=16)
        stamp = self.rng.randbytes(16)
        with open(path, "wb", buffering=0) as out:
            left = size
            while left:
                skew = self.rng.randrange(4096)
                piece = memoryview(self.noise)[skew:skew + 8 * MIB - 16]
                piece = piece[:max(0, min(left, 8 * MIB) - 16)]
                head = stamp[:min(16, left)]
                out.write(head)
                digest.update(head)
                out.write(piece)
                digest.update(piece)
                left -= len(head) + len(piece)
        return digest.hexdigest()


def hash_of(path):
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while True:
            data = file.read(4 * MIB)
            if not data:
                return digest.hexdigest()
            digest.update(data)


def fill(place, filler, total, percent):
    """Files until there are @total bytes; then @percent of the bytes go.
    Returns the hashes of those that stay."""
    files, done = {}, 0
    while done < total:
        name = os.path.join(f"d{len(files) % 97}", f"f{len(files)}")
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        size = min(filler.size(), total - done)
        files[name] = (size, filler.write(path, size))
        done += size
    names = sorted(files)
    filler.rng.shuffle(names)
    left = total * percent // 100
    must("sync", "-f", place)
    for name in names:
        size = files[name][0]
        if size <= left:
            left -= size
            os.unlink(os.path.join(place, name))
            del files[name]
    return {name: digest for name, (_, digest) in files.items()}


def in_use(place):
    st = os.statvfs(place)
    return (st.f_blocks - st.f_bfree) * st.f_frsize


def make_disk(args, kind, folder, rng):
    """A raw disk; returns its path, the kept files and the bytes in use."""
    raw, place = os.path.join(folder, "disk.raw"), os.path.join(folder, "m")
    size = size_of(args.size)
    with open(raw, "wb") as file:
        file.truncate(size)
    subprocess.run(["sfdisk", "-q", raw], check=True, text=True,
                   input=f"label: gpt\nstart={START // 512}, "
                         f"size={(size - 2 * START) // 512}\n")
    os.makedirs(place, exist_ok=True)
    with Loop(raw, size - 2 * START) as loop:
        must(*MAKE[kind], loop.dev)
        loop.mount(kind, place)
        files = fill(place, Filler(rng, size_of(args.fill) // 20),
                     size_of(args.fill), args.delete)
        used = in_use(place)
    return raw, files, used


def judge(args, kind, image, folder, files):
    """The file system inside is sound, and its files are what they were."""
    raw, place = os.path.join(folder, "judge.raw"), os.path.join(folder, "m")
    must(args.util, "convert", "--no-progress", "-O", "raw", image, raw)
    with Loop(raw, size_of(args.size) - 2 * START, read_only=True) as loop:
        must(*CHECK[kind], loop.dev)
        loop.mount(kind, place)
        for name, digest in files.items():
            if hash_of(os.path.join(place, name)) != digest:
                raise SystemExit(f"{kind}: {name} is not what it was")
    os.unlink(raw)


def usage(path):
    st = os.stat(path)
    return st.st_size, st.st_blocks * 512


def human(size):
    return f"{size / (1 << 30):.3f} GiB"


def row(cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def with_qemu(fmt, image, folder):
    """Time and result of what people do instead."""
    if not shutil.which("qemu-img"):
        return None
    new = os.path.join(folder, "new." + fmt)
    settle(image)
    took, _ = timed(new, "qemu-img", "convert", "-O", QEMU[fmt], image, new)
    length, occupied = usage(new)
    os.unlink(new)
    return took, length, occupied


def compact(args, kind, image, peer, folder, files, used):
    fmt = image.rsplit(".", 1)[1]
    before = usage(image)
    estimate_took, out = timed(image, args.util, "compact", "--estimate",
                               "--json", image)
    guess = json.loads(out)
    took, out = timed(image, args.util, "compact", "--json", "--no-progress", image)
    result = json.loads(out)
    length, occupied = usage(image)
    must(args.util, "check", image)
    judge(args, kind, image, folder, files)
    parts = result["file_systems"]["partitions"]
    if not parts or not parts[0]["understood"]:
        raise SystemExit(f"{kind}: not understood: {parts}")
    row((f"{kind}, {fmt}, before", human(before[0]), human(before[1]), "",
         human(used)))
    if peer:
        row((f"{kind}, {fmt}, qemu-img convert", human(peer[1]),
             human(peer[2]), f"{peer[0]:.1f}", ""))
    row((f"{kind}, {fmt}, compact --estimate", human(guess["file_size"]),
         human(guess["disk_usage"]), f"{estimate_took:.1f}", ""))
    row((f"{kind}, {fmt}, compact", human(length), human(occupied),
         f"{took:.1f}", f"{100 * (length / used - 1):+.1f} % length, "
         f"{100 * (occupied / used - 1):+.1f} % space"))
    most = used * 1.05 + 16 * BLOCK[fmt]
    edges = len(files) + 2 * size_of(args.size) // UNITS["G"]
    if args.strict and (occupied > most or
                        length > most + edges * BLOCK[fmt]):
        raise SystemExit(f"{kind}, {fmt}: {length} bytes long, takes "
                         f"{occupied}, {used} in use")
    if abs(guess["file_size"] - length) > 0.02 * length + 4 * BLOCK[fmt]:
        raise SystemExit(f"{kind}, {fmt}: {guess['file_size']} estimated, "
                         f"{length} came of it")


def one_kind(args, kind, folder):
    rng = random.Random(args.seed)
    raw, files, used = make_disk(args, kind, folder, rng)
    last = None
    for fmt in args.format.split(","):
        image = os.path.join(folder, f"disk.{fmt}")
        must(args.util, "convert", "--no-progress", "--block-size",
             BLOCK[fmt], last[0] if last else raw, image)
        # Room for one copy at a time; the next image is made of this one.
        if last:
            compact(args, kind, *last, folder, files, used)
            os.unlink(last[0])
        else:
            os.unlink(raw)
        last = image, with_qemu(fmt, image, folder)
    compact(args, kind, *last, folder, files, used)
    os.unlink(last[0])


def can_run(args):
    if os.geteuid():
        skip("only root may mount loop devices", host=True)
    kinds = args.fs.split(",")
    need = ["losetup", "sfdisk", "mount", "umount"]
    need += [t[k][0] for k in kinds for t in (MAKE, MOUNT, CHECK)]
    missing = [p for p in need if not shutil.which(p)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if subprocess.run(["losetup", "-f"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode:
        skip("there are no loop devices", host=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--util", default="build/tools/vhd-util")
    parser.add_argument("--size", default="64G")
    parser.add_argument("--fill", default="20G")
    parser.add_argument("--delete", type=int, default=75)
    parser.add_argument("--fs", default="ext4,ntfs")
    parser.add_argument("--format", default="vhdx,vhd")
    parser.add_argument("--dir", default=None)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--seed", type=int, default=6)
    args = parser.parse_args()
    args.util = os.path.abspath(args.util)
    can_run(args)
    print(f"Disk of {args.size}, {args.fill} written, {args.delete} % of it "
          "deleted.\n")
    row(("what", "length", "space", "seconds", "against the bytes in use"))
    row(("---", "---:", "---:", "---:", "---:"))
    for kind in args.fs.split(","):
        with tempfile.TemporaryDirectory(dir=args.dir,
                                         prefix="vhd-compact.") as folder:
            one_kind(args, kind, folder)


if __name__ == "__main__":
    main()
