# SPDX-License-Identifier: BSD-2-Clause
"""Damaged images for salvage_rows.py, and what of each can be had."""

import json
import os
import struct
from collections import namedtuple

import vhd_bases
import vhdx_bases
import vhdx_bytes as x
import vhdx_journal as journal
from harness import write_sparse
from row_bench import vhd, vhdx
from vhd_bytes import SECTOR, Vhd
from vhdx_bytes import Vhdx

MIB = 1 << 20

# @make gives the name of a sound image, @damage are changes, called with the
# bench and that name.  @lost: [(offset, length)], a function of the bench that
# gives it, or Refused.  @doubts: the same, or ALL of the disk.  @bad: what is
# doubtful is indeed not what it was.
Case = namedtuple("Case", "name make damage lost assumes doubts bad options "
                  "target")
Refused = namedtuple("Refused", "hint")
CASES = []
ALL = "all"


def case(name, make, *damage, lost=(), assumes=False, doubts=(), bad=False,
         options=(), target="saved.vhdx"):
    CASES.append(Case(name, make, damage, lost, assumes, doubts, bad, options,
                      target))


def named(base):
    """The bases give paths."""
    return lambda b: os.path.basename(base(b))


def cut(size):
    """The file ends at @size, a number or a function of its length."""
    def change(b, name):
        path = b.path(name)
        length = os.path.getsize(path)
        os.truncate(path, size(length) if callable(size) else size)
    return change


def wipe(off, length):
    def change(b, name):
        with open(b.path(name), "r+b") as f:
            f.seek(off)
            f.write(bytes(length))
    return change


def remove(name):
    return lambda b, _: os.unlink(b.path(name))


# VHD

BLOCK = vhd_bases.BLOCK
dynamic = named(vhd_bases.dynamic)
fixed = named(vhd_bases.fixed)


def block(n, length=BLOCK):
    return (n * length, length)


def set_entry(blk, value):
    def change(v):
        v.bat[blk] = value
    return vhd(change)


def note_places(b, name):
    """Where the blocks are, for what will be lost when the file is cut."""
    with Vhd(b.path(name)) as v:
        b.places = {blk: v.block_off(blk) for blk in v.bat.used()}
        b.bitmap = v.bitmap_len
        b.half = v.size // 2 // SECTOR * SECTOR


def lost_by_cut(b):
    """Blocks behind the cut, or the part of one that lies behind it.  What is
    marked as never written is not lost: these blocks are full."""
    lost = []
    for blk, at in b.places.items():
        data = at + b.bitmap
        kept = min(max(b.half - data, 0), BLOCK)
        lost.append((blk * BLOCK + kept, BLOCK - kept))
    return lost


def cut_in_half(b, name):
    note_places(b, name)
    os.truncate(b.path(name), b.half)


case("vhd_sound", dynamic)
case("vhd_entry_past_end", dynamic, set_entry(3, 0x7000000), lost=[block(3)])
case("vhd_entry_zero", dynamic, set_entry(1, 0), lost=[block(1)])
case("vhd_entries_broken", dynamic, set_entry(0, 1), set_entry(1, 0),
     set_entry(6, 0xFFFFFFF0), lost=[block(0), block(1), block(6)])
case("vhd_all_entries_broken", dynamic, *(set_entry(i, 3) for i in range(8)),
     lost=Refused("--size"))
case("vhd_trailing_footer_lost", dynamic, cut(lambda n: n - SECTOR),
     assumes=True)
case("vhd_copy_lost", dynamic, wipe(0, SECTOR), assumes=True)
case("vhd_footers_unsealed", dynamic,
     vhd(lambda v: v.set_footers(seal=False, checksum=1)), assumes=True)
case("vhd_header_unsealed", dynamic,
     vhd(lambda v: v.set_header(seal=False, checksum=1)), assumes=True,
     doubts=ALL)
case("vhd_header_lost", dynamic, wipe(512, 1024), assumes=True, doubts=ALL)
case("vhd_header_lost_2m", named(vhd_bases.xen), wipe(512, 1024), assumes=True,
     doubts=ALL)
case("vhd_header_lost_empty", named(vhd_bases.empty), wipe(512, 1024),
     assumes=True, doubts=ALL)
case("vhd_front_lost", dynamic, wipe(0, 1536), assumes=True, doubts=ALL)


def no_footer(b, name):
    with Vhd(b.path(name)) as v:
        v.put(v.size - SECTOR, bytes(SECTOR))


case("vhd_front_and_footer_lost", dynamic, no_footer, wipe(0, 1536),
     assumes=True, doubts=ALL)
