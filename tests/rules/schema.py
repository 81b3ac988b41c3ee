#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""schema.py VHD_UTIL: what `check --json` prints is what docs/json.md says,
member by member and type by type, and nothing else."""

import json
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

# pylint: disable=wrong-import-position
import vhdx_bases as bases  # noqa: E402
import vhdx_bytes as b  # noqa: E402
from case import Builder  # noqa: E402
from harness import Report, expect, run  # noqa: E402
from rows import ROOT  # noqa: E402

TYPES = {"string": str, "integer": int, "array": list, "object": dict,
         "boolean": bool, "rule": dict, "error": dict, "null": type(None)}


def tables(section):
    """[{member: (types)}] for each table of a section of docs/json.md."""
    with open(os.path.join(ROOT, "docs", "json.md"), encoding="utf-8") as f:
        text = f.read()
    part = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", part, re.M):
        members = {}
        for names, types in re.findall(r"^\| (`.*?`) \| ([^|]*?) \|", table,
                                       re.M):
            for name in re.findall(r"`(\w+)`", names):
                members[name] = tuple(TYPES[t] for t in types.split(" or "))
        found.append(members)
    return found


def hold(name, thing, members, absent=()):
    """@thing has these members, of these types; some may be absent."""
    missing = set(members) - set(thing) - set(absent)
    expect(not missing, f"{name} has no {sorted(missing)}")
    extra = set(thing) - set(members)
    expect(not extra, f"{name} has {sorted(extra)}, which is not documented")
    for member, value in thing.items():
        expect(type(value) in members[member],
               f"{name}.{member} is {type(value).__name__}")


def check(util, folder):
    """A document with a sound file, damaged ones, and one that is not there."""
    good = bases.dynamic(Builder(folder, None))
    paths = [good]
    for number, damage in enumerate((
            lambda v: v.set_block(0, b.RESERVED_4),
            lambda v: v.set_block(8, *v.get_block(0)),
            lambda v: v.truncate(100),
            lambda v: v.write(0, bytes(8)))):
        paths.append(os.path.join(folder, f"bad{number}.vhdx"))
        shutil.copy(good, paths[-1])
        b.edit(damage)(paths[-1])
    done = run(util, "check", "--json", *paths, os.path.join(folder, "none"))
    document = json.loads(done.stdout)
    file, finding = tables("check")
    rule, error = tables("rule")[0], tables("error")[0]
    expect(list(document) == ["files"], f"the document is {list(document)}")
    counts = re.findall(r"\"(\w+)\"", json_result())
    for one in document["files"]:
        hold("a file", one, file, ("result", "error"))
        expect(("result" in one) != ("error" in one),
               "a file has both or none of result and error")
        for found in one["findings"]:
            hold("a finding", found, finding)
            hold("a rule", found["rule"], rule)
            expect(found["repair"] in ("none", "auto", "ask"), "repair")
        if "error" in one:
            hold("an error", one["error"], error)
        else:
            expect(sorted(one["result"]) == sorted(counts),
                   f"result has {sorted(one['result'])}")
    expect(len(document["files"]) == len(paths) + 1, "files are missing")


def json_result():
    """The members of a result, which stand in one cell."""
    with open(os.path.join(ROOT, "docs", "json.md"), encoding="utf-8") as f:
        return re.search(r"^\| `result` \|.*?`(\{.*?\})`", f.read(), re.M)[1]


def main():
    """Runs it."""
    report = Report("schema")
    folder = tempfile.mkdtemp(prefix="vhd-schema.")
    try:
        report.case("check", check, sys.argv[1], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish()


if __name__ == "__main__":
    main()
