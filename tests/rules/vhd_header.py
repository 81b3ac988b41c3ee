# SPDX-License-Identifier: BSD-2-Clause
"""VHD-K-23 to VHD-K-30, VHD-K-34: dynamic header and place of the table."""

from case import CaseList
from vhd_bases import BLOCK, MIB, child, dynamic, edit, empty, header, xen_empty
from vhd_bytes import NONE, Vhd

CASES = []
case = CaseList(CASES)


# K-23 to K-26: cookie, checksum, version, the field that leads nowhere.

case("vhd_header_zero", ["VHD1_HDR_COOKIE"], base=dynamic,
     damage=edit(lambda v: v.put(0x200, bytes(1024))))
case("vhd_header_cookie", ["VHD1_HDR_COOKIE"], base=child,
     damage=header(cookie=b"cxsparsf"))
case("vhd_header_checksum", ["VHD1_HDR_CHECKSUM"], base=dynamic,
     damage=edit(lambda v: v.flip(0x200 + 37)), at=0x200)
case("vhd_header_checksum_child", ["VHD1_HDR_CHECKSUM"], base=child,
     damage=edit(lambda v: v.flip(0x200 + 38)))
case("vhd_header_unsealed_name", ["VHD1_HDR_CHECKSUM"], base=dynamic,
     damage=header(seal=False, checksum=0))
case("vhd_header_implausible", ["VHD1_HDR_CHECKSUM"], base=dynamic,
     damage=header(seal=False, block_size=3 * MIB), says="not plausible",
     repair=None, why="its fields are damaged too")
case("vhd_header_torn", ["VHD1_HDR_CHECKSUM"], base=dynamic,
     damage=edit(lambda v: v.put(0x400, b"\xA5" * 512)), says="not plausible",
     repair=None, why="its fields are damaged too")
for number in (0, 0x00020000, 0x00010001, 0x00000100):
    case(f"vhd_header_version_{number:x}", ["VHD1_HDR_VERSION"], base=dynamic,
         damage=header(version=number))
for number in (0xFFFFFFFF, 0, 512):
    case(f"vhd_header_next_{number:x}", ["VHD1_HDR_NEXT"], base=dynamic,
         damage=header(data_offset=number))
case("vhd_header_next_child", ["VHD1_HDR_NEXT"], base=child,
     damage=header(data_offset=NONE >> 32))

case("vhd_header_next_xen", ["VHD1_HDR_NEXT_XEN"], base=xen_empty,
     damage=header(data_offset=0xFFFFFFFF))


# K-27: block size.

for number in (0, 256, 511, BLOCK + 1, 3 * MIB // 2, 3 * MIB, 512 * MIB,
               0x80000000, 0xFFFFFFFF):
    case(f"vhd_block_size_{number:x}", ["VHD1_BLOCK_SIZE"], base=dynamic,
         damage=header(block_size=number))