case("vhd_front_and_footer_lost_sized", dynamic, no_footer, wipe(0, 1536),
     assumes=True, doubts=ALL, options=("--size", str(vhd_bases.SIZE)))
case("vhd_table_lost_too", dynamic, no_footer, wipe(0, 4096), assumes=True,
     doubts=ALL, bad=True)
case("vhd_child_header_lost", named(vhd_bases.child), wipe(512, 1024),
     lost=Refused("--no-parent"))
case("vhd_table_ones", dynamic,
     *(set_entry(i, 0xFFFFFFFF) for i in range(8)), doubts=ALL, bad=True)
case("vhd_entry_ones", dynamic, set_entry(1, 0xFFFFFFFF), doubts=ALL, bad=True)
case("vhd_footers_wiped", dynamic, wipe(0, SECTOR),
     vhd(lambda v: v.put(v.size - SECTOR, bytes(SECTOR))), assumes=True,
     options=("--size", str(vhd_bases.SIZE)))
case("vhd_half", dynamic, cut_in_half, lost=lost_by_cut, assumes=True)
case("vhd_poisoned", dynamic,
     vhd(lambda v: v.set_footers(cookie=b"v_poison")), assumes=True)
case("vhd_batmap_lost", named(vhd_bases.xen),
     vhd(lambda v: v.set_batmap(cookie=b"nothing!")), assumes=True)
case("vhd_fixed_footer_lost", fixed, cut(lambda n: n - SECTOR), assumes=True,
     options=("--size", str(vhd_bases.FIXED)))
case("vhd_fixed_footer_lost_unsized", fixed, cut(lambda n: n - SECTOR),
     assumes=True, doubts=ALL)
