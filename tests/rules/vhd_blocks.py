# SPDX-License-Identifier: BSD-2-Clause
"""VHD-K-31 to VHD-K-47: the table's entries, and what they point at."""

from case import CaseList
from disk import same_except
from vhd_bases import BLOCK, MIB, USED, child, dynamic, edit, sized, xen
from vhd_bytes import SECTOR, UNUSED

CASES = []
case = CaseList(CASES)

LEAK = {"VHD1_LEAK": "the space of the block that is not found any more"}
TAIL_FREE = {"VHD1_FOOTER_GAP": "the last block is not at its place any more"}
LOOSE = {**LEAK, **TAIL_FREE}


def entry(block, find, scale=1):
    """Entry of @block becomes @find, a number or a function of the Vhd."""
    def change(v):
        v.bat[block] = (find(v) if callable(find) else find) // scale
    return edit(change)


def at(find):
    """As entry, for a place in bytes."""
    return lambda v: (find(v) if callable(find) else find) // SECTOR


def without(*blocks, size=BLOCK):
    return same_except(*((b * size, size) for b in blocks))


# K-31: metadata.

for where, sector in (("zero", 0), ("header", 1), ("header_end", 2),
                      ("table", 3)):
    case(f"vhd_block_in_meta_{where}", ["VHD1_BLOCK_IN_META"], base=dynamic,
         damage=entry(3, sector), also=LEAK, repaired_same=without(3))
case("vhd_block_in_meta_last", ["VHD1_BLOCK_IN_META"], base=dynamic,
     damage=entry(6, 2), also=LOOSE, repaired_same=without(6))
case("vhd_block_in_meta_all", ["VHD1_BLOCK_IN_META"], base=dynamic,
     damage=edit(lambda v: v.put(v.header.table_offset, bytes(32))),
     also={**LOOSE, "VHD1_BLOCK_OVERLAP": "they are all there"},
     repaired_same=lambda before, damaged, after: None, clean=False,
     after={"VHD1_TABLE_LOST": "nothing says any more where data belongs"})
BOTH = {**LEAK, "VHD1_BLOCK_OVERLAP": "the first block follows closely"}
case("vhd_block_in_locator", ["VHD1_BLOCK_IN_META"], base=child,
     damage=entry(2, at(lambda v: v.locator(0).data_offset)), also=BOTH,
     repaired_same=without(2))
case("vhd_block_in_batmap", ["VHD1_BLOCK_IN_META"], base=xen,
     damage=entry(3, at(lambda v: v.batmap.offset)),
     also=BOTH,
     repaired_same=without(3, size=2 * MIB))


# K-32: the end of the data.

for where, sector in (("far", 1 << 30), ("max", UNUSED - 1)):
    case(f"vhd_block_past_end_{where}", ["VHD1_BLOCK_PAST_END"], base=dynamic,
         damage=entry(3, sector), repaired_same=without(3),
         also={**LEAK, "VHD1_BLOCK_LIMIT": "that is past 2 TiB as well"}
         if where == "max" else LEAK)
case("vhd_block_at_footer", ["VHD1_BITMAP_IS_FOOTER"], base=dynamic,
     damage=entry(3, at(lambda v: v.tail)), repaired_same=without(3),
     also={**LEAK, "VHD1_BLOCK_PAST_END": "there is no room behind it"})
case("vhd_block_at_end", ["VHD1_BLOCK_PAST_END"], base=dynamic,
     damage=entry(3, at(lambda v: v.size)), also=LEAK,
     repaired_same=without(3))


def cut(length, with_footer):
    """The file loses its last @length bytes, and gets its footer again."""
    def change(v):
        raw, end = bytes(v.footer.raw), v.tail
        v.truncate(end - length)
        if with_footer:
            v.put(end - length, raw)
    return edit(change)


TAIL = 6 * BLOCK + BLOCK - 65536
case("vhd_cut_tail", ["VHD1_BLOCK_PAST_END", "VHD1_FOOTER_MISSING"],
     base=dynamic, damage=cut(65536, False), says="truncated",
     repaired_same=same_except((TAIL, 65536)))
