# SPDX-License-Identifier: BSD-2-Clause
"""What stands between an image file and QEMU.

	file      vhdfuse over a regular file, which QEMU takes as a raw disk
	dir       vhdfuse over a folder; QEMU takes disk.raw in it
	nbdkit    our plugin of nbdkit, over a Unix socket
	qemu      nothing: QEMU's own driver (also for raw files)
	qemu-nbd  qemu-nbd, raw files only
	liar      liar.py, which keeps the last writes to itself; raw files only

The last three prove the harness: with the first two of them it must succeed,
with the liar it must fail.
"""

import os
import signal
import stat
import subprocess
import sys
import time

from guest import LEASH
from harness import Failure, need, run, skip

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = ("file", "dir", "nbdkit")
ALL = OURS + ("qemu", "qemu-nbd", "liar")
WAIT = 30       # seconds for a server to start or to end
RAW = "format=raw,cache=none,aio=threads,discard=unmap,file="
NBD = ("driver=raw,cache=none,discard=unmap,file.driver=nbd,"
       "file.server.type=unix,file.server.path=")


def program(variable, name):
    """A program that an environment variable names; skips without it."""
    path = os.environ.get(variable)
    if not path or not os.path.exists(path):
        skip(f"{name} was not built ({variable} names no file)")
    return path


def requirements(kinds):
    for kind in kinds:
        if kind in ("file", "dir"):
            program("VHDFUSE", "vhdfuse")
            need("fusermount3")
            if not os.access("/dev/fuse", os.R_OK | os.W_OK):
                skip("/dev/fuse cannot be opened here", host=True)
        elif kind == "nbdkit":
            need("nbdkit")
            program("NBDKIT_PLUGIN", "the plugin of nbdkit")
        elif kind == "qemu-nbd":
            need("qemu-nbd")


def wait_until(true, process, what):
    """Poll until @true() or the process ended or the time is up."""
    end = time.monotonic() + WAIT
    while not true():
        if process and process.poll() is not None:
            raise Failure(f"{what} ended with {process.returncode}")
        if time.monotonic() > end:
            raise Failure(f"{what} was not ready after {WAIT} seconds")
        time.sleep(0.01)


class Server:
    """Without a process of its own: QEMU opens the image."""

    def __init__(self, kind, disk, folder):
        self.kind = kind
        self.disk = disk
        self.folder = folder
        self.process = None
        self.messages = os.path.join(folder, "server.log")

    def launch(self, argv, end="KILL"):
        with open(self.messages, "wb") as log:
            self.process = subprocess.Popen(
                [*LEASH, end, *argv], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def said(self):
        """The last words of the server."""
        if not os.path.exists(self.messages):
            return ""
        with open(self.messages, encoding="utf-8", errors="replace") as log:
            return log.read().strip()[-600:]

    def start(self):
        """Starts it; returns what QEMU's -drive needs."""
        if self.disk.form == "raw":
            return RAW + self.disk.path
        driver = {"vhd": "vpc"}.get(self.disk.kind(), self.disk.kind())
        return (f"driver={driver},cache=none,discard=unmap,file.driver=file,"
                f"file.filename={self.disk.path}")

    def stop(self):
        """A clean end; a Failure when the server does not think so."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.kind} did not end after SIGTERM; it said: "
                          f"{self.said()}") from None
        self.process = None
        if status not in (0, -signal.SIGTERM):
            raise Failure(f"{self.kind} ended with {status}; it said: "
                          f"{self.said()}")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class NbdServer(Server):
    """Anything that listens on a socket."""

    def start(self):
        socket = os.path.join(self.folder, "s")
        if os.path.exists(socket):
            os.unlink(socket)
        self.launch({
            "nbdkit": lambda: [
                "nbdkit", "-f", "-U", socket,
                os.path.abspath(program("NBDKIT_PLUGIN", "the plugin")),
                "file=" + self.disk.path],
            "qemu-nbd": lambda: [
                "qemu-nbd", "-f", "raw", "-t", "--discard=unmap", "-k", socket,
                self.disk.path],
            "liar": lambda: [
                sys.executable, os.path.join(HERE, "liar.py"), socket,
                self.disk.path],
        }[self.kind]())
        wait_until(lambda: os.path.exists(socket), self.process, self.kind)
        return NBD + socket


class FuseServer(Server):
    """vhdfuse; the mount of a killed one is taken down as well."""

    def start(self):
        self.point = os.path.join(self.folder, self.kind)
        if self.kind == "dir":
            os.makedirs(self.point, exist_ok=True)
            target = os.path.join(self.point, "disk.raw")
        else:
            target = self.point
            with open(target, "ab"):
                pass
        self.launch([program("VHDFUSE", "vhdfuse"), "-f", self.disk.path,
                     self.point], "TERM")
        wait_until(lambda: self.mounted(target), self.process, "vhdfuse")
        return RAW + target

    @staticmethod
    def mounted(target):
        try:
            state = os.stat(target)
        except OSError:
            return False
        return stat.S_ISREG(state.st_mode) and state.st_size > 0

    def unmount(self):
        """Takes down what may be left of the mount."""
        for _ in range(50):
            with open("/proc/self/mounts", encoding="utf-8") as f:
                if not any(line.split()[1] == self.point for line in f):
                    return
            run("fusermount3", "-u", "-z", self.point)
            time.sleep(0.02)
        raise Failure(f"{self.point} cannot be unmounted")

    def stop(self):
        super().stop()
        self.unmount()

    def kill(self):
        if self.process:
            super().kill()
            self.unmount()


def server(kind, disk, folder):
    """The server of a kind for an image; its files lie in @folder."""
    if kind in ("file", "dir"):
        return FuseServer(kind, disk, folder)
    if kind == "qemu":
        return Server(kind, disk, folder)
    return NbdServer(kind, disk, folder)
