# SPDX-License-Identifier: BSD-2-Clause
"""VHD-K-60 to VHD-K-69: differencing disks and chains."""

import os

from case import CaseList
from vhd_bases import (BLOCK, SIZE, child, dynamic, edit, header, in_use, sized,
                       three, xen_raw)
from vhd_bytes import SECTOR, Vhd

CASES = []
case = CaseList(CASES)

PARENT = ["--parent", "base.vhd"]


def beside(path, name="base.vhd"):
    return os.path.join(os.path.dirname(path), name)


def keep_time(path, function):
    """Changes a file and leaves its time as it was."""
    st = os.stat(path)
    with Vhd(path) as v:
        function(v)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def utf16(text, big=False):
    return text.encode("utf-16-be" if big else "utf-16-le")


# K-60: identity of the parent.

case("vhd_parent_null", ["VHD1_PARENT_NULL"], base=child,
     damage=header(parent_id=bytes(16)),
     also={"VHD1_PARENT_ID": "and so it is not the parent's"})


def raw_parent(path):
    """Xen's way to say that the parent has no format."""
    os.rename(beside(path, "base.raw"), beside(path))
    with Vhd(path) as v:
        v.set_header(parent_id=bytes(16))


case("vhd_parent_raw", ["VHD1_PARENT_RAW"], base=xen_raw, damage=raw_parent,
     repaired_same=lambda before, damaged, after: None)
case("vhd_parent_stray_id", ["VHD1_PARENT_STRAY"], base=dynamic,
     damage=header(parent_id=b"\x11" * 16))
case("vhd_parent_stray_time", ["VHD1_PARENT_STRAY"], base=dynamic,
     damage=header(parent_timestamp=1000))
case("vhd_parent_stray_name", ["VHD1_PARENT_STRAY"], base=dynamic,
     damage=header(parent_name=utf16("base.vhd", True)))
case("vhd_parent_stray_locator", ["VHD1_PARENT_STRAY"], base=dynamic,
     damage=edit(lambda v: v.set_locator(
         0, code=b"W2ru", data_space=512, data_length=20, data_offset=0x800)))


# K-61 to K-63: names of the parent.

case("vhd_locator_none", ["VHD1_LOCATOR_NONE"], base=child,
     damage=header(locators=bytes(192), parent_name=bytes(512)),
     also={"VHD1_PARENT_MISSING": "nobody can find it"},
     repair_args=PARENT)
case("vhd_locator_code", ["VHD1_LOCATOR_CODE"], base=child,
     damage=edit(lambda v: v.set_locator(
         5, code=b"Foo!", data_space=512, data_length=20,
         data_offset=v.locator(0).data_offset)))
case("vhd_locator_code_only", ["VHD1_LOCATOR_CODE"], base=child,
     damage=edit(lambda v: v.set_locator(0, code=b"w2ru")))
for number in (1 << 40, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFF0):
    case(f"vhd_locator_place_{number:x}", ["VHD1_LOCATOR_PLACE"], base=child,
         damage=edit(lambda v, n=number: v.set_locator(0, data_offset=n)))
case("vhd_locator_at_end", ["VHD1_LOCATOR_PLACE"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_offset=v.size - 4)))
case("vhd_locator_too_long", ["VHD1_LOCATOR_PLACE"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_length=0x10002)))
case("vhd_locator_over_space", ["VHD1_LOCATOR_PLACE"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_space=512, data_length=514)),
     also={"VHD1_LOCATOR_TEXT": "zeros follow the text",
           "VHD1_LOCATOR_OVERLAP": "what follows the space"})


def text(data, length=None, **fields):
    """Another payload in the first locator."""
    def change(v):
        v.put(v.locator(0).data_offset, data.ljust(64, b"\0"))
        v.set_locator(0, data_length=len(data) if length is None else length,
                      **fields)
    return edit(change)