case("vhd_cut_into_footer", ["VHD1_BLOCK_PAST_END"], base=dynamic,
     damage=cut(65536, True),
     repaired_same=same_except((TAIL, 65536)))
case("vhd_cut_whole_block", ["VHD1_BLOCK_PAST_END", "VHD1_FOOTER_MISSING"],
     base=dynamic, damage=cut(BLOCK + 65536, False),
     repaired_same=without(3, 6))
case("vhd_cut_child", ["VHD1_BLOCK_PAST_END", "VHD1_FOOTER_MISSING"],
     base=child, damage=cut(65536, False), repaired_same=without(6))


# K-33: shared space.

def overlap(move):
    """Block 3 lies @move sectors behind block 1."""
    return edit(lambda v: v.bat.__setitem__(3, v.bat[1] + move))


for word, move in (("same", 0), ("half", 512), ("last", 1024), ("before", -8)):
    case(f"vhd_overlap_{word}", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
         damage=overlap(move), also=LEAK, repaired_same="readable")
# Blocks that do not start at one sector cannot both be on a 4 KiB border.
case("vhd_overlap_bitmap", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
     damage=overlap(1), repaired_same="readable",
     also={**LEAK, "VHD1_ALIGN_MIXED": "one sector off"})
case("vhd_overlap_first", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
     damage=overlap(0), also=LEAK, choice="first",
     repaired_same=without(3))
case("vhd_overlap_second", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
     damage=overlap(0), also=LEAK, choice="second",
     repaired_same=without(1, 3))
case("vhd_overlap_copy", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
     damage=overlap(0), also=LEAK, choice="copy", repaired_same="readable")


def pile(v):
    """All blocks at one place."""
    for block in USED[1:]:
        v.bat[block] = v.bat[0]


case("vhd_overlap_pile", ["VHD1_BLOCK_OVERLAP"], base=dynamic,
     damage=edit(pile), also=LOOSE, repaired_same="readable")


def unseal(v):
    """The same wrong checksum in both footers."""
    for off in (0, v.tail):
        v.flip(off + 67)


case("vhd_overlap_unsealed", ["VHD1_BLOCK_OVERLAP", "VHD1_FOOTER_CHECKSUM"],
     base=dynamic, damage=edit(lambda v: (pile(v), unseal(v))), also=LOOSE,
     repaired_same="readable")
