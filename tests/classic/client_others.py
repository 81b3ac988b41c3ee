# SPDX-License-Identifier: BSD-2-Clause
"""What clouds, builders of images and administrators run: OpenStack's plugin for
XenServer and its volume service, CloudStack, support scripts."""

import os
import re
import shutil

import storage
from disks import Content, Scratch, file_sum, read, sector, verify, write
from harness import Report
from storage import MIB, call, expect
from vhdfile import Vhd


def family():
    storage.create("base.vhd", 16)
    write("base.vhd", 0, 4096, "full")
    storage.snapshot("mid.vhd", "base.vhd")
    write("mid.vhd", 5000, 10, "mid")
    storage.snapshot("leaf.vhd", "mid.vhd")
    write("leaf.vhd", 1, 2, "leaf")


def answer(*words, statuses=(0,)):
    done = call(*words)
    expect(done.status in statuses, f"{words}: {done.status}: {done.text}")
    return done.text


# Nova's plugin walks a chain, checks it, and joins images that were uploaded.

def nova_parent(path):
    text = answer("query", "-n", path, "-p", statuses=(0, 22))
    first = text.splitlines()[0]
    if first.endswith(".vhd"):
        return os.path.basename(first)
    expect("has no parent" in text or "query failed" in text, text)
    return None


def nova_validate(path):
    """None, or what is wrong; which names the footer or the header."""
    first = answer("check", "-n", path, "-p",
                   statuses=(0, 22)).splitlines()[0]
    if "invalid" not in first:
        return None
    for part in ("footer", "header"):
        if part in first:
            return part
    raise storage.Failure(first)


def case_nova():
    family()
    chain = ["leaf.vhd"]
    while nova_parent(chain[-1]):
        chain.append(nova_parent(chain[-1]))
    expect(chain == ["leaf.vhd", "mid.vhd", "base.vhd"], f"{chain}")
    expect(answer("query", "-n", "leaf.vhd", "-f").strip().split(":")[1]
           .strip() == "0", "hidden")
    expect(all(nova_validate(p) is None for p in chain), "sound")
    # Unpacked under other names, and joined again.
    os.rename("base.vhd", "2.vhd")
    os.rename("mid.vhd", "1.vhd")
    expect(call("query", "-n", "1.vhd", "-p").status == 2, "lost parent")
    expect("query failed" in call("query", "-n", "1.vhd", "-p").text, "text")
    answer("repair", "-n", "1.vhd")
    answer("modify", "-n", "1.vhd", "-p", "2.vhd")
    answer("modify", "-n", "leaf.vhd", "-p", "1.vhd")
    expect(nova_validate("leaf.vhd") is None, "joined")


def case_nova_broken():
    family()
    for off, part in ((-512, "footer"), (512, "header")):
        with open("mid.vhd", "rb") as f:
            data = bytearray(f.read())
        at = off % len(data)
        data[at:at + 8] = b"ROTTEN!!"
        with open("bad.vhd", "wb") as f:
            f.write(data)
        expect(nova_validate("bad.vhd") == part, part)
    with open("mid.vhd", "r+b") as f:
        f.seek(-400, os.SEEK_END)
        f.write(b"\1")
    expect(nova_validate("mid.vhd") == "footer", "reserved bytes")


# Cinder keeps volumes as files and makes them larger.

def case_cinder():
    family()
    expect(int(answer("query", "-n", "leaf.vhd", "-v")) == 16, "size")
    answer("resize", "-n", "leaf.vhd", "-s", 48, "-j", "leaf.journal")
    expect(int(answer("query", "-n", "leaf.vhd", "-v")) == 48, "new size")
    before = read("leaf.vhd")
    answer("resize", "-n", "mid.vhd", "-s", 48, "-j", "mid.journal")
    expect(re.match(r"Coalesced (\d+) sectors",
                    answer("coalesce", "-n", "leaf.vhd")), "coalesced")
    expect(read("mid.vhd") == before, "content")
    answer("modify", "-n", "leaf.vhd", "-p", "base.vhd")


def case_cloudstack():
    family()
    expect(answer("query", "-v", "-n", "base.vhd") == "16\n", "-v")
    expect(answer("query", "-p", "-n", "leaf.vhd").strip() ==
           os.path.abspath("mid.vhd"), "-p")
    expect(int(answer("query", "-s", "-n", "base.vhd")) ==
           os.stat("base.vhd").st_size, "-s")
    answer("modify", "-n", "leaf.vhd", "-p", "base.vhd")
    answer("set", "-n", "base.vhd", "-f", "hidden", "-v", 0)
    size = 4 * MIB
    answer("modify", "-s", size, "-n", "leaf.vhd")
    expect(os.stat("leaf.vhd").st_size == size, "file size")
    answer("read", "-p", "-n", "base.vhd")
    answer("check", "-n", "base.vhd")
    with open("junk", "wb") as f:
        f.write(bytes(5000))
    for verb in (("read", "-p"), ("check",)):
        expect(call(verb[0], *verb[1:], "-n", "junk").status == 22, verb)


