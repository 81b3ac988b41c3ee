# SPDX-License-Identifier: BSD-2-Clause
"""Cases: the block allocation table of a disk without a parent (VHDX-CHK-50 to
63, 69 to 74)."""


import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from disk import same_except
from vhdx_bytes import GIB, KIB, MIB, TIB, edit

CASES = []
case = CaseList(CASES)

PENDING = "VHDX_LOG_PENDING"
LEAK = {"VHDX_LEAK": "the space that the block had belongs to nobody then"}
FAR = bases.FAR


def set_block(blk, state, off=0, reserved=0):
    """A damage: one entry of the table."""
    return edit(lambda v: v.set_block(blk, state, off, reserved))


def bump(blk, by):
    """A damage: a block lies elsewhere than it should."""
    def change(v):
        state, off = v.get_block(blk)
        v.set_block(blk, state, off + by)
    return edit(change)


def logged(damage):
    """The same damage, and the log alone knows of it."""
    def change(path):
        damage(path)
        with b.Vhdx(path) as v:
            journal.hide_table(v)
    return change


# CHK-50, 51: how long the table is

case("vhdx_bat_short", ["VHDX_BAT_SHORT"], base=bases.dynamic,
     damage=edit(lambda v: v.set_number("size", TIB)))
case("vhdx_bat_short_by_one", ["VHDX_BAT_SHORT"], base=bases.dynamic,
     damage=edit(lambda v: v.set_number(
         "size", (128 * 1024 - 31) * MIB + 512)))
case("vhdx_bat_tight", ["VHDX_BAT_TIGHT"], base=bases.blank,
     damage=edit(lambda v: v.set_number("size", 127 * GIB)))

# CHK-52 to 54

case("vhdx_bat_reserved", ["VHDX_BAT_RESERVED"], base=bases.dynamic,
     at=3 * MIB, damage=set_block(0, b.FULL, bases.END_OF_TABLE, 0x1FFFF))
case("vhdx_bat_reserved_alone", ["VHDX_BAT_RESERVED"], base=bases.dynamic,
     damage=set_block(bases.EMPTY_BLOCK, b.NOT_PRESENT, 0, 1))
case("vhdx_bat_reserved_far", ["VHDX_BAT_RESERVED"], base=bases.over_4_gib,
     damage=set_block(0, b.FULL, FAR, 1))
case("vhdx_state_4", ["VHDX_STATE_4"], base=bases.dynamic,
     damage=set_block(bases.EMPTY_BLOCK, b.RESERVED_4))
case("vhdx_state_4_of_data", ["VHDX_STATE_4"], base=bases.dynamic,
     also=LEAK, damage=set_block(0, b.RESERVED_4, bases.END_OF_TABLE))
case("vhdx_state_5", ["VHDX_STATE_5"], base=bases.dynamic,
     damage=set_block(bases.UNMAPPED_BLOCK, b.DRAFT_5))
case("vhdx_state_5_4k", ["VHDX_STATE_5"], base=bases.sectors_4k,
     damage=set_block(bases.ZERO_BLOCK, b.DRAFT_5))

# CHK-55 to 57: no space for the data


def gone(*blocks):
    """The guest reads as before, except in these blocks."""
    return same_except(*((blk * MIB, MIB) for blk in blocks))


case("vhdx_block_no_place", ["VHDX_BLOCK_NO_PLACE"], base=bases.dynamic,
     also=LEAK, damage=set_block(2, b.FULL), says="block 2 ",
     repaired_same=gone(2))
case("vhdx_block_no_place_in_log", ["VHDX_BLOCK_NO_PLACE", PENDING],
     base=bases.dynamic, also=LEAK, damage=logged(set_block(2, b.FULL)),
     repaired_same=gone(2))
case("vhdx_block_past_end", ["VHDX_BLOCK_PAST_END"], base=bases.dynamic,
     also=LEAK, damage=set_block(8, b.FULL, 64 * MIB), says="block 8 ",
     repaired_same=gone(8))
case("vhdx_block_at_end", ["VHDX_BLOCK_PAST_END"], base=bases.dynamic,
     also=LEAK, damage=bump(8, 2 * MIB), repaired_same=gone(8))