case("vhd_past_end_no_footer", ["VHD1_BLOCK_PAST_END", "VHD1_FOOTER_MISSING"],
     base=dynamic, damage=edit(lambda v: (
         v.bat.__setitem__(3, v.tail // SECTOR), v.truncate(v.tail))),
     also=LEAK, repaired_same=without(3))
case("vhd_overlap_child", ["VHD1_BLOCK_OVERLAP"], base=child,
     damage=edit(lambda v: v.bat.__setitem__(6, v.bat[2])), also=LOOSE,
     repaired_same="readable")


# K-35 to K-37: space that nothing uses.

LONG = {"VHD1_BAT_LONG": "the disk has become shorter than its table"}
case("vhd_beyond_disk", ["VHD1_BLOCK_BEYOND_DISK"], base=dynamic,
     damage=sized(5 * BLOCK),
     also={**LONG, "VHD1_SIZE_AZURE": "such a disk is no whole MiB"},
     after=LONG, repaired_same="readable")
case("vhd_beyond_disk_entry", ["VHD1_BLOCK_BEYOND_DISK"], base=dynamic,
     damage=edit(lambda v: (v.set_header(max_entries=9),
                            v.bat.__setitem__(8, v.bat[6]),
                            v.bat.__setitem__(6, UNUSED))),
     repaired_same="readable")
case("vhd_footer_gap", ["VHD1_FOOTER_GAP"], base=dynamic,
     damage=edit(lambda v: v.move_tail(v.tail + MIB)))
case("vhd_footer_gap_sector", ["VHD1_FOOTER_GAP"], base=dynamic,
     damage=edit(lambda v: v.move_tail(v.tail + SECTOR)))
case("vhd_leak", ["VHD1_LEAK"], base=dynamic, damage=entry(3, UNUSED))
case("vhd_table_lost", ["VHD1_TABLE_LOST"], base=dynamic, also=TAIL_FREE,
     damage=edit(lambda v: v.put(v.header.table_offset, b"\xff" * 32)))
case("vhd_leak_last", ["VHD1_FOOTER_GAP"], base=dynamic,
     damage=entry(6, UNUSED))


# K-38: alignment.  Blocks move into the gap of seven sectors before them.

def nudge(*blocks):
    def change(v):
        for block in blocks:
            raw = v.get(v.block_off(block), v.stride)
            v.bat[block] -= 1
            v.put(v.block_off(block), raw)
    return edit(change)


case("vhd_align_mixed", ["VHD1_ALIGN_MIXED"], base=dynamic, damage=nudge(1, 3),
     also=LEAK)
case("vhd_align_none", ["VHD1_ALIGN_NONE"], base=dynamic,
     damage=nudge(*USED), also=TAIL_FREE)


# K-39: 2 TiB.

def far_block(v):
    """A sparse file of over 2 TiB, and a block across the border."""
    raw = bytes(v.footer.raw)
    v.put(v.tail, bytes(SECTOR))
    end = (2 << 40) + BLOCK
    v.put(end, raw)
    v.bat[3] = 0xFFFFFFF7


case("vhd_block_limit", ["VHD1_BLOCK_LIMIT"], base=dynamic,
     damage=edit(far_block), also=LOOSE)


# K-40: a footer where a bitmap should be.

def old_footer(block):
    return edit(lambda v: v.put(v.block_off(block), bytes(v.footer.raw)))


case("vhd_bitmap_is_footer", ["VHD1_BITMAP_IS_FOOTER"], base=dynamic,
     damage=old_footer(3), repaired_same=without(3))
case("vhd_bitmap_is_footer_child", ["VHD1_BITMAP_IS_FOOTER"], base=child,
     damage=old_footer(6), repaired_same=without(6))


# Section 19's bitmaps: any pattern of bits is a sound one in a child.

def bits(block, *patterns):
    def change(v):
        raw = bytearray(v.bitmap(block))
        for i, byte in enumerate(patterns):
            raw[i * 3] = byte
        v.set_bitmap(block, bytes(raw))
    return edit(change)


for number, name in ((0xE0, "e0"), (0x0F, "0f"), (0xA0, "a0"), (0x80, "80")):
    case(f"vhd_bits_{name}", [], base=child, damage=bits(6, number, number, 1))
    case(f"vhd_bits_{name}_deep", ["VHD1_BITMAP_PARTIAL"], base=child,
         deep=True, damage=bits(6, number))
case("vhd_bits_whole_bytes_deep", [], base=child, deep=True,
     damage=bits(6, 0xFF, 0, 0xFF))


# K-45: sectors with data that the bitmap calls never written.

def hide(v):
    """Sectors 8 to 15 and 60 of block 1."""
    raw = bytearray(v.bitmap(1))
    raw[1] = 0
    raw[7] &= 0xF7
    v.set_bitmap(1, bytes(raw))


case("vhd_hidden_data", ["VHD1_DATA_UNDER_CLEAR_BIT"], base=dynamic, deep=True,
     damage=edit(hide))
case("vhd_hidden_data_zero", ["VHD1_DATA_UNDER_CLEAR_BIT"], base=dynamic,
     deep=True, damage=edit(hide), choice="zero", repaired_same="readable")
case("vhd_hidden_data_shallow", [], base=dynamic, damage=edit(hide),
     repair=None, why="a repair looks at the data, this check does not")
case("vhd_clear_over_zeros", [], base=dynamic, deep=True,
     damage=edit(lambda v: v.put(v.block_off(1) + 120, bytes(8))))


# K-46: blocks that could be given back.

def blank(clear):
    def change(v):
        v.put(v.data_off(3), bytes(BLOCK))
        if clear:
            v.set_bitmap(3, bytes(SECTOR))
    return edit(change)


case("vhd_block_zero", ["VHD1_BLOCK_ZERO"], base=dynamic, deep=True,
     damage=blank(False))
case("vhd_block_zero_unset", ["VHD1_BLOCK_ZERO"], base=dynamic, deep=True,
     damage=blank(True))
