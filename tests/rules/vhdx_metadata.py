# SPDX-License-Identifier: BSD-2-Clause
"""Cases: metadata table and items (VHDX-CHK-30 to 42)."""

import struct
import uuid

import vhdx_bases as bases
import vhdx_bytes as b
from case import CaseList
from disk import same_except
from vhdx_bytes import ITEMS, KIB, MIB, TIB, edit

CASES = []
case = CaseList(CASES)

STRANGER = uuid.UUID("deadbeef-0000-4000-8000-000000000002")
# Room in the metadata region, behind what is there.
FREE = 512 * KIB


def users(v, count):
    """Entries of users, each of its own GUID and empty."""
    for i in range(count):
        v.add_entry(uuid.UUID(int=i + 1), 0, 0, b.META_USER)


# CHK-30

case("vhdx_metadata_signature", ["VHDX_META_SIGNATURE"], base=bases.dynamic,
     at=2 * MIB, damage=edit(lambda v: v.table().update(signature=b"metadatA")))
case("vhdx_metadata_wiped", ["VHDX_META_SIGNATURE"], base=bases.child,
     damage=edit(lambda v: v.write(v.meta_off(), bytes(64 * KIB))))
case("vhdx_metadata_count", ["VHDX_META_COUNT"], base=bases.dynamic,
     damage=edit(lambda v: v.table().update(count=2048)))
case("vhdx_metadata_users", ["VHDX_META_COUNT"], base=bases.dynamic,
     damage=edit(lambda v: users(v, 1025)))

# CHK-31


def twice(v, name, change=b""):
    """A second entry for a known item, with a copy of its bytes."""
    data = v.item(name)
    v.write(v.meta_off() + FREE, change + data[len(change):])
    v.add_entry(ITEMS[name], FREE, len(data), b.ITEM_FLAGS[name])


case("vhdx_item_twice", ["VHDX_META_DUPLICATE"], base=bases.dynamic,
     damage=edit(lambda v: twice(v, "id")))
case("vhdx_item_twice_at_one_place", ["VHDX_META_DUPLICATE"],
     base=bases.dynamic, damage=edit(lambda v: v.add_entry(
         ITEMS["size"], v.item_entry("size")["off"], 8, 6)))
case("vhdx_item_twice_unlike", ["VHDX_META_DUPLICATE"], base=bases.dynamic,
     damage=edit(lambda v: twice(v, "size", b"\0\0\x10")), repair=None,
     why="the two disagree, and nothing tells which is right")

# CHK-32

for name in ("params", "size", "sector", "physical", "id"):
    case(f"vhdx_item_{name}_past_region", ["VHDX_META_PLACE"],
         base=bases.dynamic, damage=edit(
             lambda v, name=name: v.item_entry(name).update(off=MIB)))
case("vhdx_item_in_table", ["VHDX_META_PLACE"], base=bases.dynamic,
     damage=edit(lambda v: v.item_entry("id").update(off=32 * KIB)))
case("vhdx_item_past_2_32", ["VHDX_META_PLACE"], base=bases.dynamic,
     damage=edit(lambda v: v.item_entry("size").update(off=0xFFFFFFFC)))
case("vhdx_item_locator_past_region", ["VHDX_META_PLACE"], base=bases.child,
     damage=edit(lambda v: v.item_entry("locator").update(off=MIB - 20)))
case("vhdx_item_locator_too_long", ["VHDX_META_PLACE"], base=bases.child,
     damage=edit(lambda v: v.item_entry("locator").update(len=MIB + 1)))
case("vhdx_item_stranger_past_region", ["VHDX_META_PLACE_OPT"],
     base=bases.dynamic, damage=edit(lambda v: v.add_entry(
         STRANGER, MIB, 16, 0)))
case("vhdx_item_stranger_empty_with_place", ["VHDX_META_PLACE_OPT"],
     base=bases.dynamic, damage=edit(lambda v: v.add_entry(
         STRANGER, FREE, 0, 0)))
