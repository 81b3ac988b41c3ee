# SPDX-License-Identifier: BSD-2-Clause
"""Images with known content, made with vhd-util alone: a Maker writes random
bytes to each layer of a chain and remembers what a guest would see there."""

import json
import os
import shutil

from harness import Failure, expect, must, run

MIB = 1 << 20
FORMATS = ("vhd", "vhdx")
SUFFIX = {"vhd": ".vhd", "vhdx": ".vhdx"}


class Maker:
    """vhd-util, a folder, and a source of chance."""

    def __init__(self, util, folder, rng):
        self.util = util
        self.folder = folder
        self.rng = rng

    def path(self, name):
        return os.path.join(self.folder, name)

    def vu(self, *argv, status=0, data=None):
        kwargs = {}
        if data is not None:
            kwargs["input"] = data
        return must_bytes(self.util, *argv, status=status, **kwargs)

    def create(self, name, size, fmt, *more):
        self.vu("create", "--size", str(size), "--format", fmt, *more,
                self.path(name))
        return Disk(self, name, fmt, bytearray(size))

    def child(self, name, parent, size=None):
        more = ["--size", str(size)] if size else []
        self.vu("create", "--parent", self.path(parent.name), *more,
                self.path(name))
        body = bytearray(parent.body)
        if size and size > len(body):
            body.extend(bytes(size - len(body)))
        return Disk(self, name, parent.fmt, body)


def must_bytes(*argv, status=0, **kwargs):
    if isinstance(kwargs.get("input"), bytes):
        import subprocess
        done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, **kwargs)
        if done.returncode != status:
            words = " ".join(str(a) for a in argv)
            raise Failure(f"`{words}` ended with {done.returncode}: "
                          f"{done.stderr.decode(errors='replace')[:600]}")
        return done
    return must(*argv, status=status, **kwargs)


class Disk:
    """An image and the bytes that its guest sees."""

    def __init__(self, maker, name, fmt, body):
        self.maker = maker
        self.name = name
        self.fmt = fmt
        self.body = body

    @property
    def file(self):
        return self.maker.path(self.name)

    def write(self, off, data):
        self.maker.vu("write", "--offset", str(off), self.file, data=data)
        self.body[off:off + len(data)] = data

    def zero(self, off, length):
        self.maker.vu("write", "--zero", "--offset", str(off), "--length",
                      str(length), self.file)
        self.body[off:off + length] = bytes(length)

    def scribble(self, count, longest=300 << 10, end=None):
        """Random writes, some of zeros, some on sectors only."""
        rng = self.maker.rng
        end = end or len(self.body)
        for _ in range(count):
            length = min(rng.choice((512, 1024, 4096, 70000, longest)), end)
            off = rng.randrange(0, end - length + 1)
            if rng.random() < 0.7:
                off -= off % 512
            if rng.random() < 0.25:
                self.zero(off, length)
            else:
                self.write(off, rng.randbytes(length))


def read_disk(util, path):
    """What a guest sees, or None when the image does not open."""
    import subprocess
    done = subprocess.run([util, "convert", "--no-progress", path, "-"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    return done.stdout if done.returncode == 0 else None


def expect_disk(util, path, body, what):
    got = read_disk(util, path)
    expect(got is not None, f"{what}: {os.path.basename(path)} does not open")
    expect_body(got, body, f"{what}: {os.path.basename(path)}")


def expect_body(got, body, what):
    if got == bytes(body):
        return
    expect(len(got) == len(body),
           f"{what}: {len(got)} bytes and not {len(body)}")
    at = next(i for i in range(len(got)) if got[i] != body[i])
    raise Failure(f"{what}: byte 0x{at:x} is {got[at]}, not {body[at]}")


def expect_sound(util, path, what):
    done = run(util, "check", "--chain", path)
    expect(done.returncode == 0, f"{what}: check of {os.path.basename(path)} "
           f"ends with {done.returncode}: {done.stdout[:600]}{done.stderr[:200]}")


def info(util, path):
    return json.loads(must(util, "info", "--json", path).stdout)


def copy_folder(src, dst):
    shutil.rmtree(dst, ignore_errors=True)
    # Times and holes stay: children record times, and holes are content.
    must("cp", "-a", "--sparse=always", src, dst)