case("vhdx_block_past_2_63", ["VHDX_BLOCK_PAST_END"], base=bases.dynamic,
     also=LEAK, damage=set_block(8, b.FULL, (1 << 64) - MIB),
     repaired_same=gone(8))
case("vhdx_block_past_end_far", ["VHDX_BLOCK_PAST_END"],
     base=bases.over_4_gib, also=LEAK,
     damage=set_block(4095, b.FULL, FAR + GIB),
     repaired_same=gone(4095))
case("vhdx_block_past_end_in_log", ["VHDX_BLOCK_PAST_END", PENDING],
     base=bases.dynamic, also=LEAK,
     damage=logged(set_block(8, b.FULL, 64 * MIB)), repaired_same=gone(8))
case("vhdx_last_block_cut_off", ["VHDX_BLOCK_PAST_END"], base=bases.dynamic,
     damage=edit(lambda v: v.truncate(v.length() - MIB)),
     repaired_same=gone(11))
# What is cut off lay behind the end of the disk, or was zero, or is lost.
ODD = {"VHDX_FILE_LENGTH_ODD": "the file ends there"}
case("vhdx_block_cut", ["VHDX_BLOCK_CUT"], base=bases.odd_end, also=ODD,
     damage=edit(lambda v: v.truncate(v.length() - 512 * KIB - 100)))
case("vhdx_block_short", ["VHDX_BLOCK_SHORT"], base=bases.dynamic, also=ODD,
     damage=edit(lambda v: v.truncate(v.length() - 512 * KIB - 100)))
case("vhdx_block_short_far", ["VHDX_BLOCK_SHORT"], base=bases.over_4_gib,
     also=ODD, damage=edit(lambda v: v.truncate(v.length() - 512)),
     repaired_same=same_except((5 * GIB - 64 * KIB, 64 * KIB)))

# CHK-58: two owners

case("vhdx_blocks_overlap", ["VHDX_BLOCK_OVERLAP"], base=bases.dynamic,
     also=LEAK, damage=edit(lambda v: v.set_block(8, *v.get_block(0))),
     says="block 0 and block 8 ", repaired_same="readable")
case("vhdx_blocks_overlap_4k", ["VHDX_BLOCK_OVERLAP"], base=bases.sectors_4k,
     also=LEAK, damage=edit(lambda v: v.set_block(0, *v.get_block(11))),
     repaired_same="readable")
case("vhdx_blocks_overlap_first", ["VHDX_BLOCK_OVERLAP"], base=bases.dynamic,
     also=LEAK, damage=edit(lambda v: v.set_block(8, *v.get_block(0))),
     choice="first", repaired_same=gone(8))
case("vhdx_blocks_overlap_second", ["VHDX_BLOCK_OVERLAP"],
     base=bases.dynamic, also=LEAK, choice="second",
     damage=edit(lambda v: v.set_block(0, *v.get_block(8))),
     repaired_same=gone(0))
case("vhdx_blocks_overlap_three", ["VHDX_BLOCK_OVERLAP"], base=bases.dynamic,
     also=LEAK, damage=edit(lambda v: (v.set_block(5, *v.get_block(0)),
                                       v.set_block(8, *v.get_block(0)))),
     choice="copy", repaired_same="readable")
case("vhdx_blocks_overlap_in_part", ["VHDX_BLOCK_OVERLAP"],
     base=bases.large_blocks, also=LEAK, damage=bump(1, -2 * MIB),
     repaired_same="readable")
case("vhdx_blocks_overlap_in_chain", ["VHDX_BLOCK_OVERLAP"],
     base=bases.large_blocks, also=LEAK, damage=edit(lambda v: (
         v.set_block(1, b.FULL, bases.END_OF_TABLE + 3 * MIB),
         v.set_block(2, b.FULL, bases.END_OF_TABLE + 6 * MIB))),
     repaired_same="readable")
case("vhdx_blocks_overlap_far", ["VHDX_BLOCK_OVERLAP"],
     base=bases.over_4_gib, also=LEAK,
     damage=edit(lambda v: v.set_block(5119, *v.get_block(0))),
     repaired_same="readable")
