# SPDX-License-Identifier: BSD-2-Clause
"""Requests of any alignment: writes, trims, zeros and fast zeros, held against
a model of the disk."""

import os
import random

import images
import nbd
from harness import Report, expect, must, noise, skip
from server import MIB, Server, allocated, prepare, read_disk, sound

STEPS = 250


def step(rng, client, disk):
    """One request; of what is trimmed the disk may keep or lose any part."""
    off = rng.randrange(len(disk))
    length = min(len(disk) - off, rng.choice((1, 511, 4096, 5000, 70000,
                                              MIB, 3 * MIB)))
    flags = rng.choice((0, 0, 0, nbd.FUA))
    kind = rng.randrange(5)
    if kind < 3:
        length = min(length, 200000)
        data = noise(rng.random(), length)
        client.write(off, data, flags)
        disk[off:off + length] = data
        return
    if kind == 3:
        flags |= rng.choice((0, nbd.NO_HOLE, nbd.FAST_ZERO,
                             nbd.FAST_ZERO | nbd.NO_HOLE))
        try:
            client.zero(off, length, flags)
        except nbd.NbdError as error:
            expect(flags & nbd.FAST_ZERO and error.number == nbd.ENOTSUP,
                   f"zeroing failed with {error.number}")
            return
        disk[off:off + length] = bytes(length)
        return
    before = disk[off:off + length]
    client.trim(off, length, flags)
    after = client.read(off, length)
    if after != before and any(after):
        expect(all(a in (0, b) for a, b in zip(after, before)),
               "trimming made up bytes")
    disk[off:off + length] = after


def model(image):
    disk = bytearray(images.filled(image))
    rng = random.Random(image)
    parent = image in images.CHILDREN
    with Server(image) as s:
        with nbd.Client(s.sock) as c:
            for _ in range(STEPS):
                if parent and rng.random() < 0.1:
                    c.flush()
                step(rng, c, disk) if not parent else child_step(rng, c, disk)
            expect(c.read(0, len(disk)) == disk, "reads other bytes back")
    sound(image)
    expect(read_disk(image) == disk, "the image has other bytes")


def child_step(rng, client, disk):
    """A trim of a child may also bring a parent's bytes back: no model."""
    real = client.trim
    client.trim = lambda off, length, flags=0: None
    try:
        step(rng, client, disk)
    finally:
        client.trim = real


def trim_shrinks(image):
    images.empty(image)
    with Server(image) as s, nbd.Client(s.sock) as c:
        empty = allocated(image)
        for i in range(0, images.SIZE, MIB):
            c.write(i, noise(i, MIB))
        c.flush()
        full = allocated(image)
        c.trim(0, images.SIZE)
        c.flush()
        left = allocated(image)
        expect(full - empty >= images.SIZE, f"{full} after writing")
        expect(left - empty < 2 * MIB, f"{left - empty} bytes stay allocated")
        expect(not any(c.read(0, images.SIZE)), "trimmed bytes are there")
        # The space is used again, and odd pieces are no error.
        c.write(5, b"again")
        c.trim(1, 3)
        c.trim(images.SIZE - 1, 1)
        c.trim(7, 2 * MIB + 11)
        expect(c.read(5, 2)[:2] in (b"ag", b"\0\0"), "made up bytes")
    sound(image)
    return f"{full >> 10} KiB to {left >> 10} KiB"


def zeros_keep_or_give(image):
    """NO_HOLE keeps the space; without it blocks give it back."""
    images.empty(image)
    with Server(image) as s, nbd.Client(s.sock) as c:
        for i in range(0, images.SIZE, MIB):
            c.write(i, b"\1" * MIB)
        full = allocated(image)
        c.zero(0, images.SIZE, nbd.NO_HOLE)
        c.flush()
        kept = allocated(image)
        expect(not any(c.read(0, images.SIZE)), "no zeros")
        c.zero(0, images.SIZE)
        c.flush()
        given = allocated(image)
        expect(not any(c.read(0, images.SIZE)), "no zeros")
    sound(image)
    expect(kept > full - MIB, f"NO_HOLE: {full} became {kept}")
    if "fixed" in image:
        expect(given > full - MIB, f"a fixed disk lost {full - given}")
    else:
        expect(given < full - images.SIZE // 2, f"{given} of {full} stay")


def fast_zero(image):
    """Fast where the file system is; refused, not done slowly, elsewhere."""
    images.filled(image)
    must("cp", image, "other")
    with Server(image) as s, nbd.Client(s.sock) as c:
        said = [nbd.error_of(c.zero, off, length, flags | nbd.FAST_ZERO)
                for off, length in ((0, images.SIZE), (3 * MIB + 5, 70000))
                for flags in (0, nbd.NO_HOLE)]
    expect(set(said) <= {0, nbd.ENOTSUP}, f"answers {said}")
    sound(image)
    return "fast" if set(said) == {0} else "refused in part"


def fast_zero_tmpfs(image):
    """tmpfs can make holes, but not ranges of zeros that keep their space."""
    folder = "/dev/shm"
    if not os.access(folder, os.W_OK):
        skip(f"{folder} cannot be written to", host=True)
    images.filled(image)
    path = os.path.join(folder, f"vhd-nbdkit.{os.getpid()}.{image}")
    must("cp", image, path)
    try:
        with Server(path) as s, nbd.Client(s.sock) as c:
            keep = nbd.error_of(c.zero, 0, MIB,
                                nbd.FAST_ZERO | nbd.NO_HOLE)
            give = nbd.error_of(c.zero, 2 * MIB + 5, 4 * MIB, nbd.FAST_ZERO)
            again = nbd.error_of(c.zero, 3 * MIB, MIB,
                                 nbd.FAST_ZERO | nbd.NO_HOLE)
            expect(nbd.error_of(c.zero, 0, MIB, nbd.NO_HOLE) == 0, "slow")
        sound(path)
    finally:
        os.unlink(path)
    want = (nbd.ENOTSUP,) * 2 if "fixed" in image else (nbd.ENOTSUP, 0)
    expect((keep, give) == want, f"answers {keep} and {give}, not {want}")
    return f"again {again}"


def main():
    folder = prepare()
    report = Report("nbdkit changes")
    for image in [*images.WRITABLE, *images.CHILDREN]:
        report.case(f"model {image}", model, image)
        report.case(f"fast zero {image}", fast_zero, image)
    for image in images.WRITABLE:
        if "fixed" not in image:
            report.case(f"trim {image}", trim_shrinks, image)
        report.case(f"zeros {image}", zeros_keep_or_give, image)
    for image in ("dynamic.vhd", "small.vhdx", "fixed.vhd"):
        report.case(f"tmpfs {image}", fast_zero_tmpfs, image)
    folder.cleanup()
    report.finish()


main()
