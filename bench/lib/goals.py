# SPDX-License-Identifier: BSD-2-Clause
"""What we set out to show, and whether it was shown.

A goal is judged by the worst of what it is about; None where none of that was
measured.  Ratios are those of medians within one group.
"""
from collections import namedtuple

from .common import MIB
from .convert import BEST, CP, DEFAULT, US

# bound, measured: text.  met: None when it was not measured.
Goal = namedtuple("Goal", "what bound measured met")


class Results:
    """All that was measured."""

    def __init__(self):
        self.groups = []
        self.calls = {}         # direction: {contender: calls for each MiB}
        self.micro = []         # (what, code, bytes, GB/s)
        self.lookups = {}       # image: {"one": ns, "scattered": ns}
        self.shared = []        # see share.py
        self.elsewhere = False  # scattered extents had a file system of their own

    def find(self, kind, mode):
        return [g for g in self.groups
                if (g.facts.get("kind"), g.facts.get("mode")) == (kind, mode)
                and (kind, g.facts.get("direction")) != ("dense", "raw-raw")]


def worst(groups, ours, peer, what):
    """(ratio, direction) of the largest ratio."""
    found = [(g.ratio(ours, peer, what), g.facts["direction"])
             for g in groups]
    return max((f for f in found if f[0] is not None), default=None)


def missing(what, bound):
    return Goal(what, bound, "not measured", None)


def at_most(what, groups, peer, figure, bound):
    """Ours is at most @bound of a peer's, in all directions."""
    text = f"at most {bound:g}"
    found = worst(groups, US, peer, figure)
    if not found:
        return missing(what, text)
    over = [g for g in groups if (g.ratio(US, peer, figure) or 0) > bound]
    note = f", over it in {len(over)} of {len(groups)}" if over else ""
    return Goal(what, text, f"{found[0]:.2f} ({found[1]}){note}", not over)


def faster(what, groups, figure, bound):
    """QEMU's defaults take at least @bound times as much, in all directions."""
    text = f"at least {bound:g} times"
    found = worst(groups, US, DEFAULT, figure)
    if not found:
        return missing(what, text)
    return Goal(what, text, f"{1 / found[0]:.1f} times ({found[1]})",
                1 / found[0] >= bound)


def space(groups):
    what, text = "sparse: space of the output, beside the data", "at most 1.05"
    found = [(c.disk / g.facts["data"], g.facts["direction"])
             for g in groups if g.facts["data"]
             for c in [g.of(US)] if c and c.disk]
    if not found:
        return missing(what, text)
    return Goal(what, text, f"{max(found)[0]:.3f} ({max(found)[1]})",
                max(found)[0] <= 1.05)


def seconds(what, groups, bound):
    text = f"under {bound * 1000:g} ms"
    found = [g.of(US).median("wall") for g in groups if g.of(US)]
    if not found:
        return missing(what, text)
    return Goal(what, text, f"{max(found) * 1000:.1f} ms", max(found) < bound)


def memory(results):
    what, text = "peak memory of any conversion", "under 64 MiB"
    found = [(c.peak(), g.name) for g in results.groups
             if "direction" in g.facts for c in [g.of(US)] if c]
    if not found:
        return missing(what, text)
    return Goal(what, text, f"{max(found)[0] / MIB:.1f} MiB",
                max(found)[0] < 64 * MIB)


def inner(results, name, code, what, bound):
    text = f"at least {bound:g} GB/s"
    found = [rate for w, c, size, rate in results.micro
             if (w, c) == (name, code) and 4096 <= size <= 65536]
    if not found:
        return missing(what, text)
    return Goal(what, text, f"{min(found):.1f} to {max(found):.1f} GB/s",
                min(found) >= bound)


def shared(results):
    what, text = "sharing on {}: 10 GiB", "under 1 s and 5 % of new space"
    found = []
    for fs in ("xfs", "btrfs"):
        rows = [r for r in results.shared if r["fs"] == fs]
        if not rows:
            found.append(missing(what.format(fs), text))
            continue
        slow = max(rows, key=lambda r: r["seconds"])
        large = max(r["new"] / r["data"] for r in rows)
        found.append(Goal(
            what.format(f"{fs}, {len(rows)} directions"), text,
            f"{slow['seconds']:.2f} s ({slow['direction']}), "
            f"{100 * large:.2f} %",
            slow["seconds"] < 1 and large < 0.05))
    return found


def compared(results, kinds, what):
    """All results of these kinds have the right bytes."""
    text = "the bytes are right"
    found = [g.of(US) for g in results.groups
             if g.facts.get("kind") in kinds and g.of(US)]
    if not found:
        return missing(what, text)
    good = sum(bool(c.verified) for c in found)
    return Goal(what, text, f"{good} of {len(found)}", good == len(found))


def judge(results):
    dense = results.find("dense", "exit")
    durable = results.find("dense", "durable")
    sparse = results.find("sparse", "exit")
    real = results.find("real", "exit")
    both = [g for g in sparse if g.facts["direction"] == "vhdx-vhd"]
    rest = [g for g in sparse if g not in both]
    return [
        at_most("dense: time to exit, of cp's", dense, CP, "wall", 1.05),
        at_most("dense: processor time, of cp's", dense, CP, "cpu", 1.2),
        at_most("dense: time until durable, of cp + fsync", durable, CP,
                "wall", 0.65),
        at_most("sparse: processor time, of cp's", sparse, CP, "cpu", 1.3),
        faster("sparse: QEMU's processor time, of ours", rest, "cpu", 3),
        faster("sparse, VHDX to VHD: QEMU's processor time, of ours", both,
               "cpu", 7),
        faster("sparse: QEMU's time to exit, of ours", rest, "wall", 3),
        faster("sparse, VHDX to VHD: QEMU's time to exit, of ours", both,
               "wall", 7),
        space(sparse),
        seconds("empty VHDX to raw", [
            g for g in results.find("empty", "exit")
            if g.facts["direction"] == "vhdx-raw"], 0.01),
        seconds("empty VHDX of 64 TiB", results.find("empty64T", "exit"), 1),
        at_most("real ext4: time to exit, of QEMU with -m 16 -W", real, BEST,
                "wall", 1),
        at_most("real ext4: processor time, of QEMU with -m 16 -W", real,
                BEST, "cpu", 1),
        memory(results),
        inner(results, "crc32c", "dispatched", "CRC-32C, 4 to 64 KiB", 15),
        inner(results, "crc32c", "portable", "CRC-32C, portable", 1.5),
        inner(results, "zero", "dispatched", "test for zeros, 4 to 64 KiB",
              50),
        inner(results, "zero", "portable", "test for zeros, portable", 1.5),
        *shared(results),
        compared(results, ("stream-out", "stream-in"), "streams, out and in"),
        compared(results, ("gzip-out", "gzip-in"), "compressed, out and in"),
        compared(results, ("nbd",), "QCOW2 and VMDK, in and out"),
        Goal("kill -9 in the middle", "nothing under the final name",
             "by the test cli/kill_leaves_nothing", None),
    ]