case("vhdx_blocks_overlap_in_log", ["VHDX_BLOCK_OVERLAP", PENDING],
     base=bases.dynamic, also=LEAK, damage=logged(
         edit(lambda v: v.set_block(8, *v.get_block(0)))),
     repaired_same="readable")
case("vhdx_blocks_overlap_fixed", ["VHDX_BLOCK_OVERLAP"], base=bases.fixed,
     also=LEAK, damage=edit(lambda v: v.set_block(3, *v.get_block(1))),
     repaired_same="readable")

# CHK-59: in the way of metadata

for name, off in (("log", MIB), ("metadata", 2 * MIB), ("bat", 3 * MIB)):
    case(f"vhdx_block_in_{name}", ["VHDX_BLOCK_IN_META"], base=bases.dynamic,
         also=LEAK, damage=set_block(8, b.FULL, off), says="block 8 ",
         repaired_same=gone(8))
case("vhdx_block_runs_into_metadata", ["VHDX_BLOCK_IN_META"],
     base=bases.large_blocks, damage=set_block(1, b.FULL, 2 * MIB),
     also=dict(LEAK, VHDX_BLOCK_OVERLAP="it runs on into block 0"),
     repaired_same=same_except((4 * MIB, 4 * MIB)))


def into_stranger(v):
    """Block 8 lies in a region that we know nothing of."""
    at = v.get_block(8)[1]
    v.add_region(b.uuid.UUID(int=0xDEAD), at, MIB, 0)


case("vhdx_block_in_strange_region", ["VHDX_BLOCK_IN_META"],
     base=bases.dynamic, damage=edit(into_stranger),
     also={"VHDX_RGN_OPTIONAL": "the region"}, repaired_same=gone(8))

# CHK-60, 61: space for no data

case("vhdx_zero_with_place", ["VHDX_ZERO_WITH_PLACE"], base=bases.dynamic,
     damage=set_block(bases.ZERO_BLOCK, b.ZERO, 4 * MIB))
case("vhdx_absent_with_place", ["VHDX_ZERO_WITH_PLACE"],
     base=bases.sectors_4k,
     damage=set_block(bases.EMPTY_BLOCK, b.NOT_PRESENT, 1 << 50))


def anchor(v):
    """An unmapped block keeps a MiB that nobody else has."""
    size = v.length()
    v.truncate(size + MIB)
    v.set_block(bases.UNMAPPED_BLOCK, b.UNMAPPED, size)


case("vhdx_anchor", ["VHDX_ANCHORS"], base=bases.dynamic,
     damage=edit(anchor))
for name, off in (("block", bases.END_OF_TABLE), ("bat", 3 * MIB)):
    case(f"vhdx_anchor_in_{name}", ["VHDX_ANCHOR_OVERLAP"],
         base=bases.dynamic, also={"VHDX_ANCHORS": "it is one"},
         damage=set_block(bases.UNMAPPED_BLOCK, b.UNMAPPED, off))
case("vhdx_anchors_two", ["VHDX_ANCHOR_OVERLAP"], base=bases.dynamic,
     also={"VHDX_ANCHORS": "one of them stays"},
     damage=edit(lambda v: (anchor(v), v.set_block(
         bases.UNDEFINED_BLOCK, b.UNDEFINED, v.length() - MIB))))

# CHK-62, 63, 64: what a disk without a parent has no use for

case("vhdx_partial_alone", ["VHDX_PARTIAL_ALONE"], base=bases.dynamic,
     damage=edit(lambda v: v.set_block(8, b.PARTIAL, v.get_block(8)[1])))
case("vhdx_bat_tail", ["VHDX_BAT_TAIL"], base=bases.dynamic,
     damage=edit(lambda v: v.set_bat(12, b.FULL, 64 * MIB)))
