# SPDX-License-Identifier: BSD-2-Clause
"""What the storage repository on files does, with td-util beside vhd-util: its
disks, snapshots by renaming, resizes with a journal of its own."""

import os

import storage
from disks import Content, Scratch, read, verify, write
from harness import Report, skip
from storage import MIB, CommandError, call, expect

A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"
C = "33333333-3333-4333-8333-333333333333"


def path(uuid):
    return os.path.abspath(f"{uuid}.vhd")


def td(*words):
    return call(*words, program=storage.TD)


def snapshot():
    """A becomes B, and A and C are its children."""
    storage.td_create(path(A), 16)
    write(path(A), 7, 9, "a")
    os.rename(path(A), path(B))
    storage.td_snapshot(path(C), path(B))
    storage.td_snapshot(path(A), path(B))
    storage.set_hidden(path(B))


def case_create():
    storage.td_create(path(A), 16)
    expect(storage.td_query(path(A)) == {"size": 16, "hidden": 0}, "query")
    expect(os.stat(path(A)).st_size == 3584, "an empty dynamic disk")
    expect(storage.check(path(A)), "check")


def case_snapshot():
    snapshot()
    for uuid in (A, C):
        info = storage.td_query(path(uuid))
        expect(info == {"size": 16, "parent": B, "hidden": 0}, f"{info}")
        content = Content(16 * MIB)
        content.put(7, 9, "a")
        verify(path(uuid), content, uuid)
    expect(storage.td_query(path(B)) == {"size": 16, "hidden": 1}, "parent")
    expect({u: i.parent for u, i in storage.get_all("*.vhd").items()} ==
           {A: B, B: None, C: B}, "scan")


def case_order():
    """v p f d, however they are asked for."""
    snapshot()
    want = f"16\n{path(B)}\nhidden: 0\nchain depth: 2\n"
    for options in (("-vpfd",), ("-d", "-f", "-p", "-v"), ("-dfpv",)):
        done = td("query", "vhd", *options, path(A))
        expect((done.text, done.status) == (want, 0), done.text)
    done = td("query", "vhd", "-vp", path(B))
    expect("has no parent" in done.text, done.text)


def case_backup_footer():
    snapshot()
    with open(path(A), "r+b") as f:
        f.seek(-512, os.SEEK_END)
        f.write(bytes(512))
    expect(storage.td_query(path(A), "b")["parent"] == B, "-b")


def case_errors():
    snapshot()
    done = td("query", "vhd", "-v", "nope.vhd")
    expect(b"failed opening nope.vhd: -2\n" in done.out + done.err and
           done.status, f"{done.out} {done.err} {done.status}")
    os.unlink(path(B))
    done = td("query", "vhd", "-p", path(A))
    expect(b"failed getting parent: -2\n" in done.out + done.err and
           done.status, f"{done.out} {done.err} {done.status}")
    for words in ((), ("query",), ("query", "vhd"), ("create", "vhd"),
                  ("create", "vhd", "16"), ("snapshot", "vhd", "a"),
                  ("nothing", "vhd", "a")):
        expect(td(*words).status == 255, f"{words}: {td(*words).status}")


def case_resize():
    """Fails: the journal is reverted. There is none: that is an error."""
    snapshot()
    os.chdir(os.path.dirname(path(A)))
    journal = f".journal-{A}"
    storage.set_size_virt(path(A), 32, journal)
    expect(storage.td_query(path(A))["size"] == 32, "resized")
    try:
        storage.revert(path(A), journal)
        raise storage.Failure("nothing was reverted, and that is no error")
    except CommandError as error:
        expect(error.code == 2, f"{error}")
    for stage in ("BEGIN", "DATA_MOVED", "METADATA_MOVED", "END"):
        before = read(path(C))
        variable = f"VHD_UTIL_TEST_FAIL_RESIZE_{stage}"
        done = call("resize", "--debug", "-s", 512, "-n", path(C), "-j",
                    f".journal-{C}", env={variable: "x"})
        expect((done.status, done.text) ==
               (22, f"Failing at {variable}\n"), f"{stage}: {done.text}")
        storage.revert(path(C), f".journal-{C}")
        expect(storage.td_query(path(C)) ==
               {"size": 16, "parent": B, "hidden": 0}, stage)
        expect(storage.check(path(C)) and read(path(C)) == before, stage)


CASES = [value for key, value in list(globals().items())
         if key.startswith("case_")]


def main():
    if not storage.TD:
        skip("there is no td-util")
    report = Report("repository on files")
    for case in CASES:
        with Scratch():
            report.case(case.__name__[5:], case)
    report.finish()


main()
