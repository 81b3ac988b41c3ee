# SPDX-License-Identifier: BSD-2-Clause
"""Parents: where they are looked for, what is refused, and that nothing is ever
written to them."""

import os
import shutil

import images
import nbd
from harness import Report, expect, must, noise, sha256
from server import MIB, Server, captive, prepare, read_disk, sound


def refused(*args, words=(), options=(), hint=True):
    """One sentence and a hint, before anybody can connect."""
    done = captive("echo served", *args, options=options)
    lines = done.stderr.strip().splitlines()
    expect(done.returncode != 0, "the exit status is 0")
    expect("served" not in done.stdout, "it was served")
    expect(len(lines) == (2 if hint else 1), f"said {lines}")
    for word in words:
        expect(word in done.stderr, f"said {lines}, not {word}")


def serves(want, *args, options=("-r",)):
    with Server(*args, options=options) as s:
        must("nbdcopy", s.uri(), "chain.raw")
        expect(not s.said(), s.said())
    expect(open("chain.raw", "rb").read() == want, "other bytes")


def moved(kind):
    """A chain whose parent went elsewhere."""
    for folder in ("a", "b"):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    disk = images.filled(f"child.{kind}")
    os.rename(f"child.{kind}", f"a/child.{kind}")
    os.rename(f"base.{kind}", f"b/base.{kind}")
    return f"a/child.{kind}", f"b/base.{kind}", disk


def missing(kind):
    child, base, disk = moved(kind)
    refused(child, words=("parent=FILE", "parent-dir=DIR"))
    serves(disk, child, f"parent={base}")
    serves(disk, child, f"parent={base}", options=())


def elsewhere(kind):
    """A recorded place that is not beside the child is allowed by a key."""
    for folder in ("a", "b"):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    images.filled(f"child.{kind}")
    os.rename(f"base.{kind}", f"b/base.{kind}")
    must(os.environ["VHD_UTIL"], "create", "--parent", f"b/base.{kind}",
         f"a/c.{kind}")
    disk = read_disk(f"b/base.{kind}")
    refused(f"a/c.{kind}", words=("parent-dir=DIR",))
    serves(disk, f"a/c.{kind}", "parent-dir=b")
    serves(disk, f"a/c.{kind}", "parent-dir=a", "parent-dir=b")
    serves(disk, f"a/c.{kind}", "any-parent-dir=yes")
    refused(f"a/c.{kind}", "any-parent-dir=no", words=("parent-dir=DIR",))


def wrong_parent(kind):
    child, base, disk = moved(kind)
    images.empty(f"child.{kind}")      # makes another base
    refused(child, f"parent=base.{kind}")
    serves(disk, child, f"parent=base.{kind}", "ignore-parent-id=yes")
    serves(disk, child, f"parent={base}")


def parent_is_read(kind):
    """Writes go to the child, whatever they are."""
    disk = bytearray(images.filled(f"child.{kind}"))
    before = sha256(f"base.{kind}")
    with Server(f"child.{kind}") as s:
        with nbd.Client(s.sock) as c:
            for i in range(20):
                off, data = i * 2 * MIB - (i and 777), noise(i, 3000 + i)
                c.write(off, data)
                disk[off:off + len(data)] = data
            c.zero(13 * MIB + 5, 70000, nbd.NO_HOLE)
            disk[13 * MIB + 5:13 * MIB + 70005] = bytes(70000)
            c.zero(15 * MIB, 4 * MIB)
            disk[15 * MIB:19 * MIB] = bytes(4 * MIB)
            c.flush()
            expect(c.read(0, images.SIZE) == disk, "read other bytes back")
    sound(f"child.{kind}", f"base.{kind}")
    expect(read_disk(f"child.{kind}") == disk, "the image has other bytes")
    expect(sha256(f"base.{kind}") == before, "the parent was written to")


def has_children(kind):
    """A parent is served for writing only to who insists."""
    images.filled(f"child.{kind}")
    refused(f"base.{kind}", words=(f"child.{kind}", "write-parent=yes"))
    base = read_disk(f"base.{kind}")
    serves(base, f"base.{kind}")
    serves(base, f"base.{kind}", "write-parent=yes", options=())


def late_refusal():
    """Where the start cannot know, the first client is refused instead."""
    images.filled("child.vhd")
    with Server("base.vhd", options=("--filter=fua",)) as s:
        try:
            nbd.Client(s.sock).close()
            raise AssertionError
        except (ConnectionError, OSError):
            pass
        except AssertionError:
            expect(False, "the client was served")
        expect("child.vhd" in s.said(), s.said())
        os.unlink("child.vhd")
        with nbd.Client(s.sock) as c:
            c.write(0, b"now it may")


def main():
    folder = prepare("nbdcopy")
    report = Report("nbdkit chains")
    for kind in ("vhd", "vhdx"):
        for case in (missing, elsewhere, wrong_parent, parent_is_read,
                     has_children):
            report.case(f"{case.__name__} {kind}", case, kind)
    report.case("late_refusal", late_refusal)
    folder.cleanup()
    report.finish()


main()
