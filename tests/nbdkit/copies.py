# SPDX-License-Identifier: BSD-2-Clause
"""Copying in and out with the tools people have: bytes and holes."""

import os
import time

import images
import nbd
from harness import Report, expect, is_zero, must, run, same_content
from server import MIB, Server, allocated, prepare, read_disk, sound, vu

EMPTY_LIMIT = 5


def out(image):
    disk = images.filled(image)
    with Server(image, options=("-r",)) as s:
        must("nbdcopy", s.uri(), "out.raw")
    expect(open("out.raw", "rb").read() == disk, "other bytes came out")
    used = allocated("out.raw")
    expect("fixed" in image or used < 12 * MIB,
           f"{used} bytes allocated: holes were lost")


def into(image):
    images.empty(image)
    disk = images.raw()
    with Server(image) as s:
        must("nbdcopy", "--destination-is-zero" if image not in images.CHILDREN
             else "--flush", "--flush", "data.raw", s.uri())
    sound(image)
    expect(read_disk(image) == disk, "other bytes went in")
    limit = images.SIZE + 4 * MIB if "fixed" in image else 22 * MIB
    expect(allocated(image) < limit,
           f"{allocated(image)} bytes allocated: holes were lost")


def over(image):
    """Onto a disk that is full of other data."""
    images.filled(image)
    disk = images.raw(runs=[(off + 5 * MIB // 2, data)
                            for off, data in images.RUNS[:3]])
    with Server(image) as s:
        must("nbdcopy", "--flush", "data.raw", s.uri())
    sound(image)
    expect(read_disk(image) == disk, "other bytes went in")


def by_qemu(image):
    images.empty(image)
    images.raw()
    with Server(image) as s:
        must("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", "data.raw",
             s.uri())
        must("qemu-img", "compare", "-f", "raw", "-F", "raw", "data.raw",
             s.uri())
    sound(image)


def server_to_server():
    images.filled("dynamic.vhd")
    images.empty("dynamic.vhdx")
    with Server("dynamic.vhd", options=("-r",)) as a:
        with Server("dynamic.vhdx") as b:
            must("nbdcopy", "--flush", a.uri(), b.uri())
    sound("dynamic.vhdx")
    expect(read_disk("dynamic.vhd", "a") == read_disk("dynamic.vhdx", "b"),
           "the disks differ")


def empty_200g():
    """An empty disk costs nothing to copy, whatever its size."""
    vu("create", "--force", "--size", "200G", "e.vhdx")
    with Server("e.vhdx", options=("-r",)) as s:
        start = time.monotonic()
        must("nbdcopy", s.uri(), "e.raw")
        seconds = time.monotonic() - start
    expect(os.stat("e.raw").st_size == 200 << 30, "the size is wrong")
    expect(allocated("e.raw") < MIB and is_zero("e.raw"), "not empty")
    expect(seconds < EMPTY_LIMIT, f"took {seconds:.1f} s")
    os.unlink("e.raw")
    return f"{seconds:.3f} s"


def to_raw_and_back():
    """The disk that came out of one format goes into the other."""
    images.filled("dynamic.vhdx")
    images.empty("dynamic.vhd")
    with Server("dynamic.vhdx", options=("-r",)) as s:
        must("nbdcopy", s.uri(), "a.raw")
    with Server("dynamic.vhd") as s:
        must("nbdcopy", "--flush", "a.raw", s.uri())
        must("nbdcopy", s.uri(), "b.raw")
    expect(same_content("a.raw", "b.raw") is None, "the disks differ")
    sound("dynamic.vhd")


def prefetch():
    """A client may ask for the cache to be filled."""
    images.filled("child.vhdx")
    with Server("child.vhdx", options=("-r",)) as s:
        done = run("qemu-io", "-r", "-f", "raw", "-c", "read 0 1M", s.uri())
        expect(done.returncode == 0, done.stdout)
        with nbd.Client(s.sock) as c:
            c.cache(0, images.SIZE)
            c.cache(1, 1)


def main():
    folder = prepare("nbdcopy", "qemu-img", "qemu-io")
    report = Report("nbdkit copies")
    for image in [*images.WRITABLE, *images.CHILDREN]:
        report.case(f"out of {image}", out, image)
        report.case(f"into {image}", into, image)
        report.case(f"over {image}", over, image)
        report.case(f"qemu-img into {image}", by_qemu, image)
    for case in (server_to_server, empty_200g, to_raw_and_back, prefetch):
        report.case(case.__name__, case)
    folder.cleanup()
    report.finish()


main()
