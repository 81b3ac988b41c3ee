# SPDX-License-Identifier: BSD-2-Clause
"""Block status is what vhd-util map says: holes are holes."""

import json

import images
import nbd
from harness import Report, expect, must, noise
from server import MIB, Server, captive, prepare, vu


def merged(runs):
    out = []
    for off, length, kind in runs:
        if out and out[-1][2] == kind and sum(out[-1][:2]) == off:
            out[-1] = (out[-1][0], out[-1][1] + length, kind)
        else:
            out.append((off, length, kind))
    return out


def ours(image, start=0, length=None):
    """vhd-util's map as NBD sees it, cut to a range."""
    runs = []
    for e in json.loads(vu("map", "--json", image).stdout):
        kind = 0 if e["kind"] == "data" else 2 if e["allocated"] else 3
        end = e["start"] + e["length"]
        if length is not None:
            end = min(end, start + length)
        off = max(e["start"], start)
        if off < end:
            runs.append((off - start, end - off, kind))
    return merged(runs)


def theirs(text):
    return merged((e["offset"], e["length"], e["type"])
                  for e in json.loads(text))


def by_qemu(text):
    return merged((e["start"], e["length"], 0 if e["data"] else 3)
                  for e in json.loads(text))


def nbdinfo_map(uri):
    return theirs(must("nbdinfo", "--map", "--json", uri).stdout)


def agrees(image):
    want = ours(image)
    with Server(image, options=("-r",)) as s:
        have = nbdinfo_map(s.uri())
        qemu = by_qemu(must("qemu-img", "map", "--output=json", s.uri())
                       .stdout)
    expect(have == want, f"nbdinfo: {have}, vhd-util: {want}")
    zeros = merged((o, n, 3 if k else 0) for o, n, k in want)
    expect(qemu == zeros, f"qemu-img: {qemu}, vhd-util: {zeros}")
    return f"{len(want)} extents"


def kind(image):
    images.filled(image)
    return agrees(image)


def live(image):
    """While the image changes below a server that has it open."""
    images.filled(image)
    with Server(image) as s:
        with nbd.Client(s.sock) as c:
            c.trim(12 * MIB, 4 * MIB)
            c.zero(20 * MIB, 3 * MIB)
            c.write(30 * MIB, noise(9, 5000))
            c.flush()
        have = nbdinfo_map(s.uri())
    want = ours(image)
    expect(have == want, f"nbdinfo: {have}, vhd-util: {want}")


def empty_is_one_hole():
    for image in ("dynamic.vhd", "dynamic.vhdx"):
        images.empty(image)
        with Server(image) as s:
            have = nbdinfo_map(s.uri())
        expect(have == [(0, images.SIZE, 3)], f"{image}: {have}")


def fragments():
    """More extents than one answer holds."""
    vu("create", "--force", "--block-size", "512K", "--size", "4G", "f.vhd")
    with Server("f.vhd") as s:
        with nbd.Client(s.sock) as c:
            for i in range(0, 8192, 2):
                c.write(i * 512 * 1024 + 4096, b"x" * 512)
            c.flush()
        have = nbdinfo_map(s.uri())
    want = ours("f.vhd")
    expect(have == want, "the maps differ")
    return f"{len(want)} extents"


def partition():
    """A partition's map is a part of the disk's."""
    start, length = 2048, 20 * MIB // 512
    images.filled("dynamic.vhd")
    with open("mbr.bin", "wb") as f:
        f.write(images.mbr([(start, length)]))
    vu("write", "dynamic.vhd", "mbr.bin")
    with Server("dynamic.vhd", options=("-r",)) as s:
        have = nbdinfo_map(s.uri("p1"))
    want = ours("dynamic.vhd", start * 512, length * 512)
    expect(have == want, f"nbdinfo: {have}, vhd-util: {want}")


def totals():
    images.filled("small.vhdx")
    done = captive('nbdinfo --map --totals "$uri"', "small.vhdx")
    expect(done.returncode == 0 and "hole,zero" in done.stdout, done.stderr)


def main():
    folder = prepare("nbdinfo", "qemu-img")
    report = Report("nbdkit maps")
    for image in [*images.WRITABLE, *images.CHILDREN]:
        report.case(image, kind, image)
        report.case(f"{image}, live", live, image)
    for case in (empty_is_one_hole, fragments, partition, totals):
        report.case(case.__name__, case)
    folder.cleanup()
    report.finish()


main()
