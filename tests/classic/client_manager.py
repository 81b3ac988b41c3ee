# SPDX-License-Identifier: BSD-2-Clause
"""The calls that the storage manager makes, one by one: what it sends, what it
makes of the answer, and what it would do about a failure."""

import glob
import os
import re
import subprocess
import time

import storage
from collector import overhead_bitmaps, overhead_empty
from disks import Content, Scratch, file_sum, read, verify, write
from harness import Report
from storage import BIN, BLOCK, ENV, MIB, CommandError, call, expect
from vhdfile import Vhd

A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"
C = "33333333-3333-4333-8333-333333333333"


def name(uuid):
    return f"{uuid}.vhd"


def family():
    """A parent with data, a child with some, and a child of that."""
    for uuid in (A, B, C):
        if os.path.exists(name(uuid)):
            os.unlink(name(uuid))
    storage.create(name(A), 16)
    write(name(A), 0, 100, "a")
    storage.snapshot(name(B), name(A))
    write(name(B), 4096, 8, "b")
    storage.snapshot(name(C), name(B))
    storage.set_hidden(name(A))
    storage.set_hidden(name(B))


def fails(code, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except CommandError as error:
        expect(error.code == code, f"status {error.code}, not {code}: {error}")
        return error
    raise storage.Failure(f"{function.__name__}{args} did not fail")


def case_info():
    family()
    for uuid, parent, hidden in ((A, None, True), (B, A, True),
                                 (C, B, False)):
        for extra in ("",):
            info = storage.get_info(name(uuid), extra=extra)
            expect((info.uuid, info.size_virt, info.parent, info.hidden)
                   == (uuid, 16 * MIB, parent, hidden), f"{vars(info)}")
            expect(info.size_phys == os.stat(name(uuid)).st_size, "size")
            expect(info.size_allocated ==
                   len(Vhd(name(uuid)).allocated()) * BLOCK, "allocated")
        info = storage.get_info(name(uuid), parent=False)
        expect(info.hidden == hidden, "four lines")
    expect(storage.get_info(name(C), extra="u").parent == B, "-u")
    expect(storage.get_info(name(C), extra="ub").parent == B, "-ub")


def case_backup_footer():
    """-b reads the copy at the front, -u asks nobody whether the parent is."""
    family()
    with open(name(C), "r+b") as f:
        f.seek(-512, os.SEEK_END)
        f.write(bytes(512))
    info = storage.get_info(name(C), extra="ub")
    expect((info.parent, info.size_virt) == (B, 16 * MIB), f"{vars(info)}")
    os.unlink(name(B))
    expect(storage.get_info(name(C), extra="ub").parent == B, "-u")
    fails(2, storage.get_info, name(C))


def case_numbers():
    family()
    expect(storage.get_number("-v", name(A)) == 16, "-v")
    expect(storage.get_number("-s", name(A)) == os.stat(name(A)).st_size, "-s")
    expect(storage.get_number("-a", name(B)) == 1, "-a")
    expect(storage.get_number("-S", name(A)) == 16, "-S")
    storage.create("big.vhd", 4, room=2097152)
    expect(storage.get_number("-S", "big.vhd") == 2097152, "-S with -S")


def case_parent():
    family()
    expect(storage.get_parent(name(C)) == B, "parent")
    expect(storage.get_parent(name(A)) is None, "no parent")
    expect(storage.has_parent(name(B)) and not storage.has_parent(name(A)),
           "has_parent")
    expect(storage.parent_no_check(name(B)) == name(A), "no check")
    expect(storage.parent_no_check(name(A)) is None, "no check, none")
    os.unlink(name(A))
    expect(storage.parent_no_check(name(B)) == name(A), "no check, gone")
    fails(2, storage.get_parent, name(B))
    expect(storage.get_depth(name(B)) == -1, "depth of a broken chain")


def case_hidden_and_depth():
    family()
    expect(storage.get_hidden(name(A)) == 1, "hidden")
    storage.set_hidden(name(A), False)
    expect(storage.get_hidden(name(A)) == 0, "not hidden")
    vhd = Vhd(name(A))
    expect(vhd.front.raw == vhd.tail.raw, "both footers")
    expect([storage.get_depth(name(u)) for u in (A, B, C)] == [1, 2, 3],
           "depths")


def case_bitmap():
    family()
    write(name(C), 3 * 4096, 1, "c")
    write(name(C), 7 * 4096, 1, "c")
    expect(storage.get_block_bitmap(name(C)) == b"\x11", "bits")
    storage.create("small.vhd", 64)
    expect(storage.get_block_bitmap("small.vhd") == bytes(4), "no padding")


def case_scan():
    family()
    found = storage.get_all("*.vhd")
    for uuid, parent, hidden in ((A, None, True), (B, A, True),
                                 (C, B, False)):
        info = found[uuid]
        expect((info.parent, info.hidden, info.size_virt, info.size_phys) ==
               (parent, hidden, 16 * MIB, os.stat(name(uuid)).st_size),
               f"{vars(info)}")
    expect(set(storage.get_all(name(C), parents=True)) == {A, B, C}, "-a")
    expect(storage.get_all("*.nothing") == {}, "no match")
    expect(call("scan", "-f", "-m", "*.nothing").status == 0, "no match")
    os.makedirs("elsewhere", exist_ok=True)
    expect(set(storage.get_all(os.path.abspath("*.vhd"), cwd="elsewhere"))
           >= {A, B, C}, "with folders in front")


def case_scan_broken():
    """The first fails, the second says which; the others are there."""
    family()
    with open(name(B), "r+b") as f:
        f.write(b"rubbish!" * 256)
    first = call("scan", "-f", "-m", "*.vhd")
    expect(first.status == 22, f"status {first.status}")
    found = storage.get_all("*.vhd")
    expect(found[B].error and found[B].path.endswith(name(B)),
           f"{vars(found[B])}")
    expect(found[A].error is False and found[C].parent == B, "the others")
    expect(call("scan", "-f", "-m", "*.vhd", "-c").status == 0, "-c")


def case_create():
    storage.create("a.vhd", 3)
    expect(storage.get_number("-v", "a.vhd") == 4, "rounded up")
    expect(os.stat("a.vhd").st_size == 3584, "an empty disk")
    storage.create("f.vhd", 3, fixed=True)
    expect(os.stat("f.vhd").st_size == 4 * MIB + 512, "a fixed disk")
    old = Vhd("a.vhd").footer.id
    storage.create("a.vhd", 8, room=64)
    vhd = Vhd("a.vhd")
    expect(vhd.footer.id != old and vhd.entries == 32, "made anew, with room")
    expect(read("a.vhd") == bytes(8 * MIB), "zeros")


def case_snapshot():
    family()
    before = file_sum(name(A)), os.stat(name(A)).st_mtime
    storage.snapshot("s.vhd", name(A))
    expect(before == (file_sum(name(A)), os.stat(name(A)).st_mtime),
           "the parent was changed")
    # An empty child is nobody's parent, unless it has to be.
    storage.snapshot("t.vhd", "s.vhd")
    expect(storage.get_parent("t.vhd") == A, "an empty parent")
    storage.snapshot("t.vhd", "s.vhd", keep_empty=True)
    expect(call("query", "-n", "t.vhd", "-p").text ==
           os.path.abspath("s.vhd") + "\n", "-e")
    storage.snapshot("t.vhd", name(A), room=1024)
    expect(storage.get_number("-S", "t.vhd") == 1024, "-S")
    with open("raw", "wb") as f:
        f.truncate(5 * MIB + 512)
    storage.snapshot("t.vhd", "raw", raw=True)
    expect(Vhd("t.vhd").size == 5 * MIB + 512, "size of a raw parent")
    expect(Vhd("t.vhd").parent_id.int == 0, "id of a raw parent")
    expect(storage.get_depth("t.vhd") == 2, "depth on a raw parent")
    fails(2, storage.snapshot, "u.vhd", "missing.vhd")
    expect(not os.path.exists("u.vhd"), "u.vhd is there")
    fails(22, storage.snapshot, "u.vhd", name(A), room=8)


def case_set_parent():
    family()
    storage.set_parent(name(C), name(A))
    expect(storage.get_parent(name(C)) == A, "parent")
    expect(storage.check(name(C), "-p"), "check -p")
    storage.set_parent(name(C), os.path.abspath(name(B)))
    expect(storage.pread("query", "-n", name(C), "-pu") ==
           f"./{name(B)}\n".encode(), "stored relative")
    with open("raw", "wb") as f:
        f.truncate(16 * MIB)
    storage.set_parent(name(C), "raw", raw=True)
    expect(Vhd(name(C)).parent_id.int == 0 and
           read(name(C)) == bytes(16 * MIB), "a raw parent")
    fails(2, storage.set_parent, name(C), "missing.vhd")
    fails(22, storage.set_parent, name(A), name(B))


def case_sizes():
    family()
    content = read(name(C))
    storage.set_size_phys(name(C), 8 * MIB)
    expect(os.stat(name(C)).st_size == 8 * MIB, "file size")
    expect(storage.get_number("-s", name(C)) < MIB, "space in use")
    expect(storage.check(name(C)) and read(name(C)) == content, "check")
    fails(22, storage.set_size_phys, name(C), 1024)
    storage.repair(name(C))
    expect(os.stat(name(C)).st_size == storage.get_number("-s", name(C)),
           "repair cuts it again")
    storage.kill_data(name(B))
    expect(storage.get_number("-a", name(B)) == 0 and
           storage.get_parent(name(B)) == A, "kill_data")


def case_resize():
    journal = f".journal-{A}"
    family()
    content = Content(16 * MIB)
    content.put(0, 100, "a")
    for mib in (16, 20, 1024):
        storage.set_size_virt(name(A), mib, journal)
        expect(storage.get_number("-v", name(A)) == mib, f"{mib} MiB")
        expect(not os.path.exists(journal), "the journal is there")
        content.size = mib * MIB
        if mib < 1024:
            verify(name(A), content, "resized")
    expect(storage.check(name(A)) and storage.check(name(B), "-p"), "check")
    fails(2, storage.revert, name(A), journal)
    with open(journal, "wb") as f:
        f.write(b"kept")
    before = file_sum(name(A))
    fails(17, storage.set_size_virt, name(A), 2048, journal)
    expect(before == file_sum(name(A)) and file_sum(journal), "touched")
    fails(22, storage.revert, name(A), journal)
    expect(before == file_sum(name(A)), "reverted from nothing")
    os.unlink(journal)
    fails(38, storage.set_size_virt, name(A), 16, journal)
    expect(before == file_sum(name(A)) and not os.path.exists(journal),
           "shrunk")


def case_resize_fast():
    storage.create("a.vhd", 16, room=4096)
    write("a.vhd", 5, 3, "a")
    storage.set_size_virt_fast("a.vhd", 1000)
    vhd = Vhd("a.vhd")
    expect(vhd.size == 1000 * MIB and vhd.front.raw == vhd.tail.raw and
           vhd.footer.original == 16 * MIB, "sizes")
    before = file_sum("a.vhd")
    storage.set_size_virt_fast("a.vhd", 1000)
    fails(22, storage.set_size_virt_fast, "a.vhd", 5000)
    error = fails(22, storage.set_size_virt_fast, "a.vhd", 16)
    expect(error.reason == f"a.vhd: size ({16 * MIB}) < curr size "
                           f"({1000 * MIB})", error.reason)
    expect(before == file_sum("a.vhd") and storage.check("a.vhd"), "changed")


def case_coalesce():
    family()
    content = read(name(C))
    marked = Vhd(name(B)).marked()
    expect(storage.coalesce(name(B)) == marked * 512, "bytes")
    expect(read(name(C)) == content == read(name(A)), "content")
    expect(storage.get_hidden(name(A)) == 1, "the parent stays hidden")
    expect(storage.coalesce(name(C)) == 0, "nothing to coalesce")
    done = call("coalesce", "-n", name(A))
    expect(done.status and done.text ==
           "coalescing of non-differencing disks is not supported\n"
           f"error coalescing: -{done.status}\n", done.text)


def case_keys():
    storage.create("a.vhd", 8)
    expect(storage.get_key_hash("a.vhd") is None, "none")
    storage.set_key("a.vhd", "ab" * 32)
    expect(storage.get_key_hash("a.vhd") == ("00" * 32, "ab" * 32), "set")
    storage.snapshot("b.vhd", "a.vhd")
    expect(storage.get_key_hash("b.vhd") == ("00" * 32, "ab" * 32),
           "inherited")
    storage.create("c.vhd", 8)
    write("c.vhd", 0, 1, "c")
    fails(22, storage.set_key, "c.vhd", "ab" * 32)


def case_check():
    family()
    expect(storage.check(name(C)), "sound")
    with open(name(C), "r+b") as f:
        f.seek(-512, os.SEEK_END)
        f.write(bytes(512))
    expect(not storage.check(name(C)), "no footer")
    expect(storage.check(name(C), "-i"), "-i")
    storage.repair(name(C))
    expect(storage.check(name(C), "-B"), "-B")
    os.unlink(name(C))
    expect(call("check", "-n", name(C)).status == 2, "missing")


def case_debug_anywhere():
    family()
    want = call("query", "-n", name(C), "-vspf").out
    for words in (("--debug", "-vspf", "-n", name(C)),
                  ("-vspf", "--debug", "-n", name(C)),
                  ("-vspf", "-n", "--debug", name(C)),
                  ("-vspfn", name(C), "--debug", "--debug"),
                  ("-vspfn" + name(C),), ("-v", "-s", "-fp", "-n", name(C))):
        done = call("query", *words)
        expect((done.out, done.status, done.err) == (want, 0, b""), words)


def case_usage():
    """Statuses of wrong calls, and of -h."""
    for verb in ("create", "snapshot", "query", "read", "set", "repair",
                 "resize", "revert", "coalesce", "modify", "check", "scan",
                 "key", "copy", "fill"):
        done = call(verb, "--debug", "-y")
        expect(done.status == 22, f"{verb} -y: {done.status}")
        expect(b"invalid option -- 'y'" in done.err, f"{verb}: {done.err}")
        done = call(verb, "--debug", "-h")
        want = 0 if verb in ("query", "snapshot", "scan", "check", "key") \
            else 22
        expect(done.status == want, f"{verb} -h: {done.status}, not {want}")
        said = (done.err if verb == "key" else done.out).decode()
        first, _, rest = said.partition("\n")
        letters = set(re.findall(r"-([A-Za-z])\b", first))
        expect(letters and all(re.search(f"^  -{c} .*  \\w", rest, re.M)
                               for c in letters), f"{verb} -h: {said}")
        if verb != "scan" and verb != "copy":
            done = call(verb, "--debug", "-n", "a.vhd", "stray")
            expect(done.status == 22, f"{verb} with an operand: {done.status}")
    family()
    expect(call("query", "-n", name(A), "stray").status == 22, "a stray word")


def case_nothing_passes():
    """5 and 11 are for what passes; the manager waits 20 seconds for them."""
    family()
    with open(name(A), "rb") as f:
        whole = f.read()
    broken = {"empty": b"", "short": whole[:300], "cut": whole[:-700],
              "headless": whole[:1000], "tableless": whole[:1536],
              "noise": b"\x5a" * 9000}
    for what, data in broken.items():
        with open("broken.vhd", "wb") as f:
            f.write(data)
        done = call("query", "-vsaf", "-n", "broken.vhd")
        if what != "cut":	# only data is missing
            expect((done.text, done.status) == (
                "error opening broken.vhd: -22\n", 22),
                   f"{what}: {done.text}")
        for words in (("query", "-vsaf"), ("read", "-p"), ("check",),
                      ("set", "-f", "hidden", "-v", 1), ("repair",),
                      ("modify", "-z"), ("coalesce",), ("key", "-p"),
                      ("read", "-r", 0), ("resize", "-s", 64, "-f"),
                      ("revert", "-j", "no-journal")):
            done = call(words[0], "--debug", "-n", "broken.vhd", *words[1:])
            expect(done.status not in (5, 11, 32) and done.status < 128,
                   f"{what}: {words}: {done.status}")
    expect(call("query", "-v", "-n", ".").status not in (0, 5, 11), "a folder")
    expect(call("query", "-v", "-n", "nope.vhd").text ==
           "error opening nope.vhd: -2\n", "missing")


def holds_lock(pid):
    for info in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with open(info, encoding="ascii") as f:
            if "lock:" in f.read():
                return True
    return False


def case_busy():
    """A writer that is at work: again in a moment."""
    family()
    writer = subprocess.Popen(
        [BIN, "write", "--no-progress", "--orphan", name(A)], env=ENV,
        stdin=subprocess.PIPE)
    try:
        writer.stdin.write(bytes(4096))
        writer.stdin.flush()
        for _ in range(1200):
            if holds_lock(writer.pid):
                break
            time.sleep(0.05)
        done = call("set", "-n", name(A), "-f", "hidden", "-v", 0)
        expect((done.status, done.text) ==
               (11, f"error opening {name(A)}: -11\n"), f"{done.status}")
        expect(call("query", "-n", name(A), "-vsaf").status == 0,
               "query waits for nobody")
    finally:
        writer.stdin.close()
        writer.wait(60)
    storage.set_hidden(name(A), False)


def case_space():
    """What the manager reserves is enough, and just so."""
    expect(overhead_empty(2 * MIB) == 4329472, "the manager's own sum")
    storage.create("a.vhd", 64, room=2 * MIB)
    expect(os.stat("a.vhd").st_size == 4327936, "dynamic")
    write("a.vhd", 0, 1, "a")
    storage.snapshot("b.vhd", "a.vhd", room=2 * MIB)
    expect(os.stat("b.vhd").st_size == 4329472, "differencing")
    for path in ("a.vhd", "b.vhd"):
        content = Content(64 * MIB)
        content.put(0, 1, "a")
        for block in (31, 2, 7, 30):
            write(path, block * 4096, 4096, "x")
            content.put(block * 4096, 4096, "x")
            vhd = Vhd(path)
            data = len(vhd.allocated()) * BLOCK
            expect(vhd.used() <= overhead_empty(2 * MIB) + data
                   + overhead_bitmaps(data), f"{path}: {vhd.used()}")
            for b in vhd.allocated():
                expect((vhd.bat[b] + 1) % 8 == 0,
                       f"{path}: block {b} is not aligned")
        verify(path, content, path)
        expect(storage.check(path), path)


def case_side_effects():
    """What each verb leaves alone: nothing makes an image younger, or another
    one, or writes to a file that it was not told to change."""
    def made():
        family()
        write(name(B), 8192, 4096, "b")
        return name(B)

    footer, header = slice(0, 512), slice(512, 1536)
    steps = {
        "set": (("-f", "hidden", "-v", 0), (header,)),
        "repair": ((), (footer, header)),
        "modify -p": (("-p", name(A)), (footer,)),
        "modify -s": (("-s", 16 * MIB), (footer, header)),
        "modify -z": (("-z",), (footer, header)),
        "resize -j": (("-s", 64, "-j", "journal"), ()),
        "resize -f": (("-s", 16, "-f"), (footer, header)),
        "coalesce": ((), (footer, header)),
    }
    for verb, (words, kept) in steps.items():
        path = made()
        with open(path, "rb") as f:
            old = f.read()
        others = [name(u) for u in (A, C) if verb != "coalesce" or u != A]
        before = [file_sum(o) for o in others]
        parent = Vhd(name(A))
        done = call(verb.split()[0], "-n", path, *words)
        expect(done.status == 0, f"{verb}: {done.status} {done.text}")
        with open(path, "rb") as f:
            new = f.read()
        for part in kept:
            expect(old[part] == new[part], f"{verb}: {part} has changed")
        expect((Vhd(path).footer.id, Vhd(path).footer.time) ==
               (old[68:84], int.from_bytes(old[24:28], "big")),
               f"{verb}: id or time")
        expect([file_sum(o) for o in others] == before,
               f"{verb}: another file has changed")
        if verb == "coalesce":
            expect(old == new, "the child has changed")
            expect(Vhd(name(A)).header_raw == parent.header_raw and
                   Vhd(name(A)).front.raw == parent.front.raw and
                   Vhd(name(A)).tail.raw == parent.front.raw, "the parent")


def case_modern():
    """The other form is what it was."""
    family()
    for words in (("info", name(A)), ("check", name(A)),
                  ("read", "--length", 512, name(A)),
                  ("create", "--size", "8M", "m.vhd"),
                  ("resize", "--help"), ("snapshot", "-h")):
        done = call(*words)
        expect(done.status == 0, f"{words}: {done.status} {done.err}")


CASES = [value for key, value in list(globals().items())
         if key.startswith("case_")]


def main():
    report = Report("storage manager")
    for case in CASES:
        with Scratch():
            report.case(case.__name__[5:], case)
    report.finish()


main()
