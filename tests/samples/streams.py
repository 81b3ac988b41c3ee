# SPDX-License-Identifier: BSD-2-Clause
"""Every sound sample image comes through a pipe.

streams.py VHD-UTIL FOLDER [PATTERN]

Written to the standard input of `convert - OUT.raw`, each image of the manifests
gives the bytes with the listed SHA-256, or, where one pass cannot know that, a
sentence and no file.  Images with a parent are told which one it is.  With
--no-spool nothing else may come out: the same bytes, or a refusal.
"""

import os
import subprocess

from manifest import DAMAGED, Job, raw_sha, source_args
from harness import expect

# What a file that ends there may be, and a stream may not.
CUT = {
    "xen/footer-lost.vhd": "the footer at the end is lost",
}

# Larger files are mostly zeros, and a pipe has to carry every one of them.
FILE_MAX = 1 << 30


def parents(samples, sample):
    """--parent FILE... for the whole chain."""
    args = []
    while sample.parent != "-":
        name = os.path.join(sample.folder, sample.parent)
        sample = next(s for s in samples
                      if s.rel in (name, sample.parent))
        args += ["--parent", sample.path]
    return args


def convert(tool, sample, raw, args):
    with subprocess.Popen(["cat", sample.path], stdout=subprocess.PIPE) as cat:
        done = subprocess.run(
            [tool, "convert", "--no-progress", *args, *source_args(sample),
             "-", raw], stdin=cat.stdout, capture_output=True, text=True,
            timeout=300, check=False)
        cat.stdout.close()
    return done


def check_refused(done, raw):
    expect(done.returncode == 1, f"convert ended with {done.returncode}: "
           f"{done.stderr}")
    expect(len(done.stderr.strip()) > 40, "convert gave no sentence")
    expect(not os.path.exists(raw), "convert left a file behind")
    return done.stderr.strip().splitlines()[0]


def check_bytes(done, raw, sample):
    expect(done.returncode == 0, f"convert ended with {done.returncode}: "
           f"{done.stderr.strip()}")
    got = raw_sha(raw)
    expect(got == sample.content, f"content is {got}, not {sample.content}")
    os.unlink(raw)


def examine(job, sample, raw):
    args = parents(job.samples, sample)
    done = convert(job.tool, sample, raw, args)
    # Not every manifest says which parent it is.
    nameless = not args and "differs from a parent" in done.stderr
    if sample.content == "-" or sample.rel in CUT or nameless:
        return "refused: " + check_refused(done, raw)
    check_bytes(done, raw, sample)
    done = convert(job.tool, sample, raw, [*args, "--no-spool"])
    if done.returncode == 0:
        check_bytes(done, raw, sample)
        return "content ok, in one pass"
    return "content ok; one pass: " + check_refused(done, raw)


def wanted(sample):
    return (sample.rel not in DAMAGED or sample.rel in CUT) and \
        os.stat(sample.path).st_size <= FILE_MAX


if __name__ == "__main__":
    Job("streams").run(examine, wanted)
