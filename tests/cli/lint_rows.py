#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each row of the lint tables: an image that makes lint say exactly that, and
the command below it, run as it stands, after which it is not said any more.

    lint_rows.py VHD_UTIL TABLE... [--only PATTERN] [--keep]

TABLEs are the sources of the tables (libvhd/ops/lint_*.c): a row that no case
here raises is a failure.
"""

import argparse
import atexit
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "support"),
                os.path.join(TESTS, "rules")]

# pylint: disable=wrong-import-position
from harness import Report, expect, run  # noqa: E402
from lint_cases import CASES  # noqa: E402
from row_bench import RowBench  # noqa: E402

ROW = re.compile(r"\{ \.kind = VHD_ADVICE_(\w+).*?\.clause = \"([^\"]+)\""
                 r".*?\.msg = ((?:\"(?:[^\"\\]|\\.)*\"\s*)+)", re.S)


def rows_of(path):
    """[(kind, clause, pattern of the message)] of a table's source."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    rows = []
    for kind, clause, parts in ROW.findall(text):
        words = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', parts))
        words = words.replace('\\"', '"').replace("\\\\", "\\")
        pattern = re.escape(words).replace("@", ".*")
        rows.append((kind.lower(), clause, re.compile(pattern + "$")))
    expect(len(rows) == text.count(".kind ="), f"{path}: rows that look odd")
    return rows


class Bench(RowBench):
    """A folder with the image of one case in it."""

    def lint(self, target, name):
        """(status, advice, result)"""
        done = run(self.util, "lint", "--json", "--for", target, name,
                   cwd=self.where)
        expect(done.returncode in (0, 3),
               f"lint ended with {done.returncode}: {done.stderr.strip()}")
        one = json.loads(done.stdout)["files"][0]
        return done.returncode, one["advice"], one["result"]

    def obey(self, command):
        """Run a suggested command in a shell; gives the image's new name."""
        env = dict(os.environ)
        env["PATH"] = os.path.dirname(self.util) + ":" + env["PATH"]
        done = subprocess.run(["sh", "-c", command], cwd=self.where, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False, timeout=120)
        expect(done.returncode == 0,
               f"`{command}` ended with {done.returncode}: "
               f"{done.stderr.strip()}")
        return shlex.split(command)[-1]


def same(found, row):
    kind, clause, pattern = row
    return found["kind"] == kind and found["clause"] == clause and \
        bool(pattern.match(found["message"]))


def pick(case, rows):
    """The row that a case is about: by clause, and by words where that is not
    enough."""
    hits = [r for r in rows if r[1] == case.clause and
            (not case.words or case.words in
             r[2].pattern.replace("\\", ""))]
    expect(len(hits) == 1, f"{len(hits)} rows fit {case.clause} {case.words}")
    return hits[0]


def agree(bench, name, refused):
    """What the check of Xen's tools does not let pass is not fit for Xen."""
    done = run(bench.util, "check", "-n", name, cwd=bench.where)
    expect(refused or not done.returncode,
           f"fit, but the check says: {done.stdout.splitlines()[:1]}")


def try_case(bench, case, rows, raised):
    row = pick(case, rows)
    name = case.make(bench)
    status, advice, result = bench.lint(case.target, name)
    said = [a for a in advice if same(a, row)]
    others = sorted(f"{a['kind']} {a['clause']}" for a in advice
                    if not same(a, row))
    expect(len(said) == 1, f"the row was raised {len(said)} times, besides "
           f"{others}")
    expect(others == sorted(case.also), f"besides it there are {others}")
    refused = any(a["kind"] == "refused" for a in advice)
    expect(status == (3 if refused else 0) and result["fit"] != refused,
           "the exit status does not fit")
    if case.target == "xen":
        agree(bench, name, refused)
    raised.append((case.target, row))
    conversions = {a["command"] for a in advice
                   if (a["command"] or "").startswith("vhd-util convert")}
    expect(len(conversions) < 2, f"conversions: {sorted(conversions)}")
    command = said[0]["command"]
    if command is None:
        return "no command"
    after = bench.obey(command)
    status, advice, _ = bench.lint(case.target, after)
    expect(not any(same(a, row) for a in advice), f"still after `{command}`")
    if command.startswith("vhd-util convert"):
        expect(status == 0, f"after `{command}`: {advice}")
    bench.vu("check", "--quiet", after)
    return command.split(" '")[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("util")
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--only", default="*")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    args.util = os.path.abspath(args.util)
    tables = {re.search(r"lint_(\w+)\.c$", t).group(1): rows_of(t)
              for t in args.tables}
    report, raised = Report("lint"), []
    where = tempfile.mkdtemp(prefix="vhd-lint.")
    if args.keep:
        print(where)
    else:
        atexit.register(shutil.rmtree, where, True)
    for number, case in enumerate(CASES):
        if not fnmatch.fnmatch(case.name, args.only):
            continue
        bench = Bench(args.util, os.path.join(where, str(number)))
        os.mkdir(bench.where)
        report.case(case.name, try_case, bench, case, tables[case.target],
                    raised)
    for target, rows in tables.items():
        for row in rows:
            if args.only == "*" and (target, row) not in raised:
                report.add(f"{target} {row[1]}", "FAIL",
                           f"no case raises: {row[2].pattern}", 0)
    report.finish()


if __name__ == "__main__":
    main()
