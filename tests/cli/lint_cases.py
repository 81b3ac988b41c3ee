# SPDX-License-Identifier: BSD-2-Clause
"""The images for lint_rows.py: one for each row of the lint tables."""

import os
import time
from collections import namedtuple

import vhdx_bytes as x
import vhdx_journal as journal
from harness import noise, write_sparse
from row_bench import vhd, vhdx
from vhd_bytes import EPOCH, SECTOR

MIB, GIB = 1 << 20, 1 << 30

# @words: part of the sentence, when the clause alone is not enough.  @also:
# what else is said of the image, and cannot be avoided.
Case = namedtuple("Case", "name target clause make words also")
CASES = []


def case(target, clause, make, words="", also=()):
    CASES.append(Case(f"{target}_{len(CASES)}_{clause}", target, clause, make,
                      words, also))


# Makers.  Each is called with the bench and gives the name of the image.

def create(name, *options):
    def make(b):
        b.vu("create", "--no-sync", *options, name)
        return name
    return make


def then(make, *changes):
    """@make, and then changes, called with the bench and the name."""
    def made(b):
        name = make(b)
        for change in changes:
            name = change(b, name) or name
        return name
    return made


def footer(**fields):
    return vhd(lambda v: v.set_footers(**fields))


def header(**fields):
    return vhd(lambda v: v.set_header(**fields))


def solid(b, name):
    """Without holes, as far as can be told."""
    path = b.path(name)
    with open(path, "r+b") as f:
        os.posix_fallocate(f.fileno(), 0, os.path.getsize(path))


def write(off, data):
    def change(b, name):
        with open(b.path("data"), "wb") as f:
            f.write(data)
        b.vu("write", "--no-progress", "--offset", off, name, "data")
        os.unlink(b.path("data"))
    return change


def child(ext, *options, parent="base"):
    def make(b):
        b.vu("create", "--no-sync", "--size", "64M", *options, parent + ext)
        b.vu("create", "--no-sync", *options, "--parent", parent + ext,
             "child" + ext)
        return "child" + ext
    return make


def raw(size):
    def make(b):
        write_sparse(b.path("disk.raw"), size, [(4096, noise("raw", 4096))])
        return "disk.raw"
    return make


def beside(suffix):
    def change(b, name):
        with open(b.path(name + suffix), "wb") as f:
            f.write(b"x")
    return change


pending = vhdx(journal.pend)

# Azure

AZURE = ("--for", "azure", "--size", "24M")
azure = create("disk.vhd", *AZURE)
NO_VHD = "refused VHD-A-10"

case("azure", "VHD-A-10", raw(24 * MIB), "and this is")
case("azure", "VHD-A-10", create("it's a disk.vhdx", "--size", "24M"),
     "and this is")
case("azure", "VHD-A-10", create("disk.vhd", "--size", "24M"), "is dynamic")
case("azure", "VHD-A-10", child(".vhd"), "stand alone")
case("azure", "VHD-A-10",
     create("disk.vhd", "--type", "fixed", "--size", str(24 * MIB + 512)),
     "whole MiB")
case("azure", "VHD-A-10", create("disk.vhd", "--type", "fixed", "--size", "4M"),
     "below 20 MiB")
case("azure", "VHD-A-10", create("disk.vhdx", "--size", "33T"), "above 32 TiB",
     also=[NO_VHD])
case("azure", "VHD-A-10", create("disk.vhdx", "--size", "4096G"),
     "of the old kind", also=[NO_VHD])
case("azure", "VHD-A-10", then(azure, vhd(lambda v: v.truncate(v.size - 1))),
     "has 511")
case("azure", "VHD-A-10",
     then(azure, vhd(lambda v: v.move_tail(v.tail + MIB))), "512 bytes longer")
case("azure", "VHDX-WIN-03",
     create("disk.vhdx", "--logical-sector", "4096", "--size", "24M"),
     also=[NO_VHD])
