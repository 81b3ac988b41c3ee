# SPDX-License-Identifier: BSD-2-Clause
"""What the original tool has written: each image of the samples is checked,
queried, scanned and read as its manifest and its bytes say, and none of that
changes a byte; what changes images leads to the contents that are listed.
"""

import hashlib
import os
import sys

from disks import Scratch, file_sum, samples, unpack
from harness import Report, skip
from storage import call, check, expect
from vhdfile import CHILD, FIXED, Vhd

MOST_RAW = 64 << 20		# read -r as one piece up to here


def rows(folder):
    with open(os.path.join(folder, "MANIFEST.tsv"), encoding="utf-8") as f:
        lines = [l.rstrip("\n") for l in f if not l.startswith("#")]
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"))) for line in lines[1:]]


def says(words, out, status=0, err=b"", env=None):
    """A call ends with these bytes."""
    done = call(*words, env=env)
    got = (done.status, done.out, done.err)
    want = (status, out if isinstance(out, bytes) else out.encode(), err)
    expect(got == want, f"{' '.join(map(str, words))}: {got!r:.700}, "
                        f"not {want!r:.700}")
    return done


def same_files(before):
    for name, old in before.items():
        expect(file_sum(name) == old, f"{name} was changed")


class Sample:
    def __init__(self, row):
        self.row, self.name = row, row["file"]
        self.vhd = Vhd(self.name)
        self.size = int(row["virtual_size"])

    def parent(self):
        name = self.row["parent"]
        return None if name == "-" else name

    def depth(self, table):
        count, name = 1, self.name
        while table[name]["parent"] != "-":
            name, count = table[name]["parent"], count + 1
        return count


def case_stored(s, _table):
    expect(file_sum(s.name) == s.row["file_sha256"], "another file")


def case_check(s, table):
    if "[check: fails]" in s.row["notes"]:
        done = call("check", "-n", s.name)
        first = done.out.split(b"\n")
        expect(done.status == 22, f"status {done.status}")
        expect(first[0] == b"primary footer invalid: invalid cookie",
               first[0])
        expect(first[1] == s.name.encode()
               + b" appears invalid; dumping metadata", first[1])
        says(("check", "-n", s.name, "-i"), f"{s.name} is valid\n")
        return
    says(("check", "-n", s.name), f"{s.name} is valid\n")
    says(("check", "--debug", "-n", s.name, "-i", "-B"),
         f"{s.name} is valid\n")
    if s.vhd.type == FIXED:
        return
    names, name = [s.name], s.parent()
    while name and name.endswith(".vhd"):
        names.append(os.path.abspath(name))
        name = None if table[name]["parent"] == "-" else table[name]["parent"]
    says(("check", "-n", s.name, "-p"),
         "".join(f"{n} is valid\n" for n in names))


def case_query(s, table):
    vhd, dynamic = s.vhd, s.vhd.type != FIXED
    parent = s.parent()
    lines = [str(s.size >> 20), str(vhd.used()),
             os.path.abspath(parent) if parent else f"{s.name} has no parent",
             f"hidden: {vhd.footer.hidden}"]
    if dynamic:
        marker = vhd.marker - 256 * (vhd.marker > 127)
        lines += [f"marker: {marker}"]
    lines += [f"chain depth: {s.depth(table)}"]
    if dynamic:
        lines += [str(len(vhd.allocated())), str(vhd.entries * 2)]
        says(("query", "-n", s.name, "-aSmdvspf"), "\n".join(lines) + "\n")
        says(("query", "-fdSvpsma", "--debug", "-n", s.name),
             "\n".join(lines) + "\n")
    else:
        says(("query", "-n", s.name, "-dvspf"), "\n".join(lines) + "\n")
        says(("query", "-n", s.name, "-S"), "0\n")
        says(("query", "-n", s.name, "-a"), "error reading bat: -22\n", 22)
    if vhd.type == CHILD:
        says(("query", "-n", s.name, "-pu"), f"./{parent}\n")


def case_scan(s, _table):
    size = os.stat(s.name).st_size
    tail = (f"capacity={s.size} size={size} hidden={s.vhd.front.hidden} "
            f"parent={s.parent() or 'none'}\n")
    says(("scan", s.name), f"vhd={s.name} {tail}")
    if s.vhd.type == FIXED:
        return
    says(("scan", "-f", "-m", s.name), f"vhd={s.name} {tail}")
    path = os.path.abspath(s.name)
    done = call("scan", "-f", "-v", path)
    expect(done.out.startswith(f"vhd={path} capacity=".encode()), done.out)


def case_read_text(s, _table):
    if s.name == "footer-lost.vhd":
        return
    says(("read", "-p", "-n", s.name), s.vhd.summary())