case("vhd_fixed_half", fixed, cut(vhd_bases.FIXED // 2), assumes=True,
     doubts=ALL,
     options=("--size", str(vhd_bases.FIXED)),
     lost=[(vhd_bases.FIXED // 2, vhd_bases.FIXED // 2)])


def append(data):
    def change(b, name):
        with open(b.path(name), "ab") as f:
            f.write(data)
    return change


case("vhd_fixed_padded", fixed, append(bytes(7 * SECTOR)), assumes=True)
case("vhd_fixed_appended", fixed, append(b"conectix" * 12345), assumes=True)


def shared(b, name):
    """Two blocks with one space: both are read as before."""
    with Vhd(b.path(name)) as v:
        v.bat[1] = v.bat[0]
    with open(b.path("before.raw"), "r+b") as f:
        first = f.read(BLOCK)
        f.write(first)


case("vhd_overlap", dynamic, shared, doubts=[block(0), block(1)])


def middle_gone(b, name):
    """1 MiB of a fixed disk is cut out, the footer stays the last."""
    with Vhd(b.path(name)) as v:
        v.move_tail(v.tail - MIB)


case("vhd_fixed_short", fixed, middle_gone, assumes=True,
     lost=[(vhd_bases.FIXED - MIB, MIB)])

# Chains


def child_alone(b):
    """What a child says nothing about, from its map."""
    return b.parents_share


def remember_share(b, name):
    done = b.vu("map", "--json", name)
    runs = json.loads(done.stdout)
    b.parents_share = [(r["start"], r["length"]) for r in runs
                       if r["layer"] != 0 or not r["mapped"]]


vhd_child = named(vhd_bases.child)
vhdx_child = named(vhdx_bases.child)

for fmt, make, parent in (("vhd", vhd_child, "base.vhd"),
                          ("vhdx", vhdx_child, "parent.vhdx")):
    case(fmt + "_chain", make)
    case(fmt + "_parent_missing", make, remove(parent),
         lost=Refused("--no-parent"))
    case(fmt + "_parent_missing_without", make, remember_share,
         remove(parent), lost=child_alone, options=("--no-parent",))

def parent_salvaged(b, _):
    b.vu("salvage", "--no-sync", "parent.vhdx", "saved-parent.vhdx")
    os.unlink(b.path("parent.vhdx"))


case("vhdx_parent_salvaged", vhdx_child, parent_salvaged, doubts=ALL,
     options=("--parent", "saved-parent.vhdx", "--ignore-parent-id"))
case("vhdx_parent_named", vhdx_child,
     options=("--parent", "parent.vhdx", "--ignore-parent-id"))

# VHDX

disk = named(vhdx_bases.dynamic)
EMPTY = vhdx_bases.EMPTY_BLOCK


def set_block(blk, state, off):
    return vhdx(lambda v: v.set_block(blk, state, off))


def wipe_table(v):
    v.write(x.REGIONS_OFF[0], bytes(2 * x.REGIONS_LEN))


def wipe_headers(v):
    for off in x.HEADER_OFF:
        v.write(off, bytes(x.HEADER_LEN))


def cut_vhdx(b, name):
    """In the middle of a block that is full."""
    with Vhdx(b.path(name)) as v:
        at = v.get_block(2)[1] + 300 * 1024
        b.cut = []
        for blk in range(12):
            state, off = v.get_block(blk)
            if state != x.FULL:
                continue
            kept = min(max(at - off, 0), MIB)
            b.cut.append((blk * MIB + kept, MIB - kept))
        v.truncate(at)


case("vhdx_sound", disk)
case("vhdx_entry_past_end", disk, set_block(2, x.FULL, 1 << 40),
     lost=[block(2, MIB)])
case("vhdx_entry_nowhere", disk, set_block(8, x.FULL, 0),
     lost=[block(8, MIB)])
case("vhdx_state_4", disk, set_block(8, x.RESERVED_4, 4 * MIB),
     lost=[block(8, MIB)])
case("vhdx_entries_broken", disk, set_block(0, x.FULL, 0),
     set_block(2, x.FULL, 1 << 40), set_block(11, x.RESERVED_4, 0),
     lost=[block(0, MIB), block(2, MIB), block(11, MIB)])
case("vhdx_identifier_lost", disk, wipe(0, 8), assumes=True)
case("vhdx_headers_wiped", disk, vhdx(wipe_headers),
     assumes=True, doubts=ALL)
case("vhdx_headers_unsealed", disk, wipe(x.HEADER_OFF[0] + 4, 4),
     wipe(x.HEADER_OFF[1] + 4, 4), assumes=True, doubts=ALL)
case("vhdx_regions_wiped", disk, vhdx(wipe_table),
     assumes=True, doubts=ALL)
case("vhdx_header_section_wiped", disk, wipe(0, MIB),
     assumes=True, doubts=ALL)
case("vhdx_log_not_replayable", disk, vhdx(journal.mark), assumes=True)
case("vhdx_log_truncated", disk,
     vhdx(lambda v: journal.pend(v, flushed=64 * MIB)), assumes=True)
case("vhdx_half", disk, cut_vhdx, lost=lambda b: b.cut)
case("vhdx_metadata_wiped", disk, vhdx(lambda v: v.write(v.meta_off(),
                                                        bytes(64 * 1024))),
     assumes=True, doubts=ALL, options=("--size", str(vhdx_bases.DISK)))
case("vhdx_bitmap_missing", vhdx_child,
     vhdx(lambda v: v.set_bat(v.bitmap_index(0), x.NOT_PRESENT)),
     assumes=True, doubts=[block(0, MIB)], bad=True)
case("vhdx_overlap", disk, vhdx(lambda v: v.set_block(2, *v.get_block(0))),
     doubts=[block(0, MIB), block(2, MIB)], bad=True)
case("vhdx_reserved_bits", disk,
     vhdx(lambda v: v.set_block(2, x.ZERO, 0, reserved=0x155)),
     doubts=[block(2, MIB)], bad=True)
case("vhdx_table_lost", disk,
     *(set_block(i, x.NOT_PRESENT, 0) for i in range(12)), doubts=ALL,
     bad=True)
case("vhdx_nothing", disk, wipe(0, 4 * MIB), lost=Refused("vhd"))
case("vhdx_to_vhd", disk, set_block(2, x.FULL, 0), lost=[block(2, MIB)],
     target="saved.vhd")

# As many losses as there can be

MANY = 200000


def many(b):
    """A disk of 200000 MiB; every other block will be somewhere else."""
    b.vu("create", "--no-sync", "--block-size", "1M", "--size", f"{MANY}M",
         "disk.vhdx")
    write_sparse(b.path("before.raw"), MANY * MIB, [])
    return "disk.vhdx"


def break_many(b, name):
    with Vhdx(b.path(name)) as v:
        at, ratio = v.bat_off(), v.shape()[3]
        bad = struct.pack("<Q", x.bat_entry(x.FULL, 1 << 44)) + bytes(8)
        for chunk in range(0, MANY, ratio):
            n = min(ratio, MANY - chunk)
            v.write(at + 8 * v.block_index(chunk), (bad * n)[:8 * n])


case("vhdx_many_losses", many, break_many,
     lost=lambda b: [block(i, MIB) for i in range(0, MANY, 2)])
