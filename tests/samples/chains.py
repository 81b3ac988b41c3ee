# SPDX-License-Identifier: BSD-2-Clause
"""Chains that others wrote merge and flatten to what their manifest says.

chains.py VHD-UTIL FOLDER [PATTERN]

For each differencing image of FOLDER/MANIFEST.tsv and of the manifests below
it, in copies: flattening gives the bytes with the listed SHA-256, and so does
merging it into each of the layers below; what comes out is sound.
"""

import os

from manifest import DAMAGED, Job, unpack
from harness import Failure, Report, expect, run, sha256


def chain_of(samples, sample):
    """The image and its parents, from the top down."""
    chain = [sample]
    while sample.parent not in ("", "-"):
        names = (sample.parent, os.path.join(sample.folder, sample.parent))
        found = [s for s in samples if s.rel in names]
        if not found:
            return None
        sample = found[0]
        chain.append(sample)
    return chain


def fresh(top, where, chain):
    run("rm", "-rf", where)
    for sample in chain:
        unpack(top, where, sample)
        os.chmod(sample.path, 0o644)


def good(done, what):
    expect(done.returncode == 0, f"{what} ended with {done.returncode}: "
           f"{(done.stdout + done.stderr).strip()}")


def content(tool, path, sha, what):
    raw = path + ".raw"
    good(run(tool, "convert", "--format", "raw", path, raw), "convert")
    got = sha256(raw)
    os.unlink(raw)
    expect(got == sha, f"{what}: content is {got}, not {sha}")


def flatten(tool, top, where, chain):
    fresh(top, where, chain)
    child = chain[0]
    out = os.path.join(where, "flat" + os.path.splitext(child.path)[1])
    good(run(tool, "flatten", child.path, "-o", out), "flatten")
    content(tool, out, child.content, "flattened")
    good(run(tool, "check", "--deep", out), "check")


def merge(tool, top, where, chain, layer):
    fresh(top, where, chain)
    child, into = chain[0], chain[layer]
    if any(s.rel in DAMAGED for s in chain):
        before = [sha256(s.path) for s in chain]
        done = run(tool, "merge", child.path, "--into", into.path)
        expect(done.returncode == 1, "a damaged chain was merged: "
               f"{done.returncode}")
        expect(before == [sha256(s.path) for s in chain],
               "a damaged chain was changed")
        return
    good(run(tool, "merge", child.path, "--into", into.path, "--delete"),
         "merge")
    content(tool, into.path, child.content, f"merged into {into.rel}")
    good(run(tool, "check", "--deep", "--chain", into.path), "check")
    for sample in chain[:layer]:
        expect(not os.path.exists(sample.path), f"{sample.rel} is there")


def examine(tool, top, where, chain):
    flatten(tool, top, where, chain)
    for layer in range(1, len(chain)):
        merge(tool, top, where, chain, layer)
    return f"{len(chain)} layers"


def main():
    job = Job("sample chains")
    report = Report(job.name)
    for sample in filter(job.asked_for, job.samples):
        chain = chain_of(job.samples, sample)
        if not chain or len(chain) < 2 or sample.content == "-":
            continue
        try:
            report.add(sample.rel, "ok  ", examine(
                job.tool, job.top, os.path.join(job.where, "chain"), chain), 0)
        except Failure as failure:
            report.add(sample.rel, "FAIL", str(failure), 0)
    run("rm", "-rf", job.where)
    report.finish()


if __name__ == "__main__":
    main()