case("azure", "VHD-A-12", then(azure, footer(creator_app=b"vbox")), "maker")
case("azure", "VHD-A-12", then(azure, footer(original_size=20 * MIB)),
     "original size")
case("azure", "VHD-A-12", then(azure, footer(data_offset=512)), "a header")
case("azure", "VHD-A-11", then(azure, footer(cylinders=3)), "one of the size")
case("azure", "VHD-A-11", then(azure, footer(cylinders=40000)), "larger than")
case("azure", "VHD-A-11", then(azure, footer(cylinders=0)), "not set")

# Hyper-V


def shifted(block):
    """Moves a block by a sector, away from its alignment."""
    def change(v):
        raw_block = v.get(v.block_off(block), v.stride)
        v.move_tail(v.tail + 8 * SECTOR)
        v.bat[block] += 1
        v.put(v.block_off(block), raw_block)
    return vhd(change)


def over_2040g(v):
    """One block more than any tool makes."""
    size = 2040 * GIB + 2 * MIB
    v.move_tail(v.tail + SECTOR)
    v.put(v.tail - SECTOR, b"\xff" * SECTOR)
    v.set_footers(current_size=size, original_size=size)
    v.set_header(max_entries=v.header.max_entries + 1)


def short_relative(v):
    """W2ru without the ".\\" in front."""
    for slot in range(8):
        loc = v.locator(slot)
        if loc.code == b"W2ru":
            text = v.locator_text(slot)
            v.put(loc.data_offset, text[4:] + bytes(4))
            v.set_locator(slot, data_length=loc.data_length - 4)


def drop_locators(*codes):
    def change(v):
        for slot in range(8):
            if v.locator(slot).code in codes:
                v.set_locator(slot, code=b"", data_space=0, data_length=0,
                              data_offset=0)
    return vhd(change)


big_vhd = then(create("disk.vhd", "--size", "2040G"), vhd(over_2040g))
three_blocks = then(create("disk.vhd", "--size", "64M"),
                    *(write(2 * i * MIB, noise(str(i), MIB))
                      for i in range(3)))
hyperv = create("disk.vhdx", "--for", "hyperv", "--size", "64M")

case("hyperv", "VHD-Q-45", raw(24 * MIB))
case("hyperv", "VHD-A-13", create("disk.vhdx", "--size", "64M"))
case("hyperv", "VHD-M-1", then(big_vhd, solid))
case("hyperv", "VHDX-NEW-08",
     create("disk.vhdx", "--for", "hyperv", "--size", "2M"), "below 3 MiB")
case("hyperv", "VHDX-NEW-08",
     create("disk.vhdx", "--preallocate", "--size", str(4 * MIB + 512)),
     "whole MiB")
case("hyperv", "VHDX-WIN-03",
     create("disk.vhdx", "--for", "hyperv", "--logical-sector", "4096",
            "--size", "64M"))
case("hyperv", "VHDX-WIN-04",
     create("disk.avhdx", "--for", "hyperv", "--size", "64M"))
case("hyperv", "VHDX-WIN-10", then(hyperv, pending, solid))
case("hyperv", "VHDX-WIN-05", then(hyperv, beside(".mrt")))
case("hyperv", "VHD-A-1",
     then(three_blocks, shifted(2), shifted(1), shifted(0), solid),
     "no block is")
case("hyperv", "VHD-A-1", then(three_blocks, shifted(2), solid), "some blocks")
case("hyperv", "VHD-H-5",
     then(create("disk.vhd", "--block-size", "1M", "--size", "64M"), solid))
case("hyperv", "VHD-L-13",
     then(child(".vhd", "--preallocate"), drop_locators(b"W2ru", b"W2ku")))
case("hyperv", "VHD-L-9",
     then(child(".vhd", "--preallocate"), vhd(short_relative), solid))

# Xen

