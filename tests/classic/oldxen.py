#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What blktap's tool makes, from the description of the format alone: images of
creator "tap", journals of a resize, and images whose resize was interrupted.
And an eye of its own on what ours makes.

    oldxen.py make IMAGE MIB [room=MIB] [blocks=0,3,7] [full=3] [locators=1]
                   [tail=BYTES] [packed=1]     (a device: tail=its length)
    oldxen.py journal IMAGE JOURNAL [MIB] [eof=little|big] [uuid=HEX]
    oldxen.py interrupt IMAGE poisoned|moved|half|done|cut MIB
    oldxen.py sound IMAGE [end=BYTES]    is everything where it should be
    oldxen.py grew BEFORE AFTER MIB      and is it the same, but larger
    oldxen.py facts IMAGE                KEY=VALUE lines
    oldxen.py notes JOURNAL              "TYPE OFFSET LENGTH" lines
    oldxen.py content IMAGE [from=MIB] [to=MIB]SHA-256 of the disk
"""
import hashlib
import os
import random
import stat
import struct
import sys

SEC = 512
BLOCK = 2 << 20
STRIDE = SEC + BLOCK
FREE = 0xffffffff


def pad(n, unit=SEC):
    return (n + unit - 1) // unit * unit


def inverse_sum(data):
    return ~sum(data) & 0xffffffff


def sealed(raw, field):
    raw = raw[:field] + bytes(4) + raw[field + 4:]
    return raw[:field] + struct.pack(">I", inverse_sum(raw)) + raw[field + 4:]


def geometry(size):
    n = min(size // SEC, 65535 * 16 * 255)
    if n >= 65535 * 16 * 63:
        spt, heads, t = 255, 16, n // 255
    else:
        spt, t = 17, n // 17
        heads = max(4, (t + 1023) // 1024)
        if heads > 16 or t >= heads * 1024:
            spt, heads, t = 31, 16, n // 31
            if t >= heads * 1024:
                spt, heads, t = 63, 16, n // 63
    return t // heads, heads, spt


def footer(size, kind, uid, original=None, cookie=b"conectix", hidden=0):
    raw = struct.pack(">8sIIQI4sI4sQQHBBII16sBB426x", cookie, 2, 0x10000, 512,
                      800000000, b"tap\0", 0x10003, bytes(4),
                      size if original is None else original, size,
                      *geometry(size), kind, 0, uid, 0, hidden)
    return sealed(raw, 64)


class Image:
    """A dynamic or differencing image, all of whose structures are in memory."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            f.seek(0, 2)
            self.length = f.tell()
            f.seek(0)
            self.front = f.read(SEC)
            self.header = f.read(1024)
            f.seek(self.length - SEC)
            self.tail = f.read(SEC)
            self.table, _, self.entries, self.block = struct.unpack(
                ">QIII", self.header[16:36])
            f.seek(self.table)
            self.raw_bat = f.read(pad(4 * self.entries))
            self.bat = list(struct.unpack(
                ">%dI" % self.entries, self.raw_bat[:4 * self.entries]))
            self.batmap = f.tell()
            self.raw_batmap = f.read(SEC)
            self.map_off, self.map_secs, _, self.map_sum = struct.unpack(
                ">QIII", self.raw_batmap[8:28])
            f.seek(self.map_off)
            self.map = f.read(self.map_secs * SEC)
        self.size = struct.unpack(">Q", self.front[48:56])[0]
        self.uid = self.front[68:84]
        self.kind = struct.unpack(">I", self.front[60:64])[0]

    def locators(self):
        for i in range(8):
            at = 576 + 24 * i
            code, space, length, _, off = struct.unpack(
                ">4sIIIQ", self.header[at:at + 24])
            if code != bytes(4):
                yield i, code, space, length, off

    def meta_end(self):
        return max([self.map_off + self.map_secs * SEC] +
                   [off + space for _, _, space, _, off in self.locators()])

    def data_end(self):
        return max([self.meta_end()] +
                   [e * SEC + STRIDE for e in self.bat if e != FREE])


def is_device(path):
    return stat.S_ISBLK(os.stat(path).st_mode)


