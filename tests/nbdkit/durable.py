# SPDX-License-Identifier: BSD-2-Clause
"""FUA and flush reach the disk, each of them, and nothing else does; what was
flushed is there after the server was killed."""

import os
import random
import re
import signal
import time

import images
import nbd
from harness import Report, expect, noise, skip
from server import MIB, PRELOAD, Server, prepare, read_disk, run, sound, vu

KILLS = 4 if PRELOAD else 12
SYNC = re.compile(r"\b(fdatasync|fsync|sync_file_range|syncfs)\(")


def syncs(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return sum(bool(SYNC.search(line)) and "resumed" not in line
                   for line in f)


def counted(image):
    """Each flush and each write with FUA is a sync of the file or two."""
    if PRELOAD:
        return "not under sanitizers"
    images.empty(image)
    trace = os.path.abspath(f"{image}.trace")
    before = ("strace", "-f", "-e", "trace=fdatasync,fsync", "-o", trace)
    with Server(image, before=before) as s, nbd.Client(s.sock) as c:
        for i in range(images.SIZE // MIB):
            c.write(i * MIB, b"x" * 4096)
        c.flush()
        # From here on all is allocated: metadata stays as it is.
        time.sleep(0.7)
        counts = [syncs(trace)]
        for ask in (lambda: c.write(MIB, b"y" * 4096),
                    lambda: c.write(MIB, b"y" * 4096, nbd.FUA),
                    lambda: c.zero(MIB, 4096, nbd.FUA | nbd.NO_HOLE),
                    lambda: c.trim(MIB, 4096, nbd.FUA),
                    c.flush):
            for _ in range(10):
                ask()
            counts.append(syncs(trace))
    sound(image)
    added = [b - a for a, b in zip(counts, counts[1:])]
    expect(added[0] == 0, f"plain writes synced {added[0]} times")
    for what, n in zip(("write", "zero", "trim", "flush"), added[1:]):
        expect(10 <= n <= 40, f"10 {what}s with FUA synced {n} times")
    return f"{added}"


def terminated(image):
    """SIGTERM with a client there: closed clean when it goes, nothing lost.
    (nbdkit itself waits for its clients to hang up.)"""
    images.empty(image)
    with Server(image) as s:
        with nbd.Client(s.sock) as c:
            for i in range(30):
                c.write(i * MIB + 77, noise(i, 3000))
            os.kill(s.pid(), signal.SIGTERM)
            time.sleep(0.1)
        s.stop()
        expect(not s.said(), s.said())
    sound(image)
    disk = read_disk(image)
    for i in range(30):
        expect(disk[i * MIB + 77:i * MIB + 3077] == noise(i, 3000),
               f"write {i} is lost")


def killed(image):
    """SIGKILL, again and again: sound, and what was flushed is there."""
    images.empty(image)
    flushed = {}
    rng = random.Random(image)
    for turn in range(KILLS):
        s = Server(image)
        try:
            kill_turn(s, rng, turn, flushed)
        finally:
            s.kill()
        vu("check", "--quiet", image)
        disk = read_disk(image)
        for block, seeds in flushed.items():
            have = disk[block * 4096:block * 4096 + 4096]
            expect(any(have == noise(seed, 4096) for seed in seeds),
                   f"turn {turn}: block {block} is lost")
    sound_after(image)


def kill_turn(server, rng, turn, flushed):
    """Writes 4 KiB blocks; flushed[block] are the states it may be in."""
    with nbd.Client(server.sock) as c:
        for i in range(rng.randrange(20, 60)):
            block = rng.randrange(images.SIZE // 4096)
            seed = f"{turn}.{i}"
            flushed.setdefault(block, ["none"]).append(seed)
            if rng.random() < 0.1:
                c.write(block * 4096, noise(seed, 4096), nbd.FUA)
                flushed[block] = [seed]
            else:
                c.write(block * 4096, noise(seed, 4096))
        c.flush()
        for block, seeds in flushed.items():
            flushed[block] = seeds[-1:]
        for i in range(20):
            block = rng.randrange(images.SIZE // 4096)
            seed = f"{turn}.late{i}"
            c.write(block * 4096, noise(seed, 4096))
            flushed.setdefault(block, ["zero"]).append(seed)
            if block in flushed and flushed[block][0] == "zero":
                del flushed[block]
        os.kill(server.pid(), signal.SIGKILL)


def sound_after(image):
    """The next server mends what the last one left."""
    with Server(image) as s, nbd.Client(s.sock) as c:
        c.write(0, b"mended")
        c.flush()
    sound(image)


def broken_disk(image):
    """A disk that fails to sync: the client is told, the server stays, and its
    end is no success."""
    if PRELOAD:
        return "not under sanitizers"
    images.empty(image)
    before = ("strace", "-f", "-qq", "-o", "/dev/null", "-e",
              "inject=fdatasync,fsync:error=EIO")
    with Server(image, before=before) as s:
        with nbd.Client(s.sock) as c:
            # The first write may have to sync for itself.
            expect(nbd.error_of(c.write, 0, noise(1, 5000)) in (0, nbd.EIO),
                   "another error")
            expect(nbd.error_of(c.flush) == nbd.EIO, "the flush succeeded")
            expect(nbd.error_of(c.write, 0, b"x", nbd.FUA) == nbd.EIO,
                   "FUA succeeded")
            c.read(0, 5000)
        expect(s.alive(), "the server died")
        s.stop(well=False)
        expect("could not be closed clean" in s.said(), s.said())
        expect(not os.path.exists(s.sock), "the socket was left behind")
    vu("check", "--quiet", image)
    return ""


def hung_up():
    """A client that goes away in the middle of a request."""
    images.empty("dynamic.vhdx")
    with Server("dynamic.vhdx") as s:
        for length in (4, 27, 100, 5000):
            c = nbd.Client(s.sock)
            c.sock.sendall(b"\x25\x60\x95\x13" + b"\0\0\0\1" + b"\0" * 8 +
                           b"\0" * 8 + b"\0\1\0\0" + b"z" * length)
            c.sock.close()
        with nbd.Client(s.sock) as c:
            c.write(0, b"still there")
        expect(s.alive(), "the server died")
    sound("dynamic.vhdx")


def main():
    folder = prepare("strace")
    if run("strace", "-o", "probe", "true").returncode:
        skip("strace may not trace here", host=True)
    report = Report("nbdkit durable")
    for image in ("dynamic.vhd", "dynamic.vhdx", "fixed.vhd", "child.vhdx"):
        report.case(f"counted {image}", counted, image)
        report.case(f"SIGTERM {image}", terminated, image)
    for image in ("dynamic.vhd", "small.vhd", "dynamic.vhdx", "small.vhdx",
                  "sector.vhdx"):
        report.case(f"SIGKILL {image}", killed, image)
    for image in ("fixed.vhd", "dynamic.vhdx"):
        report.case(f"broken disk {image}", broken_disk, image)
    report.case("hung up", hung_up)
    folder.cleanup()
    report.finish()


main()