XEN = ("--for", "xen", "--size", "64M")
xen = create("disk.vhd", *XEN)
xen_child = child(".vhd", "--for", "xen")
plain = create("disk.vhd", "--size", "64M")
NO_BATMAP = ["note VHD-X-1"]
UTF16 = "utf-16-be"


def move_header(v):
    """The header behind all else; where it was stays."""
    at = v.tail
    v.move_tail(at + 1024)
    v.put(at, bytes(v.header.raw))
    v.set_footers(data_offset=at)


def move_table(v):
    at, length = v.tail, 4 * v.header.max_entries
    v.move_tail(at + SECTOR * 8)
    v.put(at + 100, b"\xff" * (length + SECTOR - 100))
    v.set_header(table_offset=at + 100)


case("xen", "VHD-Q-14", create("disk.vhdx", "--size", "64M"))
case("xen", "VHD-M-1", create("disk.vhdx", "--size", "2042G"),
     also=["refused VHD-Q-14"])
case("xen", "VHD-H-5",
     create("disk.vhd", "--block-size", "512K", "--size", "64M"),
     also=NO_BATMAP)
case("xen", "VHD-Q-31",
     create("disk.vhd", "--type", "fixed", "--size", "64M"), "fixed")
case("xen", "VHD-X-1", plain, "has no batmap")
case("xen", "VHD-X-1",
     then(xen, vhd(lambda v: v.set_batmap(cookie=b"nobatmap"))), "malformed")
case("xen", "VHD-X-8", then(xen, vhd(lambda v: v.set_batmap(checksum=1))))
def packed(v):
    """Block 1 right behind block 0, and full by the batmap."""
    raw_block = v.get(v.block_off(1), v.stride)
    v.bat[1] = v.bat[0] + v.stride // SECTOR
    v.put(v.block_off(1), raw_block)
    v.set_map_bit(1)


case("xen", "VHD-X-12",
     then(create("disk.vhd", *XEN),
          *(write(2 * i * MIB, noise(str(i), 2 * MIB)) for i in range(2)),
          vhd(packed)))
case("xen", "VHD-X-7",
     then(create("disk.vhd", "--for", "xen", "--size", str(8 * GIB + 16 * MIB)),
          footer(current_size=8 * GIB + 2 * MIB,
                 original_size=8 * GIB + 2 * MIB, cylinders=16000)))
case("xen", "VHD-L-11",
     then(xen_child, vhd(lambda v: v.set_locator(5, code=b"Xenu"))))
case("xen", "VHD-L-10", child(".vhd", "--for", "xen", parent="b\u00e4se"))
case("xen", "VHD-Q-31", then(xen_child, drop_locators(b"MacX")), "MacX")
case("xen", "VHD-H-2", then(xen, header(data_offset=0xFFFFFFFF)), "own image")
case("xen", "VHD-H-2", then(plain, header(data_offset=0xFFFFFFFF)),
     "not all ones", also=NO_BATMAP)
case("xen", "VHD-Q-31", then(plain, vhd(move_header)), "lie at 512",
     also=NO_BATMAP)
case("xen", "VHD-H-9", then(plain, vhd(move_table)), also=NO_BATMAP)
case("xen", "VHD-F-12", then(xen, footer(timestamp=int(time.time()) - 1000)))
case("xen", "VHD-Q-13",
     then(xen, footer(timestamp=int(time.time()) - EPOCH + 10 ** 6)),
     "lies in the future")
case("xen", "VHD-Q-13",
     then(xen, footer(cylinders=65535, heads=16, sectors=255)),
     "geometry is larger")
case("xen", "VHD-Q-13", then(xen, footer(reserved=b"\1")), "of the footer")
case("xen", "VHD-Q-13", then(xen, header(reserved2=b"\1")), "of the header")
case("xen", "VHD-F-6", then(xen, footer(features=0x102)))
case("xen", "VHD-F-36", then(xen, footer(unique_id=bytes(16))))
case("xen", "VHD-X-2", then(xen, footer(hidden=1)))
case("xen", "VHD-Q-13",
     then(xen_child, header(parent_name="other.vhd".encode(UTF16))),
     "parent's file")
