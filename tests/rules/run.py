#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A sound image, one damage, exactly one finding, and a repair: for each row of
libvhd/base/rules.def.

    run.py VHD_UTIL [--only PATTERN] [--format vhd|vhdx] [--keep] [--verbose]
    run.py --list

case.py tells how to write a case, runner.py what is done with it.
"""

import argparse
import fnmatch
import glob
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

# pylint: disable=wrong-import-position
from disk import Util  # noqa: E402
from rows import ROWS  # noqa: E402
from runner import Bases, run_case  # noqa: E402

WORKERS = 2


def load_cases(kind):
    """The cases of all modules, checked for names that are used twice."""
    cases = []
    for prefix in ("vhd", "vhdx"):
        if kind not in (None, prefix):
            continue
        for path in sorted(glob.glob(os.path.join(HERE, prefix + "_*.py"))):
            name = os.path.splitext(os.path.basename(path))[0]
            cases += getattr(importlib.import_module(name), "CASES", [])
    names = [c.name for c in cases]
    for name in sorted({n for n in names if names.count(n) > 1}):
        sys.exit(f"two cases are named {name}")
    return cases


def rows_of(kind):
    return [r for r in ROWS.values()
            if kind is None or r.vhdx == (kind == "vhdx")]


def print_list(kind):
    cases = load_cases(kind)
    for row in rows_of(kind):
        names = [c.name for c in cases if row.name in c.rules]
        print(f"{row.id:13} {row.name:25} {row.severity:8} {row.repair:5} "
              f"{' '.join(names) or '(none)'}")


def gaps(kind, cases):
    """Rows without a case, and rows whose repair no case carries out."""
    for row in rows_of(kind):
        mine = [c for c in cases if row.name in c.rules]
        if not mine:
            yield f"{row.id} {row.name} has no case"
        elif row.repair != "none" and all(
                c.repair is None or c.covered_by for c in mine):
            yield f"{row.id} {row.name} has no case that repairs it"


def run_all(args, cases, scratch):
    """Returns the failures as (case, text)."""
    util = Util(args.util)
    if not os.access(args.util, os.X_OK) or util.run("--version").returncode:
        sys.exit(f"{args.util} cannot be run")
    can_repair = util.run("repair", "--help").returncode == 0
    if not can_repair:
        print("this program cannot repair: only detection is tested")
    bases = Bases(util, scratch)

    def one(case):
        folder = os.path.join(scratch, case.name)
        start = time.monotonic()
        try:
            text = run_case(util, case, bases, folder, can_repair)
        except Exception:  # pylint: disable=broad-exception-caught
            text = traceback.format_exc()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
        if args.verbose or text:
            print(f"{'FAIL' if text else 'ok  '} {time.monotonic() - start:6.2f}s"
                  f"  {case.name}  {text or ''}", flush=True)
        return text

    with ThreadPoolExecutor(WORKERS) as pool:
        return [(c, t) for c, t in zip(cases, pool.map(one, cases)) if t]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("util", nargs="?", help="the vhd-util under test")
    parser.add_argument("--list", action="store_true",
                        help="rules and the cases that they have")
    parser.add_argument("--only", help="cases whose name or rule matches")
    parser.add_argument("--format", choices=("vhd", "vhdx"))
    parser.add_argument("--keep", action="store_true",
                        help="leave the damaged images behind")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    if args.list:
        print_list(args.format)
        return 0
    if not args.util:
        parser.error("no program is named")
    start = time.monotonic()
    cases = load_cases(args.format)
    missing = [] if args.only else list(gaps(args.format, cases))
    if args.only:
        cases = [c for c in cases if any(
            fnmatch.fnmatch(n, args.only) for n in [c.name] + c.rules)]
    scratch = tempfile.mkdtemp(prefix="vhd-rules.")
    try:
        failed = run_all(args, cases, scratch)
    finally:
        if args.keep:
            print(f"images are in {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    for text in missing:
        print(f"GAP  {text}")
    print(f"rules: {len(cases) - len(failed)} cases passed, {len(failed)} "
          f"failed, {len(missing)} gaps, {time.monotonic() - start:.1f} s")
    return 1 if failed or missing or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