case("vhdx_bat_tail_end", ["VHDX_BAT_TAIL"], base=bases.over_4_gib,
     damage=edit(lambda v: v.set_bat(MIB // 8 - 1, b.ZERO)))
case("vhdx_bitmap_stray", ["VHDX_BITMAP_STRAY"], base=bases.two_chunks,
     damage=edit(lambda v: v.set_bat(v.bitmap_index(0), b.FULL, 64 * MIB)))
case("vhdx_bitmap_stray_state", ["VHDX_BITMAP_STRAY"], base=bases.two_chunks,
     damage=edit(lambda v: v.set_bat(v.bitmap_index(0), b.ZERO)))

# CHK-69, 70: fixed disks

case("vhdx_fixed_hole", ["VHDX_FIXED_HOLES"], base=bases.fixed, also=LEAK,
     damage=set_block(3, b.ZERO))
case("vhdx_fixed_hole_clear", ["VHDX_FIXED_HOLES"], base=bases.fixed,
     also=LEAK, damage=set_block(3, b.ZERO), choice="clear")
case("vhdx_fixed_all_holes", ["VHDX_FIXED_HOLES"], base=bases.blank,
     also={"VHDX_FIXED_SHORT": "nothing is allocated"},
     damage=edit(lambda v: v.params().update(flags=b.PARAM_FIXED)))
case("vhdx_fixed_short", ["VHDX_FIXED_SHORT"], base=bases.fixed,
     also={"VHDX_FIXED_HOLES": "the last block has no space"},
     damage=edit(lambda v: (v.set_block(3, b.ZERO),
                            v.truncate(v.length() - MIB))))
case("vhdx_fixed_cut", ["VHDX_FIXED_SHORT", "VHDX_BLOCK_PAST_END"],
     base=bases.fixed, allow=["VHDX_FIXED_SHORT", "VHDX_BLOCK_PAST_END",
                              "VHDX_FIXED_HOLES"],
     damage=edit(lambda v: v.truncate(v.length() - MIB)),
     repaired_same=gone(3))

# CHK-71: a table without room for sector bitmaps


def not_interleaved(v):
    """As a program writes it that leaves the bitmaps' entries out."""
    v.params()["block"] = 256 * MIB
    v.set_number("size", 17 * 256 * MIB)
    v.truncate(4 * MIB + 256 * MIB)
    for blk in range(16):
        v.set_bat(blk, b.ZERO)
    v.set_bat(16, b.FULL, 4 * MIB)


case("vhdx_not_interleaved", ["VHDX_NOT_INTERLEAVED"], base=bases.blank,
     also={"VHDX_BITMAP_STRAY": "that is what the entry looks like",
           "VHDX_LEAK": "the last block"},
     damage=edit(not_interleaved))

# CHK-72: what belongs to nobody

case("vhdx_leak", ["VHDX_LEAK"], base=bases.dynamic,
     damage=edit(lambda v: v.truncate(v.length() + 3 * MIB)))
case("vhdx_leak_of_block", ["VHDX_LEAK"], base=bases.child,
     damage=set_block(1, b.NOT_PRESENT))
case("vhdx_table_lost", ["VHDX_TABLE_LOST"], base=bases.dynamic, also=LEAK,
     damage=edit(lambda v: v.write(v.bat_off(), bytes(4096))))
case("vhdx_length_odd", ["VHDX_FILE_LENGTH_ODD"], base=bases.dynamic,
     damage=edit(lambda v: v.truncate(v.length() + 512)))
case("vhdx_tail_junk", ["VHDX_TAIL_JUNK"], base=bases.dynamic,
     also={"VHDX_FILE_LENGTH_ODD": "the junk does not fill a MiB"},
     damage=edit(lambda v: v.write(v.length(), b"junk")))

# CHK-73: what the host cannot read is seen only while the host fails

case("vhdx_unreadable", ["VHDX_UNREADABLE"], deep=True,
     covered_by="tests/unit/vhdx/test_vhdx_check_deep.c")

# CHK-74: traces of a defect

case("vhdx_qemu_neighbours", ["VHDX_QEMU_727", "VHDX_BLOCK_OVERLAP"],
     base=bases.dynamic, also=LEAK,
     damage=edit(lambda v: v.set_block(1, *v.get_block(0))),
     repaired_same="readable")
case("vhdx_qemu_bitmap", ["VHDX_QEMU_727"], base=bases.two_chunks,
     also={"VHDX_BITMAP_STRAY": "the entry belongs to no disk like this"},
     damage=edit(lambda v: v.set_bat(v.bitmap_index(0), *v.get_block(4095))))
