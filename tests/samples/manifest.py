# SPDX-License-Identifier: BSD-2-Clause
"""The sample images: what their manifests list of them, and tests of each.

A test of samples is called with VHD-UTIL FOLDER [PATTERN].  The environment
variable VHD_SAMPLES_DIR stands in for an empty FOLDER.
"""

import fnmatch
import gzip
import hashlib
import lzma
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))

# pylint: disable=wrong-import-position
from harness import CHUNK, ZEROS, Failure, Report, is_zero, run, scratch
from harness import sha256, skip

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


def raw_sha(raw):
    size = os.stat(raw).st_size
    if size in SHA256_OF_ZEROS and is_zero(raw):
        return SHA256_OF_ZEROS[size]
    return sha256(raw)


class Job:
    """What a test was called with: a tool, a folder, the names that count."""

    def __init__(self, name):
        self.name = name
        self.tool = sys.argv[1]
        self.top = (sys.argv[2] if len(sys.argv) > 2 else "") or \
            os.environ.get("VHD_SAMPLES_DIR", "")
        self.pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
        if not self.top or \
                not os.path.exists(os.path.join(self.top, "MANIFEST.tsv")):
            skip("no folder of sample images (set VHD_SAMPLES_DIR)", host=True)
        self.where = scratch("unpacked-" + name.replace(" ", "-"))
        self.samples = load_manifests(self.top)

    def asked_for(self, sample):
        return fnmatch.fnmatch(sample.rel, self.pattern)

    def timed(self, examine, sample):
        """@examine (of this job, a sample, a file's name) raises Failure."""
        raw = os.path.join(self.where, "out",
                           sample.rel.replace("/", "_") + ".raw")
        start = time.monotonic()
        try:
            note = examine(self, sample, raw)
            return "ok  ", note, time.monotonic() - start
        except Failure as failure:
            return "FAIL", str(failure), time.monotonic() - start
        finally:
            if os.path.exists(raw):
                os.unlink(raw)

    def run(self, examine, wanted):
        """Each sample that is @wanted, once all are unpacked."""
        os.makedirs(os.path.join(self.where, "out"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda s: unpack(self.top, self.where, s),
                          self.samples))
            chosen = [s for s in self.samples
                      if self.asked_for(s) and wanted(s)]
            report = Report(self.name)
            for sample, result in zip(chosen, pool.map(
                    lambda s: self.timed(examine, s), chosen)):
                report.add(sample.rel, *result)
        run("rm", "-rf", self.where)
        report.finish()
