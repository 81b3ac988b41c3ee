# SPDX-License-Identifier: BSD-2-Clause
"""What the parts of bench/run share: sizes, programs, running a command."""
import os
import shutil
import signal
import subprocess

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
UNITS = {"K": KIB, "M": MIB, "G": GIB, "T": TIB}
LIMIT = 600             # seconds that any command may take


class Failed(Exception):
    """A command failed, or took too long."""


def size_of(text):
    unit = text[-1:].upper()
    return int(float(text[:-1]) * UNITS[unit]) if unit in UNITS else int(text)


def human(size):
    for name in ("T", "G", "M", "K"):
        if size >= UNITS[name]:
            value = size / UNITS[name]
            text = f"{value:.0f}" if value % 1 == 0 else f"{value:.1f}"
            return f"{text} {name}iB"
    return f"{size} bytes"


def output(*argv, limit=LIMIT, **kwargs):
    """What a command prints.  It and its children end with us."""
    argv = [str(a) for a in argv]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          errors="replace", start_new_session=True,
                          **kwargs) as proc:
        try:
            out, err = proc.communicate(timeout=limit)
        except BaseException as why:
            os.killpg(proc.pid, signal.SIGKILL)
            if isinstance(why, subprocess.TimeoutExpired):
                raise Failed(f"took more than {limit} seconds: "
                             f"{' '.join(argv)}") from None
            raise
    if proc.returncode:
        raise Failed(f"ended with {proc.returncode}: {' '.join(argv)}: "
                     f"{(err or out).strip()[:300]}")
    return out


class Tools:
    """The programs: ours, those that measure, and the peers found here."""

    def __init__(self, util, programs):
        self.util = os.path.abspath(util)
        folder = programs or os.path.join(
            os.path.dirname(os.path.dirname(self.util)), "bench")
        self.timed, self.rawio, self.micro = (
            os.path.join(os.path.abspath(folder), name)
            for name in ("timed", "rawio", "micro"))
        for path in (self.util, self.timed, self.rawio, self.micro):
            if not os.access(path, os.X_OK):
                raise SystemExit(f"bench/run: there is no program {path}; "
                                 "build the project, or say where it is with "
                                 "--vhd-util and --programs")
        self.qemu = shutil.which("qemu-img")
        self.vhdi = shutil.which("vhdiinfo")
        self.strace = shutil.which("strace")
        # Whether waiting for the disk is the default, or what --sync is for.
        words = output(self.util, "convert", "--help").split()
        self.sync = ["--sync"] if "--sync" in words else []


def data_ranges(path):
    """(offset, length) of what a file has stored."""
    with open(path, "rb", buffering=0) as f:
        size = os.fstat(f.fileno()).st_size
        pos = 0
        while pos < size:
            try:
                start = os.lseek(f.fileno(), pos, os.SEEK_DATA)
            except OSError:
                return
            pos = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            yield start, pos - start


def stored(path):
    """Bytes of data; space that is only reserved is none."""
    return sum(n for _, n in data_ranges(path))


def pieces(path, length=MIB):
    for start, left in data_ranges(path):
        while left:
            n = min(length, left)
            yield start, n
            start, left = start + n, left - n


def read_once(path):
    """Brings a file into the cache."""
    buf = bytearray(MIB)
    with open(path, "rb", buffering=0) as f:
        for start, _ in pieces(path):
            os.preadv(f.fileno(), [buf], start)


def same_bytes(a, b):
    """Whether two raw disks are the same; holes are zeros."""
    if os.stat(a).st_size != os.stat(b).st_size:
        return False
    with open(a, "rb", buffering=0) as fa, open(b, "rb", buffering=0) as fb:
        for path in (a, b):
            for start, n in pieces(path):
                if (os.pread(fa.fileno(), n, start) !=
                        os.pread(fb.fileno(), n, start)):
                    return False
    return True


def settle(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def on_disk(path):
    return os.stat(path).st_blocks * 512


def remove(path):
    if os.path.lexists(path):
        os.unlink(path)