case("vhdx_item_user_past_region", ["VHDX_META_PLACE_OPT"], base=bases.child,
     damage=edit(lambda v: v.add_entry(STRANGER, 0xFFFFF000, 64, 1)))
case("vhdx_item_stranger_overlaps", ["VHDX_META_OVERLAP"],
     base=bases.dynamic, damage=edit(lambda v: v.add_entry(
         STRANGER, v.item_entry("size")["off"], 8, 0)))
case("vhdx_items_known_overlap", ["VHDX_META_OVERLAP"], base=bases.dynamic,
     damage=edit(lambda v: (v.set_number("sector", 512), v.write(
         v.item_off("id"), struct.pack("<I", 512)), v.item_entry(
             "sector").update(off=v.item_entry("id")["off"]))))

# CHK-33

case("vhdx_item_required", ["VHDX_META_REQUIRED"], base=bases.dynamic,
     damage=edit(lambda v: v.add_entry(STRANGER, FREE, 16, 4)))
case("vhdx_item_incomplete", ["VHDX_META_INCOMPLETE"], base=bases.dynamic,
     damage=edit(lambda v: v.add_entry(b.INCOMPLETE_GUID, 0, 0, 4)))

# CHK-34

case("vhdx_item_no_id", ["VHDX_META_MISSING"], base=bases.dynamic,
     damage=edit(lambda v: v.drop_entry("id")))
case("vhdx_item_no_physical", ["VHDX_META_MISSING"], base=bases.sectors_4k,
     damage=edit(lambda v: v.drop_entry("physical")))
case("vhdx_item_no_size", ["VHDX_META_MISSING"], base=bases.dynamic,
     damage=edit(lambda v: v.drop_entry("size")), repair=None,
     why="nothing else says how large the disk is")
case("vhdx_item_no_params", ["VHDX_META_MISSING"], base=bases.dynamic,
     damage=edit(lambda v: v.drop_entry("params")), repair=None,
     why="nothing else says how large a block is")
case("vhdx_item_no_sector", ["VHDX_META_MISSING"], base=bases.dynamic,
     damage=edit(lambda v: v.drop_entry("sector")), repair=None,
     why="nothing else says how large a sector is")
case("vhdx_item_none", ["VHDX_META_MISSING"], base=bases.dynamic,
     damage=edit(lambda v: v.table().update(count=0)), repair=None,
     why="nothing says what the disk is")
# The bytes are there, and their right number is known.
for name in ("params", "size", "sector", "physical", "id"):
    case(f"vhdx_item_{name}_short", ["VHDX_META_LENGTH"], base=bases.dynamic,
         damage=edit(lambda v, name=name: v.item_entry(name).update(len=2)))

# CHK-35

case("vhdx_item_flags_4", ["VHDX_META_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: [v.item_entry(n).update(flags=4)
                            for n in ("size", "sector", "physical", "id")]))
