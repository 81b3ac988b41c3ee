# SPDX-License-Identifier: BSD-2-Clause
"""The servers that bench/fuse.py compares, and one of them at work.

A Server is a program and how it is called; a Mount is one that runs, with an
image of its own.  Whatever happens, Mount.stop() leaves neither process nor
mount behind: it unmounts, and kills what does not end by itself.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

QEMU = {"vhd": "vpc", "vhdx": "vhdx", "raw": "raw"}
TICK = os.sysconf("SC_CLK_TCK")
STRACE = "trace=pwrite64,pwritev,pwritev2,fdatasync,fsync,ftruncate,fallocate"


class Server:
    """A way to show an image as a file."""

    def __init__(self, name, formats, program, argv, writes=True, shows=""):
        self.name = name
        self.formats = formats
        self.program = program
        self.argv = argv            # (image, format, mount point) -> [...]
        self.writes = writes
        self.shows = shows          # name of the file if it is a directory

    def missing(self):
        """Why it cannot run here, or None."""
        if os.sep in self.program:
            found = os.access(self.program, os.X_OK)
        else:
            found = shutil.which(self.program)
        return None if found else f"{self.program} is not installed"


def qemu_argv(image, fmt, point):
    return ["qemu-storage-daemon",
            "--blockdev", f"driver=file,filename={image},node-name=file",
            "--blockdev", f"driver={QEMU[fmt]},file=file,node-name=disk",
            "--export", f"type=fuse,id=export,node-name=disk,"
                        f"mountpoint={point},writable=on,growable=off"]


def servers(build):
    """All of them.  The names are what ratios and goals refer to."""
    fuse = os.path.join(build, "fuse", "vhdfuse")
    floor = os.path.join(build, "bench", "rawfuse")
    both = ("vhdx", "vhd")

    def ours(image, fmt, point):
        return [fuse, "-f", "-o", f"rw,format={fmt}", image, point]

    def raw(threads):
        return lambda image, fmt, point: [floor, "-t", str(threads), image,
                                          point]

    return [
        Server("vhdfuse", ("vhdx", "vhd", "raw"), fuse, ours),
        Server("rawfuse 1", ("raw",), floor, raw(1)),
        Server("rawfuse 2", ("raw",), floor, raw(2)),
        Server("QEMU", ("vhdx", "vhd", "raw"), "qemu-storage-daemon",
               qemu_argv),
        Server("vhdimount", both, "vhdimount",
               lambda image, fmt, point: ["vhdimount", image, point],
               writes=False, shows="vhdi1"),
    ]


def mounted(point):
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split()[4] == point for line in table)


def pids_of(argv):
    """Processes that run just this command, for a server that forks."""
    want = b"\0".join(a.encode() for a in argv) + b"\0"
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if line == want and state != "Z":
            found.append(int(pid))
    return found


class Mount:
    """A server at work on one image."""

    def __init__(self, server, fmt, image, where, strace=None):
        self.server = server
        self.fmt = fmt
        self.name = f"{server.name}, {fmt}"
        self.where = tempfile.mkdtemp(prefix="at-", dir=where)
        self.point = os.path.join(self.where, "disk")
        self.file = self.point
        if server.shows:
            os.mkdir(self.point)
            self.file = os.path.join(self.point, server.shows)
        else:
            open(self.point, "x", encoding="utf-8").close()
        self.argv = server.argv(image, fmt, self.point)
        self.log = os.path.join(self.where, "log")
        self.process = None
        self.pid = None
        try:
            self._start(strace)
        except BaseException:
            self.stop()
            raise

    def _start(self, strace):
        argv = self.argv
        if strace:
            argv = ["strace", "-f", "-e", STRACE, "-o", strace, *argv]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while not mounted(self.point):
            gone = self.process.poll()
            if gone or time.monotonic() > end:
                with open(self.log, encoding="utf-8") as log:
                    raise SystemExit(f"{self.name}: no mount: {log.read()}")
            time.sleep(0.01)
        os.stat(self.file)      # the kernel and the server have met
        self.pid = self.process.pid
        if self.server.shows or strace:     # it forked, or is a child itself
            self.pid = (pids_of(self.argv) or [None])[0]

    def cpu(self):
        """Processor seconds of all threads so far."""
        if self.pid is None:
            return None
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def _unmount(self):
        for flags in ([], [], ["-l"]):
            if not mounted(self.point):
                return
            subprocess.run(["umount", *flags, self.point], check=False,
                           timeout=60, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            time.sleep(0.05)

    def _gone(self):
        if self.process.poll() is None:
            return False
        return self.pid is None or self.pid not in pids_of(self.argv)

    def _signal(self, signo):
        try:
            os.kill(self.pid or self.process.pid, signo)
        except ProcessLookupError:
            pass

    def _end(self):
        if self.process is None:
            return
        if self.server.name == "QEMU":
            self._signal(signal.SIGTERM)    # it serves on when unmounted
        for signo in (signal.SIGTERM, signal.SIGKILL, None):
            end = time.monotonic() + 30
            while not self._gone():
                if time.monotonic() > end:
                    break
                time.sleep(0.02)
            else:
                break
            if signo:
                self._signal(signo)

    def stop(self):
        """Unmounted, closed, gone."""
        try:
            self._unmount()
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)    # frees whoever waits for it
            self._unmount()
        self._end()
        shutil.rmtree(self.where, ignore_errors=True)