def resize_blocks(size):
    """Nothing is allocated, so that another size is as good."""
    def change(v):
        v.set_header(block_size=size,
                     max_entries=max(1, v.footer.current_size // size))
    return edit(change)


for number in (MIB, 4 * MIB, 256 * MIB):
    case(f"vhd_block_size_odd_{number:x}", ["VHD1_BLOCK_SIZE_ODD"], base=empty,
         damage=resize_blocks(number))


def tiny_blocks(size):
    """Below 4096 bytes programs differ in where the data is: 128 entries fill
    the table's sector."""
    def change(v):
        v.set_header(block_size=size, max_entries=128)
        v.set_footers(current_size=size * 128, original_size=size * 128,
                      cylinders=65535, heads=16, sectors=255)
    return edit(change)


SMALL = {"VHD1_SIZE_AZURE": "so small a disk is no whole number of MiB"}
for number in (4096, 262144):
    case(f"vhd_block_size_odd_{number:x}", ["VHD1_BLOCK_SIZE_ODD"], base=empty,
         also=SMALL, damage=tiny_blocks(number))
for number in (512, 2048):
    case(f"vhd_block_size_small_{number}", ["VHD1_BLOCK_SIZE_SMALL"],
         base=empty, also=SMALL, damage=tiny_blocks(number))
case("vhd_block_size_2m", [], base=empty, damage=resize_blocks(2 * MIB))


def longer_table(count, **fields):
    """Xen's padding is zeros, which as entries would be places."""
    def change(v):
        used = 4 * v.header.max_entries
        v.put(0x600 + used, b"\xff" * (4 * count - used))
        v.set_header(max_entries=count, **fields)
    return edit(change)


case("vhd_block_size_tap", ["VHD1_BLOCK_SIZE_ODD"], base=xen_empty,
     damage=longer_table(32, block_size=BLOCK))


# K-28: length of the table.

for number in (0, 1, 7):
    case(f"vhd_table_short_{number}", ["VHD1_BAT_SHORT"], base=dynamic,
         damage=header(max_entries=number))
case("vhd_table_short_child", ["VHD1_BAT_SHORT"], base=child,
     damage=header(max_entries=7))
case("vhd_table_surplus_1", [], base=dynamic, damage=header(max_entries=9))
for number in (10, 128):
    case(f"vhd_table_long_{number}", ["VHD1_BAT_LONG"], base=dynamic,
         damage=header(max_entries=number))
case("vhd_table_spare", ["VHD1_BAT_SPARE"], base=xen_empty,
     damage=longer_table(100))


# K-29: place of the table.

for number in (1 << 40, NONE, NONE - 511, 0x100000000):
    case(f"vhd_table_place_{number:x}", ["VHD1_BAT_PLACE"], base=dynamic,
         damage=header(table_offset=number))
case("vhd_table_huge", ["VHD1_BAT_PLACE"], base=dynamic,
     damage=header(max_entries=0xFFFFFFFF))
case("vhd_table_in_footer", ["VHD1_BAT_PLACE"], base=empty,
     damage=edit(lambda v: v.set_header(table_offset=v.tail)))


def move_table(to):
    """Moves it and its padding into the gap in front of the first block."""
    def change(v):
        end = -(-(to + 32) // 512) * 512
        table = v.get(0x600, 32)
        v.put(0x600, bytes(512))
        v.put(to, table.ljust(end - to, b"\xff"))
        v.set_header(table_offset=to)
    return edit(change)


case("vhd_table_moved", [], base=dynamic, damage=move_table(0x800))
for number in (0x801, 0x804, 0x9F0):
    case(f"vhd_table_unaligned_{number:x}", ["VHD1_BAT_UNALIGNED"],
         base=dynamic, damage=move_table(number))
for number in (0, 0x1F0, 0x200, 0x400, 0x5FF):
    case(f"vhd_table_overlap_{number:x}", ["VHD1_BAT_OVERLAP"], base=dynamic,
         damage=header(table_offset=number))


# K-30: reserved bytes.

case("vhd_header_reserved", ["VHD1_HDR_RESERVED"], base=dynamic,
     damage=header(reserved=1))
case("vhd_header_reserved_end", ["VHD1_HDR_RESERVED"], base=child,
     damage=header(reserved2=bytes(255) + b"\1"))


# K-34: what follows the table in its last sector.

def pad(data):
    return edit(lambda v: v.put(v.header.table_offset + 4 * len(v.bat),
                                data))


case("vhd_padding_zero", ["VHD1_BAT_PADDING_ZERO"], base=dynamic,
     damage=pad(bytes(480)))
case("vhd_padding_garbage", ["VHD1_BAT_PADDING"], base=dynamic,
     damage=pad(b"\x12\x34\x56\x78"))
case("vhd_padding_last", ["VHD1_BAT_PADDING"], base=child,
     damage=edit(lambda v: v.flip(0x7FF)), at=0x7FF)
case("vhd_padding_entry", ["VHD1_BAT_PADDING"], base=dynamic,
     damage=pad((7).to_bytes(4, "big")))


# K-29 with Xen's batmap and with locators.

def table_on(find):
    def damage(path):
        with Vhd(path) as v:
            to = find(v)
            v.put(to, v.get(v.header.table_offset, 512))
            v.set_header(table_offset=to)
    return damage


case("vhd_table_on_locator", ["VHD1_LOCATOR_OVERLAP"], base=child,
     damage=table_on(lambda v: v.locator(0).data_offset),
     also={"VHD1_LOCATOR_TEXT": "the table is no text"})