NAME = ".\\base.vhd"
case("vhd_locator_nul", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(utf16(NAME), 22), says="NUL")
case("vhd_locator_big_endian", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(utf16(NAME, True)), says="big-endian")
case("vhd_locator_odd", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(utf16(NAME) + b"x"), says="half")
case("vhd_locator_surrogate", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(utf16(".\\a") + b"\x00\xd8" + utf16("b")), says="no text")
case("vhd_locator_empty", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(b""), says="empty")
case("vhd_locator_zeros", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=text(bytes(20)), says="empty")
case("vhd_locator_no_space", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_space=0)))
case("vhd_locator_space_513", ["VHD1_LOCATOR_TEXT"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_space=513)))
for number in (1, 2, 511, 1024, 4096):
    case(f"vhd_locator_space_{number}", [], base=child,
         damage=edit(lambda v, n=number: v.set_locator(0, data_space=n)))


def absolute_only(v):
    data = utf16("C:\\vm\\base.vhd")
    v.put(v.locator(0).data_offset, data)
    v.set_locator(0, code=b"W2ku", data_length=len(data))


case("vhd_locator_absolute_only", ["VHD1_LOCATOR_ABSOLUTE"],
     repair_args=PARENT, base=child, damage=edit(absolute_only))
for where, find in (("table", lambda v: 0x600), ("header", lambda v: 0x300),
                    ("copy", lambda v: 0), ("footer", lambda v: v.tail)):
    case(f"vhd_locator_on_{where}", ["VHD1_LOCATOR_OVERLAP"], base=child,
         damage=edit(lambda v, f=find: v.set_locator(0, data_offset=f(v))),
         also={"VHD1_LOCATOR_TEXT": "what is there is no text"})
case("vhd_locator_twice", ["VHD1_LOCATOR_OVERLAP"], base=child,
     damage=edit(lambda v: v.set_locator(
         1, **{k: getattr(v.locator(0), k)
               for k in ("code", "data_space", "data_length",
                         "data_offset")})))
case("vhd_locator_in_block", ["VHD1_BLOCK_IN_META"], base=child,
     damage=edit(lambda v: v.set_locator(0, data_offset=v.data_off(2))),
     also={"VHD1_LOCATOR_TEXT": "what is there is no text"})
for slot in (1, 7):
    case(f"vhd_locator_stray_{slot}", ["VHD1_LOCATOR_STRAY"], base=child,
         damage=edit(lambda v, s=slot: v.set_locator(s, data_space=512)))
case("vhd_locator_stray_offset", ["VHD1_LOCATOR_STRAY"], base=child,
     damage=edit(lambda v: v.set_locator(3, data_offset=0x800)))
case("vhd_locator_stray_dynamic", ["VHD1_LOCATOR_STRAY"], base=dynamic,
     damage=edit(lambda v: v.set_locator(2, data_length=4)))


# K-64 to K-66, K-68: is it the parent?

case("vhd_parent_missing", ["VHD1_PARENT_MISSING"], base=child,
     damage=lambda path: os.rename(beside(path), beside(path, "was.vhd")),
     repair_args=["--parent", "was.vhd"],
     also={})
case("vhd_parent_id", ["VHD1_PARENT_ID"], base=child,
     damage=lambda path: keep_time(
         beside(path), lambda v: v.set_footers(unique_id=b"\x77" * 16)),
     repair_args=PARENT)
case("vhd_parent_id_child", ["VHD1_PARENT_ID"], base=child,
     damage=header(parent_id=b"\x77" * 16), repair_args=PARENT)


def older(v):
    """The child recorded an earlier time than the parent's file has."""
    v.set_header(parent_timestamp=v.header.parent_timestamp - 100)


def newer(path):
    """The parent's file has a later time than the child."""
    with Vhd(path) as v:
        v.set_header(parent_timestamp=0)
    st = os.stat(path)
    os.utime(beside(path), ns=(st.st_atime_ns, st.st_mtime_ns + 10 ** 11))