def case_read_map(s, _table):
    vhd = s.vhd
    if vhd.type == FIXED:
        return
    says(("read", "--debug", "-B", "-n", s.name), vhd.bitmap())
    says(("read", "-n", s.name, "-a"), vhd.map)
    count = min(vhd.entries, 300)
    says(("read", "-n", s.name, "-b", 0, "-c", count),
         "".join(f"block: {b}: offset: " +
                 (str(vhd.bat[b] * 512) if vhd.bat[b] != 0xFFFFFFFF
                  else "not allocated") + "\n" for b in range(count)))
    for block in vhd.allocated()[:3]:
        first, bits = block * 4096, vhd.bits(block)
        says(("read", "-n", s.name, "-m", block),
             vhd.data[vhd.bat[block] * 512:vhd.bat[block] * 512 + 512])
        says(("read", "-n", s.name, "-i", first, "-c", 200),
             "".join(f"block {block}: sec: {i}: {bits[i]}\n"
                     for i in range(200)))
        data = (vhd.bat[block] + 1) * 512
        says(("read", "-n", s.name, "-d", block),
             vhd.data[data:data + vhd.block])
        says(("read", "-n", s.name, "-t", first + 3),
             f"logical sector {first + 3}: block number: {block}, "
             f"sector offset: 3, file offset: {data + 3 * 512}\n")
        says(("read", "-n", s.name, "-j", block), "", 0,
             f"batmap for block {block}: "
             f"{1 if vhd.is_full(block) else 0}\n".encode())
    count = min(s.size // 512, 16384)
    says(("read", "-n", s.name, "-e", 0, "-c", count),
         "".join(f"{a} {n}\n" for a, n in vhd.runs(0, count)))


def case_content(s, _table):
    want = s.row["content_sha256"]
    if want == "-":
        return
    done = call("read", "--no-progress", s.name)
    expect(hashlib.sha256(done.out).hexdigest() == want, "another content")
    if s.size <= MOST_RAW and s.vhd.type != FIXED:
        done = call("read", "-r", 0, "-c", s.size // 512, "-n", s.name)
        expect(hashlib.sha256(done.out).hexdigest() == want,
               f"read -r: another content, status {done.status}")
        done = call("read", "-R", 1000, "-c", 3000, "-n", s.name)
        whole = call("read", "-r", 0, "-c", 8, "-n", s.name)
        expect(done.out == whole.out[1000:4000], "read -R")


def content(path):
    if path.endswith(".raw"):
        return file_sum(path)
    return hashlib.sha256(call("read", "--no-progress",
                               "--ignore-parent-id", path).out).hexdigest()


# Each of these has copies of its own.

def change_repair(table):
    says(("repair", "-n", "footer-lost.vhd"), "")
    expect(file_sum("footer-lost.vhd") == table["dyn-data.vhd"]["file_sha256"],
           "not what it was before")
    says(("check", "-n", "footer-lost.vhd"), "footer-lost.vhd is valid\n")


def change_repair_sound(table):
    """What is sound stays so, to the byte."""
    for name in ("dyn-data.vhd", "chain-leaf.vhd", "fixed.vhd", "fill-b.vhd",
                 "dyn-prealloc2t.vhd"):
        says(("repair", "-n", name), "")
        expect(file_sum(name) == table[name]["file_sha256"], name)


def change_coalesce(table):
    """A chain from above: what a child shows does not change, and its parent
    shows the same afterwards."""
    pairs = (("chain-leaf.vhd", "chain-mid.vhd"),
             ("chain-mid.vhd", "chain-base.vhd"),
             ("relink-child.vhd", "relink-base.vhd"),
             ("raw-child.vhd", "raw-base.raw"))
    for name, parent in pairs:
        child, want = Vhd(name), content(name)
        before, ident = file_sum(name), child.footer.id
        says(("coalesce", "--debug", "-n", name),
             f"Coalesced {child.marked()} sectors")
        expect(file_sum(name) == before, f"{name} was changed")
        expect(content(name) == want, f"{name}: another content")
        expect(content(parent) == want, f"{parent}: another content")
        if parent.endswith(".vhd"):
            expect(check(parent), f"check {parent}")
            expect(Vhd(parent).footer.hidden ==
                   int("hidden=1" in table[parent]["notes"]), "hidden")
        says(("coalesce", "-n", name), f"Coalesced {child.marked()} sectors")
        expect(content(parent) == want, f"{parent}: again")
        expect(ident == Vhd(name).footer.id, "another uuid")


def change_grown(table):
    """Data behind the end of the parent; which is made larger, then."""
    name, parent = "grown-child.vhd", "small-parent.vhd"
    past = any(a + n > 16384 for a, n in Vhd(name).runs(0, 65536))
    if past:
        done = call("coalesce", "-n", name)
        expect(done.status == 34, f"status {done.status}")
        expect(content(name) == table[name]["content_sha256"], "content")
    says(("resize", "-n", parent, "-s", 32, "-j", "journal"), "")
    expect(not os.path.exists("journal"), "the journal is there")
    says(("coalesce", "-n", name), f"Coalesced {Vhd(name).marked()} sectors")
    expect(content(parent) == table[name]["content_sha256"], parent)


def change_revert(table):
    """A resize that ends at any of its stages is taken back to the byte."""
    name = "dyn-data.vhd"
    for stage in ("BEGIN", "DATA_MOVED", "METADATA_MOVED", "END"):
        done = call("resize", "-n", name, "-s", 4096, "-j", "journal",
                    env={f"VHD_UTIL_TEST_FAIL_RESIZE_{stage}": "1"})
        expect(done.status == 22, f"{stage}: status {done.status}")
        expect(done.out.startswith(b"Failing at ") and
               f"RESIZE_{stage}".encode() in done.out,
               f"{stage}: {done.out!r}")
        expect(os.path.exists("journal"), f"{stage}: no journal")
        with open(name, "rb") as f:
            poisoned = f.read(8) == b"v_poison"
        if poisoned:
            says(("query", "-n", name, "-f"), "hidden: 0\n")
            says(("set", "-n", name, "-f", "hidden", "-v", 1),
                 f"error opening {name}: -22\n", 22)
            expect(not check(name), f"{stage}: check accepts it")
        says(("revert", "-n", name, "-j", "journal"), "")
        expect(not os.path.exists("journal"), f"{stage}: the journal is there")
        expect(file_sum(name) == table[name]["file_sha256"],
               f"{stage}: not what it was")


def change_forget(table):
    """All data goes, the parent stays."""
    name = "chain-leaf.vhd"
    says(("modify", "-z", "-n", name), "")
    vhd = Vhd(name)
    expect(vhd.allocated() == [] and len(vhd.data) == vhd.used(), "not empty")
    expect(content(name) == table["chain-mid.vhd"]["content_sha256"], "content")
    says(("check", "-n", name, "-p"), "".join(
        f"{n} is valid\n" for n in
        (name, os.path.abspath("chain-mid.vhd"),
         os.path.abspath("chain-base.vhd"))))


def change_relink(table):
    """Over the middle node, whose content has gone down before."""
    says(("coalesce", "-n", "chain-mid.vhd"),
         f"Coalesced {Vhd('chain-mid.vhd').marked()} sectors")
    says(("modify", "-n", "chain-leaf.vhd", "-p", "chain-base.vhd"), "")
    os.unlink("chain-mid.vhd")
    says(("query", "-n", "chain-leaf.vhd", "-pd"),
         os.path.abspath("chain-base.vhd") + "\nchain depth: 2\n")
    expect(content("chain-leaf.vhd") ==
           table["chain-leaf.vhd"]["content_sha256"], "another content")
    expect(check("chain-leaf.vhd", "-p"), "check -p")


def change_hidden(_table):
    """Two bytes and two sums, and the same back again."""
    name = "dyn-scattered.vhd"
    before = Vhd(name)
    says(("set", "-n", name, "-f", "hidden", "-v", 1), "")
    after = Vhd(name)
    for footer in (after.front, after.tail):
        expect(footer.valid and footer.hidden == 1, "hidden is not set")
    expect(len(after.data) == len(before.data)
           and after.data[512:-512] == before.data[512:-512], "more changed")
    says(("set", "-n", name, "-f", "hidden", "-v", 0), "")
    expect(Vhd(name).data == before.data, "not the same as before")


CASES = (case_stored, case_check, case_query, case_scan, case_read_text,
         case_read_map, case_content)
CHANGES = (change_repair, change_repair_sound, change_coalesce, change_grown,
           change_revert, change_forget, change_relink, change_hidden)


def main():
    folder = samples("xen")
    if not folder:
        skip("there are no sample images; -DVHD_SAMPLES_DIR=DIR names them",
             host=True)
    table = {row["file"]: row for row in rows(folder)}
    report = Report("samples/xen")
    with Scratch():
        for name in table:
            unpack(folder, name, name)
        before = {name: file_sum(name) for name in table}
        for name, row in table.items():
            if row["type"] == "raw":
                continue
            sample = Sample(row)
            for case in CASES:
                report.case(f"{name} {case.__name__[5:]}", case, sample, table)
        report.case("none was changed", same_files, before)
        for change in CHANGES:
            for name in table:
                unpack(folder, name, name)
            report.case(change.__name__[7:], change, table)
    report.finish()


sys.stdout.reconfigure(line_buffering=True)
main()