case("vhdx_item_flags_reserved", ["VHDX_META_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: v.item_entry("id").update(flags=0x80000006)))
case("vhdx_item_reserved", ["VHDX_META_FLAGS"], base=bases.child,
     damage=edit(lambda v: v.item_entry("id").update(reserved=9)))
case("vhdx_metadata_reserved", ["VHDX_META_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: v.table().update(reserved=1)))
case("vhdx_metadata_reserved2", ["VHDX_META_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: v.table().update(reserved2=b"x" * 20)))

# CHK-36 to 39: numbers

for size in (0, 3 * MIB, 512 * KIB, 512 * MIB, MIB + 1):
    case(f"vhdx_block_size_{size}", ["VHDX_BLOCK_SIZE"], base=bases.dynamic,
         damage=edit(lambda v, size=size: v.params().update(block=size)))
for size in (0, 520, 1024, 8192):
    case(f"vhdx_logical_sector_{size}", ["VHDX_LOGICAL_SECTOR"],
         base=bases.dynamic,
         damage=edit(lambda v, size=size: v.set_number("sector", size)))
for size in (0, 513, 8192):
    case(f"vhdx_physical_sector_{size}", ["VHDX_PHYSICAL_SECTOR"],
         base=bases.dynamic,
         damage=edit(lambda v, size=size: v.set_number("physical", size)))
case("vhdx_physical_below_logical", ["VHDX_PHYSICAL_SECTOR"],
     base=bases.sectors_4k,
     damage=edit(lambda v: v.set_number("physical", 512)))
case("vhdx_disk_size_odd", ["VHDX_DISK_SIZE"], base=bases.dynamic,
     damage=edit(lambda v: v.set_number("size", 12 * MIB - 100)))
case("vhdx_disk_size_odd_4k", ["VHDX_DISK_SIZE"], base=bases.sectors_4k,
     damage=edit(lambda v: v.set_number("size", 12 * MIB - 512)))
case("vhdx_disk_size_over_64_tib", ["VHDX_DISK_SIZE"], base=bases.dynamic,
     damage=edit(lambda v: v.set_number("size", 64 * TIB + 512)))
case("vhdx_disk_size_past_2_63", ["VHDX_DISK_SIZE"], base=bases.dynamic,
     damage=edit(lambda v: v.set_number("size", 1 << 63)))
case("vhdx_disk_empty", ["VHDX_DISK_EMPTY"], base=bases.blank,
     damage=edit(lambda v: v.set_number("size", 0)))

# CHK-40, 41, 42: kinds of disk

case("vhdx_param_flags", ["VHDX_PARAM_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: v.params().update(flags=0x10)))
case("vhdx_param_flags_child", ["VHDX_PARAM_FLAGS"], base=bases.child,
     damage=edit(lambda v: v.params().update(flags=0x80000002)))
case("vhdx_param_both", ["VHDX_PARAM_BOTH"], base=bases.child,
     damage=edit(lambda v: v.params().update(flags=3)))
case("vhdx_locator_missing", ["VHDX_LOCATOR_MISSING"], base=bases.child,
     damage=edit(lambda v: v.drop_entry("locator")),
     repair_args=["--parent", "parent.vhdx"])
case("vhdx_locator_missing_no_parent_given", ["VHDX_LOCATOR_MISSING"],
     base=bases.child, damage=edit(lambda v: v.drop_entry("locator")),
     repair=None, why="no parent is given that could be recorded")
case("vhdx_locator_missing_alone", ["VHDX_LOCATOR_MISSING"], base=bases.child,
     damage=edit(lambda v: v.drop_entry("locator")), choice="alone",
     after={"VHDX_PARTIAL_ALONE": "block 0 is not whole without the parent",
            "VHDX_BITMAP_STRAY": "and its bitmap is of no use",
            "VHDX_BAT_TAIL": "which no block of this disk has an entry for"},
     repaired_same=same_except((0, MIB), (3 * MIB, 9 * MIB)))
case("vhdx_parent_bit_lost", ["VHDX_LOCATOR_STRAY", "VHDX_PARTIAL_ALONE",
                              "VHDX_BAT_TAIL"],
     base=bases.child, damage=edit(lambda v: v.params().update(flags=0)),
     also={"VHDX_LEAK": "the bitmap"}, choice="child",
     allow=["VHDX_LOCATOR_STRAY"])


def stray(v):
    """A locator in a disk without a parent."""
    data = b.locator_item({"parent_linkage": f"{{{STRANGER}}}",
                           "relative_path": ".\\gone.vhdx"})
    v.write(v.meta_off() + FREE, data)
    v.add_entry(ITEMS["locator"], FREE, len(data), 4)


case("vhdx_locator_stray", ["VHDX_LOCATOR_STRAY"], base=bases.dynamic,
     damage=edit(stray))
case("vhdx_locator_stray_fixed", ["VHDX_LOCATOR_STRAY"], base=bases.fixed,
     damage=edit(stray))
