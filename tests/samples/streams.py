# SPDX-License-Identifier: BSD-2-Clause
"""Every sound sample image comes through a pipe.

streams.py VHD-UTIL FOLDER [PATTERN]

Written to the standard input of `convert - OUT.raw`, each image of the manifests
gives the bytes with the listed SHA-256, or, where one pass cannot know that, a
sentence and no file.  Images with a parent are told which one it is.  With
--no-spool nothing else may come out: the same bytes, or a refusal.
"""

import fnmatch
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(1, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from samples import (DAMAGED, SHA256_OF_ZEROS, load_manifests, source_args,
                     unpack)
from harness import (Failure, Report, expect, is_zero, run, scratch, sha256,
                     skip)

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


def raw_sha(raw):
    size = os.stat(raw).st_size
    if size in SHA256_OF_ZEROS and is_zero(raw):
        return SHA256_OF_ZEROS[size]
    return sha256(raw)


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


def examine(tool, where, samples, sample):
    raw = os.path.join(where, "out", sample.rel.replace("/", "_") + ".raw")
    args = parents(samples, sample)
    try:
        done = convert(tool, sample, raw, args)
        # Not every manifest says which parent it is.
        nameless = not args and "differs from a parent" in done.stderr
        if sample.content == "-" or sample.rel in CUT or nameless:
            return "refused: " + check_refused(done, raw)
        check_bytes(done, raw, sample)
        done = convert(tool, sample, raw, [*args, "--no-spool"])
        if done.returncode == 0:
            check_bytes(done, raw, sample)
            return "content ok, in one pass"
        return "content ok; one pass: " + check_refused(done, raw)
    finally:
        if os.path.exists(raw):
            os.unlink(raw)


def timed(*args):
    start = time.monotonic()
    try:
        return "ok  ", examine(*args), time.monotonic() - start
    except Failure as failure:
        return "FAIL", str(failure), time.monotonic() - start


def main():
    tool = sys.argv[1]
    top = (sys.argv[2] if len(sys.argv) > 2 else "") or \
        os.environ.get("VHD_SAMPLES_DIR", "")
    pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
    if not top or not os.path.exists(os.path.join(top, "MANIFEST.tsv")):
        skip("no folder of sample images (set VHD_SAMPLES_DIR)", host=True)
    where = scratch("samples-streams")
    os.makedirs(os.path.join(where, "out"))
    samples = load_manifests(top)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda s: unpack(top, where, s), samples))
        chosen = [s for s in samples if fnmatch.fnmatch(s.rel, pattern) and
                  s.rel not in DAMAGED or s.rel in CUT]
        chosen = [s for s in chosen if os.stat(s.path).st_size <= FILE_MAX]
        report = Report("streams")
        for sample, result in zip(chosen, pool.map(
                lambda s: timed(tool, where, samples, s), chosen)):
            report.add(sample.rel, *result)
    run("rm", "-rf", where)
    report.finish()


if __name__ == "__main__":
    main()