def grown_end(img, mib):
    entries = max(img.entries, mib // 2)
    return (img.table + pad(4 * entries) + SEC +
            pad((entries + 7) // 8) +
            sum(space for _, _, space, _, _ in img.locators()))


def opts_of(args):
    return dict(a.split("=", 1) for a in args if "=" in a)


def locator_set(at, name):
    texts = ((b"MacX", b"file://./" + name.encode()),
             (b"W2ku", (".\\" + name).encode("utf-16-le")),
             (b"W2ru", (".\\" + name).encode("utf-16-le")))
    heads, bodies = b"", b""
    for code, text in texts:
        heads += struct.pack(">4sIIIQ", code, SEC, len(text), 0, at)
        bodies += text.ljust(SEC, b"\0")
        at += SEC
    return heads, bodies


def make(path, mib, *rest):
    o = opts_of(rest)
    size = int(mib) << 20
    entries = pad(max(size, int(o.get("room", 0)) << 20), BLOCK) // BLOCK
    blocks = [int(b) for b in o.get("blocks", "").split(",") if b]
    full = {int(b) for b in o.get("full", "").split(",") if b}
    child = "locators" in o
    rng = random.Random(path)
    uid = rng.randbytes(16)
    table = 1536
    batmap = table + pad(4 * entries)
    secs = max(1, pad((entries + 7) // 8) // SEC)
    at = batmap + SEC + SEC * secs
    heads, bodies = locator_set(at, "parent.vhd") if child else (b"", b"")
    end = at + len(bodies)
    bat, content = [FREE] * entries, []
    for n, b in enumerate(blocks):
        where = pad(end + SEC, 4096) - SEC
        if n and "packed" not in o:
            where = pad(end, 4096) + 4096 - SEC
        if "packed" in o:
            where = end
        bat[b] = where // SEC
        end = where + STRIDE
        bits = b"\xff" * SEC if b in full else \
            (b"\xff" * 20 + b"\xa5" + bytes(43)) * 8
        # The first bit of a byte is that of its first sector.
        data = bytearray(BLOCK)
        for s in range(0, 4096):
            if bits[s >> 3] & (0x80 >> (s & 7)) and (s % 37 == 0 or
                                                     s > 4090):
                data[s * SEC:s * SEC + 16] = struct.pack(
                    ">QQ", b * 4096 + s, n + 1)
        content.append((where, bits + bytes(data)))
    tail = max(int(o.get("tail", 0)) - SEC, pad(end))
    bits = bytearray(secs * SEC)
    for b in full:
        bits[b >> 3] |= 0x80 >> (b & 7)
    cover = SEC * max(1, -(-(size >> 24) // SEC))
    kind = 4 if child else 3
    header = struct.pack(">8sQQIIII16sI4x512s", b"cxsparse", 2**64 - 1, table,
                         0x10000, entries, BLOCK, 0,
                         b"\x11" * 16 if child else bytes(16),
                         700000000 if child else 0,
                         "parent.vhd".encode("utf-16-be") if child else b"")
    header = sealed((header + heads).ljust(1024, b"\0"), 36)
    with open(path, "r+b" if os.path.exists(path) else "w+b") as f:
        f.write(footer(size, kind, uid) + header)
        f.write(struct.pack(">%dI" % entries, *bat).ljust(pad(4 * entries),
                                                          b"\0"))
        f.write(struct.pack(">8sQIII", b"tdbatmap", batmap + SEC, secs,
                            0x10002, inverse_sum(bits[:cover])).ljust(
                                SEC, b"\0"))
        f.write(bytes(bits) + bodies)
        for where, data in content:
            f.seek(where)
            f.write(data)
        f.seek(tail)
        f.write(footer(size, kind, uid))
        if not is_device(path):
            f.truncate()


def note(kind, off, data):
    data = data.ljust(pad(len(data)), b"\0")
    head = struct.pack(">QIIQI4s", 0xaaaa12344321aaaa, kind, len(data), off, 0,
                       b"\xde\xad\xbe\xef")
    total = inverse_sum(head + data)
    return head[:24] + struct.pack(">I", total) + head[28:] + data


def in_the_way(img, mib):
    end = grown_end(img, mib)
    return [b for b, e in enumerate(img.bat)
            if e != FREE and e * SEC - 3584 < end and end > img.meta_end()]


def journal(path, out, *rest):
    o = opts_of(rest)
    img = Image(path)
    mib = next((int(a) for a in rest if "=" not in a), 0)
    notes = [note(1, img.length - SEC, img.tail), note(2, 0, img.front),
             note(3, SEC, img.header)]
    with open(path, "rb") as f:
        for _, _, space, _, off in img.locators():
            f.seek(off)
            notes.append(note(4, off, f.read(space)))
        notes.append(note(5, img.table, img.raw_bat))
        notes.append(note(6, img.batmap, img.raw_batmap))
        notes.append(note(7, img.map_off, img.map))
        meta = len(notes)
        for b in in_the_way(img, mib):
            at = img.bat[b] * SEC
            f.seek(at)
            notes.append(note(8, at, f.read(SEC)))
            notes.append(note(8, at + SEC, f.read(BLOCK)))
    data_off = SEC + sum(len(n) for n in notes[:meta])
    end = SEC + sum(len(n) for n in notes)
    uid = bytes.fromhex(o["uuid"]) if "uuid" in o else img.uid
    head = struct.pack(">8s16sQIIQQ", b"vjournal", uid, img.length - SEC,
                       len(notes) - meta, meta, data_off, SEC)
    head += struct.pack(">Q" if o.get("eof") == "big" else "<Q", end)
    with open(out, "r+b" if os.path.exists(out) else "wb") as f:
        f.write(head.ljust(SEC, b"\0") + b"".join(notes))


def poison(raw):
    return sealed(b"v_poison" + raw[8:], 64)


def interrupt(path, stage, mib):
    img = Image(path)
    mib = int(mib)
    moves = in_the_way(img, mib)
    end = grown_end(img, mib)
    at = pad(img.data_end(), 4096)
    device = is_device(path)
    with open(path, "r+b") as f:
        f.write(poison(img.front))
        f.seek(img.length - SEC)
        f.write(poison(img.tail))
        if stage == "poisoned":
            return
        for b in moves:
            old = img.bat[b] * SEC
            f.seek(old)
            data = f.read(STRIDE)
            new = at + 4096 - SEC
            f.seek(new)
            f.write(data)
            at = new + STRIDE
            img.bat[b] = new // SEC
            # The old place is cleared.
            f.seek(old)
            f.write(bytes(STRIDE))
        if stage == "cut" and not device:
            f.truncate(img.length - 4096)
        if stage in ("moved", "cut"):
            return
        # Over the old map, the locators, and what were blocks.
        entries = max(img.entries, mib // 2)
        bat = img.bat + [FREE] * (entries - img.entries)
        f.seek(img.table)
        f.write(struct.pack(">%dI" % entries, *bat))
        f.seek(img.table + pad(4 * entries))
        f.write(b"\x5a" * (end - f.tell()))
        if stage == "half":
            return
        f.seek(SEC)
        f.write(sealed(img.header[:28] + struct.pack(">I", entries) +
                       img.header[32:], 36))
        new = footer(mib << 20, img.kind, img.uid, img.size)
        f.seek(0)
        f.write(new)
        f.seek(img.length - SEC if device else max(at, end))
        f.write(new)


def need(ok, text):
    if not ok:
        sys.exit("not sound: " + text)


def sound(path, *rest):
    o = opts_of(rest)
    img = Image(path)
    for name, raw in (("copy", img.front), ("footer", img.tail)):
        need(raw[:8] == b"conectix", "%s has no cookie" % name)
        need(sealed(raw, 64) == raw, "%s has a wrong checksum" % name)
    need(img.front == img.tail, "footer and copy differ")
    need(tuple(img.front[56:60]) ==
         tuple(struct.pack(">HBB", *geometry(img.size))), "geometry")
    need(sealed(img.header, 36) == img.header, "header has a wrong checksum")
    need(img.header[:8] == b"cxsparse", "header has no cookie")
    need(img.entries * img.block >= img.size, "table is too short")
    need(not any(img.raw_bat[4 * img.entries:]), "table's last sector")
    need(img.raw_batmap[:8] == b"tdbatmap", "batmap has no cookie")
    need(img.map_off == img.batmap + SEC, "map is not behind its header")
    need(img.map_secs == max(1, pad((img.entries + 7) // 8) // SEC),
         "map has %d sectors" % img.map_secs)
    cover = SEC * max(1, -(-(img.size >> 24) // SEC))
    need(inverse_sum(img.map[:cover]) == img.map_sum,
         "map has a wrong checksum")
    need(not any(img.map[cover:]), "map has bits that do not count")
    places = [(0, SEC, "copy"), (SEC, 1024, "header"),
              (img.table, pad(4 * img.entries), "table"),
              (img.batmap, SEC, "batmap"),
              (img.map_off, SEC * img.map_secs, "map"),
              (img.length - SEC, SEC, "footer")]
    at = img.map_off + SEC * img.map_secs
    with open(path, "rb") as f:
        for i, code, space, length, off in img.locators():
            places.append((off, space, "locator %d" % i))
            need(off == at, "locator %d lies at %d, not at %d" % (i, off, at))
            at += space
            f.seek(off)
            text = f.read(space)
            need(not any(text[length:]), "locator %d is not padded" % i)
            text = text[:length]
            text = text.decode() if code == b"MacX" else \
                text.decode("utf-16-le").replace("\\", "/")
            need(text.endswith("./parent.vhd"), "locator %d: %s" % (i, text))
        for b, e in enumerate(img.bat):
            if e == FREE:
                if img.map[b >> 3] & (0x80 >> (b & 7)):
                    need(False, "map has block %d, which is not there" % b)
                continue
            places.append((e * SEC, STRIDE, "block %d" % b))
            need("packed" in o or (e + 1) % 8 == 0,
                 "block %d is not aligned" % b)
            f.seek(e * SEC)
            if img.map[b >> 3] & (0x80 >> (b & 7)):
                need(f.read(SEC) == b"\xff" * SEC, "block %d is not full" % b)
    places.sort()
    for a, b in zip(places, places[1:]):
        need(a[0] + a[1] <= b[0], "%s and %s overlap" % (a[2], b[2]))
        need("packed" in o or not b[2].startswith("block") or
             a[0] + a[1] + 7 * SEC <= b[0] or not a[2].startswith("block"),
             "%s and %s lie too near" % (a[2], b[2]))
    if "end" in o:
        need(img.length == int(o["end"]), "length is %d" % img.length)


def facts(path):
    img = Image(path)
    print("size=%d" % (img.size >> 20))
    print("original=%d" % (struct.unpack(">Q", img.front[40:48])[0] >> 20))
    print("entries=%d" % img.entries)
    print("blocks=%d" % sum(e != FREE for e in img.bat))
    print("length=%d" % img.length)
    print("data_end=%d" % img.data_end())
    print("meta_end=%d" % img.meta_end())
    print("cookie=%s" % img.front[:8].decode())
    print("bat=%s" % ",".join("%d:%d" % (b, e) for b, e in enumerate(img.bat)
                              if e != FREE))


def notes(path):
    with open(path, "rb") as f:
        head = f.read(SEC)
        need(head[:8] == b"vjournal", "no journal")
        data, meta, data_off, meta_off = struct.unpack(">IIQQ", head[32:56])
        end = struct.unpack("<Q", head[56:64])[0]
        at = meta_off
        for i in range(meta + data):
            if i == meta:
                need(at == data_off, "data begins at %d" % data_off)
            f.seek(at)
            raw = f.read(32)
            mark, kind, size, off, total = struct.unpack(">QIIQI", raw[:28])
            body = f.read(size)
            need(mark == 0xaaaa12344321aaaa, "note %d has no mark" % i)
            need(size and size % SEC == 0 and len(body) == size,
                 "note %d has %d bytes" % (i, size))
            need(inverse_sum(raw[:24] + bytes(4) + raw[28:] + body) == total,
                 "note %d has a wrong checksum" % i)
            need((kind == 8) == (i >= meta), "note %d has type %d" % (i, kind))
            at += 32 + size
            print(kind, off, size)
        need(end == at or not meta + data, "journal ends at %d, not %d" %
             (at, end))


def digest(img, first, end):
    h = hashlib.sha256()
    nothing = bytes(BLOCK)
    with open(img.path, "rb") as f:
        for b in range(first // BLOCK, min(end, img.size) // BLOCK):
            if img.bat[b] == FREE:
                h.update(nothing)
                continue
            f.seek(img.bat[b] * SEC)
            bits = f.read(SEC)
            data = bytearray(f.read(BLOCK))
            for s in range(4096):
                if not bits[s >> 3] & (0x80 >> (s & 7)):
                    data[s * SEC:(s + 1) * SEC] = bytes(SEC)
            h.update(data)
    return h.hexdigest()


def content(path, *rest):
    o = opts_of(rest)
    print(digest(Image(path), int(o.get("from", 0)) << 20,
                 int(o.get("to", 1 << 22)) << 20))


def grew(before, after, mib):
    """Larger, and otherwise the same; all blocks lie in the first 16 MiB."""
    a, b = Image(before), Image(after)
    sound(after)
    need(b.size == pad(int(mib) << 20, BLOCK), "size is %d" % b.size)
    need(a.front[:48] == b.front[:48] and a.front[60:64] == b.front[60:64] and
         a.front[68:] == b.front[68:], "the footer says something else")
    need(a.header[:28] == b.header[:28] and a.header[40:576] ==
         b.header[40:576], "the header says something else")
    need(a.raw_batmap[28:] == b.raw_batmap[28:] and
         a.raw_batmap[20:24] == b.raw_batmap[20:24], "batmap's header")
    need([e == FREE for e in a.bat[:8]] == [e == FREE for e in b.bat[:8]] and
         b.bat[8:].count(FREE) == len(b.bat[8:]), "other blocks")
    need(a.map.rstrip(b"\0") == b.map.rstrip(b"\0"), "another map")
    need(is_device(after) or b.length == b.data_end() + SEC,
         "length is %d" % b.length)
    need(digest(a, 0, 16 << 20) == digest(b, 0, 16 << 20), "other content")


VERBS = {"make": make, "journal": journal, "interrupt": interrupt,
         "sound": sound, "facts": facts, "notes": notes, "content": content,
         "grew": grew}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
