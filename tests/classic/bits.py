# SPDX-License-Identifier: BSD-2-Clause
"""Sparse VHDs, sector by sector, read and written from their description alone:
a second opinion, and a maker of images that a guest of Xen would leave.

	bits.py write FILE START COUNT TAG	these sectors and no others
	bits.py zero FILE START COUNT		the same, zeros
	bits.py mark FILE BLOCK			a bit of the batmap, and its sum
	bits.py unmark FILE BLOCK...		the other way round
	bits.py runs FILE			START COUNT of each run of sectors
	bits.py count FILE			sectors
	bits.py full FILE			blocks that the batmap shows
	bits.py place FILE			BLOCK OFFSET of each block
	bits.py sane FILE			or a sentence and status 1
"""

import os
import stat
import struct
import sys

SECTOR = 512
UNUSED = 0xffffffff


def be32(data, off):
    return struct.unpack_from(">I", data, off)[0]


def be64(data, off):
    return struct.unpack_from(">Q", data, off)[0]


def ones(data):
    return ~sum(data) & 0xffffffff


class Vhd:
    def __init__(self, path, writable=False):
        self.file = open(path, "r+b" if writable else "rb")
        self.end = self.file.seek(0, 2)
        self.device = stat.S_ISBLK(os.fstat(self.file.fileno()).st_mode)
        self.footer = self.get(0, 512)
        assert self.footer[:8] == b"conectix", "no footer at the front"
        self.size = be64(self.footer, 48)
        head = self.get(512, 1024)
        self.table = be64(head, 16)
        self.entries = be32(head, 28)
        self.block = be32(head, 32)
        self.per = self.block // SECTOR
        raw = self.get(self.table, 4 * self.entries)
        self.bat = list(struct.unpack(f">{self.entries}I", raw))
        self.note = self.table + (4 * self.entries + 511) // 512 * 512

    def get(self, off, count):
        self.file.seek(off)
        return self.file.read(count)

    def put(self, off, data):
        self.file.seek(off)
        self.file.write(data)

    def bitmap(self, blk):
        return bytearray(self.get(self.bat[blk] * SECTOR, 512))

    def map_place(self):
        head = self.get(self.note, 512)
        assert head[:8] == b"tdbatmap", "no batmap"
        return be64(head, 8), be32(head, 16) * SECTOR, be32(head, 24)

    def head_end(self):
        off, count, _ = self.map_place()
        ends = [off + count]
        for i in range(8):
            slot = 512 + 576 + 24 * i
            if be32(self.get(slot, 4), 0):
                ends.append(be64(self.get(slot + 16, 8), 0) +
                            be32(self.get(slot + 4, 4), 0))
        return max(ends)

    def covered(self):
        return 512 * max(1, -(-(self.size >> 24) // 512))

    def batmap(self):
        off, count, _ = self.map_place()
        return bytearray(self.get(off, min(count, self.covered())))

    def shows(self, blk):
        data = self.batmap()
        return blk // 8 < len(data) and bool(data[blk // 8] >>
                                             7 - blk % 8 & 1)

    def set_mark(self, blk, on):
        off, _, _ = self.map_place()
        data = self.batmap()
        data[blk // 8] |= 1 << 7 - blk % 8
        if not on:
            data[blk // 8] ^= 1 << 7 - blk % 8
        self.put(off, data)
        self.put(self.note + 24, struct.pack(">I", ones(data)))

    def sector_list(self):
        """Numbers of the sectors that the bitmaps mark."""
        for blk, entry in enumerate(self.bat):
            if entry == UNUSED:
                continue
            bits = self.bitmap(blk)
            for i in range(self.per):
                if bits[i // 8] >> 7 - i % 8 & 1:
                    yield blk * self.per + i

    def runs(self):
        start = last = None
        for number in self.sector_list():
            if last is None or number != last + 1:
                if last is not None:
                    yield start, last + 1 - start
                start = number
            last = number
        if last is not None:
            yield start, last + 1 - start

    def add_block(self, blk):
        """At the end, as the original does."""
        last = max([self.head_end()] + [e * SECTOR + 512 + self.block
                                        for e in self.bat if e != UNUSED])
        data = -(-(last + 512) // 4096) * 4096
        self.bat[blk] = data // SECTOR - 1
        self.put(last, bytes(data - last))
        self.put(self.table + 4 * blk, struct.pack(">I", self.bat[blk]))
        if not self.device:
            self.put(data + self.block, self.footer)
            self.end = data + self.block + 512

    def write(self, number, data):
        blk, i = divmod(number, self.per)
        if self.bat[blk] == UNUSED:
            self.add_block(blk)
        self.put((self.bat[blk] + 1 + i) * SECTOR, data)
        bits = self.bitmap(blk)
        bits[i // 8] |= 1 << 7 - i % 8
        self.put(self.bat[blk] * SECTOR, bits)

    def sane(self):
        if self.get(self.end - 512, 512) != self.footer:
            return "there is no footer at the end, or another"
        used = sorted(e for e in self.bat if e != UNUSED)
        for a, b in zip(used, used[1:]):
            if b - a < self.per + 1:
                return f"blocks at sectors {a} and {b} overlap"
        if used and (used[-1] + 1 + self.per) * SECTOR > self.end - 512:
            return "the last block hangs over"
        off, count, stored = self.map_place()
        data = self.batmap()
        if off + count > self.end - 512:
            return "the batmap hangs over"
        if ones(data) != stored:
            return "wrong sum of the batmap"
        for blk in range(min(len(data) * 8, self.entries)):
            if not self.shows(blk):
                continue
            if self.bat[blk] == UNUSED:
                return f"the batmap shows block {blk}, which is not there"
            if any(b != 0xff for b in self.bitmap(blk)[:self.per // 8]):
                return f"the batmap shows block {blk}, which is not full"
        return None


def main(verb, path, *more):
    vhd = Vhd(path, verb in ("write", "zero", "mark", "unmark"))
    if verb in ("write", "zero"):
        start, count = int(more[0]), int(more[1])
        for number in range(start, start + count):
            data = bytes(SECTOR)
            if verb == "write":
                data = (number.to_bytes(8, "big") +
                        more[2].encode().ljust(8)[:8]) * 32
            vhd.write(number, data)
    elif verb in ("mark", "unmark"):
        for blk in more:
            vhd.set_mark(int(blk), verb == "mark")
    elif verb == "runs":
        for start, count in vhd.runs():
            print(start, count)
    elif verb == "count":
        print(sum(count for _, count in vhd.runs()))
    elif verb == "full":
        for blk in range(vhd.entries):
            if vhd.shows(blk):
                print(blk)
    elif verb == "place":
        for blk, entry in enumerate(vhd.bat):
            if entry != UNUSED:
                print(blk, entry * SECTOR)
    elif verb == "sane":
        fault = vhd.sane()
        if fault:
            sys.exit(f"{path}: {fault}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