case("xen", "VHD-F-15",
     then(xen, footer(current_size=64 * MIB - 512,
                      original_size=64 * MIB - 512)))
case("xen", "VHD-X-15", then(xen, vhd(lambda v: v.set_batmap(key_cookie=1))))

# WSL

EXT4 = write(1080, b"\x53\xef")
wsl = then(create("ext4.vhdx", "--for", "wsl", "--size", "64M"), EXT4)


def wsl_child(b):
    child(".vhdx", "--block-size", "1M")(b)
    os.rename(b.path("child.vhdx"), b.path("ext4.vhdx"))
    return "ext4.vhdx"


case("wsl", "VHDX-WIN-08", then(plain, EXT4), "only VHDX")
case("wsl", "VHDX-WIN-08", then(wsl_child, EXT4), "stand alone")
case("wsl", "VHDX-WIN-08",
     then(create("ext4.vhdx", "--type", "fixed", "--block-size", "1M",
                 "--size", "64M"), EXT4), "is dynamic")
case("wsl", "VHDX-WIN-08",
     then(create("ext4.vhdx", "--logical-sector", "4096", "--block-size", "1M",
                 "--size", "64M"), EXT4), "sectors of 512")
case("wsl", "VHDX-WIN-02",
     then(create("ext4.vhdx", "--size", "64M"), EXT4))
case("wsl", "VHDX-NEW-08",
     then(create("ext4.vhdx", "--block-size", "1M", "--size",
                 str(64 * MIB + 512)), EXT4))
case("wsl", "VHDX-WIN-08",
     then(create("disk.vhdx", "--for", "wsl", "--size", "64M"), EXT4), "is called ext4.vhdx")
case("wsl", "VHDX-WIN-08", create("ext4.vhdx", "--for", "wsl", "--size", "64M"),
     "no ext4")
case("wsl", "VHDX-WIN-08", then(wsl, pending), "is running")

# QEMU

qemu = create("disk.vhdx", "--for", "qemu", "--size", "64M")
FIXED = create("disk.vhd", "--type", "fixed", "--size", "64M")
IS_FIXED = ["trouble VHD-Q-7"]


def lone_locator(v):
    v.params()["flags"] &= ~x.PARAM_PARENT


def first_table(v):
    v.write(x.REGIONS_OFF[0] + 100, b"\1")


case("qemu", "VHD-S-8", child(".vhd"))
case("qemu", "VHDX-NEW-06", child(".vhdx"))
case("qemu", "VHD-Q-7", FIXED, "-f vpc")
case("qemu", "VHD-F-51", then(FIXED, write(0, b"conectix")), also=IS_FIXED)
case("qemu", "VHD-Q-7", big_vhd, "2040 GiB")
case("qemu", "VHD-C-11", then(plain, footer(creator_app=b"vbox")))
case("qemu", "VHD-C-14", then(plain, footer(creator_app=b"xo  ",
                                            cylinders=970)))
case("qemu", "VHD-C-14", then(FIXED, footer(creator_app=b"qemu",
                                            cylinders=964)), also=IS_FIXED)
case("qemu", "VHD-Q-1", then(plain, vhd(lambda v: v.put(0, bytes(SECTOR)))))
case("qemu", "VHD-Q-6", xen)
case("qemu", "VHDX-BUG",
     create("disk.vhdx", "--logical-sector", "4096", "--size", "64M"))
case("qemu", "VHDX-BUG-Q2", then(qemu, pending))
case("qemu", "VHDX-CHK-42", then(child(".vhdx"), vhdx(lone_locator)))
case("qemu", "VHDX-BUG-Q15", then(qemu, vhdx(first_table)))
