# SPDX-License-Identifier: BSD-2-Clause
"""Cases: parent locators and chains (VHDX-CHK-80 to 91).  What is done to a
parent leaves its time stamp, unless it is about that."""

import functools
import os
import uuid

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from harness import noise
from vhdx_bytes import KIB, MIB, edit, steps
from vhdx_make import DATA_WRITE, link, make

CASES = []
case = CaseList(CASES)

OTHER = uuid.UUID("99999999-8888-7777-6666-555555555555")
GIVEN = ["--parent", "parent.vhdx"]


def beside(path, name):
    """Another file of the image's folder."""
    return os.path.join(os.path.dirname(path), name)


def in_parent(function, name="parent.vhdx"):
    """A damage of another file, which keeps its times."""
    def damage(path):
        other = beside(path, name)
        times = os.stat(other)
        edit(function)(other)
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    return damage


def pairs(**changes):
    """A damage: other strings in the locator; None takes one out."""
    def change(v):
        now = v.pairs()
        now.update(changes)
        v.set_pairs({k: t for k, t in now.items() if t is not None})
    return edit(change)


# CHK-80, 81: what the locator looks like

case("vhdx_locator_type", ["VHDX_LOCATOR_TYPE"], base=bases.child,
     damage=edit(lambda v: v.locator().update(type=OTHER)))
case("vhdx_locator_type_zero", ["VHDX_LOCATOR_TYPE"], base=bases.child_4k,
     damage=edit(lambda v: v.set_item("locator", bytes(20))))
for name, values in {
        "key_at_0": {"key_off": 0}, "key_of_0": {"key_len": 0},
        "value_of_0": {"value_len": 0}, "value_odd": {"value_len": 75},
        "value_past_item": {"value_off": 1000},
        "value_past_2_32": {"value_off": 0xFFFFFFFE},
        "key_in_entries": {"key_off": 20}}.items():
    case(f"vhdx_locator_{name}", ["VHDX_LOCATOR_FORM"], base=bases.child,
         damage=edit(lambda v, values=values: v.pair(0).update(**values)),
         repair_args=GIVEN)
case("vhdx_locator_nul", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=pairs(relative_path=".\\parent.vhdx\0"), repair_args=GIVEN)
case("vhdx_locator_key_twice", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=edit(lambda v: v.write(v.pair(1).at, v.read(v.pair(0).at, 12))),
     repair_args=GIVEN)
case("vhdx_locator_pairs_past_item", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=edit(lambda v: v.locator().update(count=200)),
     repair_args=GIVEN)
case("vhdx_locator_too_short", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=edit(lambda v: v.item_entry("locator").update(len=19)),
     repair_args=GIVEN)
case("vhdx_locator_empty", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=edit(lambda v: v.item_entry("locator").update(len=0, off=0)),
     repair_args=GIVEN)
case("vhdx_locator_no_parent_given", ["VHDX_LOCATOR_FORM"], base=bases.child,
     damage=edit(lambda v: v.locator().update(count=200)), repair=None,
     why="no parent is given that could be recorded")


def many_pairs(v):
    """More pairs than anybody writes; the first two are the right ones."""
    now = v.pairs()
    now.update({f"k{i}": "v" for i in range(255)})
    v.set_pairs(now)


case("vhdx_locator_257_pairs", ["VHDX_LOCATOR_COUNT"], base=bases.child,
     damage=edit(many_pairs))

# CHK-82: who the parent is

case("vhdx_linkage_none", ["VHDX_LINKAGE"], base=bases.child,
     damage=pairs(parent_linkage=None), repair_args=GIVEN)
case("vhdx_linkage_no_guid", ["VHDX_LINKAGE"], base=bases.child,
     damage=pairs(parent_linkage="{not a guid}"), repair_args=GIVEN)
case("vhdx_linkage_case_of_key", ["VHDX_LINKAGE"], base=bases.child,
     damage=edit(lambda v: v.set_pairs({
         k.replace("parent", "Parent"): t for k, t in v.pairs().items()})),
     repair_args=GIVEN)
case("vhdx_linkage_no_parent_given", ["VHDX_LINKAGE"], base=bases.child,
     damage=pairs(parent_linkage=None), repair=None,
     why="no parent is given that could be recorded")

# CHK-83, 84: where it is, and whether it is the one

case("vhdx_parent_no_path", ["VHDX_PARENT_NO_PATH"], base=bases.child,
     also={"VHDX_PARENT_MISSING": "that is why"},
     damage=pairs(relative_path=None), repair_args=GIVEN)
case("vhdx_parent_moved", ["VHDX_PARENT_MISSING"], base=bases.child,
     damage=lambda path: os.rename(beside(path, "parent.vhdx"),
                                   beside(path, "moved.vhdx")),
     repair_args=["--parent", "moved.vhdx"])
