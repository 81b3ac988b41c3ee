# SPDX-License-Identifier: BSD-2-Clause
"""Cases: the table of a differencing disk, and its sector bitmaps (VHDX-CHK-58
to 68)."""

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from disk import same_except
from vhdx_bytes import GIB, KIB, MIB, edit
from vhdx_make import link, make

CASES = []
case = CaseList(CASES)

PENDING = "VHDX_LOG_PENDING"
LEAK = {"VHDX_LEAK": "the space that it had belongs to nobody then"}
IDLE = {"VHDX_BITMAP_IDLE": "no block needs the bitmap then"}
PARTIAL, FULL = bases.CHILD_PARTIAL, bases.CHILD_FULL


def gone(*blocks):
    """The guest reads as before, except in these blocks."""
    return same_except(*((blk * MIB, MIB) for blk in blocks))


def set_bitmap(state, off=0, chunk=0, reserved=0):
    """A damage: the entry of a sector bitmap."""
    return edit(lambda v: v.set_bat(v.bitmap_index(chunk), state, off,
                                    reserved))


# Blocks of a child, as of any disk

case("vhdx_child_state_4", ["VHDX_STATE_4"], base=bases.child,
     damage=edit(lambda v: v.set_block(6, b.RESERVED_4)))
case("vhdx_child_state_5", ["VHDX_STATE_5"], base=bases.child,
     damage=edit(lambda v: v.set_block(bases.CHILD_ZERO, b.DRAFT_5)))
case("vhdx_child_bat_reserved", ["VHDX_BAT_RESERVED"], base=bases.child,
     damage=set_bitmap(b.FULL, bases.CHILD_BITMAP, reserved=3))
case("vhdx_child_bat_tail", ["VHDX_BAT_TAIL"], base=bases.child,
     damage=edit(lambda v: v.set_bat(4097, b.FULL, 5 * MIB)))
case("vhdx_child_bat_gap", ["VHDX_BAT_TAIL"], base=bases.child,
     damage=edit(lambda v: v.set_bat(12, b.FULL, 5 * MIB)))
case("vhdx_child_full_no_place", ["VHDX_BLOCK_NO_PLACE"], base=bases.child,
     also=LEAK, damage=edit(lambda v: v.set_block(FULL, b.FULL)),
     repaired_same=gone(FULL))
case("vhdx_child_partial_no_place", ["VHDX_BLOCK_NO_PLACE"],
     base=bases.child, also=LEAK, after=IDLE,
     damage=edit(lambda v: v.set_block(PARTIAL, b.PARTIAL)),
     repaired_same=gone(PARTIAL))
case("vhdx_child_full_past_end", ["VHDX_BLOCK_PAST_END"], base=bases.child,
     also=LEAK, damage=edit(lambda v: v.set_block(FULL, b.FULL, GIB)),
     repaired_same=gone(FULL))
case("vhdx_child_partial_past_end", ["VHDX_BLOCK_PAST_END"],
     base=bases.child_4k, also=LEAK, after=IDLE,
     damage=edit(lambda v: v.set_block(PARTIAL, b.PARTIAL, GIB)),
     repaired_same=gone(PARTIAL))
case("vhdx_child_blocks_overlap", ["VHDX_BLOCK_OVERLAP"],
     base=bases.child_two_chunks, also=LEAK,
     damage=edit(lambda v: v.set_block(4096, b.PARTIAL, v.get_block(0)[1])),
     repaired_same="readable")
case("vhdx_child_block_over_bitmap", ["VHDX_BLOCK_OVERLAP"],
     base=bases.child, also=LEAK, says="sector bitmap of chunk 0",
     damage=edit(lambda v: v.set_block(FULL, b.FULL, bases.CHILD_BITMAP)),
     repaired_same="readable")
case("vhdx_child_bitmaps_overlap", ["VHDX_BLOCK_OVERLAP"],
     base=bases.child_two_chunks, also=LEAK,
     damage=edit(lambda v: v.set_bat(v.bitmap_index(1), *v.get_bat(
         v.bitmap_index(0)))), repaired_same="readable")
case("vhdx_child_block_in_bat", ["VHDX_BLOCK_IN_META"], base=bases.child,
     also=LEAK, damage=edit(lambda v: v.set_block(FULL, b.FULL, 3 * MIB)),
     repaired_same=gone(FULL))
case("vhdx_child_bitmap_in_bat", ["VHDX_BLOCK_IN_META"], base=bases.child,
     also=LEAK, after={"VHDX_BITMAP_MISSING": "block 0 has lost its bitmap"},
     damage=set_bitmap(b.FULL, 3 * MIB),
     repaired_same=gone(PARTIAL))
case("vhdx_child_zero_with_place", ["VHDX_ZERO_WITH_PLACE"],
     base=bases.child, damage=edit(lambda v: v.set_block(
         bases.CHILD_ZERO, b.ZERO, 4 * MIB)))
case("vhdx_child_no_bitmap_with_place", ["VHDX_ZERO_WITH_PLACE"],
     base=bases.child, damage=edit(lambda v: (
         v.set_block(PARTIAL, b.FULL, v.get_block(PARTIAL)[1]),
         v.set_bat(v.bitmap_index(0), b.NOT_PRESENT, bases.CHILD_BITMAP))),
     also=LEAK, repaired_same="readable")
case("vhdx_child_anchor_in_use", ["VHDX_ANCHOR_OVERLAP"], base=bases.child,
     also={"VHDX_ANCHORS": "it is one"},
     damage=edit(lambda v: v.set_block(9, b.UNMAPPED, bases.CHILD_BITMAP)),
     repaired_same="readable")

