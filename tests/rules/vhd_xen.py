# SPDX-License-Identifier: BSD-2-Clause
"""VHD-K-50 to VHD-K-59: what Xen adds."""

from case import CaseList
from vhd_bases import MIB, edit, footers, sized, xen, xen_child, xen_large
from vhd_bytes import SECTOR
from disk import grown

CASES = []
case = CaseList(CASES)


# K-50: versions of the creator.

for number in (0x00010004, 0x00020000, 0x00000001, 0):
    case(f"vhd_tap_version_{number:x}", ["VHD1_TAP_VERSION"], base=xen,
         damage=footers(creator_version=number))
case("vhd_tap_1_2", [], base=xen, damage=footers(creator_version=0x00010002))


# K-51: batmap.

def batmap(**fields):
    return edit(lambda v: v.set_batmap(**fields))


case("vhd_batmap_lost", ["VHD1_BATMAP_BAD"], base=xen,
     damage=edit(lambda v: v.put(v.batmap_off, bytes(SECTOR))))
case("vhd_batmap_cookie", ["VHD1_BATMAP_BAD"], base=xen_child,
     damage=batmap(cookie=b"tdbatmaq"),
     also={"VHD1_LEAK": "the space of the batmap"})
for field, number in (("version", 0x00010003), ("version", 0), ("size", 0),
                      ("offset", 1 << 40), ("offset", 0x5801),
                      ("size", 0xFFFFFFFF)):
    case(f"vhd_batmap_{field}_{number:x}", ["VHD1_BATMAP_BAD"], base=xen,
         damage=batmap(**{field: number}))
case("vhd_batmap_short", ["VHD1_BATMAP_BAD"], base=xen_large,
     damage=batmap(size=1))
case("vhd_batmap_on_table", ["VHD1_BATMAP_BAD"], base=xen,
     damage=edit(lambda v: (v.set_batmap(offset=v.header.table_offset),
                            v.reseal_map())))


# K-55, K-56: its content.

case("vhd_batmap_checksum", ["VHD1_BATMAP_CHECKSUM"], base=xen,
     damage=batmap(checksum=0x12345678))
case("vhd_batmap_checksum_child", ["VHD1_BATMAP_CHECKSUM"], base=xen_child,
     damage=batmap(checksum=0))
case("vhd_batmap_unsealed_bit", ["VHD1_BATMAP_CHECKSUM", "VHD1_BATMAP_BIT"],
     base=xen, damage=edit(lambda v: v.set_map_bit(2, True, seal=False)))
case("vhd_batmap_bit_unused", ["VHD1_BATMAP_BIT"], base=xen,
     damage=edit(lambda v: v.set_map_bit(2)))
case("vhd_batmap_bit_partial", ["VHD1_BATMAP_BIT"], base=xen_child,
     damage=edit(lambda v: v.set_map_bit(3)))


def clear_a_bit(v):
    raw = bytearray(v.bitmap(3))
    raw[7] &= 0xFE
    v.set_bitmap(3, bytes(raw))
    v.put(v.data_off(3) + 63 * SECTOR, bytes(SECTOR))
    v.set_map_bit(3)


case("vhd_batmap_bit_nearly", ["VHD1_BATMAP_BIT"], base=xen,
     damage=edit(clear_a_bit), repaired_same="readable")
case("vhd_batmap_bits_set", [], base=xen,
     damage=edit(lambda v: [v.set_map_bit(b) for b in v.bat.used()]))


# K-57: libvhd's rounding defect.

LONG = {"VHD1_BAT_SPARE": "the disk is shorter than its table"}


def rounding(v):
    size = 8192 * MIB + 2 * MIB
    sized(size)(v.path)
    v.reseal_map()


case("vhd_batmap_rounding", ["VHD1_BATMAP_ROUNDING"], base=xen_large,
     damage=edit(rounding), also=LONG, repaired_same=grown)


# K-59: tapdisk writes zeros in front of a full block.

def pack(v):
    """Block 3 directly behind block 1, both full."""
    raw = v.get(v.block_off(3), v.stride)
    v.bat[3] = v.bat[1] + v.stride // SECTOR
    v.put(v.block_off(3), raw)
    v.set_map_bit(3)


case("vhd_batmap_packed", ["VHD1_BATMAP_PACKED"], base=xen, damage=edit(pack),
     also={"VHD1_ALIGN_MIXED": "blocks at other places",
           "VHD1_LEAK": "the gap of two blocks in one"},
     after={"VHD1_ALIGN_MIXED": "the blocks stay where they are"})


# K-58: encryption.

case("vhd_keyhash", ["VHD1_KEYHASH"], base=xen,
     damage=batmap(key_cookie=1, key_nonce=b"\x55" * 32, key_hash=b"\xAA" * 32))