case("vhdx_parent_deleted", ["VHDX_PARENT_MISSING"], base=bases.child,
     damage=lambda path: os.unlink(beside(path, "parent.vhdx")), repair=None,
     why="the parent is gone")
case("vhdx_parent_named_wrongly", ["VHDX_PARENT_MISSING"],
     base=bases.child, damage=pairs(relative_path=".\\nobody.vhdx"),
     repair_args=GIVEN)
case("vhdx_parent_elsewhere", ["VHDX_PARENT_MISSING"], base=bases.child,
     damage=steps(lambda path: os.mkdir(beside(path, "sub")),
                  lambda path: os.rename(beside(path, "parent.vhdx"),
                                         beside(path, "sub/base.vhdx"))),
     repair_args=["--parent", "sub/base.vhdx"])
case("vhdx_parent_is_no_image", ["VHDX_PARENT_MISSING"], base=bases.child,
     damage=in_parent(lambda v: v.truncate(0)), repair=None,
     why="the parent holds nothing any more")
case("vhdx_parent_changed", ["VHDX_PARENT_ID"], base=bases.child,
     damage=in_parent(lambda v: v.set_headers(data_write=OTHER)),
     repair_args=GIVEN)
case("vhdx_parent_linkage_wrong", ["VHDX_PARENT_ID"], base=bases.child,
     damage=pairs(parent_linkage=f"{{{OTHER}}}"), repair_args=GIVEN)
# A zero must not match (VHDX-PAR-12).
case("vhdx_parent_both_zero", ["VHDX_PARENT_ID"], base=bases.child,
     damage=steps(in_parent(lambda v: v.set_headers(data_write=b.NO_GUID)),
                  pairs(parent_linkage=f"{{{b.NO_GUID}}}")), repair=None,
     why="a parent without an id cannot be recorded")
case("vhdx_middle_changed", ["VHDX_PARENT_ID"], base=bases.grandchild,
     damage=in_parent(lambda v: v.set_headers(data_write=OTHER),
                      "middle.vhdx"), repair_args=["--parent", "middle.vhdx"])

# CHK-85: style

case("vhdx_locator_absolute_plain", ["VHDX_LOCATOR_STYLE"],
     base=bases.child_of_two_names,
     damage=pairs(absolute_win32_path="C:\\disks\\parent.vhdx"))
case("vhdx_locator_linkage2_zero", ["VHDX_LOCATOR_STYLE"], base=bases.child,
     damage=pairs(parent_linkage2=f"{{{b.NO_GUID}}}"))
case("vhdx_locator_linkage2_no_guid", ["VHDX_LOCATOR_STYLE"],
     base=bases.child, damage=pairs(parent_linkage2="x"))
case("vhdx_locator_linkage_capitals", ["VHDX_LOCATOR_STYLE"],
     base=bases.child,
     damage=pairs(parent_linkage=f"{{{str(DATA_WRITE).upper()}}}"))
case("vhdx_locator_linkage_bare", ["VHDX_LOCATOR_STYLE"], base=bases.child,
     damage=pairs(parent_linkage=str(DATA_WRITE)))

case("vhdx_locator_key_capitals", ["VHDX_LOCATOR_STYLE"], base=bases.child,
     damage=pairs(Volume_Path="\\\\?\\Volume{00112233-4455-6677-8899-"
                  "aabbccddeeff}\\parent.vhdx"))

# CHK-86, 87: parents that do not fit


def parent_again(path, **other):
    """The parent, made anew with something different."""
    name = beside(path, "parent.vhdx")
    times = os.stat(name)
    os.unlink(name)
    make(name, **dict({"size": bases.DISK, "runs": bases.RUNS,
                       "states": bases.STATES}, **other))
    os.utime(name, ns=(times.st_atime_ns, times.st_mtime_ns))


case("vhdx_parent_sector", ["VHDX_PARENT_SECTOR"], base=bases.child,
     damage=functools.partial(parent_again, sector=4096))
case("vhdx_parent_larger", ["VHDX_PARENT_SIZE"], base=bases.child,
     damage=functools.partial(parent_again, size=14 * MIB))
case("vhdx_parent_smaller", ["VHDX_PARENT_SIZE"], base=bases.child,
     damage=functools.partial(parent_again, size=9 * MIB, runs=bases.RUNS[:2]))
case("vhdx_parent_disk_id", ["VHDX_PARENT_DISK_ID"], base=bases.child,
     damage=edit(lambda v: v.set_item("id", OTHER.bytes_le)))

# CHK-88: chains without end


def loop(path):
    """The middle one names the image as its parent."""
    edit(lambda v: v.set_pairs(dict(v.pairs(),
                                    relative_path=".\\image.vhdx")))(
        beside(path, "middle.vhdx"))
    edit(lambda v: v.set_headers(data_write=DATA_WRITE))(path)


