# SPDX-License-Identifier: BSD-2-Clause
"""The rows of libvhd/base/rules.def, read from the source: what a case expects
of severity, exit status and repair is what stands there."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TABLE = os.path.join(ROOT, "libvhd", "base", "rules.def")

ROW = re.compile(r'^R\(\s*(\w+)\s*,\s*"([^"]*)"\s*,\s*(\w+)\s*,\s*(\w+)\s*,'
                 r'\s*"([^"]*)"\s*,\s*"([^"]*)"\s*\)', re.M)
SEVERITIES = ("info", "warning", "error", "fatal")


class Row:
    """One rule: name, id, severity and repair in small letters, clause,
    sentence."""

    def __init__(self, name, ident, severity, repair, clause, sentence):
        self.name = name
        self.id = ident
        self.severity = severity.lower()
        self.repair = repair.lower()
        self.clause = clause
        self.sentence = sentence

    @property
    def vhdx(self):
        return self.name.startswith("VHDX_")

    @property
    def damage(self):
        """Counts against an image: check ends with 3."""
        return SEVERITIES.index(self.severity) >= 2

    @property
    def serious(self):
        """A warning or worse."""
        return self.severity != "info"


def load(path=TABLE):
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    rows = {}
    for m in ROW.finditer(text):
        if m.group(1) in rows:
            raise SystemExit(f"{path}: {m.group(1)} stands there twice")
        rows[m.group(1)] = Row(*m.groups())
    if len(rows) != len(re.findall(r"^R\(", text, re.M)):
        raise SystemExit(f"{path}: a row is not understood")
    return rows


ROWS = load()