def cloudstack_copy(to, path):
    """Its scripts: a chain in one new file, from the bottom up."""
    done = call("query", "-p", "-n", path)
    expect(done.status == 0, f"{done.status}: {done.text}")
    # "${parent##*vhd has}"
    if done.text.rpartition("vhd has")[2].rstrip("\n") == " no parent":
        shutil.copy(path, to)
        return
    cloudstack_copy(to, done.text.rstrip("\n"))
    answer("coalesce", "-p", to, "-n", path)


def case_cloudstack_template():
    family()
    before = [file_sum(f"{name}.vhd") for name in ("base", "mid", "leaf")]
    cloudstack_copy("template.vhd", "leaf.vhd")
    expect(read("template.vhd") == read("leaf.vhd"), "content")
    expect(storage.get_parent("template.vhd") is None, "a parent")
    expect(answer("query", "-v", "-n", "template.vhd") == "16\n", "-v")
    answer("set", "-n", "template.vhd", "-f", "hidden", "-v", "0")
    expect(storage.check("template.vhd"), "check")
    expect(before == [file_sum(f"{name}.vhd")
                      for name in ("base", "mid", "leaf")], "the chain")


# Builders turn a raw disk into a VHD, in two steps under set -e.

def case_builders():
    content = Content(8 * MIB)
    content.put(0, 4, "boot")
    content.put(9000, 100, "data")
    with open("image.raw", "wb") as f:
        f.write(content.data())
    answer("convert", "-s", 0, "-t", 1, "-i", "image.raw", "-o", "image.raw")
    expect(os.stat("image.raw").st_size == 8 * MIB + 512, "a footer behind")
    expect(Vhd("image.raw").type == 2, "fixed")
    fixed = file_sum("image.raw")
    expect(answer("convert", "-s", 1, "-t", 2, "-i", "image.raw",
                  "-o", "image.vhd") == "", "silent")
    expect(file_sum("image.raw.bak") == fixed, "image.raw.bak")
    expect(not os.path.exists("image.raw"), "image.raw is still there")
    os.unlink("image.raw.bak")
    verify("image.vhd", content, "converted")
    expect(storage.check("image.vhd"), "check")
    expect(Vhd("image.vhd").footer.app == b"tap\0", "creator")
    # And large enough for the guest at once.
    answer("resize", "-s", 64, "-n", "image.vhd", "-j", "journal")
    # Back again, the way it came.
    answer("convert", "-s", 2, "-t", 1, "-i", "image.vhd", "-o", "back.vhd")
    answer("convert", "-s", 1, "-t", 0, "-i", "back.vhd", "-o", "back.raw")
    with open("back.raw", "rb") as f:
        expect(f.read(8 * MIB) == content.data(), "back")


def case_builders_today():
    """The same in one line, at a time that is given, twice."""
    content = Content(5 * MIB)
    content.put(0, 4, "boot")
    content.put(10239, 1, "end")
    with open("image.raw", "wb") as f:
        f.write(content.data())
    for name in ("a.vhd", "b.vhd"):
        done = call("convert", "-O", "vhd", "--for", "xen", "--no-progress",
                    "--uuid", "11111111-2222-4333-8444-555555555555",
                    "image.raw", name, env={"SOURCE_DATE_EPOCH": "1700000000"})
        expect(done.status == 0, f"{done.err}")
    expect(file_sum("a.vhd") == file_sum("b.vhd"), "not the same file")
    vhd = Vhd("a.vhd")
    expect((vhd.footer.app, vhd.footer.time, vhd.size % 2 ** 21) ==
           (b"tap\0", 1700000000 - 946684800, 0), "footer")
    expect(storage.check("a.vhd") and nova_validate("a.vhd") is None, "check")
    content.size = vhd.size
    verify("a.vhd", content)
    answer("resize", "-s", 64, "-n", "a.vhd", "-j", "journal")
    content.size = 64 * MIB
    verify("a.vhd", content)


def case_foreign():
    """Somebody else's image: Xen's resize refuses it, ours does not."""
    answer("create", "-O", "vhd", "--size", "16M", "win.vhd")
    write("win.vhd", 100, 5, "win")
    expect(Vhd("win.vhd").footer.app != b"tap\0", "creator")
    for how in (("-f",), ("-j", "journal")):
        done = call("resize", "-n", "win.vhd", "-s", 32, *how)
        expect((done.status, done.text) == (
            22, "win.vhd not created by xen; resize not supported\n"),
               done.text)
    answer("resize", "win.vhd", "32M")
    expect(storage.get_number("-v", "win.vhd") == 32, "size")
    answer("convert", "--for", "xen", "--no-progress", "win.vhd", "xen.vhd")
    content = Content(32 * MIB)
    content.put(100, 5, "win")
    for name in ("win.vhd", "xen.vhd"):
        verify(name, content)
    answer("resize", "-n", "xen.vhd", "-s", 64, "-j", "journal")
    expect(storage.check("xen.vhd"), "check")


