# SPDX-License-Identifier: BSD-2-Clause
"""What the original gets wrong, each shown right: its eleven known defects, and
the habits that its contract advises against."""

import os
import time

import storage
from disks import Content, Scratch, file_sum, read, verify, write
from harness import Report
from storage import MIB, call, expect
from vhdfile import Vhd


def said(words, out, status, **kwargs):
    done = call(*words, **kwargs)
    expect((done.text, done.status) == (out, status),
           f"{' '.join(map(str, words))}: {done.status}: {done.text!r}")


def family(room=0):
    storage.create("base.vhd", 16, room=room)
    write("base.vhd", 0, 50, "base")
    storage.snapshot("leaf.vhd", "base.vhd")
    write("leaf.vhd", 20, 50, "leaf")


def poke(path, off, data):
    with open(path, "r+b") as f:
        f.seek(off, os.SEEK_END if off < 0 else os.SEEK_SET)
        f.write(data)


def defect_02_fast_past_8_gib():
    """A map of many sectors; the first one alone is summed at the start."""
    for mib in (8 * 1024 + 2, 32 * 1024, 2040 * 1024):
        storage.create("a.vhd", 16, room=2 * MIB)
        write("a.vhd", 0, 4096, "a")
        storage.set_size_virt_fast("a.vhd", mib)
        expect(storage.get_number("-v", "a.vhd") == mib, f"{mib} MiB")
        expect(storage.check("a.vhd"), f"{mib} MiB: check")
        write("a.vhd", (mib - 2) * 2048, 4096, "end")
        expect(storage.check("a.vhd"), f"{mib} MiB: check, written")


def defect_03_journal_and_room():
    """The size that is asked for; room that is there is used."""
    family(room=1024)
    storage.set_size_virt("base.vhd", 20, "journal")
    expect(storage.get_number("-v", "base.vhd") == 20, "size")
    expect(storage.get_number("-S", "base.vhd") >= 1024, "room")
    content = Content(20 * MIB)
    content.put(0, 50, "base")
    verify("base.vhd", content)
    expect(storage.check("base.vhd") and storage.check("leaf.vhd"), "check")
    storage.set_size_virt("base.vhd", 2048, "journal")
    expect(storage.get_number("-v", "base.vhd") == 2048, "size, larger")
    expect(storage.check("base.vhd"), "check, larger")


def defect_04_own_parent():
    """Refused, by whatever name; one that was made ends with an error."""
    family()
    os.mkdir("d")
    os.symlink("base.vhd", "link.vhd")
    os.link("base.vhd", "hard.vhd")
    before = file_sum("base.vhd")
    for name in ("base.vhd", "./base.vhd", "d/../base.vhd",
                 os.path.abspath("base.vhd"), "link.vhd", "hard.vhd"):
        done = call("snapshot", "-n", name, "-p", "base.vhd")
        expect(done.status == 22, f"snapshot -n {name}: {done.status}")
        expect(file_sum("base.vhd") == before, f"{name}: base.vhd changed")
    before = file_sum("leaf.vhd")
    done = call("modify", "-n", "leaf.vhd", "-p", "leaf.vhd")
    expect(done.status == 22 and file_sum("leaf.vhd") == before,
           f"modify: {done.status}")
    # Two that are each other's, and one alone, as the original leaves it.
    storage.snapshot("top.vhd", "leaf.vhd")
    write("top.vhd", 0, 1, "top")
    os.rename("top.vhd", "pot.vhd")
    os.rename("base.vhd", "old.vhd")
    storage.snapshot("base.vhd", "pot.vhd")
    os.rename("pot.vhd", "top.vhd")
    done = call("modify", "-n", "base.vhd", "-p", "top.vhd")
    expect(done.status == 22, f"modify -p, in a circle: {done.status}")
    poke("base.vhd", Vhd("base.vhd").locators[0][4], b"file://./top.vhd")
    storage.snapshot("one.vhd", "old.vhd")
    poke("one.vhd", Vhd("one.vhd").locators[0][4], b"file://./one.vhd")
    for path in ("leaf.vhd", "top.vhd", "base.vhd", "one.vhd"):
        for words in (("query", "-d"), ("check", "-p"), ("query", "-vspf"),
                      ("scan", "-a"), ("scan", "-p"), ("read", "-r", 0),
                      ("coalesce",)):
            start = time.monotonic()
            if words[0] == "scan":
                call(*words, path)
            else:
                done = call(words[0], "-n", path, *words[1:])
                # Those need the file above only, unless that is itself.
                near = words[1:] == ("-vspf",) or (
                    words == ("coalesce",) and path != "one.vhd")
                expect(done.status or near, f"{path}: {words}: status 0")
            expect(time.monotonic() - start < 30, f"{words} takes long")


