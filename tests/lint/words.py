# SPDX-License-Identifier: BSD-2-Clause
"""Nothing in the tree names the machine it was written on.

Forbidden are the path of the source tree and of the folder it lies in, home
and temporary folders, the host's name, and notes that are not part of the
project.
"""

import os
import re
import socket

from lint import ROOT, bad, files, finish, read

PARENT = os.path.dirname(ROOT)
TEXT = (".c", ".h", ".def", ".map", ".py", ".sh", ".md", ".txt", ".cmake",
        ".in", ".json", ".tsv", ".yml", ".out", ".err", "Makefile", "run",
        "LAYERS", ".1", ".3")

PATTERNS = [
    (re.compile(r"/home/\w+|/root/|/Users/\w+"), "a home folder"),
    (re.compile(r"(?<![\w$}])/tmp/(?:b-|build|bash)"), "a build folder"),
    (re.compile(r"\b(?:anchors|ecosystem|design)\.md\b"),
     "notes outside the project"),
    (re.compile(r"\bshared/(?!samples\b)\w+"), "a folder outside the project"),
    (re.compile(r"\bhttps?://(?!github\.com|learn\.microsoft\.com|"
                r"www\.kernel\.org|www\.w3\.org|json-schema\.org)[\w.]+"), "a host"),
]
# Not where everybody has such a folder.
COMMON = ("/", "/tmp", "/var/tmp", "/usr/src", "/src", "/opt", "/build", "/home")
if PARENT not in COMMON:
    PATTERNS.append((re.compile(rf"(?<![\w.}}]){re.escape(PARENT)}(?:/|\b)"),
                     "a path of this machine"))
HOST = socket.gethostname()
if len(HOST) > 4 and HOST not in ("localhost", "debian", "ubuntu", "builder"):
    PATTERNS.append((re.compile(rf"\b{re.escape(HOST)}\b"), "this machine"))

COUNT = 0
for path in files():
    if not path.endswith(TEXT) or path == "tests/lint/words.py":
        continue
    COUNT += 1
    for number, line in enumerate(read(path).splitlines(), 1):
        for pattern, what in PATTERNS:
            match = pattern.search(line)
            if match:
                bad(f"{path}:{number}: names {what}: {match.group(0)}")
finish(f"words, {COUNT} files")
