# SPDX-License-Identifier: BSD-2-Clause
"""Which figures become pictures."""
from .convert import CP, words
from .report import peers_of
from .svg import Bars


def beside_cp(groups, figure, title, note, goal):
    names = peers_of(groups)
    rows = [(words(*g.facts["direction"].split("-")),
             [g.ratio(n, CP, figure) for n in names]) for g in groups]
    return Bars(title, note, names, rows, (1, "cp") if goal is None else
                (goal, f"goal: {goal:g}"))


def absolute(groups, names, title, note):
    rows = []
    for g in groups:
        values = [None] * len(names)
        for c in g.contenders:
            for i, name in enumerate(names):
                # vhd-util info counts as vhd-util; -m 16 -W not as qemu-img.
                mine = name == c.name or (c.name not in names and
                                          c.name.startswith(name))
                if c.runs and mine and values[i] is None:
                    values[i] = 1000 * c.median("wall")
        rows.append((g.facts.get("what") or
                     words(*g.facts["direction"].split("-")), values))
    return Bars(title, note, names, rows, log=True)


def rates(groups):
    names = [c.name for c in groups[0].contenders]
    return Bars("Random operations of 4 KiB", "operations a second, one "
                "thread, in the cache; more is better", names,
                [(g.facts["pattern"], [
                    1 / c.median("wall") if c.runs else None
                    for c in g.contenders]) for g in groups])


def all_of(results):
    """{name of the file: Bars}"""
    found = {}

    def add(name, groups, make, *args):
        groups = [g for g in groups if any(c.runs for c in g.contenders)]
        if groups:
            bars = make(groups, *args)
            if bars.rows:
                found[name] = bars

    less = "as a multiple of cp of the same bytes; less is better"
    for kind, title in (("dense", "Random bytes"),
                        ("sparse", "Scattered extents, a twentieth is data"),
                        ("real", "A real ext4 disk")):
        groups = results.find(kind, "exit")
        add(f"{kind}-time.svg", groups, beside_cp, "wall",
            f"{title}: time to exit", less, 1.05 if kind == "dense" else None)
        add(f"{kind}-processor.svg", groups, beside_cp, "cpu",
            f"{title}: processor time", less,
            {"dense": 1.2, "sparse": 1.3}.get(kind))
    add("dense-durable.svg", results.find("dense", "durable"), beside_cp,
        "wall", "Random bytes: time until they are on the disk",
        "as a multiple of cp + fsync; less is better", 0.65)
    add("dense-cold.svg", results.find("dense", "cold"), beside_cp, "wall",
        "Random bytes: time to exit, source not in the cache", less, None)
    add("empty.svg", results.find("empty", "exit"), absolute,
        ["vhd-util", "qemu-img", "qemu-img -m 16 -W", "cp"],
        "A disk with nothing stored: time to exit",
        "milliseconds, each line ten times the one before; less is better")
    add("giants.svg", [g for g in results.groups
                       if g.facts.get("kind") == "giants"], absolute,
        ["vhd-util", "qemu-img", "vhdiinfo"],
        "The largest images: 64 TiB VHDX, 2040 GiB VHD",
        "milliseconds, each line ten times the one before; less is better")
    add("random.svg", [g for g in results.groups
                       if g.facts.get("kind") == "io"], rates)
    return found
