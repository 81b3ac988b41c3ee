# SPDX-License-Identifier: BSD-2-Clause
"""Several clients at once: each has its own part of the disk and knows what is
in it; a flush on one connection covers the writes of all."""

import os
import random
import signal
import threading

import images
import nbd
from harness import Report, expect, must, noise
from server import MIB, PRELOAD, Server, prepare, read_disk, sound, vu

CLIENTS = 6
STEPS = 60 if PRELOAD else 150
UNIT = 4096


class Worker(threading.Thread):
    """Works on every CLIENTS-th unit, so that blocks are shared."""

    def __init__(self, server, number, image):
        super().__init__()
        self.server = server
        self.number = number
        self.image = image
        self.error = None
        self.written = {}

    def run(self):
        try:
            with nbd.Client(self.server.sock) as client:
                self.work(client, random.Random(f"{self.image}{self.number}"))
        except Exception as error:  # shown by the main thread
            self.error = error

    def work(self, client, rng):
        for step in range(STEPS):
            unit = rng.randrange(images.SIZE // UNIT // CLIENTS) * CLIENTS
            unit += self.number
            what = rng.randrange(10)
            if what < 6:
                data = noise(f"{self.number}.{step}", UNIT)
                client.write(unit * UNIT, data, rng.choice((0, 0, 0, nbd.FUA)))
                self.written[unit] = data
            elif what < 8:
                client.zero(unit * UNIT, UNIT, rng.choice((0, nbd.NO_HOLE)))
                self.written[unit] = bytes(UNIT)
            elif what < 9:
                client.flush()
            elif self.written:
                unit = rng.choice(sorted(self.written))
                expect(client.read(unit * UNIT, UNIT) == self.written[unit],
                       f"unit {unit} reads back other bytes")


def writers(image):
    disk = bytearray(images.filled(image))
    with Server(image) as s:
        workers = [Worker(s, n, image) for n in range(CLIENTS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
            expect(not worker.is_alive(), "a client hangs")
            expect(worker.error is None, repr(worker.error))
            for unit, data in worker.written.items():
                disk[unit * UNIT:unit * UNIT + UNIT] = data
    sound(image)
    expect(read_disk(image) == disk, "the image has other bytes")


def one_flush_for_all(image):
    """What one connection wrote is durable after a flush of another one; a
    kill afterwards loses nothing."""
    images.empty(image)
    s = Server(image)
    try:
        with nbd.Client(s.sock) as a, nbd.Client(s.sock) as b:
            for i in range(20):
                a.write(i * 2 * MIB, noise(i, 5000))
            b.flush()
            os.kill(s.pid(), signal.SIGKILL)
    finally:
        s.kill()
    vu("check", "--quiet", image)
    disk = read_disk(image)
    for i in range(20):
        expect(disk[i * 2 * MIB:i * 2 * MIB + 5000] == noise(i, 5000),
               f"write {i} is lost")


def nbdcopy(image):
    """Four connections, 64 requests in flight."""
    images.empty(image)
    disk = images.raw(runs=[(0, noise(1, 30 * MIB))])
    with Server(image) as s:
        must("nbdcopy", "--connections=4", "--requests=64", "--flush",
             "--request-size=65536", "data.raw", s.uri())
        must("nbdcopy", "--connections=4", "--request-size=65536", s.uri(),
             "back.raw")
    sound(image)
    expect(open("back.raw", "rb").read() == disk, "other bytes")


def come_and_go():
    """Connections open and close while others work; exports of all kinds."""
    images.filled("child.vhdx")
    with Server("child.vhdx", "layers=yes") as s:
        worker = Worker(s, 0, "child.vhdx")
        worker.start()
        for i in range(40):
            with nbd.Client(s.sock, ("", "layer0", "layer1", "disk")[i % 4]) \
                    as c:
                c.read(i * 1000, 5000)
        worker.join(120)
        expect(worker.error is None and not worker.is_alive(),
               repr(worker.error))
    sound("child.vhdx", "base.vhdx")


def main():
    folder = prepare("nbdcopy")
    report = Report("nbdkit parallel")
    for image in [*images.WRITABLE, *images.CHILDREN]:
        report.case(f"writers {image}", writers, image)
    for image in ("dynamic.vhd", "dynamic.vhdx"):
        report.case(f"one flush {image}", one_flush_for_all, image)
        report.case(f"nbdcopy {image}", nbdcopy, image)
    report.case("come and go", come_and_go)
    folder.cleanup()
    report.finish()


main()