def defect_05_longer_names():
    """It fits or nothing is touched."""
    family()
    write("leaf.vhd", 8192, 1, "more")
    content = read("leaf.vhd")
    for length in (20, 90, 180, 240):
        name = "n" * length + ".vhd"
        os.rename("base.vhd", "other.vhd")
        os.link("other.vhd", name)
        storage.set_parent("leaf.vhd", "other.vhd")
        before = file_sum("leaf.vhd")
        done = call("modify", "-n", "leaf.vhd", "-p", name)
        if done.status:
            expect(done.status == 36 and file_sum("leaf.vhd") == before,
                   f"{length}: {done.status}, or touched")
            expect(done.text == f"failed to set parent to '{name}': -36\n",
                   done.text)
        else:
            expect(storage.get_parent("leaf.vhd", str.strip) ==
                   os.path.abspath(name), f"{length}")
        expect(storage.check("leaf.vhd", "-p"), f"{length}: check -p")
        expect(read("leaf.vhd") == content, f"{length}: content")
        os.unlink(name)
        os.rename("other.vhd", "base.vhd")
        storage.set_parent("leaf.vhd", "base.vhd")


def defect_06_raw_bytes():
    """Whatever is broken, clients in text mode can read what is said."""
    family()
    storage.snapshot("deep.vhd", "leaf.vhd")
    with open("deep.vhd", "rb") as f:
        whole = f.read()
    noise = bytes(range(128, 256))
    at = Vhd("deep.vhd").locators
    places = {"footer": len(whole) - 512, "creator": len(whole) - 484,
              "copy": 0, "header": 512, "name": 512 + 64,
              "locator": 512 + 576, "mac": at[0][4], "windows": at[1][4]}
    for what, off in places.items():
        for length in (4, 60):
            with open("bad.vhd", "wb") as f:
                f.write(whole)
            poke("bad.vhd", off, noise[:length])
            for words in (("check", "-n", "bad.vhd"),
                          ("check", "-n", "bad.vhd", "-i"),
                          ("read", "-p", "-n", "bad.vhd"),
                          ("query", "-n", "bad.vhd", "-vspfu"),
                          ("scan", "-v", "bad.vhd")):
                done = call(*words)
                expect(done.status < 128, f"{what}: {words}: {done.status}")
                try:
                    text = (done.out + done.err).decode("utf-8")
                except UnicodeDecodeError as error:
                    raise storage.Failure(f"{what}: {words}: {error}") from error
                odd = [c for c in text if c < " " and c not in "\n\t"]
                expect(not odd, f"{what}: {words}: {odd[:5]}")


def defect_07_other_letters():
    """Names are UTF-8 outside and UTF-16 inside."""
    family()
    for name in ("grün.vhd", "ディスク.vhd", "a\U0001f4be.vhd"):
        os.rename("base.vhd", name)
        storage.snapshot("child.vhd", name)
        said(("query", "-n", "child.vhd", "-p"), os.path.abspath(name) + "\n",
             0)
        said(("query", "-n", "child.vhd", "-pu"), f"./{name}\n", 0)
        storage.set_parent("leaf.vhd", name)
        said(("scan", "-f", "leaf.vhd"), "vhd=leaf.vhd capacity=16777216 "
             f"size={os.stat('leaf.vhd').st_size} hidden=0 parent={name}\n", 0)
        expect(storage.check("leaf.vhd", "-p") and
               storage.check("child.vhd", "-p"), name)
        os.rename(name, "base.vhd")
        storage.set_parent("leaf.vhd", "base.vhd")


