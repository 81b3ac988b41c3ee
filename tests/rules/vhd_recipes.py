# SPDX-License-Identifier: BSD-2-Clause
"""Sound images made byte by byte, as the format's recipes have them: nothing is
to be said about them.  And a few that other programs leave."""

import os

from case import CaseList
from vhd_bases import SIZE, child, dynamic, edit, empty
from vhd_bytes import EPOCH, FOOTER, HEADER, LOCATOR, NONE, Fields, Vhd, pad512

CASES = []
case = CaseList(CASES)

MIB = 1 << 20
GIB = 1 << 30
IDS = bytes(range(16)), bytes(range(16, 32))


def footer(**fields):
    return Fields(bytes(512), FOOTER).update(**{
        "cookie": b"conectix", "features": 2, "version": 0x10000,
        "data_offset": 512, "timestamp": 0x2D000000, "creator_app": b"win ",
        "creator_version": 0xA0000, "creator_os": b"Wi2k",
        "original_size": 10 * GIB, "current_size": 10 * GIB,
        "cylinders": 20805, "heads": 16, "sectors": 63, "disk_type": 3,
        "unique_id": IDS[0], **fields}).seal()


def header(**fields):
    return Fields(bytes(1024), HEADER).update(**{
        "cookie": b"cxsparse", "data_offset": NONE, "table_offset": 0x600,
        "version": 0x10000, "max_entries": 5120, "block_size": 2 * MIB,
        **fields}).seal()


def build(path, *parts):
    """A file of (offset, bytes)."""
    with open(path, "wb") as f:
        for off, data in parts:
            f.seek(off)
            f.write(data)


def sums(fields, wanted):
    """The recipe gives the checksum: are these its bytes?"""
    assert fields.checksum == wanted, f"{fields.checksum:#x}"
    return bytes(fields.raw)


TABLE = b"\xff" * 0x5000


def recipe_dynamic(path):
    foot = sums(footer(), 0xFFFFF737)
    build(path, (0, foot), (0x200, sums(header(), 0xFFFFF463)), (0x600, TABLE),
          (0x5600, foot))
    assert os.path.getsize(path) == 22528


def one_block(path):
    """The first block, data aligned to 4 KiB."""
    recipe_dynamic(path)
    with Vhd(path) as v:
        foot = bytes(v.footer.raw)
        v.bat[0] = 0x2F
        v.put(v.tail, bytes(512))
        v.put(0x5E00, b"\xff" * 512)
        v.put(0x206000, foot)


def packed(path):
    """The first two blocks as QEMU lays them."""
    recipe_dynamic(path)
    with Vhd(path) as v:
        foot = bytes(v.footer.raw)
        v.put(v.tail, b"\xff" * 512)
        v.bat[1], v.bat[0] = 0x2B, 0x102C
        v.put(v.block_off(0), b"\xff" * 512)
        v.put(v.data_end(), foot)


def locator(code, length, offset):
    return bytes(Fields(bytes(24), LOCATOR).update(
        code=code, data_space=512, data_length=length,
        data_offset=offset).raw)


def recipe_child(path):
    """The child of the first recipe, which lies beside it as base.vhd."""
    rel, win = ".\\base.vhd", "C:\\vm\\base.vhd"
    base = os.path.join(os.path.dirname(path), "base.vhd")
    recipe_dynamic(base)
    os.utime(base, (EPOCH + 0x2D000080,) * 2)
    foot = sums(footer(timestamp=0x2D000100, disk_type=4, unique_id=IDS[1]),
                0xFFFFF635)
    head = sums(header(
        parent_id=IDS[0], parent_timestamp=0x2D000080,
        parent_name="base.vhd".encode("utf-16-be"),
        locators=locator(b"W2ru", 20, 0x5600) + locator(b"W2ku", 28, 0x5800)),
        0xFFFFEC78)
    build(path, (0, foot), (0x200, head), (0x600, TABLE),
          (0x5600, rel.encode("utf-16-le")),
          (0x5800, win.encode("utf-16-le")), (0x5A00, foot))
    assert os.path.getsize(path) == 23552


