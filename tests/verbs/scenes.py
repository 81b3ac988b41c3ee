# SPDX-License-Identifier: BSD-2-Clause
"""What each verb that changes images is tried on.

A scene makes a folder of images, names the command, and judges the folder after
the command was cut off anywhere (`cut`) and after it was run to its end
(`done`)."""

import json
import os
import shutil

from disk import (MIB, SUFFIX, expect_disk, expect_sound, info, read_disk,
                  expect_body)
from harness import expect, must, run


class Scene:
    """One verb on one folder."""

    name = ""
    tools = ()          # that it cannot do without

    def __init__(self, maker, fmt):
        self.maker = maker
        self.util = maker.util
        self.fmt = fmt
        self.rng = maker.rng
        self.make()

    def at(self, folder, disk):
        return os.path.join(folder, disk.name)

    def make(self):
        raise NotImplementedError

    def argv(self, folder):
        raise NotImplementedError

    def cut(self, folder):
        raise NotImplementedError

    def done(self, folder):
        raise NotImplementedError

    # What several scenes need.

    def file(self, stem):
        return stem + SUFFIX[self.fmt]

    def base(self, stem, size, *more, writes=4):
        disk = self.maker.create(self.file(stem), size, self.fmt, *more)
        disk.scribble(writes)
        return disk

    def block(self):
        sizes = ("1M", "2M", "32M") if self.fmt == "vhdx" else ("512K", "2M")
        return ["--block-size", self.rng.choice(sizes)]

    def kind(self):
        kind = self.rng.choice(("fixed", "dynamic", "dynamic"))
        return ["--type", kind] + (self.block() if kind == "dynamic" else [])

    def chain(self, depth, size):
        disks = [self.base("l0", size, *self.kind())]
        for i in range(1, depth):
            child = self.maker.child(self.file(f"l{i}"), disks[-1])
            child.scribble(4)
            disks.append(child)
        return disks

    def same(self, folder, disk, what):
        expect_disk(self.util, self.at(folder, disk), disk.body, what)
        expect_sound(self.util, self.at(folder, disk), what)


class Merge(Scene):
    """Into the parent or further down; a grandchild has to survive."""

    name = "merge"

    def make(self):
        self.disks = self.chain(self.rng.choice((2, 3, 4)), 9 * MIB)
        self.into = self.rng.randrange(0, len(self.disks) - 1)
        self.grand = self.maker.child(self.file("grand"), self.disks[-1])
        self.grand.scribble(2)

    def argv(self, folder):
        return ["merge", "--into", self.at(folder, self.disks[self.into]),
                self.at(folder, self.disks[-1])]

    def cut(self, folder):
        leaf, anc = self.disks[-1], self.disks[self.into]
        got = read_disk(self.util, self.at(folder, leaf))
        if got is None:
            expect_disk(self.util, self.at(folder, anc), leaf.body,
                        "merged, and the leaf is spent")
            expect_sound(self.util, self.at(folder, anc), "cut")
            return
        expect_body(got, leaf.body, "cut: the leaf")
        expect_sound(self.util, self.at(folder, leaf), "cut")
        if read_disk(self.util, self.at(folder, self.grand)) is not None:
            self.same(folder, self.grand, "cut: the grandchild")

    def done(self, folder):
        anc = self.at(folder, self.disks[self.into])
        expect_disk(self.util, anc, self.disks[-1].body, "merged")
        expect_sound(self.util, anc, "merged")
        self.same(folder, self.grand, "merged: the grandchild")


class NewFile(Scene):
    """Verbs that make a file: it is there as a whole or not at all."""

    new = "new"

    def sources(self):
        return self.disks

    def body(self):
        return self.disks[-1].body

    def cut(self, folder):
        for disk in self.sources():
            self.same(folder, disk, "cut: a source")
        new = os.path.join(folder, self.file(self.new))
        if os.path.exists(new):
            expect_disk(self.util, new, self.body(), "cut: the new file")
            os.unlink(new)

    def done(self, folder):
        new = os.path.join(folder, self.file(self.new))
        expect_disk(self.util, new, self.body(), "made")
        expect_sound(self.util, new, "made")
        for disk in self.sources():
            self.same(folder, disk, "a source")