def defect_08_odd_bytes():
    family()
    content = read("leaf.vhd")
    for first, count in ((1, 1), (511, 2), (10239, 514), (16 * MIB - 3, 3)):
        done = call("read", "-R", first, "-c", count, "-n", "leaf.vhd")
        expect((done.out, done.status) ==
               (content[first:first + count], 0), f"-R {first} -c {count}")
    write("base.vhd", 7 * 4096, 4096, "last")
    content = read("base.vhd")
    os.truncate("base.vhd", os.stat("base.vhd").st_size - 1)
    expect(read("base.vhd") == content, "footer of 511 bytes, read")
    done = call("read", "-n", "base.vhd", "-r", 7 * 4096 + 4095)
    expect(done.out == content[-512:], "footer of 511 bytes, read -r")
    expect(storage.get_number("-v", "base.vhd") == 16, "query")


def defect_09_truncated():
    """Nothing that is there to stay is worth another try."""
    family()
    with open("base.vhd", "rb") as f:
        whole = f.read()
    for length in (0, 1, 511, 512, 513, 1024, 1500, 1536, 1540):
        with open("cut.vhd", "wb") as f:
            f.write(whole[:length])
        said(("query", "--debug", "-vsaf", "-n", "cut.vhd"),
             "error opening cut.vhd: -22\n", 22)


def defect_10_scan_of_nothing():
    family()
    done = call("scan", "-c", "nope.vhd", "base.vhd")
    lines = done.text.splitlines()
    expect(len(lines) == 2 and done.status == 0 and
           lines[0].startswith("vhd=nope.vhd scan-error=-2 error-message='")
           and lines[1].startswith("vhd=base.vhd capacity=16777216 "),
           done.text)


def defect_11_order_of_bytes():
    """The end of a journal is read in either order of bytes."""
    family()
    before = file_sum("base.vhd")
    for turn in (False, True):
        done = call("resize", "-n", "base.vhd", "-s", 2048, "-j", "journal",
                    env={"VHD_UTIL_TEST_FAIL_RESIZE_DATA_MOVED": "1"})
        expect(done.status == 22, f"status {done.status}")
        with open("journal", "rb") as f:
            raw = f.read()
        expect(raw[:8] == b"vjournal", "cookie")
        end = os.stat("journal").st_size
        field = int.from_bytes(raw[56:64], "little")
        other = int.from_bytes(raw[56:64], "big")
        expect(end in (field, other), f"end {raw[56:64].hex()}, not {end}")
        if turn:
            poke("journal", 56, raw[56:64][::-1])
        said(("revert", "-n", "base.vhd", "-j", "journal"), "", 0)
        expect(file_sum("base.vhd") == before, "not what it was")


def habit_sizes():
    """No disk of nothing, none that the format cannot describe."""
    for words in (("-s", 0), ("-S", 16), ("-s", "abc"), ("-s", "12x"),
                  ("-s", ""), ("-s", -4), ("-s", "0x10"),
                  ("-s", 3 * MIB), ("-s", 2 ** 50)):
        done = call("create", "-n", "a.vhd", *words)
        expect(done.status == 22 and not os.path.exists("a.vhd"),
               f"create {words}: {done.status}")
    family()
    for words in (("resize", "-s", "x", "-f"), ("modify", "-s", "x"),
                  ("set", "-f", "hidden", "-v", "x"), ("read", "-t", "x")):
        before = file_sum("base.vhd")
        done = call(words[0], "-n", "base.vhd", *words[1:])
        expect(done.status == 22 and file_sum("base.vhd") == before,
               f"{words}: {done.status}")


def habit_unknown_verb():
    done = call("nothing", "-n", "a")
    expect(done.status not in (0, 5, 11) and b"nothing" in done.out + done.err,
           f"{done.status}")


