# SPDX-License-Identifier: BSD-2-Clause
"""Every sample image reads as its manifest says.

samples.py VHD-UTIL FOLDER [PATTERN]

For each line of FOLDER/MANIFEST.tsv and of the manifests below it: converting
the image to raw gives the bytes with the listed SHA-256 (or is refused, where
the manifest has "-"), `check` finds no error unless the image is known to be
damaged, and none of it changes a byte of the image.
"""

import hashlib
import os
import subprocess

from manifest import DAMAGED, Job, raw_sha, source_args
from harness import CHUNK, Failure, expect, run, sha256

# Up to here the bytes come through a pipe, as well as in a file.
PIPE_MAX = 1 << 30


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
    return raw_sha(raw)


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


def examine_content(tool, sample, raw):
    if sample.content == "-":
        return check_refused(tool, sample, raw)
    check_content(tool, sample, raw)
    if sample.raw:
        return "content ok"
    return "content ok, " + check_check(tool, sample)


def examine(job, sample, raw):
    """All that is asked of one sample; returns a note or raises Failure."""
    try:
        note = examine_content(job.tool, sample, raw)
    finally:
        changed = sha256(sample.path) != sample.sha
    expect(not changed, "the image file was changed")
    return note


if __name__ == "__main__":
    Job("samples").run(examine, lambda sample: True)