def recipe_fixed(path):
    foot = footer(data_offset=NONE, original_size=64 * MIB,
                  current_size=64 * MIB, cylinders=963, heads=8, sectors=17,
                  disk_type=2)
    build(path, (64 * MIB, sums(foot, 0xFFFFF044)))


def recipe_xen(path):
    """Batmap, padding of zeros, no host."""
    foot = bytes(footer(creator_app=b"tap\0", creator_version=0x10003,
                        creator_os=bytes(4)).raw)
    batmap = bytearray(512)
    batmap[:8] = b"tdbatmap"
    batmap[8:28] = bytes.fromhex(
        "0000000000005800 00000002 00010002 ffffffff")
    build(path, (0, foot), (0x200, bytes(header().raw)), (0x600, TABLE),
          (0x5600, bytes(batmap)), (0x5800, bytes(1024)), (0x5C00, foot))
    assert os.path.getsize(path) == 24064


def anything(before, damaged, after):
    """Another disk; what it holds was never the base's."""
    del before, damaged, after


for name, function in (("dynamic", recipe_dynamic), ("one_block", one_block),
                       ("fixed", recipe_fixed), ("xen", recipe_xen),
                       ("child", recipe_child)):
    case(f"vhd_recipe_{name}", [], base=empty, damage=function)
case("vhd_recipe_packed", ["VHD1_ALIGN_NONE"], base=empty, damage=packed)


def windows_layout(path):
    """Windows 8: locator, table, locator, aligned payload; 20 GiB."""
    recipe_child(path)
    rel, win = ".\\base.vhd", "C:\\vm\\base.vhd"
    size = 20 * GIB
    sizes = {"original_size": size, "current_size": size, "cylinders": 41610,
             "heads": 16, "sectors": 63}
    base = os.path.join(os.path.dirname(path), "base.vhd")
    foot = bytes(footer(**sizes).raw)
    build(base, (0, foot), (0x200, bytes(header(max_entries=10240).raw)),
          (0x600, b"\xff" * 0xA000), (0xA600, foot))
    os.utime(base, (EPOCH + 0x2D000080,) * 2)
    loc = [Fields(locator(b"W2ku", 2 * len(win), 0x1000), LOCATOR).update(
        data_space=4096), Fields(locator(b"W2ru", 2 * len(rel), 0xC000),
                                 LOCATOR).update(data_space=65536)]
    foot = bytes(footer(timestamp=0x2D000100, disk_type=4, unique_id=IDS[1],
                        **sizes).raw)
    head = header(parent_id=IDS[0], parent_timestamp=0x2D000080,
                  table_offset=0x2000, max_entries=10240,
                  parent_name="base.vhd".encode("utf-16-be"),
                  locators=b"".join(bytes(x.raw) for x in loc))
    table = b"\xff" * pad512(4 * 10240)
    build(path, (0, foot), (0x200, bytes(head.raw)),
          (0x1000, win.encode("utf-16-le")), (0x2000, b"\0\0\0\xe7"),
          (0x2004, table[4:]), (0xC000, rel.encode("utf-16-le")),
          (0x1CE00, b"\xff" * 512), (0x21D000, foot))


case("vhd_windows_layout", [], base=empty, damage=windows_layout)


def last_slots(v):
    """Virtual PC takes the last four."""
    loc = bytes(v.locator(0).raw)
    v.set_header(locators=bytes(96) + loc + bytes(72))


case("vhd_locator_last_slots", [], base=child, damage=edit(last_slots))
case("vhd_grown_tail", [], base=dynamic,
     damage=edit(lambda v: v.set_footers(creator_app=b"xo  ", cylinders=256,
                                         heads=2, sectors=16,
                                         original_size=SIZE)))
