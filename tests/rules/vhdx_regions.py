# SPDX-License-Identifier: BSD-2-Clause
"""Cases: region tables (VHDX-CHK-20 to 28)."""

import uuid

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from vhdx_bytes import BAT_GUID, KIB, METADATA_GUID, MIB, edit

CASES = []
case = CaseList(CASES)

STRANGER = uuid.UUID("deadbeef-0000-4000-8000-000000000001")
PENDING = "VHDX_LOG_PENDING"


def bad_sum(v, *copies):
    """Tables whose checksum is wrong and that are else whole."""
    for copy in copies:
        v.regions(copy)["checksum"] ^= 1


def wiped(v, *copies):
    """Tables of zeros."""
    for copy in copies:
        v.write(b.REGIONS_OFF[copy], bytes(b.REGIONS_LEN))


# CHK-20, 21, 22

case("vhdx_regions_1_checksum", ["VHDX_RGN_ONE_BAD"], base=bases.dynamic,
     at=192 * KIB, damage=edit(lambda v: bad_sum(v, 0)))
case("vhdx_regions_2_checksum", ["VHDX_RGN_ONE_BAD"], base=bases.dynamic,
     at=256 * KIB, damage=edit(lambda v: bad_sum(v, 1)))
case("vhdx_regions_1_wiped", ["VHDX_RGN_ONE_BAD"], base=bases.child,
     damage=edit(lambda v: wiped(v, 0)))
case("vhdx_regions_2_wiped", ["VHDX_RGN_ONE_BAD"], base=bases.sectors_4k,
     damage=edit(lambda v: wiped(v, 1)))
case("vhdx_regions_last_byte", ["VHDX_RGN_ONE_BAD"], base=bases.dynamic,
     damage=edit(lambda v: v.write(b.REGIONS_OFF[1] + 64 * KIB - 1, b"\1")))
case("vhdx_regions_1_wiped_and_log", ["VHDX_RGN_ONE_BAD", PENDING],
     base=bases.dynamic,
     damage=edit(lambda v: (journal.hide_table(v), wiped(v, 0))))
case("vhdx_regions_checksums", ["VHDX_RGN_BOTH_BAD"], base=bases.dynamic,
     damage=edit(lambda v: bad_sum(v, 0, 1)))
case("vhdx_regions_wiped", ["VHDX_RGN_BOTH_BAD"], base=bases.dynamic,
     damage=edit(lambda v: wiped(v, 0, 1)))
case("vhdx_regions_wiped_child", ["VHDX_RGN_BOTH_BAD"], base=bases.child,
     damage=edit(lambda v: wiped(v, 0, 1)))
case("vhdx_regions_wiped_over_4_gib", ["VHDX_RGN_BOTH_BAD"],
     base=bases.over_4_gib, damage=edit(lambda v: wiped(v, 0, 1)))
case("vhdx_regions_wiped_and_no_metadata", ["VHDX_RGN_BOTH_BAD"],
     base=bases.dynamic, damage=edit(lambda v: (
         v.table().update(signature=bytes(8)), wiped(v, 0, 1))),
     repair=None, why="nothing leads to the metadata any more")


def second_lies(v):
    """The second table puts the block table elsewhere."""
    v.find_region(BAT_GUID, 1)["off"] = bases.END_OF_TABLE
    v.seal_regions((1,))


def first_lies(v):
    """The first table puts the block table elsewhere, where there is none."""
    v.find_region(BAT_GUID, 0)["off"] = bases.END_OF_TABLE
    v.seal_regions((0,))


case("vhdx_regions_differ", ["VHDX_RGN_DIFFER"], base=bases.dynamic,
     damage=edit(second_lies))
case("vhdx_regions_differ_second", ["VHDX_RGN_DIFFER"], base=bases.blank,
     damage=edit(first_lies), choice="second",
     also={"VHDX_RGN_PLACE": "the first says so, and there is no room there",
           "VHDX_LEAK": "the space of the true table"})
case("vhdx_regions_differ_slightly", ["VHDX_RGN_DIFFER"], base=bases.child,
     damage=edit(lambda v: (v.regions(1).update(reserved=1),
                            v.seal_regions((1,)))))

# CHK-23

case("vhdx_regions_count", ["VHDX_RGN_COUNT"], base=bases.dynamic,
     damage=edit(lambda v: ([v.regions(c).update(count=2048) for c in (0, 1)],
                            v.seal_regions())))
case("vhdx_regions_bat_twice", ["VHDX_RGN_DUPLICATE"], base=bases.dynamic,
     damage=edit(lambda v: v.add_region(BAT_GUID, 20 * MIB, MIB, 0)
                 if v.truncate(21 * MIB) is None else None))


