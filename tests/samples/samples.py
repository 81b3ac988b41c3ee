# SPDX-License-Identifier: BSD-2-Clause
"""Every sample image reads as its manifest says.

samples.py VHD-UTIL FOLDER [PATTERN]

For each line of FOLDER/MANIFEST.tsv and of the manifests below it: converting
the image to raw gives the bytes with the listed SHA-256 (or is refused, where
the manifest has "-"), `check` finds no error unless the image is known to be
damaged, and none of it changes a byte of the image.

The environment variable VHD_SAMPLES_DIR stands in for an empty FOLDER.
"""

import fnmatch
import gzip
import hashlib
import lzma
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))

from harness import (CHUNK, ZEROS, Failure, Report, expect, is_zero, run,
                     scratch, sha256, skip)

# Up to here the bytes come through a pipe, as well as in a file.
PIPE_MAX = 1 << 30

# SHA-256 of that many zeros, so that a file that is one hole need not be
# hashed for a minute: head -c SIZE /dev/zero | sha256sum
SHA256_OF_ZEROS = {
    136365211648:
    "dcb4f171cbcedb416d5da34e48d5a17ecc2828a0f14c416de3669b8463cb1d8e",
}

# Readable, and damaged on purpose: `check` has to say so (status 3).
DAMAGED = {
    "dfvfs/image.vhd": "footer checksum is wrong",
    "dfvfs/image-differential.vhd": "checksums are wrong, no parent locator",
    "xen/footer-lost.vhd": "trailing footer is zeroed",
}


class Sample:
    """One line of a manifest."""

    def __init__(self, folder, row, stored_ext):
        self.rel = os.path.join(folder, row["file"]) if folder else row["file"]
        self.stored = self.rel + stored_ext
        self.sha = row.get("unpacked_sha256") or row.get("file_sha256")
        self.content = row["content_sha256"]
        self.raw = row["type"] == "raw"
        self.parent = row.get("parent_file", "-")
        self.folder = folder
        size = row["virtual_size"]
        self.size = int(size) if size != "-" else 0
        self.path = None


def load_manifests(top):
    samples = []
    for folder, _, names in sorted(os.walk(top)):
        if "MANIFEST.tsv" not in names:
            continue
        with open(os.path.join(folder, "MANIFEST.tsv"),
                  encoding="utf-8") as f:
            lines = [l.rstrip("\n") for l in f
                     if l.strip() and not l.startswith("#")]
        head = lines[0].split("\t")
        rel = os.path.relpath(folder, top)
        rel = "" if rel == "." else rel
        for line in lines[1:]:
            row = dict(zip(head, line.split("\t")))
            stored = os.path.join(folder, row["file"])
            ext = next((e for e in (".xz", ".gz", "")
                        if os.path.exists(stored + e)), None)
            if ext is None:
                raise SystemExit(f"{stored}: listed and not there")
            samples.append(Sample(rel, row, ext))
    return samples


def unpack(top, where, sample):
    """Unpack sparsely; the hash of what came out has to be the listed one."""
    source = os.path.join(top, sample.stored)
    sample.path = os.path.join(where, sample.rel)
    os.makedirs(os.path.dirname(sample.path), exist_ok=True)
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(
        os.path.splitext(sample.stored)[1], open)
    digest = hashlib.sha256()
    with opener(source, "rb") as src, open(sample.path, "wb") as dst:
        while data := src.read(CHUNK):
            digest.update(data)
            if data == ZEROS[:len(data)]:
                dst.seek(len(data), os.SEEK_CUR)
            else:
                dst.write(data)
        dst.truncate(dst.tell())
    if digest.hexdigest() != sample.sha:
        raise SystemExit(f"{sample.rel}: unpacks to something else")
    os.chmod(sample.path, 0o444)


def source_args(sample):
    return ["--source-format", "raw"] if sample.raw else []