def case_support():
    """What administrators look at."""
    family()
    text = answer("read", "-b", 0, "-c", 8, "-n", "base.vhd")
    lines = text.splitlines()
    expect(lines[0] == "block: 0: offset: "
           f"{Vhd('base.vhd').bat[0] * 512}" and
           lines[1] == "block: 1: offset: not allocated" and len(lines) == 8,
           text)
    text = answer("read", "-p", "-n", "leaf.vhd")
    expect(re.search(r"^Disk type\s+: Differencing hard disk$", text, re.M),
           "type")
    expect(re.search(r"^Max BAT size\s+: 8$", text, re.M), "BAT")
    expect(re.search(r"^Block size\s+: 2097152 ", text, re.M), "block")
    expect(re.search(r"^Current disk size\s+: 16 MB \(16777216 Bytes\)$",
                     text, re.M), "size")
    tree = answer("scan", "-p", "-f", "-m", "*.vhd").splitlines()
    expect([line.split()[0] for line in tree] ==
           ["vhd=base.vhd", "vhd=mid.vhd", "vhd=leaf.vhd"] and
           tree[1].startswith("   vhd") and tree[2].startswith("      vhd"),
           "\n".join(tree))


def case_metadata():
    """A support script keeps what lies in front of the first block and the
    bitmaps, and makes an image without data of it elsewhere."""
    storage.create("real.vhd", 32)
    for start in (60000, 9, 30000, 4096):
        write("real.vhd", start, 3, "real")

    def places(name):
        text = answer("read", "-b", 0, "-c", 16, "-n", name)
        return [re.fullmatch(r"block: \d+: offset: (.+)", line)[1]
                for line in text.splitlines()]

    def headers(name):
        return re.search(r"^Current disk size\s*:\s(\d+) .*^Max BAT size\s*"
                         r":\s(\d+)$", answer("read", "-p", "-n", name),
                         re.M | re.S).groups()

    stride = (2 << 20) + 4096
    found = places("real.vhd")
    first = min(int(place) for place in found if place != "not allocated")
    with open("real.vhd", "rb") as whole, open("real.meta", "wb") as meta:
        meta.write(whole.read(first))
        for off in range(first, os.path.getsize("real.vhd"), stride):
            whole.seek(off)
            meta.write(whole.read(512))
    # Cut off behind the last bitmap, and without a footer.
    expect(places("real.meta") == found, "places of the kept")
    expect(headers("real.meta") == headers("real.vhd") == ("32", "16"),
           "headers of the kept")
    with open("real.meta", "rb") as meta, open("again.vhd", "wb") as again:
        again.write(meta.read(first))
        while bits := meta.read(512):
            again.write(bits)
            again.seek(stride - 512, os.SEEK_CUR)
    expect(answer("repair", "-n", "again.vhd") == "", "repair")
    expect(storage.check("again.vhd"), "check")
    expect(places("again.vhd") == found, "places")
    expect(os.path.getsize("again.vhd") == os.path.getsize("real.vhd"), "size")


def case_flatten():
    """What vendors' pages still say: the chain as one new disk."""
    family()
    answer("coalesce", "-n", "leaf.vhd", "-o", "flat.vhd")
    expect(read("flat.vhd") == read("leaf.vhd") and
           storage.get_parent("flat.vhd") is None, "content")
    done = call("coalesce", "-n", "leaf.vhd", "-o", "flat.vhd")
    expect(done.status == 17 and "flat.vhd already exists" in done.text,
           f"{done.status}: {done.text}")


def case_sectors():
    """One sector through the chain, whole or from any byte on."""
    family()
    done = call("read", "-r", 1, "-n", "leaf.vhd")
    expect(done.out == sector(1, "leaf"), "leaf")
    done = call("read", "-r", 5000, "-c", 2, "-n", "leaf.vhd")
    expect(done.out == sector(5000, "mid") + sector(5001, "mid"), "mid")
    done = call("read", "-R", 1003, "-c", 600, "-n", "leaf.vhd")
    expect(done.out == read("leaf.vhd")[1003:1603], "-R")
    expect(call("read", "-r", 32768, "-n", "leaf.vhd").status == 34, "range")


CASES = [value for key, value in list(globals().items())
         if key.startswith("case_")]


def main():
    report = Report("clouds and builders")
    for case in CASES:
        with Scratch():
            report.case(case.__name__[5:], case)
    report.finish()


main()
