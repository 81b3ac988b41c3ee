# SPDX-License-Identifier: BSD-2-Clause
"""The strangers: qemu-img, libvhdi's vhdiinfo and vhdimount, 7-Zip.

Each judge_* takes an image, what is in it as a raw file, and a Spec, and raises
Failure when its program disagrees.  Whether a program can judge an image at all
is decided here too, with the reason beside it.
"""

import hashlib
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass

from harness import (CHUNK, Failure, expect, must, pieces, run, same_content,
                     sha256)

MIB = 1 << 20
GIB = 1 << 30
QEMU = {"vhd": "vpc", "vhdx": "vhdx", "raw": "raw"}


@dataclass
class Spec:
    """What an image is meant to be."""
    fmt: str
    type: str
    size: int
    block: int = 0
    sector: int = 512


def judge_qemu(image, raw, spec):
    """Opens it, agrees on the size, finds no fault, reads the same bytes."""
    if spec.type == "differencing":
        return              # vpc ignores the bitmaps, vhdx refuses the type
    if spec.sector != 512:
        return              # vhdx: "only 512 byte sectors are supported"
    fmt = QEMU[spec.fmt]
    info = json.loads(must("qemu-img", "info", "-f", fmt, "--output=json",
                           image).stdout)
    expect(info["virtual-size"] == spec.size,
           f"qemu-img sees {info['virtual-size']} bytes, not {spec.size}")
    if fmt == "vhdx":       # vpc has no check
        must("qemu-img", "check", "-f", fmt, image)
    out = image + ".qemu"   # compare reads holes, for half a minute
    must("qemu-img", "convert", "-f", fmt, "-O", "raw", image, out)
    where = same_content(out, raw)
    os.unlink(out)
    expect(where is None, f"qemu-img gives other bytes at {where}")


def judge_vhdiinfo(image, _raw, spec):
    """Agrees on type, size and sector size."""
    out = must("vhdiinfo", image).stdout
    size = re.search(r"Media size\s*:.*?(\d+)(?: bytes)?\)?$", out, re.M)
    expect(size and int(size.group(1)) == spec.size,
           f"vhdiinfo sees another size than {spec.size}: {out}")
    kind = re.search(r"Disk type\s*:\s*(\S+)", out)
    wanted = {"fixed": "Fixed", "dynamic": "Dynamic",
              "differencing": "Differential"}[spec.type]
    expect(kind and kind.group(1) == wanted,
           f"vhdiinfo sees type {kind and kind.group(1)}, not {wanted}")
    expect(f"Bytes per sector\t: {spec.sector} bytes" in out,
           f"vhdiinfo sees another sector size than {spec.sector}")


def compare_ranges(mounted, raw, spec):
    """All of a small disk; of a large one, all data and some of the holes."""
    pos = 0
    with open(mounted, "rb", buffering=0) as f:
        for data, length in pieces(raw):
            if data is None and length > 16 * MIB:
                wanted = [(pos, 4 * MIB), (pos + length // 2, MIB),
                          (pos + length - 4 * MIB, 4 * MIB)]
            else:
                wanted = [(pos, length)]
            for off, count in wanted:
                while count:
                    n = min(count, CHUNK)
                    got = os.pread(f.fileno(), n, off)
                    want = data[off - pos:off - pos + n] if data else bytes(n)
                    expect(got == want, f"vhdimount: other bytes in the {n} "
                           f"at {off:#x} of {spec.size:#x}")
                    off += n
                    count -= n
            pos += length


def unmount(where):
    for _ in range(300):
        for tool in ("fusermount", "fusermount3", "umount"):
            try:
                if run(tool, *(["-u"] if tool != "umount" else []),
                       where).returncode == 0:
                    return
            except FileNotFoundError:
                pass
        time.sleep(0.1)
    raise Failure(f"cannot unmount {where}")


def can_mount():
    return os.access("/dev/fuse", os.R_OK | os.W_OK)


def judge_vhdimount(image, raw, spec):
    """Reads the same bytes."""
    if spec.type == "fixed" and spec.fmt == "vhdx" and spec.size > 4 * GIB:
        return              # does not interleave the table (VHDX-BUG-L1)
    if not can_mount():
        return              # judge_vhdiinfo remains
    where = image + ".mnt"
    os.makedirs(where, exist_ok=True)
    must("vhdimount", image, where)
    try:
        names = sorted(os.listdir(where))
        expect(names, "vhdimount shows no file")
        # One file for each layer: the last is the image itself.
        mounted = os.path.join(where, names[-1])
        expect(os.stat(mounted).st_size == spec.size,
               f"vhdimount shows {os.stat(mounted).st_size} bytes")
        compare_ranges(mounted, raw, spec)
    finally:
        unmount(where)
        os.rmdir(where)


def judge_7z(image, raw, spec):
    """Lists it without complaint and extracts the same bytes."""
    if spec.fmt == "vhdx" and spec.size // spec.sector % 2:
        return              # refuses an odd number of sectors, QEMU's files too
    kind = f"-t{spec.fmt.upper()}"
    out = must("7z", "l", "-slt", kind, image).stdout
    expect(not re.search(r"^(?:ERROR|WARNING)", out, re.M),
           f"7z complains: {out}")
    digest = hashlib.sha256()
    with subprocess.Popen(["7z", "x", "-so", kind, image],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        total = 0
        while data := child.stdout.read(CHUNK):
            total += len(data)
            digest.update(data)
        error = child.stderr.read().decode(errors="replace")
    expect(child.returncode == 0, f"7z x ended with {child.returncode}: "
           f"{error}")
    expect(total == spec.size, f"7z gives {total} bytes, not {spec.size}")
    expect(digest.hexdigest() == sha256(raw), "7z gives other bytes")


JUDGES = (judge_qemu, judge_vhdiinfo, judge_vhdimount, judge_7z)


def judge(image, raw, spec):
    for one in JUDGES:
        one(image, raw, spec)
