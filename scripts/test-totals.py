#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test-totals.py JUNIT-FILE...

Adds up runs of ctest.  The last line is "N passed, N failed, N skipped"; the
status is 1 when one failed, when a run is missing, or when nothing was run.
A skipped test says why in a line "SKIP: reason" or "skipped: reason".  With
CI=true it counts as failed, unless no package could let it run: "SKIP(host):
reason", or one of the reasons below.
"""

import os
import re
import sys
import xml.etree.ElementTree as ET

HOST_REASONS = re.compile(
    r"sanitizers need memory of their own|this machine converts .* faster|"
    r"no files without a name on this file system|"
    r"another user cannot run the program")

passed = failed = skipped = 0
strict = os.environ.get("CI") == "true"


def reason_of(case):
    match = re.search(r"^(?:SKIP|skipped)(\(host\))?: (.*)$",
                      case.findtext("system-out") or "", re.M)
    if not match:
        return False, "gave no reason"
    host = match.group(1) or HOST_REASONS.search(match.group(2))
    return bool(host), match.group(2)


for path in sys.argv[1:]:
    name = os.path.splitext(os.path.basename(path))[0]
    try:
        cases = ET.parse(path).getroot().findall("testcase")
    except (OSError, ET.ParseError) as error:
        print(f"{name}: no results: {error}")
        failed += 1
        continue
    if not cases:
        print(f"{name}: no test was run")
        failed += 1
    for case in cases:
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status == "notrun" and case.find("skipped") is not None:
            host, reason = reason_of(case)
            counts = strict and not host
            print(f"{name}: {case.get('name')}: skipped"
                  f"{' (a failure here)' if counts else ''}: {reason}")
            failed += counts
            skipped += not counts
        else:
            print(f"{name}: {case.get('name')}: failed")
            failed += 1

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