# CHK-65: a bitmap's entry that cannot be


def no_partial(v):
    """The partial block becomes full, so that nobody needs the bitmap."""
    v.set_block(PARTIAL, b.FULL, v.get_block(PARTIAL)[1])


def idle_bitmap(state, off):
    """A damage: nobody needs the bitmap, and its entry is wrong."""
    return edit(lambda v: (no_partial(v), v.set_bat(v.bitmap_index(0), state,
                                                    off)))


case("vhdx_bitmap_state_3", ["VHDX_BITMAP_STATE"], base=bases.child,
     also=LEAK, damage=idle_bitmap(b.UNMAPPED, bases.CHILD_BITMAP),
     repaired_same="readable")
case("vhdx_bitmap_state_7", ["VHDX_BITMAP_STATE"], base=bases.child_4k,
     also=LEAK, damage=idle_bitmap(b.PARTIAL, bases.CHILD_BITMAP),
     repaired_same="readable")
case("vhdx_bitmap_no_place", ["VHDX_BITMAP_STATE"], base=bases.child,
     also=LEAK, damage=idle_bitmap(b.FULL, 0), repaired_same="readable")
case("vhdx_bitmap_past_end", ["VHDX_BITMAP_STATE"], base=bases.child,
     also=LEAK, damage=idle_bitmap(b.FULL, GIB), repaired_same="readable")
case("vhdx_bitmap_cut", ["VHDX_BITMAP_STATE"], base=bases.child,
     also={"VHDX_FILE_LENGTH_ODD": "the file ends there"},
     damage=edit(lambda v: (no_partial(v), v.truncate(
         v.length() - 512 * KIB))), repaired_same="readable")
case("vhdx_bitmap_past_end_needed", ["VHDX_BITMAP_STATE"], base=bases.child,
     also=dict(LEAK, VHDX_BITMAP_MISSING="block 0 needs it"),
     damage=set_bitmap(b.FULL, GIB),
     after={"VHDX_BITMAP_MISSING": "and has to be told what block 0 is"},
     repaired_same=gone(PARTIAL))

def hide_bitmap_page(v):
    """The log alone knows the page of the table that has the bitmap's
    entry."""
    at = (v.bat_off() + 8 * v.bitmap_index(0)) // b.PAGE * b.PAGE
    page = v.read(at, b.PAGE)
    v.write(at, b"\x33" * b.PAGE)
    journal.pend(v, (at, page))


# CHK-66: the owner must say which of the two is to be believed


for choice in ("file", "parent"):
    case(f"vhdx_bitmap_missing_{choice}", ["VHDX_BITMAP_MISSING"],
         base=bases.child, also=LEAK, damage=set_bitmap(b.NOT_PRESENT),
         says="block 0 ", choice=choice, repaired_same=gone(PARTIAL))
    case(f"vhdx_bitmap_missing_chunk_1_{choice}", ["VHDX_BITMAP_MISSING"],
         base=bases.child_two_chunks, also=LEAK, choice=choice,
         says="block 4096 ", damage=set_bitmap(b.NOT_PRESENT, chunk=1),
         repaired_same=gone(4096))
case("vhdx_bitmap_missing_in_log", ["VHDX_BITMAP_MISSING", PENDING],
     base=bases.child, also=LEAK, choice="file", damage=edit(lambda v: (
         v.set_bat(v.bitmap_index(0), b.NOT_PRESENT), hide_bitmap_page(v))),
     repaired_same=gone(PARTIAL))

# CHK-67, 68: bitmaps that say nothing

case("vhdx_bitmap_idle", ["VHDX_BITMAP_IDLE"], base=bases.child,
     damage=edit(no_partial), repaired_same="readable")
case("vhdx_bitmap_idle_other_chunk", ["VHDX_BITMAP_IDLE"],
     base=bases.child_two_chunks, damage=edit(lambda v: v.set_block(
         4096, b.FULL, v.get_block(4096)[1])), repaired_same="readable")
case("vhdx_bitmap_full", ["VHDX_BITMAP_FULL"], base=bases.child, deep=True,
     damage=edit(lambda v: v.set_bits(PARTIAL, 0, 2048)))
case("vhdx_bitmap_full_4k", ["VHDX_BITMAP_FULL"], base=bases.child_4k,
     deep=True, damage=edit(lambda v: v.set_bits(PARTIAL, 0, 256)))
case("vhdx_bitmap_empty", ["VHDX_BITMAP_EMPTY"], base=bases.child, deep=True,
     damage=edit(lambda v: v.set_bits(PARTIAL, 0, 2048, 0)))


def odd_end(builder):
    """A child whose disk ends in its last block, which is partial."""
    parent, path = builder.path("parent.vhdx"), builder.path("image.vhdx")
    size, runs = 2 * MIB + 64 * KIB, ((2 * MIB, b"end of disk".ljust(4096)),)
    make(parent, size)
    make(path, size, runs=runs, states={2: b.PARTIAL}, pairs=link(parent))
    return path


case("vhdx_bitmap_beyond", ["VHDX_BITMAP_BEYOND"], base=odd_end, deep=True,
     damage=edit(lambda v: v.set_bits(2, 2000, 8)))
case("vhdx_bitmap_beyond_by_one", ["VHDX_BITMAP_BEYOND"], base=odd_end,
     deep=True, damage=edit(lambda v: v.set_bits(2, 128, 1)))
