# SPDX-License-Identifier: BSD-2-Clause
"""Sound VHDX images for the cases: what each holds, and where.

All have noise for data, so that a block that comes from the wrong place shows.
Blocks have 1 MiB unless it says otherwise, and come in the order of the disk
from END_OF_TABLE on.
"""

import functools

import vhdx_bytes as b
from harness import noise
from vhdx_bytes import GIB, KIB, MIB
from vhdx_make import link, make

END_OF_TABLE = 4 * MIB
DISK = 12 * MIB

# Blocks of the dynamic disk: three full, two in parts, and one of each kind
# that has no data.
FULL_BLOCKS, ZERO_BLOCK, UNMAPPED_BLOCK, UNDEFINED_BLOCK = (0, 2, 8), 3, 4, 7
LAST_BLOCK = 11
EMPTY_BLOCK = 10
STATES = {ZERO_BLOCK: b.ZERO, UNMAPPED_BLOCK: b.UNMAPPED,
          UNDEFINED_BLOCK: b.UNDEFINED}
RUNS = tuple((blk * MIB, noise(f"block {blk}", MIB)) for blk in FULL_BLOCKS) + (
    (5 * MIB + 64 * KIB, noise("block 5", 192 * KIB)),
    (11 * MIB, noise("block 11", 128 * KIB)),
)

TWO_CHUNKS = ((0, noise("c0", MIB)), (4 * GIB - MIB, noise("c1", 2 * MIB)),
              (5 * GIB - MIB, noise("c2", MIB)))
FAR = 5 * GIB


def once(fn):
    """A base without a parent: written to image.vhdx."""
    @functools.wraps(fn)
    def base(builder):
        path = builder.path("image.vhdx")
        fn(path)
        return path
    return base


@once
def dynamic(path):
    """12 blocks: 0, 2, 5, 8 and 11 have data."""
    make(path, DISK, runs=RUNS, states=STATES)


@once
def blank(path):
    """As dynamic, without a block."""
    make(path, DISK)


@once
def fixed(path):
    """Four blocks, all with space."""
    make(path, 4 * MIB, fixed=True, runs=((MIB, noise("fixed", MIB)),))


@once
def sectors_4k(path):
    """As dynamic, with logical sectors of 4096 bytes."""
    make(path, DISK, sector=4096, runs=RUNS, states=STATES)


@once
def odd_end(path):
    """The disk ends inside its last block, which is the last of the file."""
    make(path, 11 * MIB + 300 * KIB, runs=(
        (0, noise("block 0", MIB)), (11 * MIB, noise("block 11", 128 * KIB))))


@once
def large_blocks(path):
    """Blocks of 4 MiB: 0, 1 and 2 have data."""
    make(path, 16 * MIB, block=4 * MIB, runs=(
        (0, noise("l0", MIB)), (5 * MIB, noise("l1", MIB)),
        (8 * MIB, noise("l2", 64 * KIB)), (11 * MIB, noise("l3", MIB))))


@once
def over_4_gib(path):
    """As two_chunks, with blocks that begin 5 GiB into the file: more than 32
    bits count."""
    make(path, 5 * GIB, runs=TWO_CHUNKS, first_block=FAR)


@once
def two_chunks(path):
    """A dynamic disk of 5 GiB in blocks of 1 MiB, 4096 a chunk."""
    make(path, 5 * GIB, runs=TWO_CHUNKS)


# A child's blocks; what is not named comes from the parent.
CHILD_PARTIAL, CHILD_FULL, CHILD_ZERO = 0, 1, 2
CHILD_RUNS = (
    (0, noise("child 0", 128 * KIB)),
    (512 * KIB, noise("child 1", 64 * KIB)),
    (1 * MIB, noise("child 2", MIB)),
)
CHILD_STATES = {CHILD_PARTIAL: b.PARTIAL, CHILD_ZERO: b.ZERO}
# The bitmap stands behind the two blocks.
CHILD_BITMAP = END_OF_TABLE + 2 * MIB


def _child(builder, sector=512, parent_size=DISK, **more):
    """A child of parent.vhdx, with three blocks of its own."""
    parent, path = builder.path("parent.vhdx"), builder.path("image.vhdx")
    make(parent, parent_size, sector=sector, runs=RUNS, states=STATES)
    make(path, DISK, sector=sector, runs=CHILD_RUNS, states=CHILD_STATES,
         pairs=link(parent, **more))
    return path


def child(builder):
    """Block 0 is partial, 1 full, 2 zero; the rest is the parent's."""
    return _child(builder)


def child_4k(builder):
    """As child, with logical sectors of 4096 bytes."""
    return _child(builder, sector=4096)


def child_of_two_names(builder):
    """As child; the parent has a volume path and a Windows path too."""
    return _child(builder,
                  absolute_win32_path="\\\\?\\C:\\disks\\parent.vhdx",
                  volume_path="\\\\?\\Volume{00112233-4455-6677-8899-"
                              "aabbccddeeff}\\disks\\parent.vhdx")


def child_two_chunks(builder):
    """A child of 5 GiB with partial blocks in two chunks."""
    parent, path = builder.path("parent.vhdx"), builder.path("image.vhdx")
    make(parent, 5 * GIB, runs=((0, noise("p0", MIB)),
                                (4 * GIB, noise("p1", MIB))))
    make(path, 5 * GIB, runs=((0, noise("d0", 64 * KIB)),
                              (4 * GIB, noise("d1", 64 * KIB))),
         states={0: b.PARTIAL, 4096: b.PARTIAL}, pairs=link(parent))
    return path


def grandchild(builder):
    """image.vhdx on middle.vhdx on parent.vhdx."""
    parent, path = builder.path("parent.vhdx"), builder.path("image.vhdx")
    middle = builder.path("middle.vhdx")
    make(parent, DISK, runs=RUNS, states=STATES)
    make(middle, DISK, runs=CHILD_RUNS, states=CHILD_STATES,
         pairs=link(parent), data_write=b.uuid.UUID(int=0x5eed))
    make(path, DISK, runs=((9 * MIB, noise("grand", 64 * KIB)),),
         states={9: b.PARTIAL}, pairs=link(middle))
    return path
