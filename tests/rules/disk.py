# SPDX-License-Identifier: BSD-2-Clause
"""Files and disks as fingerprints: what is zero takes no room, so that disks of
terabytes can be compared."""

import json
import os
import subprocess

from harness import Failure, pieces

GRAIN = 64 << 10
WHOLE, ENDS = 16 << 30, 64 << 20


def _nonzero(path):
    """(offset, bytes) of the grains of a file that are not zero, in order."""
    pos, held, held_at = 0, b"", 0
    for data, length in pieces(path):
        if data is not None:
            start = pos
            while start < pos + length:
                grain = start // GRAIN * GRAIN
                end = min(grain + GRAIN, pos + length)
                if held and held_at != grain:
                    yield held_at, held
                    held = b""
                if not held:
                    held_at = grain
                held = held.ljust(start - grain, b"\0")
                held += data[start - pos:end - pos]
                start = end
        pos += length
    if held:
        yield held_at, held


def grains(path):
    """{offset: digest} of the grains of a file that are not zero; digests are
    those of this process, quick and good enough against accidents."""
    found = {}
    for at, data in _nonzero(path):
        data = data.rstrip(b"\0")
        if data:
            found[at] = hash(data)
    return found


def fingerprint(path):
    """Equal for files of equal length and content."""
    return os.stat(path).st_size, grains(path)


def state(path):
    """Changes when a file is written to at all."""
    st = os.stat(path)
    return st.st_mtime_ns, st.st_ino, fingerprint(path)


class Disk:
    """What a guest reads from an image: digests, and what it cannot read."""

    def __init__(self, util, path, args=(), scratch=None):
        self.grains = {}
        self.lost = []
        self.size = self._size(util, path, args)
        self._out = scratch or path + ".guest"
        if self.size and not self._shut(util, path, list(args)):
            for at, length in self._parts():
                self._load(util, path, list(args), at, length)
        if os.path.exists(self._out):
            os.unlink(self._out)

    @staticmethod
    def _size(util, path, args):
        info = util.json("info", "--json", *args, path)
        return info["image"]["virtual_size"] if info else 0

    def _parts(self):
        """A disk of terabytes is read at its ends only."""
        if self.size <= WHOLE:
            return [(0, self.size)]
        return [(0, ENDS), (self.size - ENDS, ENDS)]

    def _shut(self, util, path, args):
        """Nothing can be read at all: both ends fail with the same words."""
        said = set()
        for at in (0, self.size - 512):
            done = util.run("read", "--no-progress", "--force", "--offset", at,
                            "--length", 512, "--output", self._out, *args,
                            path)
            if done.returncode == 0:
                return False
            said.add(done.stderr)
        if len(said) > 1:
            return False
        self.lost.append((0, self.size))
        return True

    def _load(self, util, path, args, at, length):
        done = util.run("read", "--no-progress", "--force", "--offset", at,
                        "--length", length, "--output", self._out, *args, path)
        if done.returncode == 0:
            self.grains.update({at + off: digest for off, digest
                                in grains(self._out).items()})
            return
        if done.returncode != 1:
            raise Failure(f"reading the disk ended with {done.returncode}")
        if length <= GRAIN:
            self.lost.append((at, length))
            return
        half = (length // 2 + GRAIN - 1) // GRAIN * GRAIN
        self._load(util, path, args, at, half)
        self._load(util, path, args, at + half, length - half)

    def is_lost(self, at):
        return at >= self.size or any(o <= at < o + n for o, n in self.lost)

    def must_equal(self, other, what, ignore=()):
        """A Failure names the first grain that differs, except in @ignore, a
        list of (offset, length), and in what @other could not read."""
        if not other.lost and self.size != other.size:
            raise Failure(f"{what}: the disk has {self.size} bytes, "
                          f"not {other.size}")
        for at in sorted(set(self.grains) | set(other.grains)):
            if other.is_lost(at) or _inside(at, ignore):
                continue
            if self.is_lost(at):
                raise Failure(f"{what}: byte {at:#x} of the disk cannot be "
                              "read any more")
            if self.grains.get(at) != other.grains.get(at):
                raise Failure(f"{what}: the disk differs near {at:#x}")
        for at, length in self.lost:
            if not other.is_lost(at) and not _inside(at, ignore):
                raise Failure(f"{what}: {length} bytes at {at:#x} cannot be "
                              "read any more")


def _inside(at, ranges):
    return any(o <= at < o + n for o, n in ranges)


def same_except(*ranges):
    """For Case.repaired_same: as before the damage, but for these (offset,
    length), whole grains of 64 KiB."""
    def judge(before, damaged, after):
        del damaged
        after.must_equal(before, "after the repair", ranges)
    return judge


def grown(before, damaged, after):
    """For Case.repaired_same: the disk is longer, all else as it was read from
    the damaged image."""
    del before
    if after.size <= damaged.size:
        raise Failure("the disk has not become longer")
    after.size = damaged.size
    after.must_equal(damaged, "after the repair")


class Util:
    """The program under test."""

    LIMIT = 60

    def __init__(self, path):
        self.path = os.path.abspath(path)
        env = dict(os.environ, LC_ALL="C")
        env.pop("SOURCE_DATE_EPOCH", None)
        self.env = env

    def run(self, *argv, cwd=None, stdin=None):
        words = [self.path] + [str(a) for a in argv]
        try:
            return subprocess.run(words, stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.PIPE, check=False,
                                  errors="replace", cwd=cwd, env=self.env,
                                  timeout=self.LIMIT, input=stdin)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"`{' '.join(words[1:])}` ran for over "
                          f"{self.LIMIT} s") from late

    def must(self, *argv, status=0, cwd=None):
        done = self.run(*argv, cwd=cwd)
        if done.returncode != status:
            words = " ".join(str(a) for a in argv)
            raise Failure(f"`{words}` ended with {done.returncode}, not "
                          f"{status}: {(done.stderr or done.stdout)[:600]}")
        return done

    def json(self, *argv):
        """The document that a command prints; None when it failed."""
        done = self.run(*argv)
        return json.loads(done.stdout) if done.returncode == 0 else None
