# SPDX-License-Identifier: BSD-2-Clause
"""Disks that come and go through pipes, compressed or not, and disks of other
programs' formats, which are read and written through QEMU's NBD server."""
import os
import shlex
import shutil

from .common import Failed, output, remove, settle, stored
from .convert import (BEST, DEFAULT, FLAGS, SUFFIX, US, same_disk, words)
from .measure import Contender, Group

CAT, GZIP = "cat", "gzip"
OUT = ("raw", "vhdx", "vhd", "fixed")
IN = ("raw", "vhdx", "vhd")
FOREIGN = [("qcow2", "vhdx"), ("vmdk", "vhdx"), ("vhdx", "qcow2"),
           ("vhdx", "vmdk")]


def shell(text, *argv):
    """A pipe; $1 and so on are @argv."""
    return ["sh", "-c", text, "sh", *argv]


def facts(kind, src, dst, data):
    return {"kind": kind, "mode": kind, "direction": f"{src}-{dst}",
            "data": data}


class Streams:
    def __init__(self, tools, inputs, conversions, folder, opts):
        self.tools = tools
        self.inputs = inputs
        self.conversions = conversions
        self.folder = folder
        self.opts = opts

    def at(self, name):
        return os.path.join(self.folder, name)

    def judge(self, c, raw, fmt):
        c.verify = lambda path: same_disk(self.tools, raw, path, fmt, "qemu")
        return c

    def ours(self, dst, *files):
        """Our command, the last argument being left open where @files is
        one."""
        argv = [self.tools.util, "convert", "--no-progress", "--no-sync",
                "-O", "vhd" if dst == "fixed" else dst]
        if dst == "fixed":
            argv += ["--type", "fixed"]
        return [*argv, *files]

    def group(self, name, title, raw, files, *contenders):
        """@name: KIND/FROM-TO"""
        kind, way = name.split("/")
        rounds = min(self.opts.rounds, 3)
        return Group(name, title, list(contenders), rounds, files,
                     (), facts(kind, *way.split("-"), stored(raw)))

    def out(self, dst):
        raw, out = self.inputs.raw("dense"), self.at(f"out.{SUFFIX[dst]}")
        us = Contender(US, self.ours(dst, "--source-format", "raw", raw, "-"),
                       out, to_stdout=True)
        return self.group(f"stream-out/raw-{dst}", words("raw", dst), raw,
                          [raw], self.judge(us, raw, dst),
                          Contender(CAT, ["cat", raw], out, to_stdout=True))

    def into(self, src):
        raw, out = self.inputs.raw("dense"), self.at("out.raw")
        path = raw if src == "raw" else self.inputs.image("dense", src)
        argv = self.ours("raw", "--source-format", src, "-")
        us = Contender(US, shell(f'cat "$1" | {shlex.join(argv)} "$2"', path,
                                 out), out)
        return self.group(f"stream-in/{src}-raw", words(src, "raw"), raw,
                          sorted({raw, path}), self.judge(us, raw, "raw"),
                          Contender(CAT, shell('cat "$1" | cat >"$2"', raw,
                                               out), out))

    def packed(self, raw, fmt, path):
        """Whether a compressed image holds the bytes of a raw disk."""
        plain = self.at(f"plain.{SUFFIX[fmt]}")
        try:
            output(*shell('gzip -dc "$1" >"$2"', path, plain))
            return same_disk(self.tools, raw, plain, fmt, "qemu")
        except Failed:
            return False
        finally:
            remove(plain)

    def gzip(self, dst):
        raw, out = self.inputs.raw("text"), self.at(f"out.{SUFFIX[dst]}.gz")
        us = Contender(US, self.ours(dst, "--source-format", "raw", raw, out),
                       out)
        us.verify = lambda path: self.packed(raw, dst, path)
        return self.group(f"gzip-out/raw-{dst}", words("raw", dst), raw,
                          [raw], us, Contender(GZIP, ["gzip", "-c", raw], out,
                                               to_stdout=True))

    def gunzip(self, src):
        raw, out = self.inputs.raw("text"), self.at("out.raw")
        path = self.inputs.image("text", src) + ".gz"
        plain = raw + ".gz"
        for name in (path, plain):
            if not os.path.exists(name):
                output(*shell('gzip -c "$1" >"$2"', name[:-3], name))
        us = Contender(US, self.ours("raw", path, out), out)
        return self.group(f"gzip-in/{src}-raw", words(src, "raw"), raw,
                          [path, plain], self.judge(us, raw, "raw"),
                          Contender(GZIP, ["gzip", "-dc", plain], out,
                                    to_stdout=True))

    def foreign(self, src, dst):
        raw, out = self.inputs.raw("dense"), self.at(f"out.{dst}")
        path = self.at(f"dense.{src}")
        if src == "vhdx":
            path = self.inputs.image("dense", src)
        elif not os.path.exists(path):
            output(self.tools.qemu, "convert", "-f", "raw", "-O", src, raw,
                   path)
            settle(path)
        us = Contender(US, self.ours(dst, path, out), out)
        argv = [self.tools.qemu, "convert", "-f", src, "-O", dst]
        return self.group(f"nbd/{src}-{dst}", words(src, dst), raw, [path],
                          self.judge(us, raw, dst),
                          Contender(DEFAULT, [*argv, path, out], out),
                          Contender(BEST, [*argv, *FLAGS, path, out], out))

    def no_foreign(self):
        """Why there are no other formats here; None where there are."""
        missing = [p for p in ("qemu-img", "qemu-nbd") if not shutil.which(p)]
        if missing:
            return f"not installed: {', '.join(missing)}"
        done = self.at("tiny.qcow2")
        try:
            output(self.tools.util, "convert", "--no-progress",
                   "--source-format", "raw", self.inputs.raw("tiny"), done)
        except Failed as why:
            if "libnbd" in str(why):
                return "vhd-util was built without libnbd"
            raise
        finally:
            remove(done)
        return None

    def drop(self):
        for name in ("dense.qcow2", "dense.vmdk", "text.vhd.gz",
                     "text.vhdx.gz", "text.raw.gz"):
            remove(self.at(name))
