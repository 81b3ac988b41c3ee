# SPDX-License-Identifier: BSD-2-Clause
"""What bench/fuse.py is asked to show, and whether it did.

A goal compares two contenders in the same round and is judged by the median of
these ratios, or bounds one figure.  Contenders are named "server, format".
"""
import statistics
from collections import namedtuple

# value: "rate" or "cpu" (processor time of the server, per operation).
# peer: None compares with the bound itself.  at_least: else at most.
Goal = namedtuple("Goal", "ours peer job value bound at_least")


def ratios(job, peer, **bounds):
    return [Goal(f"vhdfuse, {fmt}", peer.format(fmt=fmt), job, "rate", bound,
                 True) for fmt, bound in bounds.items()]


def goals(jobs, tmpfs):
    """Those that the folder's file system can show: QEMU's VHD driver flushes
    with nearly every write, which costs nothing on a tmpfs."""
    found = []
    qemu = "QEMU, {fmt}"
    found += ratios("read 4K qd1", qemu, vhdx=1.8, vhd=1.8)
    found += ratios("read 4K qd32", qemu, vhdx=5, vhd=5)
    found += ratios("read 1M qd4", qemu, vhdx=3, vhd=3)
    found += ratios("write 4K qd32", qemu, vhdx=8)
    found += ratios("write 1M qd4", qemu, vhdx=1.5)
    if not tmpfs:
        found += ratios("write 4K qd32", qemu, vhd=40)
        found += ratios("write 1M qd4", qemu, vhd=3)
    found += ratios("read 4K qd1", "vhdimount, {fmt}", vhdx=3.5, vhd=10)
    found += ratios("read 4K qd32", "vhdimount, {fmt}", vhdx=15, vhd=50)
    for job in jobs:
        found += ratios(job, "vhdfuse, raw", vhdx=0.9, vhd=0.9)
    for job, bound in (("read 4K qd1", 45), ("read 4K qd32", 10),
                       ("write 4K qd32", 10)):
        for fmt in ("vhdx", "vhd"):
            found.append(Goal(f"vhdfuse, {fmt}", None, job, "cpu", bound,
                              False))
    for job in ("read 4K qd32", "write 4K qd32"):
        for fmt in ("vhdx", "vhd"):
            found.append(Goal(f"vhdfuse, {fmt}", "rawfuse 2, raw", job, "cpu",
                              1.1, False))
    for job in ("again 4K", "again 1M"):
        found += ratios(job, "the file itself, raw", vhdx=0.8, vhd=0.8)
    found += ratios("again 4K", qemu, vhdx=20, vhd=20)
    found += ratios("first 4K qd1", qemu, vhdx=10, vhd=5)
    found += ratios("first 4K qd32", qemu, vhdx=10, vhd=5)
    found += ratios("first 4K, a flush each 32", qemu, vhdx=5, vhd=5)
    return found


def judge(goal, results):
    """A row about a goal, or None if something in it was not measured.

    results: (contender, job) -> one measurement for each round."""
    ours = results.get((goal.ours, goal.job))
    peer = results.get((goal.peer, goal.job)) if goal.peer else None
    if not ours or (goal.peer and not peer):
        return None
    values = [m[goal.value] for m in ours]
    if peer:
        pairs = zip(values, (m[goal.value] for m in peer))
        values = [a / b for a, b in pairs if a is not None and b]
    values = [v for v in values if v is not None]
    if not values:
        return None
    middle = statistics.median(values)
    met = middle >= goal.bound if goal.at_least else middle <= goal.bound
    return {"ours": goal.ours, "peer": goal.peer, "job": goal.job,
            "value": goal.value, "bound": goal.bound,
            "at_least": goal.at_least, "median": middle, "low": min(values),
            "high": max(values), "met": met}


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def short(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def print_goals(rows):
    lines = []
    for row in rows:
        unit = "" if row["peer"] else " us"
        sign = ">=" if row["at_least"] else "<="
        what = "processor time" if row["value"] == "cpu" else "rate"
        over = f" over {row['peer']}" if row["peer"] else ""
        lines.append((f"{row['job']}: {what} of {row['ours']}{over}",
                      f"{sign} {row['bound']:g}{unit}",
                      f"{short(row['median'])}{unit}",
                      f"{short(row['low'])} to {short(row['high'])}",
                      "met" if row["met"] else "**missed**"))
    table("goals", ("", "bound", "median", "rounds", ""), lines)
