# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's word on images that were damaged, repaired, and called sound.

judge.py MENDED VHD_UTIL [--count N] [--seed S] [--all]

MENDED (mended.c) writes the images in batches; QEMU converts each to a raw disk,
checks it where it can (VHDX), and what it reads must be what vhd-util reads.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
# pylint: disable=wrong-import-position
from harness import need, run, same_content  # noqa: E402

BATCH = 200

# What QEMU refuses although nothing is wrong, by the clause of the format notes
# that says so.
LIMITS = [
]


def limit(text):
    for pattern, clause in LIMITS:
        if re.search(pattern, text):
            return clause
    return None


def image_options(path):
    if path.endswith(".vhdx"):
        return f"driver=vhdx,file.driver=file,file.filename={path}"
    return ("driver=vpc,force_size_calc=current_size,file.driver=file,"
            f"file.filename={path}")


def judge(path, vhd_util, folder):
    """None, or what is wrong; ("limit", clause) when QEMU may refuse."""
    theirs, ours = (os.path.join(folder, n) for n in ("qemu.raw", "ours.raw"))
    done = run("qemu-img", "convert", "--image-opts", "-O", "raw",
               image_options(path), theirs, timeout=120)
    if done.returncode:
        text = done.stderr.strip()
        return ("limit", limit(text)) if limit(text) else f"convert: {text}"
    if path.endswith(".vhdx"):
        done = run("qemu-img", "check", "-f", "vhdx", path, timeout=120)
        if done.returncode not in (0, 3):
            text = (done.stdout + done.stderr).strip()
            return f"check ended with {done.returncode}: {text[:300]}"
    done = run(vhd_util, "convert", "--format", "raw", "--no-sync", "--force",
               path, ours, timeout=120)
    if done.returncode:
        return f"vhd-util: {done.stderr.strip()}"
    sizes = [os.path.getsize(p) for p in (theirs, ours)]
    if sizes[0] != sizes[1]:
        return f"QEMU reads {sizes[0]} bytes, vhd-util {sizes[1]}"
    at = same_content(theirs, ours)
    if at is None:
        return None
    deep = run(vhd_util, "check", "--deep", path, timeout=120)
    if "VHD1_DATA_UNDER_CLEAR_BIT" in deep.stdout:
        return ("limit", "VHD-S-6: QEMU ignores sector bitmaps, and data lies "
                "under clear bits")
    return f"byte {at} is read differently"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mended")
    parser.add_argument("vhd_util")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    need("qemu-img")
    top = tempfile.mkdtemp(prefix="vhd-judge.")
    judged = bad = 0
    limits = {}
    try:
        for first in range(0, args.count, BATCH):
            images = os.path.join(top, "images")
            os.mkdir(images)
            done = run(args.mended, "--out", images, "--seed", args.seed,
                       "--from", first, "--count",
                       min(BATCH, args.count - first), "--all", int(args.all))
            if done.returncode:
                bad += 1
                print(done.stderr.strip(), flush=True)
            for name in sorted(os.listdir(images)):
                judged += 1
                word = judge(os.path.join(images, name), args.vhd_util, top)
                if isinstance(word, tuple):
                    limits[word[1]] = limits.get(word[1], 0) + 1
                elif word:
                    bad += 1
                    print(f"{name}: {word}", flush=True)
            shutil.rmtree(images)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"{args.count} mutants, {judged} repaired and sound, "
          f"{sum(limits.values())} beyond QEMU's limits, {bad} refused or "
          "read differently")
    for clause, count in sorted(limits.items()):
        print(f"  {count}: {clause}")
    sys.exit(1 if bad or not judged else 0)


if __name__ == "__main__":
    main()
