# SPDX-License-Identifier: BSD-2-Clause
"""A VHD as its bytes say, read without any help: what the tool prints about it
is compared with this."""

import struct
import time
import uuid

EPOCH = 946684800		# 2000-01-01
UNUSED = 0xFFFFFFFF
FIXED, DYNAMIC, CHILD = 2, 3, 4
TYPES = {FIXED: "Fixed", DYNAMIC: "Dynamic", CHILD: "Differencing"}
CODES = {b"MacX": "PLAT_CODE_MACX", b"W2ku": "PLAT_CODE_W2KU",
         b"W2ru": "PLAT_CODE_W2RU"}


def pad(value):
    return -(-value // 512) * 512


def without(data, at):
    """The sum of a structure whose checksum is at @at, inverted."""
    return ~(sum(data) - sum(data[at:at + 4])) & 0xFFFFFFFF


class Footer:
    def __init__(self, raw):
        self.raw = raw
        (self.cookie, self.features, self.version, self.data_off, self.time,
         self.app, self.app_version, self.system, self.original, self.size,
         self.cylinders, self.heads, self.sectors, self.type, self.sum,
         self.id, self.saved, self.hidden) = struct.unpack(
             ">8sIIQI4sI4sQQHBBII16sBB", raw[:86])
        self.valid = (self.cookie in (b"conectix", b"v_poison")
                      and self.sum == without(raw, 64))


class Vhd:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.tail = Footer(self.data[-512:])
        self.front = Footer(self.data[:512])
        self.footer = self.tail if self.tail.valid else self.front
        self.size = self.footer.size
        self.type = self.footer.type
        if self.type != FIXED:
            self.read_header()

    def read_header(self):
        raw = self.data[512:1536]
        (self.cookie, self.unused, self.table, self.version, self.entries,
         self.block, self.header_sum, parent, self.parent_time) = \
            struct.unpack(">8sQQIIII16sI", raw[:60])
        self.header_raw = raw
        self.parent_id = uuid.UUID(bytes=parent)
        self.parent_name = raw[64:576].decode("utf-16-be").split("\0")[0]
        self.locators = []
        for slot in range(8):
            code, space, length, _, off = struct.unpack(
                ">4sIIIQ", raw[576 + slot * 24:600 + slot * 24])
            if code != bytes(4):
                self.locators.append((slot, code, space, length, off))
        self.bat = struct.unpack(
            f">{self.entries}I",
            self.data[self.table:self.table + 4 * self.entries])
        at = self.table + pad(4 * self.entries)
        self.map_at = at if self.data[at:at + 8] == b"tdbatmap" else None
        if self.map_at is not None:
            (self.map_off, self.map_sectors, self.map_version, self.map_sum,
             self.marker, self.keyed) = struct.unpack(
                 ">QIIIBB", self.data[at + 8:at + 30])
            self.map = self.data[self.map_off:
                                 self.map_off + 512 * self.map_sectors]

    def allocated(self):
        return [b for b, entry in enumerate(self.bat) if entry != UNUSED]

    def used(self):
        """Footer included."""
        if self.type == FIXED:
            return len(self.data)
        ends = [1536, self.table + pad(4 * self.entries)]
        if self.map_at is not None:
            ends += [self.map_at + 512, self.map_off + 512 * self.map_sectors]
        ends += [off + max(space, pad(length))
                 for _, _, space, length, off in self.locators]
        ends += [self.bat[b] * 512 + 512 + self.block
                 for b in self.allocated()]
        return max(ends) + 512

    def bits(self, block):
        """The bitmap of a block, most significant bit first."""
        at = self.bat[block] * 512
        raw = self.data[at:at + 512]
        return [raw[i // 8] >> (7 - i % 8) & 1 for i in range(4096)]

    def is_full(self, block):
        return (self.map_at is not None
                and self.map[block // 8] >> (7 - block % 8) & 1)

    def marked(self):
        """Sectors that a coalesce moves."""
        return sum(4096 if self.is_full(b) else sum(self.bits(b))
                   for b in self.allocated())

    def bitmap(self):
        """What read -B prints."""
        count = self.size // self.block
        out = bytearray(-(-count // 8))
        for b in self.allocated():
            if b < count:
                out[b // 8] |= 0x80 >> b % 8
        return bytes(out)

    def runs(self, start, count):
        """(first, length) of the sectors that this file has there."""
        out = []
        bits = {}
        for sec in range(start, start + count):
            block = sec // 4096
            if self.bat[block] == UNUSED:
                continue
            if block not in bits:
                bits[block] = [1] * 4096 if self.is_full(block) \
                    else self.bits(block)
            if bits[block][sec % 4096]:
                if out and sum(out[-1]) == sec:
                    out[-1] = (out[-1][0], out[-1][1] + 1)
                else:
                    out.append((sec, 1))
        return out

    # As read -p prints it.

    def summary(self):
        text = self.footer_text()
        if self.type != FIXED:
            text += self.header_text()
            if self.type == CHILD:
                text += self.locators_text()
            if self.map_at is not None:
                text += self.batmap_text()
        return text

    def footer_text(self):
        f = self.footer
        chs = f.cylinders * f.heads * f.sectors * 512
        known = {b"Wi2k": "Windows", b"Mac ": "Macintosh"}
        return "\n".join([
            "VHD Footer Summary:", "-------------------",
            f"Cookie              : {f.cookie.decode()}",
            f"Features            : (0x{f.features:08x})"
            + (" <TEMP>" if f.features & 1 else "")
            + (" <RESV>" if f.features & 2 else ""),
            f"File format version : Major: {f.version >> 16}, "
            f"Minor: {f.version & 0xffff}",
            f"Data offset         : {f.data_off}",
            f"Timestamp           : {when(f.time)}",
            "Creator Application : '"
            + f.app.split(b"\0")[0].decode() + "'",
            f"Creator version     : Major: {f.app_version >> 16}, "
            f"Minor: {f.app_version & 0xffff}",
            f"Creator OS          : {known.get(f.system, 'Unknown!')}",
            f"Original disk size  : {sized(f.original)}",
            f"Current disk size   : {sized(f.size)}",
            f"Geometry            : Cyl: {f.cylinders}, Hds: {f.heads}, "
            f"Sctrs: {f.sectors}",
            f"                    : = {sized(chs)}",
            f"Disk type           : {TYPES[f.type]} hard disk",
            f"Checksum            : {summed(f.sum, without(f.raw, 64))}",
            f"UUID                : {uuid.UUID(bytes=f.id)}",
            f"Saved state         : {'Yes' if f.saved else 'No'}",
            f"Hidden              : {f.hidden}", "", ""])

    def header_text(self):
        return "\n".join([
            "VHD Header Summary:", "-------------------",
            f"Cookie              : {self.cookie.decode()}",
            f"Data offset (unusd) : {self.unused}",
            f"Table offset        : {self.table}",
            f"Header version      : 0x{self.version:08x}",
            f"Max BAT size        : {self.entries}",
            f"Block size          : {self.block} ({self.block >> 20} MB)",
            f"Parent name         : {self.parent_name}",
            f"Parent UUID         : {self.parent_id}",
            f"Parent timestamp    : {when(self.parent_time)}",
            "Checksum            : "
            f"{summed(self.header_sum, without(self.header_raw, 36))}",
            "", ""])

    def locators_text(self):
        text = "VHD Parent Locators:\n--------------------\n"
        for slot, code, space, length, off in self.locators:
            text += (f"locator:            : {slot}\n"
                     f"       code         : {CODES[code]}\n"
                     f"       data_space   : {space}\n"
                     f"       data_length  : {length}\n"
                     f"       data_offset  : {off}\n"
                     f"       decoded name : {self.locator(code, length, off)}"
                     "\n\n")
        return text

    def locator(self, code, length, off):
        raw = self.data[off:off + length]
        if code == b"MacX":
            return raw.decode().removeprefix("file://")
        return raw.decode("utf-16-le").replace("\\", "/")

    def batmap_text(self):
        blocks = self.size >> 24
        cover = 512 * max(1, -(-blocks // 512))
        found = ~sum(self.map[:cover]) & 0xFFFFFFFF
        text = ("VHD Batmap Summary:\n-------------------\n"
                f"Batmap offset       : {self.map_off}\n"
                f"Batmap size (secs)  : {self.map_sectors}\n"
                f"Batmap version      : 0x{self.map_version:08x}\n")
        if self.keyed:
            at = self.map_at + 30
            text += ("Batmap keyhash nonce: "
                     f"{self.data[at:at + 32].hex()}\n"
                     "Batmap keyhash hash : "
                     f"{self.data[at + 32:at + 64].hex()}\n")
        return text + ("Checksum            : "
                       f"{summed(self.map_sum, found)}\n\n")


def when(seconds):
    return time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(EPOCH + seconds))


def sized(count):
    return f"{count >> 20} MB ({count} Bytes)"


def summed(stored, found):
    word = "Good!" if stored == found else "Bad!"
    return f"0x{stored:x}|0x{found:x} ({word})"
