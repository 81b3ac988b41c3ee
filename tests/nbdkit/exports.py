# SPDX-License-Identifier: BSD-2-Clause
"""Partitions and layers as exports, and the keys that narrow what is served."""

import json
import time

import images
import nbd
from harness import Report, expect, must, noise, run
from server import MIB, VHD_UTIL, Server, captive, prepare, read_disk, sound, vu

PARTS = [(2048, 20000), (30720, 40960)]


def partitioned(image="dynamic.vhdx", parts=None):
    disk = bytearray(images.filled(image))
    sector = images.mbr(PARTS if parts is None else parts)
    disk[:512] = sector
    with open("mbr.bin", "wb") as f:
        f.write(sector)
    vu("write", image, "mbr.bin")
    return disk


def cut(disk, number):
    start, length = PARTS[number - 1]
    return disk[start * 512:(start + length) * 512]


def names(s):
    listed = json.loads(must("nbdinfo", "--list", "--json", s.uri()).stdout)
    return [e["export-name"] for e in listed["exports"]]


def copy(s, export=""):
    must("nbdcopy", s.uri(export), "part.raw")
    return open("part.raw", "rb").read()


def listed():
    partitioned()
    with Server("dynamic.vhdx") as s:
        expect(names(s) == ["disk", "p1", "p2"], f"lists {names(s)}")
        text = must("nbdinfo", "--list", s.uri()).stdout
    expect("description: partition 2: 20 MiB" in text, text)


def partitions(image):
    disk = partitioned(image)
    with Server(image, options=("-r",)) as s:
        expect(copy(s) == disk and copy(s, "disk") == disk, "the disk")
        for number in (1, 2):
            expect(copy(s, f"p{number}") == cut(disk, number), f"p{number}")


def writes_stay_inside():
    disk = partitioned()
    start, length = (n * 512 for n in PARTS[0])
    with Server("dynamic.vhdx") as s:
        with nbd.Client(s.sock, "p1") as p, nbd.Client(s.sock) as whole:
            expect(p.size == length, f"{p.size} bytes")
            p.write(0, b"first")
            p.write(length - 4, b"last")
            expect(nbd.error_of(p.write, length - 3, b"past") in
                   (nbd.ENOSPC, nbd.EINVAL), "wrote past the end")
            expect(nbd.error_of(p.read, length - 3, 4) == nbd.EINVAL,
                   "read past the end")
            p.zero(4096, 8192)
            p.trim(MIB, MIB)
            disk[start:start + 5] = b"first"
            disk[start + length - 4:start + length] = b"last"
            disk[start + 4096:start + 12288] = bytes(8192)
            # What is seen through one export is seen through the other.
            expect(whole.read(start, 5) == b"first", "the disk differs")
            whole.write(start + 100, b"from the disk")
            disk[start + 100:start + 113] = b"from the disk"
            expect(p.read(100, 13) == b"from the disk", "the part differs")
    sound("dynamic.vhdx")
    have = bytearray(read_disk("dynamic.vhdx"))
    have[start + MIB:start + 2 * MIB] = disk[start + MIB:start + 2 * MIB]
    expect(have == disk, "other bytes changed")


def new_table():
    """Partitions made while the server runs are there for the next client."""
    partitioned(parts=[])
    with Server("dynamic.vhdx") as s:
        expect(names(s) == ["disk"], f"lists {names(s)}")
        with nbd.Client(s.sock) as c:
            c.write(0, images.mbr(PARTS))
            expect(names(s) == ["disk", "p1", "p2"], f"lists {names(s)}")
        with nbd.Client(s.sock, "p2") as p:
            expect(p.size == PARTS[1][1] * 512, "another size")


