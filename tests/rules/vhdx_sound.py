# SPDX-License-Identifier: BSD-2-Clause
"""Cases: what looks odd and is as it should be.  Nothing may be found, and a
repair has nothing to do."""

import uuid

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from vhdx_bytes import KIB, MIB, PAGE, TIB, edit

CASES = []
case = CaseList(CASES)

STRANGER = uuid.UUID("deadbeef-0000-4000-8000-000000000003")
NAMES = {"\\\\server\\share\\parent.vhdx": "unc",
         "\\\\?\\C:\\disks\\parent.vhdx": "drive"}

# Headers (VHDX-FTI-04, VHDX-HDR-08)

case("vhdx_ok_creator_full", [], base=bases.dynamic,
     damage=edit(lambda v: v.write(8, "x".encode("utf-16-le") * 256)))
case("vhdx_ok_creator_none", [], base=bases.dynamic,
     damage=edit(lambda v: v.write(8, bytes(512))))


def far_apart(v):
    """Sequence numbers need not follow each other."""
    for copy, seq in enumerate(((1 << 64) - 1, 5)):
        v.header(copy)["seq"] = seq
        v.seal_header(copy)


case("vhdx_ok_numbers_far_apart", [], base=bases.dynamic,
     damage=edit(far_apart))
case("vhdx_ok_reserved_section", [], base=bases.dynamic,
     damage=edit(lambda v: v.write(320 * KIB, b"\x55" * PAGE)))

# An empty log may hold anything and lie anywhere (VHDX-HDR-15)

case("vhdx_ok_old_entries", [], base=bases.dynamic,
     damage=edit(lambda v: (journal.pend(v), v.set_headers(
         log_guid=b.NO_GUID))))
case("vhdx_ok_log_junk", [], base=bases.dynamic,
     damage=edit(lambda v: v.write(MIB, b"\xee" * MIB)))

# Metadata (VHDX-META-03, -06, -07)

case("vhdx_ok_strange_item", [], base=bases.dynamic,
     damage=edit(lambda v: (v.write(v.meta_off() + 512 * KIB, b"strange"),
                            v.add_entry(STRANGER, 512 * KIB, 7, 0))))
case("vhdx_ok_user_item_empty", [], base=bases.child,
     damage=edit(lambda v: v.add_entry(STRANGER, 0, 0, b.META_USER)))
case("vhdx_ok_user_item_of_known_guid", [], base=bases.dynamic,
     damage=edit(lambda v: v.add_entry(b.ITEMS["size"], 0, 0, b.META_USER)))
case("vhdx_ok_metadata_free_space", [], base=bases.dynamic,
     damage=edit(lambda v: v.write(v.meta_off() + 700 * KIB, b"\xaa" * PAGE)))


def turned_round(v):
    """Items in another order of the table, and elsewhere in the region."""
    data = v.item("id")
    v.write(v.meta_off() + MIB - 16, data)
    v.item_entry("id")["off"] = MIB - 16
    first, last = v.entry(0).at, v.entry(4).at
    one, other = v.read(first, 32), v.read(last, 32)
    v.write(first, other)
    v.write(last, one)


case("vhdx_ok_items_turned_round", [], base=bases.dynamic,
     damage=edit(turned_round))

# Sizes (VHDX-ITEM-04): no whole block, no whole MiB

case("vhdx_ok_disk_of_odd_size", [], base=bases.dynamic,
     damage=edit(lambda v: v.set_number("size", bases.DISK - 512)))
case("vhdx_ok_disk_of_64_tib", [], base=bases.blank, damage=edit(lambda v: (
    v.params().update(block=256 * MIB), v.truncate(16 * MIB),
    v.set_region(b.BAT_GUID, len=3 * MIB), v.truncate(6 * MIB),
    v.set_number("size", 64 * TIB))))

# Parents (VHDX-PAR-03, -10, -14)


def more_pairs(**more):
    """A damage that is none: further strings in the locator."""
    return edit(lambda v: v.set_pairs(dict(v.pairs(), **more)))


case("vhdx_ok_strange_key", [], base=bases.child,
     damage=more_pairs(colour="blue"))
case("vhdx_ok_linkage2", [], base=bases.child, damage=edit(
    lambda v: v.set_pairs(dict(
        v.pairs(), parent_linkage=f"{{{STRANGER}}}",
        parent_linkage2=v.pairs()["parent_linkage"]))))
for text, kind in NAMES.items():
    case(f"vhdx_ok_absolute_{kind}", [], base=bases.child,
         damage=more_pairs(absolute_win32_path=text if kind == "drive"
                           else "\\\\?\\UNC" + text[1:]))