case("vhdx_chain_loop", ["VHDX_CHAIN"], base=bases.grandchild, damage=loop)


def own_parent(path):
    """The image names itself."""
    pairs(relative_path=".\\image.vhdx")(path)


case("vhdx_chain_self", ["VHDX_CHAIN"], base=bases.child, damage=own_parent)


def own_parent_linked(path):
    """The image names itself, through a hard link."""
    os.link(path, beside(path, "other.vhdx"))
    pairs(relative_path=".\\other.vhdx")(path)


case("vhdx_chain_self_linked", ["VHDX_CHAIN"], base=bases.child,
     damage=own_parent_linked)


def deep(path):
    """300 layers, each on the one before."""
    name, top = beside(path, "parent.vhdx"), None
    for i in range(300):
        top = beside(path, f"layer{i}.vhdx")
        make(top, bases.DISK, pairs=link(name))
        name = top
    pairs(relative_path=".\\" + os.path.basename(top))(path)


case("vhdx_chain_300", ["VHDX_CHAIN"], base=bases.child, damage=deep)

# CHK-89, 90: the parent is the right one, and yet

case("vhdx_parent_pending", ["VHDX_PARENT_PENDING"], base=bases.child,
     damage=in_parent(journal.hide_table))


def newer(path):
    """Somebody has written the parent after the child."""
    parent, child = beside(path, "parent.vhdx"), os.stat(path)
    os.utime(parent, ns=(child.st_atime_ns, child.st_mtime_ns + 10 ** 11))


case("vhdx_parent_newer", ["VHDX_PARENT_TIME"], base=bases.child,
     damage=newer)
case("vhdx_path_stale", ["VHDX_PATH_STALE"], base=bases.child,
     damage=pairs(relative_path="..\\gone\\parent.vhdx"),
     repair_args=GIVEN)
case("vhdx_path_stale_case", ["VHDX_PATH_STALE"], base=bases.child,
     damage=pairs(relative_path=".\\PARENT.vhdx"), repair_args=GIVEN)

# CHK-91: beside the image


def touch(ext):
    """A damage: another file appears."""
    def damage(path):
        with open(path + ext, "wb") as f:
            f.write(b"x")
    return damage


# Only a merge that is cut off makes them.
case("vhdx_merge_unfinished", ["VHDX_MERGE_UNFINISHED"],
     covered_by="tests/unit/ops/test_merge_unfinished.c")
case("vhdx_merge_torn", ["VHDX_MERGE_TORN"],
     covered_by="tests/unit/ops/test_merge_unfinished.c")
case("vhdx_rct_beside", ["VHDX_SIDE_FILE"], base=bases.dynamic,
     damage=touch(".rct"))
case("vhdx_mrt_beside", ["VHDX_SIDE_FILE"], base=bases.child,
     damage=touch(".mrt"))


def vhds(builder):
    """An image that somebody gave the name of a set."""
    path = builder.path("shared.vhds")
    make(path, bases.DISK, runs=bases.RUNS)
    return path


def make_set(path):
    """What a set holds is not known; it is no VHDX."""
    with open(path, "wb") as f:
        f.write(noise("set", 64 * KIB))


case("vhdx_set", ["VHDX_IS_VHDS"], base=vhds, damage=make_set)

# The links hold for parents, and what is wrong inside them shows with --chain.

case("vhdx_parent_damaged_unasked", ["VHDX_PARENT_TIME"], base=bases.child,
     damage=steps(in_parent(lambda v: v.set_block(8, *v.get_block(0))),
                  newer))
for rule, name, damage in (
        ("VHDX_BLOCK_OVERLAP", "overlap",
         lambda v: v.set_block(8, *v.get_block(0))),
        ("VHDX_STATE_4", "state_4",
         lambda v: v.set_block(10, b.RESERVED_4)),
        ("VHDX_HDR_ONE_BAD", "header",
         lambda v: v.write(b.HEADER_OFF[0], bytes(4096))),
        ("VHDX_RGN_ONE_BAD", "regions",
         lambda v: v.write(b.REGIONS_OFF[1], bytes(4096)))):
    case(f"vhdx_parent_{name}", [rule], base=bases.child, chain=True,
         also={"VHDX_LEAK": "a block of the parent"},
         damage=in_parent(damage), repair=None,
         why="a repair mends the file that it is given, not its parents")
case("vhdx_ancestor_gone", ["VHDX_PARENT_MISSING"], base=bases.grandchild,
     damage=lambda path: os.unlink(beside(path, "parent.vhdx")), repair=None,
     why="the layer to be mended is another file")
case("vhdx_ancestor_changed", ["VHDX_PARENT_ID"], base=bases.grandchild,
     damage=in_parent(lambda v: v.set_headers(data_write=OTHER)), repair=None,
     why="the layer to be mended is another file")
