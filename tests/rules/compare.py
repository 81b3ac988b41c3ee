#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What other programs say of the same damaged images.

    compare.py VHD_UTIL [--markdown] [--samples FOLDER] [--only PATTERN]

The images are those of all cases whose rule is an error or fatal.  A program
has found a damage when it ends with another status than on the sound image, and
not with 0, or when it prints a line of error or warning that it does not print
for the sound image.  A program that cannot do anything with the sound image, or
says that it does not check this format, does not support it; opening that fails
still counts as found.

Ends with 1 when vhd-util misses a damage, crashes, or flags a sound image.
"""

import argparse
import datetime
import fnmatch
import gzip
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

# pylint: disable=wrong-import-position
from case import Builder  # noqa: E402
from disk import Util  # noqa: E402
from harness import need, skip  # noqa: E402
from rows import ROWS  # noqa: E402
from run import load_cases  # noqa: E402
from runner import copy_folder  # noqa: E402

LIMIT = 120         # seconds for one program and one image
FOUND, MISSED, CRASHED, HUNG, UNSUPPORTED = \
    "found", "missed", "crashed", "hung", "not supported"
OUTCOMES = (FOUND, MISSED, CRASHED, HUNG, UNSUPPORTED)
COMPLAINT = re.compile(r"error|warning|damage|corrupt|invalid|unable|cannot|"
                       r"could not|unsupported|mismatch|unexpected|missing|"
                       r"leak|headers? at|end of archive|is not", re.I)
NO_CHECKS = "does not support checks"


def chosen():
    """The cases to compare on."""
    return [c for c in load_cases(None) if c.rules and not c.covered_by and
            c.rules[0] in ROWS and ROWS[c.rules[0]].damage]


def kinds():
    """{rule: number of damages}."""
    found = {}
    for case in chosen():
        found[case.rules[0]] = found.get(case.rules[0], 0) + 1
    return found


class Program:
    """One of those that are compared."""

    def __init__(self, name, argv, version):
        self.name = name
        self._argv = argv
        self.version = version

    def argv(self, path, fmt, case):
        """Its command line for an image."""
        return self._argv(path, fmt, case)

    def run(self, path, fmt, case=None):
        """Status (None: took too long) and the lines that it prints."""
        argv = self.argv(os.path.basename(path), fmt, case)
        env = dict(os.environ, LC_ALL="C")
        try:
            done = subprocess.run(
                argv, cwd=os.path.dirname(path), env=env, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=LIMIT, errors="replace")
        except subprocess.TimeoutExpired:
            return None, set()
        lines = done.stdout.splitlines()
        return done.returncode, {re.sub(r"0x[0-9a-f]+|\d+", "N", line.strip())
                                 for line in lines}


def first_line(*argv):
    """The first line with a number that a program prints."""
    text = subprocess.run(argv, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, text=True).stdout
    return next((line.strip() for line in text.splitlines()
                 if re.search(r"\d", line)), "?")


def programs(util):
    """vhd-util and the others; skips when one is not there."""
    need("qemu-img", "vhdiinfo")
    seven = shutil.which("7zz") or shutil.which("7z")
    if not seven:
        skip("not installed: 7zz or 7z")
    formats = {"vhd": ("vpc", "VHD"), "vhdx": ("vhdx", "VHDX")}

    def own(path, _fmt, case):
        flags = ["--deep"] * case.deep + ["--chain"] * case.chain if case \
            else []
        return [util, "check", *flags, *(case.args if case else ()), path]

    version = re.search(r"\d[\w.]*", first_line(seven) or "?")
    return [
        Program("vhd-util check", own, ""),
        Program("qemu-img check", lambda path, fmt, _: [
            "qemu-img", "check", "-f", formats[fmt][0], path],
            re.search(r"\d[\w.]*", first_line("qemu-img", "--version"))[0]),
        Program("vhdiinfo", lambda path, *_: ["vhdiinfo", path],
                first_line("vhdiinfo", "-V").split()[-1]),
        Program("7z t", lambda path, fmt, _: [
            seven, "t", "-y", f"-t{formats[fmt][1]}", path],
            re.search(r"\d+\.\d+", first_line(seven))[0]
            if version else "?"),
    ]


def judge(sound, damaged):
    """What a program made of a damage, from (status, lines) of both."""
    status, lines = damaged
    if status is None:
        return HUNG
    if status < 0 or status > 128:
        return CRASHED
    new = {line for line in lines - sound[1] if COMPLAINT.search(line)}
    if sound[0] == 0:
        return FOUND if status or new else MISSED
    unchecked = any(NO_CHECKS in line for line in sound[1])
    if unchecked and status not in (0, sound[0]):
        return FOUND
    return UNSUPPORTED


class Bases:
    """Sound images, each made once, and what the programs say of them."""

    def __init__(self, util, tools, folder):
        self.util, self.tools, self.folder = util, tools, folder
        self.made = {}

    def get(self, case, fmt):
        """Folder, name of the image in it, and {program: (status, lines)}."""
        function = getattr(case.base, "func", case.base)
        key = (function, repr(getattr(case.base, "args", "")),
               repr(sorted(getattr(case.base, "keywords", {}).items())),
               tuple(case.args), case.deep, case.chain)
        if key not in self.made:
            folder = os.path.join(self.folder, f"base{len(self.made)}")
            os.makedirs(folder)
            made = case.base(Builder(folder, self.util))
            name = os.path.relpath(os.path.join(folder, made), folder)
            told = {t.name: t.run(os.path.join(folder, name), fmt, case)
                    for t in self.tools}
            self.made[key] = folder, name, told
        return self.made[key]


def compare(case, fmt, base, tools, folder):
    """{program: outcome} for one damage."""
    source, name, sound = base
    copy_folder(source, folder)
    path = os.path.join(folder, name)
    over = case.damage(path)
    try:
        outcome = {t.name: judge(sound[t.name], t.run(path, fmt, case))
                   for t in tools}
    finally:
        if over:
            over()
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def unpacked(source, path):
    """A stored sample as a file of its own."""
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(
        os.path.splitext(source)[1], open)
    with opener(source, "rb") as src, open(path, "wb") as dst:
        while data := src.read(1 << 20):
            if data.strip(b"\0"):
                dst.write(data)
            else:
                dst.seek(len(data), os.SEEK_CUR)
        dst.truncate(dst.tell())


def find_samples(top):
    """(relative name, stored file, is it a sound image?) for all files of a
    folder that has manifests; tests/samples/manifest.py lists the damaged."""
    with open(os.path.join(HERE, "..", "samples", "manifest.py"),
              encoding="utf-8") as f:
        damaged = set(re.findall(r'^    "([^"]+)": "', f.read(), re.M))
    for folder, _, names in sorted(os.walk(top)):
        if "MANIFEST.tsv" not in names:
            continue
        with open(os.path.join(folder, "MANIFEST.tsv"), encoding="utf-8") as f:
            lines = [line.rstrip("\n").split("\t") for line in f
                     if line.strip() and not line.startswith("#")]
        for row in (dict(zip(lines[0], line)) for line in lines[1:]):
            rel = os.path.relpath(os.path.join(folder, row["file"]), top)
            stored = next((os.path.join(top, rel) + ext
                           for ext in (".xz", ".gz", "")
                           if os.path.exists(os.path.join(top, rel) + ext)))
            yield (rel, stored, rel not in damaged and row["type"] != "raw" and
                   row["content_sha256"] != "-")


def judge_samples(top, tools, folder):
    """{program: [names that it flags]}, and how many there are."""
    flagged, count = {t.name: [] for t in tools}, 0
    samples = list(find_samples(top))
    for rel, stored, _ in samples:
        path = os.path.join(folder, rel)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        unpacked(stored, path)
    for rel, _, sound in samples:
        if not sound:
            continue
        path = os.path.join(folder, rel)
        with open(path, "rb") as f:
            fmt = "vhdx" if f.read(8) == b"vhdxfile" else "vhd"
        count += 1
        for tool in tools:
            status, lines = tool.run(path, fmt)
            no_checks = any(NO_CHECKS in line for line in lines)
            if status != 0 and not no_checks:
                flagged[tool.name].append(rel)
    return flagged, count


def counted(results, tool):
    """{outcome: number} of one program."""
    told = [outcome[tool] for _, _, outcome in results]
    return {o: told.count(o) for o in OUTCOMES}


def total_rows(results, tools):
    """Markdown: what each program made of each format."""
    yield "| program | format | damages | " + " | ".join(OUTCOMES) + " |"
    yield "| --- " * (3 + len(OUTCOMES)) + "|"
    for tool in tools:
        for fmt in ("vhd", "vhdx"):
            part = [r for r in results if r[1] == fmt]
            if part:
                n = counted(part, tool.name)
                name = f"{tool.name} {tool.version}".strip()
                yield (f"| {name} | {fmt.upper()} | {len(part)} | " +
                       " | ".join(str(n[o]) for o in OUTCOMES) + " |")


def rule_rows(results, tools):
    """Markdown: how many damages of each rule each program has found."""
    yield "| rule | damages | " + " | ".join(t.name for t in tools) + " |"
    yield "| --- " * (2 + len(tools)) + "|"
    for rule in ROWS:
        part = [r for r in results if r[0].rules[0] == rule]
        if not part:
            continue
        cells = []
        for tool in tools:
            n = counted(part, tool.name)
            bad = "".join(f", {n[o]} {o}" for o in (CRASHED, HUNG) if n[o])
            cells.append("-" if n[UNSUPPORTED] == len(part)
                         else f"{n[FOUND]}{bad}")
        yield f"| `{rule}` | {len(part)} | " + " | ".join(cells) + " |"


def print_markdown(results, tools, samples):
    """All that goes into docs/check.md."""
    today = datetime.date.today().isoformat()
    print(f"Made on {today} with " + ", ".join(
        f"{t.name.split()[0]} {t.version}" for t in tools[1:]) +
        f": {len(results)} damages of {len({r[0].rules[0] for r in results})} "
        "kinds.\n")
    print("\n".join(total_rows(results, tools)))
    if samples:
        flagged, count = samples
        print(f"\nOf {count} sound images that other programs wrote, these "
              "are refused or called damaged:\n" + ", ".join(
                  f"{len(flagged[t.name])} by {t.name}" for t in tools) + ".")
    print("\nDamages found, by rule:\n")
    print("\n".join(rule_rows(results, tools)))


def print_plain(results, tools, samples):
    """A line a program, and what vhd-util failed at."""
    for tool in tools:
        n = counted(results, tool.name)
        print(f"{tool.name:15} " + ", ".join(f"{n[o]} {o}" for o in OUTCOMES
                                             if n[o]))
    if samples:
        for name, names in samples[0].items():
            print(f"{name:15} flags {len(names)} of {samples[1]} samples: "
                  f"{' '.join(names[:6])}")


def faults(results, bases, samples, own):
    """What makes the comparison fail."""
    for case, _, outcome in results:
        if outcome[own] != FOUND:
            yield f"{own}: {outcome[own]} {case.name}"
    for _, name, told in bases.made.values():
        if told[own][0] != 0:
            yield f"{own}: flags the sound {name}"
    if samples:
        for name in samples[0][own]:
            yield f"{own}: flags the sound sample {name}"


def main():
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("util", help="the vhd-util under test")
    parser.add_argument("--markdown", action="store_true",
                        help="print tables for docs/check.md")
    parser.add_argument("--samples", metavar="FOLDER",
                        help="sound images of others, with MANIFEST.tsv")
    parser.add_argument("--only", metavar="PATTERN", default="*",
                        help="cases whose name matches")
    parser.add_argument("--every", metavar="N", type=int, default=1,
                        help="only each N-th of them")
    args = parser.parse_args()
    util = Util(args.util)
    tools = programs(util.path)
    cases = [c for c in chosen() if fnmatch.fnmatch(c.name, args.only)]
    cases = cases[::args.every]
    scratch = tempfile.mkdtemp(prefix="vhd-compare.")
    samples = None
    try:
        bases = Bases(util, tools, scratch)
        todo = []
        for case in cases:
            fmt = "vhdx" if ROWS[case.rules[0]].vhdx else "vhd"
            todo.append((case, fmt, bases.get(case, fmt)))

        def one(item):
            case, fmt, base = item
            return case, fmt, compare(case, fmt, base, tools,
                                      os.path.join(scratch, case.name))

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(one, todo))
        if args.samples:
            samples = judge_samples(args.samples, tools,
                                    os.path.join(scratch, "samples"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    (print_markdown if args.markdown else print_plain)(results, tools, samples)
    wrong = list(faults(results, bases, samples, tools[0].name))
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())