case("vhd_parent_time", ["VHD1_PARENT_TIME"], base=child, damage=edit(older),
     repair_args=PARENT)
case("vhd_parent_newer", ["VHD1_PARENT_NEWER"], base=child, damage=newer)
case("vhd_parent_time_future", ["VHD1_PARENT_TIME_FUTURE"], base=child,
     damage=header(parent_timestamp=0xF0000000))
case("vhd_parent_time_zero", [], base=child,
     damage=header(parent_timestamp=0))


case("vhd_parent_size", ["VHD1_PARENT_SIZE"], base=child,
     damage=lambda path: keep_time(
         beside(path), lambda v: sized(SIZE - 2 * BLOCK)(v.path)))
case("vhd_parent_larger", ["VHD1_PARENT_LARGER"], base=child,
     damage=sized(SIZE - BLOCK),
     also={"VHD1_SIZE_AZURE": "no whole MiB"})
case("vhd_parent_name", ["VHD1_PARENT_NAME"], base=child, repair_args=PARENT,
     damage=header(parent_name=utf16("other.vhd", True)))


# K-67: chains.

def loop(path):
    """The parent is made a child of its child."""
    with Vhd(path) as v:
        mine = v.footer.unique_id
    def change(v):
        v.set_footers(disk_type=4)
        v.set_header(parent_id=mine, parent_name=utf16("disk.vhd", True))
    keep_time(beside(path), change)


case("vhd_loop", ["VHD1_CHAIN"], base=child, damage=loop)


def own_parent(path):
    with Vhd(path) as v:
        v.set_header(parent_id=v.footer.unique_id, locators=bytes(192),
                     parent_name=utf16("disk.vhd", True))


case("vhd_own_parent", ["VHD1_CHAIN"], base=child, damage=own_parent,
     allow=[], also={"VHD1_ID_OF_PARENT": "it is its own parent"})
def ladder(steps):
    """That many empty layers between the disk and its parent."""
    def damage(path):
        with Vhd(path) as v:
            head, foot, below = v.header, v.footer, v.header.parent_id
            name = "base.vhd"
            for step in range(steps):
                head.update(parent_id=below, parent_timestamp=0,
                            locators=bytes(192),
                            parent_name=utf16(name, True)).seal()
                below, name = step.to_bytes(16, "big"), f"step{step}.vhd"
                if step == 0:
                    below = b"\x5a" * 16
                foot.update(unique_id=below).seal()
                with open(beside(path, name), "wb") as f:
                    f.write(bytes(foot.raw + head.raw) + b"\xff" * SECTOR +
                            bytes(foot.raw))
            v.set_header(parent_id=below, parent_timestamp=0,
                         locators=bytes(192), parent_name=utf16(name, True))
    return damage


case("vhd_chain_long", [], base=child, damage=ladder(254))
case("vhd_chain_too_deep", ["VHD1_CHAIN"], base=child, damage=ladder(255))
case("vhd_ancestor_missing", ["VHD1_ANCESTOR_MISSING"], base=three,
     damage=lambda path: os.unlink(beside(path, "root.vhd")))
case("vhd_chain_parent_damaged", ["VHD1_FEATURES"], base=child, chain=True,
     damage=lambda path: keep_time(beside(path),
                                   lambda v: v.set_footers(features=0)),
     repair=None, why="a repair is of one file: the parent is another")


# K-69: somebody writes to the parent.

case("vhd_parent_in_use", ["VHD1_PARENT_IN_USE"], base=child,
     damage=lambda path: in_use(beside(path)))
# Only a merge that is cut off makes them.
case("vhd_merge_unfinished", ["VHD1_MERGE_UNFINISHED"],
     covered_by="tests/unit/ops/test_merge_unfinished.c")
case("vhd_merge_torn", ["VHD1_MERGE_TORN"],
     covered_by="tests/unit/ops/test_merge_unfinished.c")