def pipe_sha(tool, sample):
    digest = hashlib.sha256()
    with subprocess.Popen([tool, "convert", *source_args(sample), sample.path,
                           "-"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        while data := child.stdout.read(CHUNK):
            digest.update(data)
        error = child.stderr.read().decode(errors="replace").strip()
    if child.returncode:
        raise Failure(f"convert to a pipe ended with {child.returncode}: "
                      f"{error}")
    return digest.hexdigest()


def file_sha(tool, sample, raw):
    done = run(tool, "convert", "--format", "raw", *source_args(sample),
               sample.path, raw)
    expect(done.returncode == 0, f"convert ended with {done.returncode}: "
           f"{done.stderr.strip()}")
    size = os.stat(raw).st_size
    expect(size == sample.size, f"{size} bytes, listed are {sample.size}")
    if size in SHA256_OF_ZEROS and is_zero(raw):
        return SHA256_OF_ZEROS[size]
    return sha256(raw)


def check_refused(tool, sample, raw):
    """An image that has to be refused: one sentence, status 1, no output."""
    done = run(tool, "convert", "--format", "raw", sample.path, raw)
    expect(done.returncode == 1, f"convert ended with {done.returncode}")
    expect(len(done.stderr.strip().splitlines()) >= 1 and
           len(done.stderr.strip()) > 40, "convert gave no sentence")
    expect(not os.path.exists(raw), "convert left a file behind")
    return f"refused: {done.stderr.strip().splitlines()[0]}"


def check_content(tool, sample, raw):
    got = file_sha(tool, sample, raw)
    expect(got == sample.content, f"content is {got}, not {sample.content}")
    if sample.size <= PIPE_MAX:
        got = pipe_sha(tool, sample)
        expect(got == sample.content,
               f"through a pipe the content is {got}, not {sample.content}")


def check_check(tool, sample):
    done = run(tool, "check", sample.path)
    output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-6:])
    if sample.rel in DAMAGED:
        expect(done.returncode == 3, f"check ended with {done.returncode}, "
               f"not 3, although {DAMAGED[sample.rel]}: {output}")
        return "check: 3, as damaged"
    expect(done.returncode == 0,
           f"check ended with {done.returncode}: {output}")
    return "check: 0"


def examine(tool, where, sample):
    """All that is asked of one sample; returns a note or raises Failure."""
    raw = os.path.join(where, "out", sample.rel.replace("/", "_") + ".raw")
    try:
        if sample.content == "-":
            note = check_refused(tool, sample, raw)
        else:
            check_content(tool, sample, raw)
            note = "content ok"
            if not sample.raw:
                note += ", " + check_check(tool, sample)
    finally:
        if os.path.exists(raw):
            os.unlink(raw)
        changed = sha256(sample.path) != sample.sha
    expect(not changed, "the image file was changed")
    return note


def timed(tool, where, sample):
    start = time.monotonic()
    try:
        return "ok  ", examine(tool, where, sample), time.monotonic() - start
    except Failure as failure:
        return "FAIL", str(failure), time.monotonic() - start


def main():
    tool = sys.argv[1]
    top = (sys.argv[2] if len(sys.argv) > 2 else "") or \
        os.environ.get("VHD_SAMPLES_DIR", "")
    pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
    if not top or not os.path.exists(os.path.join(top, "MANIFEST.tsv")):
        skip("no folder of sample images (set VHD_SAMPLES_DIR)", host=True)
    where = scratch("samples-unpacked")
    os.makedirs(os.path.join(where, "out"))
    samples = load_manifests(top)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda s: unpack(top, where, s), samples))
        chosen = [s for s in samples if fnmatch.fnmatch(s.rel, pattern)]
        report = Report("samples")
        for sample, result in zip(chosen, pool.map(
                lambda s: timed(tool, where, s), chosen)):
            report.add(sample.rel, *result)
    run("rm", "-rf", where)
    report.finish()


if __name__ == "__main__":
    main()