def without(v, guid):
    """The other of two regions moves to the first entry of both tables."""
    for copy in (0, 1):
        kept = 1 if v.region(0, copy)["guid"] == guid else 0
        data = v.read(v.region(kept, copy).at, 32)
        v.write(v.region(0, copy).at, data + bytes(32))
        v.regions(copy)["count"] = 1
    v.seal_regions()


case("vhdx_regions_no_bat", ["VHDX_RGN_NO_BAT"], base=bases.dynamic,
     damage=edit(lambda v: without(v, BAT_GUID)))
case("vhdx_regions_no_metadata", ["VHDX_RGN_NO_METADATA"], base=bases.dynamic,
     damage=edit(lambda v: without(v, METADATA_GUID)))
case("vhdx_regions_empty", ["VHDX_RGN_NO_BAT"], base=bases.dynamic,
     damage=edit(lambda v: (without(v, BAT_GUID), [v.write(
         v.region(0, c).at, bytes(32)) for c in (0, 1)], [v.regions(c).update(
             count=0) for c in (0, 1)], v.seal_regions())))

# CHK-24

for guid, region in ((BAT_GUID, "bat"), (METADATA_GUID, "metadata")):
    for name, values in {
            "unaligned": {"off": 3 * MIB + 64 * KIB}, "in_headers": {"off": 0},
            "length_odd": {"len": MIB - 4 * KIB}, "length_0": {"len": 0},
            "past_end": {"off": 1 << 40},
            "past_2_64": {"off": (1 << 64) - MIB}}.items():
        case(f"vhdx_region_{region}_{name}", ["VHDX_RGN_PLACE"],
             base=bases.dynamic, damage=edit(
                 lambda v, guid=guid, values=values: v.set_region(
                     guid, **values)), repair=None,
             why="nothing tells where the region is")
# The file was cut, and what is missing of the table was zero.
case("vhdx_region_bat_cut", ["VHDX_RGN_PLACE"], base=bases.blank,
     damage=edit(lambda v: v.truncate(3 * MIB + 512 * KIB)))
case("vhdx_region_bat_cut_and_log", ["VHDX_RGN_PLACE"], base=bases.blank,
     also={PENDING: "it is replayed first"},
     damage=edit(lambda v: (journal.pend(v, flushed=3 * MIB, last=3 * MIB),
                            v.truncate(3 * MIB + 512 * KIB))))

# CHK-25, 26: regions of others


def stranger(v, required):
    """A region that we know nothing of, behind everything else."""
    size = v.length()
    v.truncate(size + MIB)
    v.write(size, b"stranger")
    v.add_region(STRANGER, size, MIB, required)


case("vhdx_region_required", ["VHDX_RGN_REQUIRED"], base=bases.dynamic,
     damage=edit(lambda v: stranger(v, 1)))
case("vhdx_region_required_junk", ["VHDX_RGN_REQUIRED"], base=bases.child,
     damage=edit(lambda v: stranger(v, 0x80000001)))
case("vhdx_region_optional", ["VHDX_RGN_OPTIONAL"], base=bases.dynamic,
     damage=edit(lambda v: stranger(v, 0)))

# CHK-27

case("vhdx_region_flags_qemu", ["VHDX_RGN_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: [v.set_region(g, required=0)
                            for g in (BAT_GUID, METADATA_GUID)]))
case("vhdx_region_flags_junk", ["VHDX_RGN_FLAGS"], base=bases.child,
     damage=edit(lambda v: v.set_region(BAT_GUID, required=0xA5A5A5A5)))
case("vhdx_regions_reserved", ["VHDX_RGN_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: ([v.regions(c).update(reserved=7) for c in (0, 1)],
                            v.seal_regions())))
case("vhdx_regions_junk", ["VHDX_RGN_FLAGS"], base=bases.dynamic,
     damage=edit(lambda v: ([v.write(at + 9000, b"junk")
                             for at in b.REGIONS_OFF], v.seal_regions())))

# CHK-28

case("vhdx_region_bat_in_log", ["VHDX_RGN_OVERLAP"], base=bases.dynamic,
     damage=edit(lambda v: v.set_region(BAT_GUID, off=MIB)))
case("vhdx_region_metadata_in_bat", ["VHDX_RGN_OVERLAP"], base=bases.dynamic,
     damage=edit(lambda v: v.set_region(METADATA_GUID, off=3 * MIB)))
case("vhdx_region_bat_over_metadata", ["VHDX_RGN_OVERLAP"],
     base=bases.dynamic,
     damage=edit(lambda v: v.set_region(BAT_GUID, off=2 * MIB, len=2 * MIB)))
case("vhdx_log_over_region", ["VHDX_RGN_OVERLAP"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(log_len=2 * MIB)))
