# SPDX-License-Identifier: BSD-2-Clause
"""The tables of docs/classic.md: each line has an id of its own, a tag, a state,
and tests that exist; and each test of label classic is named by some line."""

import os
import re

from lint import ROOT, bad, finish, read

PAGE = "docs/classic.md"
FOLDER = "tests/classic"
# The helpers' own test proves nothing about the program.
OWN = {"helpers"}

LISTED = re.findall(r"\b\w+\b", re.sub(r"#.*", "", "".join(
    re.findall(r"set\(classic_(?:sh|py)\n(.*?)\)",
               read(f"{FOLDER}/CMakeLists.txt"), re.S))))
TESTS = {}
for name in LISTED:
    for ext in (".sh", ".py"):
        path = f"{FOLDER}/{name}{ext}"
        if os.path.exists(os.path.join(ROOT, path)):
            TESTS[name] = read(path)
    if name not in TESTS:
        bad(f"{FOLDER}/CMakeLists.txt: {name} is no file")


def has_case(text, case):
    return re.search(rf"^def (?:case|change|habit|defect(?:_\d+)?)_{case}\(",
                     text, re.M)


IDS, NAMED, ROWS = set(), set(), 0
for number, line in enumerate(read(PAGE).splitlines(), 1):
    cells = [c.strip() for c in line.strip("|").split("|")]
    if not re.match(r"\| [A-Z]\d+ \|", line):
        continue
    ROWS += 1
    where = f"{PAGE}:{number}"
    if len(cells) != 5:
        bad(f"{where}: {len(cells)} cells, not 5")
        continue
    ident, _, tag, state, tests = cells
    if ident in IDS:
        bad(f"{where}: {ident} is there twice")
    IDS.add(ident)
    if tag not in ("E", "U", "D"):
        bad(f"{where}: what is {tag}?")
    if not re.match(r"(same|better)\b|not done: \S", state):
        bad(f"{where}: same, better, or not done and why?")
    if tag == "E" and not state.startswith("same"):
        bad(f"{where}: what is essential is {state}")
    if tag == "D" and state == "same":
        bad(f"{where}: a defect is copied, and nobody says why")
    found = re.findall(r"`classic/(\w+)(?::(\w+))?`", tests)
    if not found or len(found) != tests.count("`") // 2:
        bad(f"{where}: no test, or none of those: {tests}")
    for name, case in found:
        NAMED.add(name)
        if name not in TESTS:
            bad(f"{where}: there is no test classic/{name}")
        elif case and not has_case(TESTS[name], case):
            bad(f"{where}: classic/{name} has no case {case}")
for name in sorted(set(TESTS) - NAMED - OWN):
    bad(f"{PAGE}: no line is about classic/{name}")
if ROWS < 100:
    bad(f"{PAGE}: {ROWS} lines; where are the others?")
finish(f"classic_table, {ROWS} lines and {len(TESTS)} tests")