class MergeNew(NewFile):
    name = "merge -o"

    def make(self):
        self.disks = self.chain(3, 6 * MIB)
        self.into = self.rng.randrange(0, 2)

    def argv(self, folder):
        return ["merge", "--into", self.at(folder, self.disks[self.into]),
                "-o", os.path.join(folder, self.file("new")),
                self.at(folder, self.disks[-1])]


class Flatten(NewFile):
    name = "flatten"

    def make(self):
        self.disks = self.chain(3, 6 * MIB)

    def argv(self, folder):
        return ["flatten", "-o", os.path.join(folder, self.file("new")),
                self.at(folder, self.disks[-1])]


class Snapshot(NewFile):
    name = "snapshot"

    def make(self):
        self.disks = self.chain(2, 6 * MIB)

    def argv(self, folder):
        return ["snapshot", self.at(folder, self.disks[-1]),
                os.path.join(folder, self.file("new"))]


class Diff(NewFile):
    name = "diff"

    def make(self):
        a = self.base("a", 6 * MIB, *self.kind())
        b = self.base("b", 6 * MIB, *self.kind())
        b.write(0, bytes(a.body[:3 * MIB]))
        self.disks = [a, b]

    def argv(self, folder):
        return ["diff", self.at(folder, self.disks[0]),
                self.at(folder, self.disks[1]), "-o",
                os.path.join(folder, self.file("new"))]


class Rebase(Scene):
    name = "rebase"

    def make(self):
        self.old = self.base("old", 6 * MIB)
        self.child = self.maker.child(self.file("child"), self.old)
        self.child.scribble(4)
        self.grand = self.maker.child(self.file("grand"), self.child)
        self.grand.scribble(1)
        self.new = self.base("other", 6 * MIB)
        self.new.write(0, bytes(self.old.body[:2 * MIB]))

    def argv(self, folder):
        return ["rebase", "--parent", self.at(folder, self.new),
                self.at(folder, self.child)]

    def cut(self, folder):
        self.same(folder, self.child, "cut")
        self.same(folder, self.old, "cut: the old parent")

    def done(self, folder):
        self.same(folder, self.child, "rebased")
        self.same(folder, self.grand, "rebased: the grandchild")
        os.unlink(self.at(folder, self.old))
        self.same(folder, self.child, "rebased, and the old parent is gone")


class Relink(Scene):
    name = "relink"

    def make(self):
        self.disks = self.chain(2, 4 * MIB)
        # Longer than the room of the old name, and in letters of two bytes.
        self.moved = self.file("moved-" + "\u00e4" * self.rng.randrange(1, 60))
        os.rename(self.disks[0].file, self.maker.path(self.moved))

    def argv(self, folder):
        return ["relink", self.at(folder, self.disks[1])]

    def cut(self, folder):
        got = read_disk(self.util, self.at(folder, self.disks[1]))
        if got is not None:
            expect_body(got, self.disks[1].body, "cut")

    def done(self, folder):
        self.same(folder, self.disks[1], "relinked")


class Resize(Scene):
    name = "resize"

    def make(self):
        rng = self.rng
        self.size = rng.randrange(2 * MIB, 12 * MIB) // 512 * 512
        self.child = rng.random() < 0.3
        disk = self.base("disk", self.size, *([] if self.child
                                              else self.kind()))
        if self.child:
            disk = self.maker.child(self.file("child"), disk)
            disk.scribble(3)
        self.disk = disk
        if rng.random() < 0.6 or self.child:
            more = rng.choice((512, 5 * MIB, 300 * MIB, 5 << 30))
            self.new = self.size + more
        else:
            self.new = rng.randrange(MIB, self.size) // 512 * 512
        # The model is of what both sizes have, and zeros.
        self.kept = min(self.size, self.new)

    def argv(self, folder):
        return ["resize", "--force", self.at(folder, self.disk),
                str(self.new)]

    def judge(self, folder, sizes, what):
        path = self.at(folder, self.disk)
        size = info(self.util, path)["image"]["virtual_size"]
        expect(size in sizes, f"{what}: the disk has {size} bytes")
        expect_sound(self.util, path, what)
        got = read_range(self.util, path, 0, self.kept)
        expect_body(got, self.disk.body[:self.kept], what)
        if size > self.size:
            n = min(size - self.size, 4 * MIB)
            expect(not any(read_range(self.util, path, self.size, n)),
                   f"{what}: new bytes are not zeros")

    def cut(self, folder):
        self.judge(folder, (self.size, self.new), "cut")

    def done(self, folder):
        self.judge(folder, (self.new,), "resized")


