# SPDX-License-Identifier: BSD-2-Clause
"""Conversions: which, by whom, with which options.

Ours are judged by qemu-img where it is installed, those of others by ours.
"""
import os

from .common import Failed, output, remove, same_bytes, stored
from .inputs import QEMU
from .measure import Contender, Group

US, DEFAULT, BEST, CP = ("vhd-util", "qemu-img", "qemu-img -m 16 -W", "cp")
FLAGS = ["-m", "16", "-W"]
DIRECTIONS = [("raw", "vhdx"), ("raw", "vhd"), ("raw", "fixed"),
              ("vhdx", "raw"), ("vhd", "raw"), ("vhdx", "vhd"),
              ("vhd", "vhdx")]
WORDS = {"raw": "raw", "vhdx": "VHDX", "vhd": "dynamic VHD",
         "fixed": "fixed VHD", "qcow2": "QCOW2", "vmdk": "VMDK"}
SUFFIX = {"raw": "raw", "vhdx": "vhdx", "vhd": "vhd", "fixed": "vhd"}
KINDS = {"dense": "random bytes", "sparse": "scattered extents",
         "real": "a real ext4 disk"}


def words(src, dst):
    return f"{WORDS[src]} to {WORDS[dst]}"


def same_disk(tools, raw, path, fmt, judge):
    """Whether a disk of format @fmt holds the bytes of a raw one."""
    if fmt == "raw":
        return same_bytes(raw, path)
    if judge == "qemu" and tools.qemu:
        argv = [tools.qemu, "compare", "-q", "-f", "raw", "-F", QEMU[fmt]]
    else:
        argv = [tools.util, "compare", "--no-progress"]
    try:
        output(*argv, raw, path)
    except Failed:
        return False
    return True


class Conversions:
    """Makes the groups."""

    def __init__(self, tools, inputs, folder, opts):
        self.tools = tools
        self.inputs = inputs
        self.folder = folder
        self.opts = opts

    def target(self, dst):
        return os.path.join(self.folder, f"out.{SUFFIX[dst]}")

    def ours(self, src, dst, path, durable=False, out=None):
        argv = [self.tools.util, "convert", "--no-progress",
                "--source-format", src,
                "-O", "vhd" if dst == "fixed" else dst]
        if dst == "fixed":
            argv += ["--type", "fixed"]
        argv += self.tools.sync if durable else ["--no-sync"]
        out = out or self.target(dst)
        return Contender(US, [*argv, path, out], out)

    def qemu(self, name, src, dst, path, flags=(), fsync=False):
        argv = [self.tools.qemu, "convert", "-f", QEMU[src], "-O", QEMU[dst]]
        if dst in ("vhd", "fixed"):
            # Else the disk grows to what a geometry can say.
            more = ",subformat=fixed" if dst == "fixed" else ""
            argv += ["-o", "force_size=on" + more]
        out = self.target(dst)
        return Contender(name, [*argv, *flags, path, out], out, fsync=fsync)

    def cp(self, raw, fsync=False):
        out = self.target("raw")
        return Contender(CP, ["cp", "--sparse=auto", raw, out], out,
                         fsync=fsync)

    def judged(self, c, raw, fmt):
        judge = "qemu" if c.name == US else "us"
        c.verify = lambda path: same_disk(self.tools, raw, path, fmt, judge)
        return c

    def group(self, kind, mode, src, dst):
        """One direction of one kind of disk; only the raw file is made now if
        it is not there, so ask for a group when it is to be run."""
        raw = self.inputs.raw(kind)
        path = raw if src == "raw" else self.inputs.image(kind, src)
        durable = mode == "durable"
        all_ = [self.judged(self.ours(src, dst, path, durable), raw, dst)]
        if self.tools.qemu:
            more = [] if mode != "exit" else [
                self.qemu(DEFAULT, src, dst, path)]
            more.append(self.qemu(BEST, src, dst, path, FLAGS, durable))
            for c in more:
                if mode == "exit":
                    self.judged(c, raw, dst)
            all_ += more
        all_.append(self.cp(raw, durable))
        files = sorted({raw, path})
        return Group(f"{kind}/{mode}/{src}-{dst}",
                     f"{KINDS[kind]}, {words(src, dst)}", all_,
                     self.opts.rounds, files if mode != "cold" else (),
                     files if mode == "cold" else (),
                     {"data": stored(raw), "kind": kind, "mode": mode,
                      "direction": f"{src}-{dst}"})

    def copies(self, kind="dense"):
        """raw to raw, beside everything that copies."""
        raw = self.inputs.raw(kind)
        out = self.target("raw")
        all_ = [self.judged(self.ours("raw", "raw", raw), raw, "raw")]
        if self.tools.qemu:
            all_ += [self.qemu(DEFAULT, "raw", "raw", raw),
                     self.qemu(BEST, "raw", "raw", raw, FLAGS)]
        all_ += [self.cp(raw),
                 Contender("dd bs=256K", ["dd", f"if={raw}", f"of={out}",
                                          "bs=256K", "status=none"], out),
                 Contender("cat", ["cat", raw], out, to_stdout=True)]
        return Group(f"{kind}/exit/raw-raw", f"{KINDS[kind]}, raw to raw",
                     all_, self.opts.rounds, [raw], (),
                     {"data": stored(raw), "kind": kind, "mode": "exit",
                      "direction": "raw-raw"})

    def empty(self, src, dst):
        raw = self.inputs.raw("empty")
        path = raw if src == "raw" else self.inputs.image("empty", src)
        all_ = [self.judged(self.ours(src, dst, path), raw, dst)]
        if self.tools.qemu:
            all_ += [self.qemu(DEFAULT, src, dst, path),
                     self.qemu(BEST, src, dst, path, FLAGS)]
        all_.append(self.cp(raw))
        return Group(f"empty/exit/{src}-{dst}",
                     f"nothing stored, {words(src, dst)}", all_,
                     self.opts.rounds, writes=False,
                     facts={
                      "kind": "empty", "mode": "exit", "data": 0,
                      "size": self.opts.empty, "direction": f"{src}-{dst}"})

    def giant(self, dst):
        """64 TiB with nothing in it; QEMU would take the better part of an
        hour, so we run alone."""
        src = os.path.join(self.folder, "giant.vhdx")
        if not os.path.exists(src):
            output(self.tools.util, "create", "--size", "64T", "--block-size",
                   "1M", "--no-sync", src)
        out = None
        if dst == "raw":
            out = self.large_file()
            if not out:
                return None
        one = self.ours("vhdx", dst, src, out=out)
        one.verify = lambda path: same_disk(self.tools, src, path, "", "us")
        return Group(f"empty/64T/vhdx-{dst}",
                     f"64 TiB, nothing stored, {words('vhdx', dst)}", [one],
                     self.opts.rounds, writes=False,
                     facts={
                      "kind": "empty64T", "mode": "exit", "data": 0,
                      "direction": f"vhdx-{dst}"})

    def large_file(self):
        """A name for a file that may have 64 TiB, which ext4 allows none."""
        for folder in (self.folder, self.opts.large):
            path = folder and os.path.join(folder, f"out.{os.getpid()}.raw")
            if not path or not os.path.isdir(folder):
                continue
            try:
                with open(path, "wb") as f:
                    f.truncate(64 << 40)
                return path
            except OSError:
                pass
            finally:
                remove(path)
        return None