def habit_hidden_values():
    family()
    for value in (256, -1, 1000):
        done = call("set", "-n", "base.vhd", "-f", "hidden", "-v", value)
        expect(done.status == 22, f"{value}: {done.status}")


def habit_fixed_read():
    storage.create("f.vhd", 4, fixed=True)
    done = call("read", "-p", "-n", "f.vhd")
    expect(done.status == 0 and done.text == Vhd("f.vhd").summary(),
           done.text)
    said(("check", "-n", "f.vhd"), "f.vhd is valid\n", 0)


def habit_bad_header():
    """No pauses of a second."""
    family()
    poke("leaf.vhd", 512, b"not it!!")
    took = []
    # A pause would be there each time; other work of the machine is not.
    for _ in range(5):
        start = time.monotonic()
        expect(call("query", "-v", "-n", "leaf.vhd").status == 22, "status")
        took.append(time.monotonic() - start)
    expect(min(took) < 3, "takes long")


def footers(path, off, data, sealed=True):
    """The same change in both."""
    with open(path, "r+b") as f:
        for at, whence in ((0, os.SEEK_SET), (-512, os.SEEK_END)):
            f.seek(at, whence)
            raw = bytearray(f.read(512))
            raw[off:off + len(data)] = data
            if sealed:
                raw[64:68] = bytes(4)
                raw[64:68] = (~sum(raw) & 0xFFFFFFFF).to_bytes(4, "big")
            f.seek(at, whence)
            f.write(raw)


def habit_versions():
    """0.1 is no image; 1.1 is one like others, hidden or not."""
    family()
    footers("base.vhd", 32, b"\0\0\0\1")
    said(("query", "-n", "base.vhd", "-v"),
         "error opening base.vhd: -22\n", 22)
    expect(call("check", "-n", "base.vhd").status == 22, "check")
    footers("base.vhd", 32, b"\0\1\0\1")
    storage.set_hidden("base.vhd")
    expect(storage.get_hidden("base.vhd") == 1 and
           storage.check("base.vhd"), "1.1, hidden")
    footers("base.vhd", 32, b"\0\1\0\3")
    expect(storage.check("base.vhd"), "1.3")
    # Tools of that time set the flag and left the sums alone.
    storage.set_hidden("base.vhd", False)
    footers("base.vhd", 32, b"\0\1\0\1")
    footers("base.vhd", 85, b"\1", sealed=False)
    expect(storage.get_hidden("base.vhd") == 1 and
           storage.check("base.vhd"), "1.1, hidden without a sum")
    storage.repair("base.vhd")
    footers("base.vhd", 24, b"\1", sealed=False)
    done = call("check", "-n", "base.vhd")
    expect(done.status == 22 and done.text.startswith(
        "primary footer invalid: invalid checksum\n"), done.text[:200])


def habit_fill():
    """Data that is there stays, and no repair is needed."""
    family()
    content = read("base.vhd")
    for words in ((), ("-b",), ("-b", "-f", 0, "-t", 9000)):
        done = call("fill", "-n", "base.vhd", *words)
        expect(done.status == 0, f"{words}: {done.status} {done.text}")
        expect(storage.check("base.vhd"), f"{words}: check")
        expect(read("base.vhd")[:50 * 512] == content[:50 * 512],
               f"{words}: content")


def habit_scan_where():
    """Parents are looked for beside their children."""
    os.mkdir("d")
    storage.create("d/base.vhd", 8)
    storage.snapshot("d/leaf.vhd", "d/base.vhd", keep_empty=True)
    done = call("scan", "-f", "-a", "d/leaf.vhd")
    lines = sorted(line.split()[0] for line in done.text.splitlines())
    expect(lines == ["vhd=base.vhd", "vhd=leaf.vhd"] and done.status == 0,
           done.text)


CASES = [value for key, value in list(globals().items())
         if key.startswith(("defect_", "habit_"))]


def main():
    report = Report("defects")
    for case in CASES:
        with Scratch():
            report.case(case.__name__, case)
    report.finish()


main()
