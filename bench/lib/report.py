# SPDX-License-Identifier: BSD-2-Clause
"""What was measured, as text for docs/performance.md."""
import textwrap

from .common import MIB, human
from .convert import BEST, CP, US, words

SAYS = {True: "met", False: "**missed**", None: "-"}


def table(head, rows):
    out = ["| " + " | ".join(head) + " |",
           "| --- |" + " ---: |" * (len(head) - 1)]
    out += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(out) + "\n"


def number(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def millis(seconds):
    return number(None if seconds is None else seconds * 1000, "{:.1f}")


def pair(group, name, peer):
    """wall and processor time beside a peer's."""
    wall, cpu = (group.ratio(name, peer, w) for w in ("wall", "cpu"))
    return "-" if wall is None else f"{wall:.2f}, {number(cpu)}"


def peers_of(groups, leave=(CP,)):
    names = []
    for g in groups:
        names += [c.name for c in g.contenders if c.name not in names]
    return [n for n in names if n not in leave]


def label(group):
    return words(*group.facts["direction"].split("-"))


class Report:
    def __init__(self, results, machine, opts, tools):
        self.results = results
        self.machine = machine
        self.opts = opts
        self.tools = tools
        self.plots = {}         # title: name of the file
        self.parts = []

    def say(self, text):
        """A table or a paragraph."""
        if text[0] not in "|#-!":
            text = textwrap.fill(text, 80, break_long_words=False,
                                 break_on_hyphens=False)
        self.parts.append(text.strip("\n") + "\n")

    def plot(self, key, title):
        if key in self.plots:
            self.say(f"![{title}](plots/{self.plots[key]})")

    def head(self):
        f = self.machine.facts
        others = self.machine.others()
        say = (f"`bench/run`, {self.opts.date}, on {self.machine.sentence()}; "
               + ", ".join(v for v in f["versions"].values() if v) + ". ")
        say += (f"Medians of up to {self.opts.rounds} rounds in which the "
                "contenders take turns, of three where these take long. ")
        if others is not None:
            say += (f"In the pauses between runs others used {others:.2f} "
                    "of a processor. ")
        if self.machine.busy():
            say += "**The machine was busy:** trust the processor times only. "
        self.say(say)
        judge = (", by `qemu-img compare`" if self.tools.qemu else "")
        self.say(
            "Processor time is user and system time of the command with all of "
            "its threads. What the kernel's own threads do, such as writing "
            "back, is in nobody's. Each result of ours was compared with the "
            f"source once{judge}.")

    def goals(self, goals):
        self.say("### Goals")
        self.say(table(("what", "goal", "measured", ""), [
            (g.what, g.bound, g.measured, SAYS[g.met]) for g in goals]))

    def against(self, title, groups, note, peer=CP):
        """Ratios to one contender, whose own figures are the last column."""
        if not groups:
            return
        self.say(f"### {title}")
        if note:
            self.say(note)
        names = peers_of(groups, (peer,))
        rows = []
        for g in groups:
            cp = g.of(peer)
            rows.append((label(g), *(pair(g, n, peer) for n in names),
                         f"{number(cp and cp.median('wall'), '{:.3f}')} s, "
                         f"{number(cp and cp.median('cpu'), '{:.3f}')} s"))
        until = " and fsync" if groups[0].facts["mode"] == "durable" else ""
        self.say("Time and processor time, as a multiple of those of "
                 f"`{peer}`{until} in the last column:")
        self.say(table(("direction", *names, peer), rows))

    def space(self, groups):
        if not groups:
            return
        names = peers_of(groups)
        self.say("Space that the results take, as a multiple of the data:")
        self.say(table(("direction", *names, CP), [
            (label(g), *(number(c and c.disk and c.disk / g.facts["data"],
                                "{:.3f}")
                         for c in map(g.of, [*names, CP]))) for g in groups]))

    def millis(self, title, groups):
        """Short runs: milliseconds and the ratio to ours."""
        if not groups:
            return
        self.say(f"### {title}")
        rows = []
        for g in groups:
            base = next((c for c in g.contenders if c.runs), None)
            for c in g.contenders:
                if not c.runs:
                    rows.append((f"{g.title}: {c.name}", c.note or "-", "",
                                 "", ""))
                    continue
                rows.append((
                    f"{g.title}: {c.name}", millis(c.median("wall")),
                    millis(c.median("cpu")), human(c.peak()),
                    f"{c.median('wall') / base.median('wall'):.2f}"))
        self.say(table(("command", "wall ms", "processor ms", "peak memory",
                        "wall, of ours"), rows))

    def memory(self):
        groups = [g for g in self.results.groups if "direction" in g.facts]
        peaks = {}
        for g in groups:
            for c in g.contenders:
                if c.runs:
                    peaks[c.name] = max(peaks.get(c.name, 0), c.peak())
        if peaks:
            self.say("### Memory and system calls")
            self.say("The most memory that any of the conversions took: " +
                     ", ".join(f"`{n}` {p / MIB:.1f} MiB"
                               for n, p in peaks.items()) + ".")

    def calls(self):
        if not self.results.calls:
            return
        names = [US, BEST, CP]
        self.say("System calls for each MiB of random bytes (`strace -c -f`), "
                 "start and end of the program included:")
        self.say(table(("direction", *names), [
            (words(*d.split("-")), *(number(row.get(n), "{:.1f}")
                                     for n in names))
            for d, row in self.results.calls.items()]))

    def random(self, groups):
        if not groups:
            return
        self.say("### Random operations through the library")
        rows = []
        for g in groups:
            base = g.of("a raw file")
            for c in g.contenders:
                if c.runs:
                    rate = 1 / c.median("wall")
                    rows.append((f"{g.facts['pattern']}, {c.name}",
                                 f"{rate:.0f}",
                                 f"{rate * base.median('wall'):.2f}"))
        self.say("4 KiB at random places of a full disk in the cache, one "
                 "thread; the raw file is read and written without the "
                 "library (`bench/rawio.c`).")
        self.say(table(("", "operations/s", "of the raw file"), rows))

    def inner(self):
        if not self.results.micro:
            return
        self.say("### Building blocks")
        self.say("`bench/micro.c`, one thread, in cache, GB/s (10^9 bytes) by "
                 "length of the buffer; all of the buffer is zeros. "
                 "*dispatched* is what the library calls.")
        sizes = sorted({s for _, _, s, _ in self.results.micro})
        what = {"crc32c": "CRC-32C", "zero": "test for zeros"}
        rows = {}
        for w, code, size, rate in self.results.micro:
            rows.setdefault((w, code), {})[size] = rate
        self.say(table(("", *(human(s).replace(" bytes", " B")
                              for s in sizes)), [
            (f"{what.get(w, w)}, {code}", *(number(r.get(s), "{:.1f}")
                                            for s in sizes))
            for (w, code), r in rows.items()]))
        if self.results.lookups:
            self.say("Finding where a page of the disk is in the file "
                     "(`vhd_resolve()`), nanoseconds:")
            self.say(table(("image", "the same page", "65536 scattered pages"),
                           [(name, number(r.get("one"), "{:.0f}"),
                             number(r.get("scattered"), "{:.0f}"))
                            for name, r in self.results.lookups.items()]))

    def shared(self):
        if not self.results.shared:
            return
        self.say("### Sharing blocks")
        self.say("A disk of random bytes on file systems that can share, "
                 "each in a file on a loop device. The disk is its first "
                 "tenth ten times over, as the file system knows it. 64 pieces "
                 "of 1 MiB of each result were compared; `bench/share.py` "
                 "writes all of the disk and compares all of it.")
        self.say(table(("file system, direction", "disk", "seconds",
                        "new space"), [
            (f"{r['fs']}, {words(*r['direction'].split('-'))}",
             human(r["data"]), f"{r['seconds']:.3f}",
             f"{100 * r['new'] / r['data']:.2f} %")
            for r in self.results.shared]))

    def failures(self):
        lines = [f"- {g.title}, `{c.name}`: {c.note}"
                 for g in self.results.groups for c in g.contenders if c.note]
        if lines:
            self.say("### What failed")
            self.say("\n".join(lines))

    def text(self):
        return "\n".join(self.parts)