def layers(kind):
    disk = images.filled(f"child.{kind}")
    base = read_disk(f"base.{kind}")
    with Server(f"child.{kind}") as s:
        expect(names(s) == ["disk"], f"lists {names(s)}")
        done = run("nbdinfo", s.uri("layer0"))
        expect(done.returncode != 0, "layer0 was served unasked")
    with Server(f"child.{kind}", "layers=yes") as s:
        expect(names(s) == ["disk", "layer0", "layer1"], f"lists {names(s)}")
        with nbd.Client(s.sock) as c:
            c.write(5 * MIB, b"above the base")
            with nbd.Client(s.sock, "layer0") as low:
                expect(low.flags & 2, "layer0 is not read-only")
                expect(low.read(0, images.SIZE) == base, "layer0 differs")
                expect(nbd.error_of(low.write, 0, b"x") == nbd.EPERM,
                       "layer0 took a write")
            with nbd.Client(s.sock, "layer1") as top:
                expect(top.flags & 2, "layer1 is not read-only")
                expect(top.read(5 * MIB, 14) == b"above the base", "layer1")
        must("nbdinfo", "--map", s.uri("layer0"))
    with Server(f"child.{kind}", "layer=0") as s:
        expect(names(s) == ["disk"], f"lists {names(s)}")
        expect(copy(s) == base, "layer=0 differs")
        # It does not keep a writer of the base from the child only: it reads.
        with Server(f"child.{kind}", "layer=1") as t:
            expect(copy(t)[:5 * MIB] == disk[:5 * MIB], "layer=1 differs")


def narrowed():
    disk = partitioned()
    with Server("dynamic.vhdx", "partition=2") as s:
        expect(names(s) == ["p2"], f"lists {names(s)}")
        expect(copy(s) == cut(disk, 2), "the default is another")
        expect(copy(s, "p2") == cut(disk, 2), "p2 is another")
        for name in ("disk", "p1", "layer0"):
            done = run("nbdinfo", s.uri(name))
            expect(done.returncode != 0, f"{name} was served")


def unknown():
    partitioned()
    with Server("dynamic.vhdx") as s:
        for name in ("nosuch", "p0", "p3", "p01", "p+1", "layer", "layer9",
                     "p99999999999", "p1/", "%0a"):
            done = run("nbdinfo", s.uri(name))
            expect(done.returncode != 0, f"{name} was served")
        expect(s.alive(), "the server died")
        expect("there is no partition 3 on this disk, which has 2" in s.said(),
               s.said())
        expect("there is no export 'nosuch'" in s.said(), s.said())
        must("nbdinfo", s.uri("p1"))


def filter_partition():
    """nbdkit's own partition filter agrees with ours."""
    disk = partitioned()
    with Server("dynamic.vhdx", "partition=1",
                options=("--filter=partition",)) as s:
        expect(copy(s) == cut(disk, 1), "other bytes")


def captive_use():
    """As in the manual; the process that runs the command shares open files
    with the server, which opens the image again when a filter may write."""
    disk = partitioned()
    done = captive('nbdcopy mbr.bin "$uri"', "dynamic.vhdx", "partition=2",
                   options=("--filter=fua",))
    expect(done.returncode == 0, done.stderr)
    start = PARTS[1][0] * 512
    disk[start:start + 512] = disk[:512]
    deadline = time.monotonic() + 20
    while run(VHD_UTIL, "info", "dynamic.vhdx").returncode:
        expect(time.monotonic() < deadline, "the server does not end")
        time.sleep(0.05)
    expect(read_disk("dynamic.vhdx") == disk, "the write is lost")
    done = captive('nbdcopy "$uri" p.raw', "dynamic.vhdx", "partition=1",
                   options=("-r",))
    expect(done.returncode == 0, done.stderr)
    expect(open("p.raw", "rb").read() == cut(disk, 1), "other bytes")


def main():
    folder = prepare("nbdinfo", "nbdcopy")
    report = Report("nbdkit exports")
    for image in ("dynamic.vhd", "sector.vhdx"):
        report.case(f"partitions {image}", partitions, image)
    for kind in ("vhd", "vhdx"):
        report.case(f"layers {kind}", layers, kind)
    for case in (listed, writes_stay_inside, new_table, narrowed, unknown,
                 filter_partition, captive_use):
        report.case(case.__name__, case)
    folder.cleanup()
    report.finish()


main()
