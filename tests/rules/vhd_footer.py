# SPDX-License-Identifier: BSD-2-Clause
"""VHD-K-1 to VHD-K-22: footer and file."""

import os
import time

from case import CaseList
from vhd_bases import (FIXED, MIB, SIZE, child, dynamic, edit, empty, fixed,
                       footers, sized, small_fixed)
from vhd_bytes import EPOCH, NONE, SECTOR, Vhd, geometry
from disk import same_except

CASES = []
case = CaseList(CASES)

NOW = int(time.time())
GIB = 1 << 30


# K-1: length of the file.

def append(length):
    return edit(lambda v: v.put(v.size, b"x" * length))


for kind, base in (("dynamic", dynamic), ("fixed", fixed)):
    for length in (1, 100, 510):
        case(f"vhd_length_{kind}_{length}", ["VHD1_FILE_LENGTH"], base=base,
             damage=append(length))
for length in (8, 100, 510):
    case(f"vhd_too_small_{length}", ["VHD1_FILE_TOO_SMALL"], base=dynamic,
         damage=edit(lambda v, n=length: v.truncate(n)))


# K-2, K-3, K-17: which footers there are.

def kill_tail(byte):
    return edit(lambda v: v.put(v.tail, bytes([byte]) * SECTOR))


case("vhd_tail_zero", ["VHD1_FOOTER_MISSING"], base=dynamic,
     damage=kill_tail(0))
case("vhd_tail_garbage", ["VHD1_FOOTER_MISSING"], base=dynamic,
     damage=kill_tail(0x5A))
case("vhd_tail_cookie", ["VHD1_FOOTER_MISSING"], base=dynamic,
     damage=edit(lambda v: v.set_footer(cookie=b"Conectix")))
case("vhd_tail_checksum", ["VHD1_FOOTER_MISSING"], base=dynamic,
     damage=edit(lambda v: v.flip(v.tail + 67)), says="checksum")
case("vhd_tail_cut", ["VHD1_FOOTER_MISSING"], base=dynamic,
     damage=edit(lambda v: v.truncate(v.tail)))
case("vhd_tail_cut_child", ["VHD1_FOOTER_MISSING"], base=child,
     damage=edit(lambda v: v.truncate(v.tail)))
case("vhd_tail_c7", ["VHD1_FOOTER_KILLED"], base=dynamic,
     damage=kill_tail(0xC7), says="0xC7")
case("vhd_tail_ff", ["VHD1_FOOTER_KILLED"], base=dynamic,
     damage=kill_tail(0xFF), says="0xFF")
case("vhd_copy_lost", ["VHD1_COPY_MISSING"], base=dynamic,
     damage=edit(lambda v: v.put(0, bytes(SECTOR))), at=0)
case("vhd_copy_checksum", ["VHD1_COPY_MISSING"], base=child,
     damage=edit(lambda v: v.flip(66)), at=0, says="checksum")


def both(function):
    """The same done to the footer and to its copy."""
    def damage(path):
        with Vhd(path) as v:
            for at in (0, v.tail):
                function(v, at)
    return damage


def each_its_own(v):
    v.flip(300)
    v.flip(v.tail + 301)


case("vhd_both_damaged", ["VHD1_FOOTERS_BAD"], base=dynamic,
     damage=edit(each_its_own), says="do not agree")
case("vhd_both_implausible", ["VHD1_FOOTERS_BAD"], base=dynamic,
     damage=both(lambda v, at: v.flip(at + 300)), says="plausible")
case("vhd_both_checksums", ["VHD1_FOOTER_CHECKSUM"], base=dynamic,
     damage=both(lambda v, at: v.flip(at + 67)))
case("vhd_both_checksums_child", ["VHD1_FOOTER_CHECKSUM"], base=child,
     damage=both(lambda v, at: v.flip(at + 65)))
case("vhd_fixed_checksum", ["VHD1_FOOTERS_BAD"], base=fixed,
     damage=edit(lambda v: v.flip(v.tail + 67)))


def fixed_cut(v):
    """Its guest keeps a fixed disk's footer in sector 0, and the end is lost."""
    v.put(0, bytes(v.footer.raw))
    v.truncate(v.size - MIB)


case("vhd_fixed_cut", ["VHD1_FIXED_NO_FOOTER"], base=fixed,
     damage=edit(fixed_cut))


# K-4 to K-7: the fields that decide how to read.

for number in (0x00020000, 0, 0x01000000):
    case(f"vhd_version_{number:08x}", ["VHD1_VERSION"], base=dynamic,
         damage=footers(version=number))
case("vhd_version_fixed", ["VHD1_VERSION"], base=fixed,
     damage=footers(version=0x00020000))
case("vhd_version_minor", ["VHD1_VERSION_MINOR"], base=dynamic,
     damage=footers(version=0x00010001))
