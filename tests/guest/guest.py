# SPDX-License-Identifier: BSD-2-Clause
"""A guest in QEMU, and the conversation with it over its serial line.

Everything is emulated (-accel tcg), because a machine that runs tests often has
no KVM, or one that cannot boot a stock kernel.  A boot takes five to ten
seconds.
"""

import os
import select
import signal
import subprocess
import time

from harness import Failure, need

BOOT = ("console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off nokaslr "
        "cryptomgr.notests random.trust_cpu=on")
# The NVMe controller that QEMU 7.2 emulates offers the guest FUA and then drops
# the bit: the commit record of a journal is not durable when the guest thinks
# so.  Without a write cache QEMU makes every write durable, by FUA of its own.
DEVICES = {
    "virtio-blk": ["virtio-blk-pci,drive=disk"],
    "virtio-scsi": ["virtio-scsi-pci", "scsi-hd,drive=disk"],
    "nvme": ["nvme,drive=disk,serial=vhd,write-cache=off"],
}
LIMIT = 240     # seconds that a guest may live
SILENCE = 120   # seconds without a line
# A program that dies with us, even when we are killed ourselves.
LEASH = ("setpriv", "--pdeathsig")


class Damage(Failure):
    """The disk is not what it was promised to be."""


def requirements():
    need("qemu-system-x86_64", "setpriv")


class Guest:
    """One boot: lines that begin with "@" come out, answers go in."""

    def __init__(self, kernel, drive, bus, jobs, **words):
        words.update(bus=bus, jobs=",".join(["common", *jobs]))
        append = BOOT + "".join(f" {k}={v}" for k, v in words.items())
        argv = [*LEASH, "KILL", "qemu-system-x86_64", "-accel", "tcg",
                "-machine", "q35", "-cpu", "max", "-m", "320", "-nodefaults",
                "-display", "none", "-no-reboot", "-serial", "stdio",
                "-no-user-config", "-kernel", kernel[0], "-initrd", kernel[1],
                "-append", append, "-drive", "if=none,id=disk," + drive]
        for device in DEVICES[bus]:
            argv += ["-device", device]
        self.log = []
        self.pending = b""
        self.start = time.monotonic()
        self.last = self.start
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)

    def seconds(self):
        return time.monotonic() - self.start

    def fill(self, until):
        """Wait for bytes; False at the end of all output or at @until."""
        pipe = self.process.stdout
        wait = max(0.0, until - time.monotonic())
        if not select.select([pipe], [], [], wait)[0]:
            return False
        data = os.read(pipe.fileno(), 65536)
        self.pending += data
        return bool(data)

    def next(self, until=None):
        """The next line that begins with "@", as words without it; None when
        there is no more, or none before @until."""
        while True:
            while b"\n" in self.pending:
                line, self.pending = self.pending.split(b"\n", 1)
                text = line.decode("utf-8", "replace").strip("\r")
                self.last = time.monotonic()
                self.log.append(f"{self.seconds():6.2f} {text}")
                if text.startswith("@"):
                    return text[1:].split()
            limit = min(self.last + SILENCE, self.start + LIMIT)
            if not self.fill(min(limit, until or limit)):
                if time.monotonic() >= limit:
                    raise self.failure("the guest is stuck")
                return None

    def answer(self):
        self.process.stdin.write(b"go\n")

    def failure(self, text, kind=Failure):
        """An exception that shows the last lines of the serial line."""
        self.kill()
        tail = "\n    ".join(self.log[-25:])
        return kind(f"{text}; the guest's last lines:\n    {tail}\n   ")

    def kill(self):
        """Power cut.  What was printed before it can still be read."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
