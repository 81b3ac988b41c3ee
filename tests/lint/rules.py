# SPDX-License-Identifier: BSD-2-Clause
"""Every rule that the library raises is raised by a test.

The rules are the rows of libvhd/base/rules.def.  One that no code raises yet
stands in rules-unraised.txt with the reason, and only there: an entry whose
rule is raised now has to go, and the rule needs a test.
"""

import re

from lint import bad, files, finish, read

ROW = re.compile(r"^R\(\s*(\w+)\s*,", re.M)
WORD = re.compile(r"\b(?:RULE_)?(VHD1_\w+|VHDX_\w+)\b")
PASTE = re.compile(r"\bRULE\(\s*(\w+)\s*\)")
ALLOW = "tests/lint/rules-unraised.txt"


def mentioned(paths, comments=False):
    found = set()
    for path in paths:
        text = read(path)
        if not comments:
            text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        found |= set(WORD.findall(text)) | set(PASTE.findall(text))
    return found


def allowed():
    table = {}
    for number, line in enumerate(read(ALLOW).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition(" ")
        if not reason.strip():
            bad(f"{ALLOW}:{number}: {name} has no reason")
        table[name] = reason.strip()
    return table


RULES = ROW.findall(read("libvhd/base/rules.def"))
RAISED = mentioned(p for p in files("libvhd", ext=(".c", ".h"))
                   if not p.startswith("libvhd/base/rules"))
TESTED = mentioned(p for p in files("tests", ext=(".c", ".h", ".py", ".sh"))
                   if not p.startswith("tests/lint/"))
EXEMPT = allowed()

for rule in RULES:
    if rule in RAISED and rule in EXEMPT:
        bad(f"{rule} is raised now: take it out of {ALLOW}")
    if rule in RAISED and rule not in TESTED:
        bad(f"{rule} is raised by the library and by no test")
    if rule not in RAISED and rule not in EXEMPT:
        bad(f"{rule} is raised by nothing and is not in {ALLOW}")
for rule in sorted(set(EXEMPT) - set(RULES)):
    bad(f"{ALLOW}: {rule} is no rule")
for rule in sorted({r for r in RULES if RULES.count(r) > 1}):
    bad(f"libvhd/base/rules.def: {rule} stands there twice")

COVERED = len([r for r in RULES if r in TESTED])
finish(f"rules, {COVERED} of {len(RULES)} have a test, "
       f"{len(EXEMPT)} are not raised yet")