for number in (0, 1, 0x102, 0x80000002):
    case(f"vhd_features_{number:x}", ["VHD1_FEATURES"], base=dynamic,
         damage=footers(features=number))
case("vhd_features_fixed", ["VHD1_FEATURES"], base=fixed,
     damage=footers(features=0))
case("vhd_temporary", [], base=dynamic, damage=footers(features=3))
for number in (0, 1, 5, 6, 0x03000000):
    case(f"vhd_type_{number:x}", ["VHD1_DISK_TYPE"], base=dynamic,
         damage=footers(disk_type=number))
for number in (0, 0xFFFFFFFF, 512):
    case(f"vhd_fixed_data_offset_{number:x}", ["VHD1_FIXED_DATA_OFFSET"],
         base=fixed, damage=footers(data_offset=number))
for number in (0, 513, 1 << 40, NONE, NONE - 511):
    case(f"vhd_data_offset_{number:x}", ["VHD1_DATA_OFFSET"], base=dynamic,
         damage=footers(data_offset=number))


def move_header(v):
    """To the gap in front of the first block."""
    v.put(0x800, bytes(v.header.raw))
    v.put(0x200, bytes(1024))
    v.set_footers(data_offset=0x800)


case("vhd_header_moved", ["VHD1_DATA_OFFSET_ODD"], base=dynamic,
     damage=edit(move_header))


def lay_out(header_at, table_at):
    """Header and table of an empty disk at other places."""
    def change(v):
        head, table, foot = v.header, v.get(0x600, SECTOR), v.footer
        v.truncate(0)
        head.update(table_offset=table_at).seal()
        foot.update(data_offset=header_at).seal()
        v.put(0, bytes(foot.raw))
        v.put(header_at, bytes(head.raw))
        v.put(table_at, table)
        v.put(max(header_at + 1024, table_at + SECTOR), bytes(foot.raw))
    return edit(change)


case("vhd_header_4096", ["VHD1_DATA_OFFSET_ODD"], base=empty,
     damage=lay_out(4096, 8192))
case("vhd_header_1024", ["VHD1_DATA_OFFSET_ODD"], base=empty,
     damage=lay_out(1024, 512))
case("vhd_table_8192", [], base=empty, damage=lay_out(512, 8192))


# K-8: footer and copy differ.

case("vhd_differ_features", ["VHD1_FOOTERS_DIFFER"], base=dynamic,
     damage=edit(lambda v: v.set_copy(features=3)))
case("vhd_differ_first", ["VHD1_FOOTERS_DIFFER"], base=dynamic,
     damage=edit(lambda v: v.set_copy(features=3)), choice="first")
case("vhd_differ_second", ["VHD1_FOOTERS_DIFFER"], base=dynamic,
     damage=edit(lambda v: v.set_copy(features=3)), choice="second")


def half_grown(v):
    """The table was never made longer, so only the copy is right."""
    c, h, s = geometry(2 * SIZE)
    v.set_footer(current_size=2 * SIZE, cylinders=c, heads=h, sectors=s)


case("vhd_differ_grown", ["VHD1_FOOTERS_DIFFER"], base=dynamic,
     damage=edit(half_grown), says="the copy is used")


