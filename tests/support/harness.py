# SPDX-License-Identifier: BSD-2-Clause
"""Helpers of the tests that run programs: scratch folders, sparse files,
hashes, and a table of results.

A test that cannot run here ends with status 77 and a line "SKIP: reason", or
"SKIP(host): reason" when no package could change that.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

SKIP = 77
CHUNK = 1 << 20
ZEROS = bytes(CHUNK)


def skip(reason, host=False):
    print(f"SKIP{'(host)' if host else ''}: {reason}")
    sys.exit(SKIP)


def need(*programs):
    """Skip unless all of these are installed."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")


def run(*argv, **kwargs):
    """Run a program to its end; its output is text, its status not judged."""
    return subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False,
                          errors="replace", **kwargs)


class Failure(Exception):
    """A judge said no; the text says which and how."""


def must(*argv, status=0, **kwargs):
    """As run(), but anything except @status is a Failure."""
    done = run(*argv, **kwargs)
    if done.returncode != status:
        words = " ".join(str(a) for a in argv)
        raise Failure(f"`{words}` ended with {done.returncode}, not {status}: "
                      f"{(done.stderr or done.stdout).strip()[:600]}")
    return done


def expect(condition, message):
    if not condition:
        raise Failure(message)


def scratch(name):
    """An empty folder below the current one, which ctest sets."""
    path = os.path.abspath(name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def pieces(path):
    """Bytes of a file in order as (data or None for zeros, length)."""
    with open(path, "rb", buffering=0) as f:
        size = os.fstat(f.fileno()).st_size
        pos = 0
        while pos < size:
            try:
                start = os.lseek(f.fileno(), pos, os.SEEK_DATA)
            except OSError:
                start = size
            if start > pos:
                yield None, start - pos
                pos = start
                continue
            try:
                end = os.lseek(f.fileno(), pos, os.SEEK_HOLE)
            except OSError:
                end = size
            while pos < end:
                data = os.pread(f.fileno(), min(CHUNK, end - pos), pos)
                if not data:
                    return
                yield data, len(data)
                pos += len(data)


def sha256(path):
    """SHA-256 of a file; holes are not read."""
    digest = hashlib.sha256()
    for data, length in pieces(path):
        if data is not None:
            digest.update(data)
            continue
        while length:
            n = min(length, CHUNK)
            digest.update(ZEROS[:n] if n < CHUNK else ZEROS)
            length -= n
    return digest.hexdigest()


def is_zero(path):
    """True when a file holds nothing but zeros."""
    return all(data is None or not data.strip(b"\0")
               for data, _ in pieces(path))


def same_content(a, b):
    """First byte in which two files differ, treating the shorter as if it went
    on with zeros; None when there is none."""
    ranges = []
    for path in (a, b):
        pos = 0
        for data, length in pieces(path):
            if data is not None:
                ranges.append((pos, length))
            pos += length
    with open(a, "rb") as fa, open(b, "rb") as fb:
        for pos, length in sorted(set(ranges)):
            da = os.pread(fa.fileno(), length, pos).ljust(length, b"\0")
            db = os.pread(fb.fileno(), length, pos).ljust(length, b"\0")
            if da != db:
                return pos + next(i for i in range(length) if da[i] != db[i])
    return None


def write_sparse(path, size, runs):
    """A raw file of @size bytes with [(offset, data)] in it."""
    with open(path, "wb") as f:
        f.truncate(size)
        for off, data in runs:
            f.seek(off)
            f.write(data)


def noise(seed, length):
    """Bytes without pattern, the same for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(length)


class Report:
    """A table of named cases: each passes, or has said why not."""

    def __init__(self, title):
        self.title = title
        self.failed = 0
        self.count = 0

    def case(self, name, function, *args):
        """Run one case and print its line."""
        start = time.monotonic()
        try:
            note = function(*args) or ""
            state = "ok  "
        except Failure as failure:
            note = str(failure)
            state = "FAIL"
        self.add(name, state, note, time.monotonic() - start)

    def add(self, name, state, note, seconds):
        self.count += 1
        self.failed += state == "FAIL"
        print(f"{state} {seconds:7.2f}s  {name}  {note}", flush=True)

    def finish(self):
        print(f"{self.title}: {self.count - self.failed} passed, "
              f"{self.failed} failed")
        if not self.count:
            print("no case was run")
        sys.exit(1 if self.failed or not self.count else 0)