class Compact(Scene):
    name = "compact"

    def make(self):
        child = self.rng.random() < 0.4
        disk = self.base("disk", 24 * MIB, "--type", "dynamic",
                         "--block-size", "1M" if self.fmt == "vhdx" else "2M",
                         writes=10)
        if child:
            disk = self.maker.child(self.file("child"), disk)
            disk.scribble(8)
        for _ in range(3):
            off = self.rng.randrange(0, 20) * MIB
            disk.write(off, bytes(2 * MIB))
        if child:
            off = self.rng.randrange(0, 20) * MIB
            disk.write(off, bytes(disk.body[off:off + 2 * MIB]))
        self.disk = disk

    def argv(self, folder):
        return ["compact", "--no-fs", "--zero-scan",
                self.at(folder, self.disk)]

    def cut(self, folder):
        self.same(folder, self.disk, "cut")

    def done(self, folder):
        self.same(folder, self.disk, "compacted")
        path = self.at(folder, self.disk)
        before = os.stat(path)
        run(self.util, *self.argv(folder))
        after = os.stat(path)
        expect((before.st_size, before.st_mtime_ns) ==
               (after.st_size, after.st_mtime_ns),
               "a second compact changes the file")


class CompactFs(Scene):
    """With a file system inside, whose free blocks hold old bytes."""

    name = "compact fs"
    tools = ("mke2fs", "debugfs", "e2fsck")

    def make(self):
        top = self.maker.path("")
        tree, raw = os.path.join(top, "tree"), os.path.join(top, "raw")
        os.mkdir(tree)
        for i in range(12):
            with open(os.path.join(tree, f"f{i}"), "wb") as out:
                out.write(self.rng.randbytes(self.rng.randrange(3 * MIB)))
        must("mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "48M")
        self.kept = {}
        for i in range(12):
            if self.rng.random() < 0.6:
                must("debugfs", "-w", "-R", f"rm /f{i}", raw)
            else:
                with open(os.path.join(tree, f"f{i}"), "rb") as file:
                    self.kept[f"f{i}"] = file.read()
        must(self.util, "convert", "--no-progress", "--block-size",
             "1M" if self.fmt == "vhdx" else "512K", raw,
             self.maker.path(self.file("disk")))
        os.unlink(raw)
        shutil.rmtree(tree)

    def argv(self, folder):
        return ["compact", os.path.join(folder, self.file("disk"))]

    def cut(self, folder):
        image = os.path.join(folder, self.file("disk"))
        raw = os.path.join(folder, "judge.raw")
        expect_sound(self.util, image, "cut")
        must(self.util, "convert", "--no-progress", image, raw)
        must("e2fsck", "-fn", raw)
        for name, body in self.kept.items():
            out = os.path.join(folder, "out")
            must("debugfs", "-R", f"dump /{name} {out}", raw)
            with open(out, "rb") as file:
                expect(file.read() == body, f"{name} is not what it was")
            os.unlink(out)
        os.unlink(raw)

    def done(self, folder):
        self.cut(folder)
        done = run(self.util, "compact", "--json", *self.argv(folder)[1:])
        report = json.loads(done.stdout)
        expect(report["file_systems"]["partitions"][0]["understood"],
               f"ext4 is not understood: {done.stdout}")
        expect(report["file_size"] == report["file_size_before"] and
               report["unused_blocks"] == 0 and report["moved_blocks"] == 0,
               f"a second compact finds more to do: {done.stdout}")


class Set(Scene):
    name = "set"

    def make(self):
        self.disk = self.base("disk", 4 * MIB, *self.kind())
        self.what = self.rng.choice((["--id", "new"], ["--creator", "abcd"]))

    def argv(self, folder):
        return ["set", *self.what, self.at(folder, self.disk)]

    def cut(self, folder):
        self.same(folder, self.disk, "cut")

    def done(self, folder):
        self.same(folder, self.disk, "set")


def read_range(util, path, off, length):
    import subprocess
    done = subprocess.run([util, "read", "--offset", str(off), "--length",
                           str(length), path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    expect(done.returncode == 0, f"cannot read {path}: "
           f"{done.stderr.decode(errors='replace')[:300]}")
    return done.stdout


SCENES = (Snapshot, Merge, MergeNew, Flatten, Rebase, Relink, Resize, Compact,
          CompactFs, Set, Diff)