def half_resized(v):
    """The table fits both: the trailing one is the newer (W-10)."""
    c, h, s = geometry(SIZE // 2)
    v.set_copy(current_size=SIZE // 2, cylinders=c, heads=h, sectors=s)


# K-8: what an interrupted change of the footer leaves is no damage.

case("vhd_step_time", ["VHD1_FOOTERS_STEP"], base=dynamic,
     damage=edit(lambda v: v.set_copy(timestamp=1000)))
case("vhd_step_id", ["VHD1_FOOTERS_STEP"], base=child,
     damage=edit(lambda v: v.set_copy(unique_id=b"0123456789abcdef")))
case("vhd_step_size", ["VHD1_FOOTERS_STEP"], base=dynamic,
     damage=edit(half_resized), says="its copy at 0")


# K-9: time.

case("vhd_time_future", ["VHD1_TIME_FUTURE"], base=dynamic,
     damage=footers(timestamp=0xF0000000))
case("vhd_time_future_fixed", ["VHD1_TIME_FUTURE"], base=fixed,
     damage=footers(timestamp=0xF0000000))
case("vhd_time_unix", ["VHD1_TIME_FUTURE", "VHD1_TIME_UNIX"], base=dynamic,
     damage=footers(timestamp=NOW - 86400))
case("vhd_time_unix_fixed", ["VHD1_TIME_UNIX", "VHD1_TIME_FUTURE"], base=fixed,
     damage=footers(timestamp=1500000000))
case("vhd_time_zero", [], base=dynamic, damage=footers(timestamp=0))
case("vhd_time_slack", [], base=dynamic,
     damage=footers(timestamp=NOW - EPOCH + 1000))


# K-10 to K-12, K-20: sizes and geometry.

AZURE = {"VHD1_SIZE_AZURE": "such a size is no whole number of MiB"}

for size in (0, 100, 511):
    case(f"vhd_size_{size}", ["VHD1_SIZE_ZERO"], base=dynamic,
         damage=footers(current_size=size, original_size=size))
case("vhd_size_zero_fixed", ["VHD1_SIZE_ZERO"], base=fixed,
     damage=footers(current_size=0))
case("vhd_size_odd", ["VHD1_SIZE_ODD"], base=dynamic, also=AZURE,
     damage=sized(SIZE - 412))
case("vhd_size_shrunk", ["VHD1_SIZE_SHRUNK"], base=dynamic,
     damage=footers(original_size=SIZE + MIB))
case("vhd_size_grown", ["VHD1_SIZE_GROWN"], base=dynamic,
     damage=footers(original_size=SIZE // 2))
case("vhd_size_azure", ["VHD1_SIZE_AZURE"], base=dynamic,
     damage=sized(SIZE - 512))
case("vhd_geometry_small", ["VHD1_GEOMETRY"], base=dynamic,
     damage=footers(cylinders=100))
case("vhd_geometry_other", ["VHD1_GEOMETRY"], base=fixed,
     damage=footers(cylinders=50, heads=4, sectors=17))
case("vhd_geometry_large", ["VHD1_GEOMETRY_LARGE"], base=dynamic,
     damage=footers(cylinders=200, heads=4, sectors=17))
case("vhd_geometry_zero", ["VHD1_GEOMETRY_ZERO"], base=dynamic,
     damage=footers(cylinders=0, heads=0, sectors=0))
case("vhd_geometry_no_heads", ["VHD1_GEOMETRY_ZERO"], base=fixed,
     damage=footers(heads=0))
case("vhd_geometry_max", [], base=dynamic,
     damage=footers(cylinders=65535, heads=16, sectors=255))
case("vhd_geometry_exact", [], base=dynamic,
     damage=footers(cylinders=256, heads=2, sectors=16))
# Who made it decides whether a smaller geometry cuts the disk in QEMU.
for app, cuts in ((b"vpc ", True), (b"qemu", True), (b"vs  ", True),
                  (b"d2v\0", True), (b"wa\0\0", True), (b"dutl", True),
                  (b"qem2", False), (b"d2v ", False), (b"CTXS", False),
                  (b"win ", False)):
    word = app.strip(b" \0").decode() + ("_" if app[3:] == b"\0" else "")
    case(f"vhd_creator_{word}", ["VHD1_GEOMETRY_CUTS"] * cuts, base=dynamic,
         damage=footers(creator_app=app, creator_os=b"Wi2k",
                        timestamp=1000))


for app in (b"vpc ", b"qemu", b"xo  ", b"caml", b"win "):
    word = app.strip().decode()
    case(f"vhd_creator_{word}_exact", [], base=dynamic,
         damage=footers(creator_app=app, cylinders=256, heads=2, sectors=16))
    case(f"vhd_creator_{word}_max", [], base=dynamic,
         damage=footers(creator_app=app, cylinders=65535, heads=16,
                        sectors=255))
    case(f"vhd_creator_{word}_zero", ["VHD1_GEOMETRY_ZERO"], base=dynamic,
         damage=footers(creator_app=app, cylinders=0, heads=0, sectors=0))


# QEMU up to 9.2 takes the geometry's size and then finds the table too short.
for app in (b"vpc ", b"qemu", b"xo  "):
    case(f"vhd_geometry_over_table_{app.strip().decode()}",
         ["VHD1_GEOMETRY_PAST_TABLE"], base=dynamic,
         damage=footers(creator_app=app, cylinders=150, heads=4, sectors=17),
         also={"VHD1_GEOMETRY_LARGE": "it covers more than the disk too"})


def huge_dynamic(blocks):
    """So many blocks of 2 MiB, of which none has space."""
    def damage(path):
        with Vhd(path) as v:
            size, table = blocks * 2 * MIB, -(-blocks // 128) * SECTOR
            raw = v.footer.update(current_size=size, original_size=size,
                                  cylinders=65535, heads=16,
                                  sectors=255).seal()
            v.set_header(max_entries=blocks, block_size=2 * MIB)
            v.put(0x600, b"\xff" * table)
            v.put(0, bytes(raw.raw))
            v.put(0x600 + table, bytes(raw.raw))
    return damage


# Xen makes disks of up to 2 TiB; nobody else takes them above 2040 GiB.
for blocks, rules in ((2040 * 512, []), (2040 * 512 + 1, ["VHD1_SIZE_LIMIT"]),
                      (1 << 20, ["VHD1_SIZE_LIMIT"]),
                      ((1 << 20) + 1, ["VHD1_SIZE_LIMIT_BLOCKS"])):
    case(f"vhd_size_limit_{blocks}_blocks", rules, base=empty,
         damage=huge_dynamic(blocks), repaired_same="readable")


def huge_fixed(path):
    """2041 GiB, nearly all of it a hole."""
    with Vhd(path) as v:
        size = 2041 * GIB
        raw = v.footer.update(current_size=size, original_size=size,
                              cylinders=65535, heads=16, sectors=255).seal()
        v.put(v.tail, bytes(SECTOR))
        v.put(size, bytes(raw.raw))


case("vhd_size_limit", ["VHD1_SIZE_LIMIT"], base=fixed, damage=huge_fixed,
     repaired_same="readable")


# K-13 to K-15: identity and flags.

case("vhd_id_null", ["VHD1_ID_NULL"], base=dynamic,
     damage=footers(unique_id=bytes(16)))
case("vhd_id_null_fixed", ["VHD1_ID_NULL"], base=fixed,
     damage=footers(unique_id=bytes(16)))
case("vhd_id_of_parent", ["VHD1_ID_OF_PARENT"], base=child,
     damage=edit(lambda v: v.set_footers(unique_id=v.header.parent_id)))
case("vhd_saved_state", ["VHD1_SAVED_STATE"], base=dynamic,
     damage=footers(saved_state=1))
for number in (2, 255):
    case(f"vhd_saved_state_{number}", ["VHD1_SAVED_STATE_ODD"], base=dynamic,
         damage=footers(saved_state=number),
         after={"VHD1_SAVED_STATE": "it counts as 1, and 1 is no damage"})
case("vhd_reserved", ["VHD1_RESERVED"], base=dynamic,
     damage=footers(reserved=bytes(100) + b"\1"))
case("vhd_reserved_last", ["VHD1_RESERVED"], base=fixed,
     damage=footers(reserved=bytes(425) + b"\x80"))
case("vhd_hidden_odd", ["VHD1_HIDDEN_ODD"], base=dynamic,
     damage=footers(hidden=2))
case("vhd_hidden", ["VHD1_HIDDEN"], base=dynamic, damage=footers(hidden=1))


# K-16: an interrupted resize of Xen.

case("vhd_poison", ["VHD1_POISONED"], base=dynamic,
     damage=footers(cookie=b"v_poison"))
case("vhd_poison_tail", ["VHD1_POISONED"], base=dynamic,
     damage=edit(lambda v: (v.set_footer(cookie=b"v_poison"),
                            v.set_copy(cookie=b"v_poison"))))


# K-18, K-19: what is around a fixed disk.

def shift_footer(by):
    def change(v):
        v.move_tail(v.tail + by)
    return edit(change)


case("vhd_fixed_short", ["VHD1_FIXED_SHORT"], base=fixed,
     damage=shift_footer(-65536),
     repaired_same=same_except((FIXED - 65536, 65536)))
case("vhd_fixed_short_sector", ["VHD1_FIXED_SHORT"], base=small_fixed,
     damage=shift_footer(-SECTOR),
     repaired_same=same_except((MIB - 65536, 65536)))
case("vhd_fixed_slack", ["VHD1_FIXED_SLACK"], base=fixed,
     damage=shift_footer(65536))
case("vhd_fixed_slack_sector", ["VHD1_FIXED_SLACK"], base=small_fixed,
     damage=shift_footer(SECTOR))
case("vhd_lookalike", ["VHD1_FIXED_LOOKALIKE"], base=fixed,
     damage=edit(lambda v: v.put(0, b"conectix")))


def dynamic_inside(v):
    """The guest of a fixed disk stores a dynamic one from its sector 0 on."""
    inner = v.footer.update(disk_type=3, data_offset=512).seal()
    v.put(0, bytes(inner.raw))


case("vhd_lookalike_whole", ["VHD1_FIXED_LOOKALIKE"], base=fixed,
     damage=edit(dynamic_inside))


# K-21, K-22: old forms.

case("vhd_511", ["VHD1_FOOTER_511"], base=dynamic,
     damage=edit(lambda v: v.truncate(v.size - 1)))
case("vhd_511_fixed", ["VHD1_FOOTER_511"], base=fixed,
     damage=edit(lambda v: v.truncate(v.size - 1)))
case("vhd_511_child", ["VHD1_FOOTER_511"], base=child,
     damage=edit(lambda v: v.truncate(v.size - 1)))


def split(path):
    """The second half is in another file."""
    with Vhd(path) as v:
        half = v.size // 2 // SECTOR * SECTOR
        rest = v.get(half, v.size - half)
        v.truncate(half)
    with open(os.path.splitext(path)[0] + ".v01", "wb") as f:
        f.write(rest)


case("vhd_split", ["VHD1_SPLIT"], base=dynamic, damage=split)

