#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the generated parts of docs/check.md: the table of rules, from
libvhd/base/rules.def and the cases in tests/rules/, and the comparison with
other programs that tests/rules/compare.py made.

    check-table.py                      rewrite the table of rules
    check-table.py --comparison FILE    put in what compare.py --markdown gave
    check-table.py --check              change nothing, say what is out of date,
                                        and which choices are not explained
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "tests", "rules"),
                os.path.join(ROOT, "tests", "support")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from rows import ROWS, TABLE  # noqa: E402
from run import load_cases  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "check.md")
GRANTS = os.path.join(ROOT, "libvhd", "ops", "grants.c")
RULES = "rules"
COMPARISON = "comparison"
SHOWN = 2       # names of cases in a row of the table
REPAIRS = {"auto": "automatic", "ask": "with consent", "none": "-"}

# No damage of the file itself, and yet the disk cannot be opened.
NO_PARENT = ("VHD1_PARENT_NULL", "VHD1_LOCATOR_NONE", "VHD1_PARENT_MISSING",
             "VHD1_PARENT_ID", "VHDX_PARENT_NO_PATH", "VHDX_PARENT_MISSING",
             "VHDX_PARENT_ID")


def marks(part):
    """The lines that a generated part stands between."""
    return (f"<!-- {part}: generated, do not edit -->\n",
            f"<!-- end of {part} -->\n")


def part_of(text, part):
    """Start and end of what stands between the marks."""
    first, last = marks(part)
    if text.count(first) != 1 or text.count(last) != 1:
        sys.exit(f"docs/check.md: has no place for the {part}")
    return text.index(first) + len(first), text.index(last)


def groups():
    """[(heading, [row])] in the order of rules.def: a heading is a comment that
    names a format and a part of it."""
    found = []
    with open(TABLE, encoding="utf-8") as f:
        for line in f:
            heading = re.match(r"/\* (VHDX?: .*?) \*/", line)
            row = re.match(r"R\(\s*(\w+)", line)
            if heading:
                found.append((heading.group(1), []))
            elif row:
                found[-1][1].append(ROWS[row.group(1)])
    return found


def found_by(row, cases):
    """Whether opening stops there, or else what check has to be asked."""
    if row.severity == "fatal" or row.name in NO_PARENT:
        return "opening"
    if cases and all(c.deep for c in cases):
        return "check --deep"
    if cases and all(c.chain for c in cases):
        return "check --chain"
    return "check"


def tests_of(cases):
    """Names of cases, or of the test that covers a rule."""
    names = [f"`{c.covered_by or c.name}`" for c in cases]
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def rules_table(cases):
    """The table, and the rows that have no case."""
    text, bare = "", []
    for heading, rows in groups():
        if not rows:
            continue
        text += f"\n### {heading}\n\n| rule | name | severity | what is wrong "
        text += "| found by | test | repair |\n" + "| --- " * 7 + "|\n"
        for row in rows:
            # Those that are about nothing else first.
            mine = sorted((c for c in cases if row.name in c.rules),
                          key=lambda c, row=row: (
                              c.rules.index(row.name), c.chain,
                              c.repair is None))
            if not mine:
                bare.append(row.name)
            text += (f"| {row.id} | `{row.name}` | {row.severity} "
                     f"| {row.sentence} | {found_by(row, mine)} "
                     f"| {tests_of(mine)} | {REPAIRS[row.repair]} |\n")
    return text + "\n", bare


def replaced(text, part, new):
    """@text with another part between its marks."""
    start, end = part_of(text, part)
    return text[:start] + new + text[end:]


def comparison_errors(text):
    """The comparison has a row for each rule whose damage it was made with."""
    from compare import kinds  # pylint: disable=import-outside-toplevel
    start, end = part_of(text, COMPARISON)
    shown = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text[start:end], re.M))
    wanted = {rule: str(count) for rule, count in kinds().items()}
    for rule in sorted(set(shown) | set(wanted)):
        if shown.get(rule) != wanted.get(rule):
            yield (f"docs/check.md: the comparison has {shown.get(rule, 'no')} "
                   f"damages of {rule}, tests/rules {wanted.get(rule, 'none')};"
                   " run tests/rules/compare.py VHD_UTIL --markdown "
                   "| scripts/check-table.py --comparison -")


def choice_errors(text):
    """Each word that chooses between ways of mending is explained."""
    with open(GRANTS, encoding="utf-8") as f:
        known = re.findall(r'{ "(VHDX?1?_\w+)", "([a-z ]+)",', f.read())
    explained, rules = {}, []
    for names, word in re.findall(r"^\|([^|]*)\| (`\w+`|none) \|", text,
                                  re.M):
        rules = re.findall(r"`(\w+)`", names) or rules
        for rule in rules:
            explained.setdefault(rule, set()).add(word.strip("`"))
    for rule, words in known:
        for word in set(words.split()) - explained.get(rule, set()):
            yield f"docs/check.md: choice {word} of {rule} is not explained"
    if not known:
        yield "libvhd/ops/grants.c: no choices found"


def main():
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true",
                        help="change nothing, say what is out of date")
    parser.add_argument("--comparison", metavar="FILE",
                        help="output of compare.py --markdown; - for stdin")
    args = parser.parse_args()
    with open(PAGE, encoding="utf-8") as f:
        old = f.read()
    table, bare = rules_table(load_cases(None))
    new = replaced(old, RULES, table)
    errors = [f"{name} has no case in tests/rules" for name in bare]
    if args.check:
        if new != old:
            errors.append("docs/check.md: the table of rules is out of date; "
                          "run scripts/check-table.py")
        errors += comparison_errors(old)
        errors += choice_errors(old)
    elif args.comparison:
        with open(sys.stdin.fileno() if args.comparison == "-"
                  else args.comparison, encoding="utf-8") as f:
            new = replaced(new, COMPARISON, "\n" + f.read().strip() + "\n\n")
    if not args.check and new != old:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(new)
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
