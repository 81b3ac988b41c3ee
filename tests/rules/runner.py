# SPDX-License-Identifier: BSD-2-Clause
"""What is done with a case:

1. its base is made once and checked: sound, no warnings;
2. a copy is damaged and checked: exactly the rules of the case are new, with
   the severity and repair of the table, the exit status is right, and the file
   was not written to;
3. a repair is planned, which writes nothing;
4. without consent the repair leaves what needs consent alone;
5. with consent it is carried out: the rules are gone, nothing above a note has
   come, the guest's bytes are as the case demands, the same repair again finds
   nothing to do, and undoing it gives back the damaged file byte for byte;
6. what nothing can mend is left standing even if everything is allowed.
"""

import json
import os
import re
import shutil
import subprocess
import threading

from disk import Disk, fingerprint, state
from case import Builder
from harness import Failure, expect
from rows import ROOT, ROWS


class Findings:
    """What one run of check says."""

    def __init__(self, util, path, case, cwd):
        flags = ["--json"] + ["--deep"] * case.deep + ["--chain"] * case.chain
        before = state(path)
        done = util.run("check", *flags, *case.args, path, cwd=cwd)
        expect(state(path) == before, "check has changed the file")
        self.status = done.returncode
        expect(self.status in (0, 3), f"check ended with {self.status}: "
               f"{done.stderr.strip()[:300]}")
        self.list = json.loads(done.stdout)["files"][0]["findings"]
        self.names = {f["rule"]["name"] for f in self.list}
        self._hold_to_table()

    def _hold_to_table(self):
        """Severity, id, repair and exit status are those of rules.def."""
        worst = 0
        for f in self.list:
            row = ROWS[f["rule"]["name"]]
            shown = (f["rule"]["id"], f["rule"]["severity"], f["repair"])
            expect(shown == (row.id, row.severity, row.repair),
                   f"{row.name} is shown as {shown}")
            if row.damage:
                worst = 3
        expect(self.status == worst, f"check ended with {self.status}, not "
               f"{worst}: {sorted(self.names)}")

    def serious(self):
        return {n for n in self.names if ROWS[n].serious}

    def of(self, rule):
        return [f for f in self.list if f["rule"]["name"] == rule]

    def told(self):
        return "; ".join(f"{f['rule']['name']}: {f['message']}"
                         for f in self.list) or "nothing"


class Base:
    """A sound image and what is known of it."""

    def __init__(self, util, case, folder):
        os.makedirs(folder)
        self.folder = folder
        made = case.base(Builder(folder, util))
        self.name = os.path.relpath(os.path.join(folder, made), folder)
        path = os.path.join(folder, self.name)
        self.before = Findings(util, path, case, folder)
        expect(not self.before.serious(),
               f"the base is not sound: {self.before.told()}")
        self.disk = Disk(util, path, case.args, folder + ".guest")
        expect(not self.disk.lost, "the base cannot be read")


class Bases:
    """Bases by builder and by the options that they are opened with."""

    def __init__(self, util, folder):
        self.util = util
        self.folder = folder
        self.lock = threading.Lock()
        self.made = {}

    def get(self, case):
        function = getattr(case.base, "func", case.base)
        key = (function, repr(getattr(case.base, "args", "")),
               repr(sorted(getattr(case.base, "keywords", {}).items())),
               case.deep, case.chain, tuple(case.args))
        with self.lock:
            if key not in self.made:
                folder = os.path.join(self.folder, f"base{len(self.made)}")
                self.made[key] = (threading.Lock(), folder, [])
            lock, folder, made = self.made[key]
        with lock:
            if not made:
                shutil.rmtree(folder, ignore_errors=True)
                made.append(Base(self.util, case, folder))
        return made[0]


def copy_folder(src, dst):
    """Keeps holes and times."""
    subprocess.run(["cp", "-a", "--sparse=always", "--reflink=auto", src, dst],
                   check=True)


class Run:
    """One case, from the copy of its base to the last comparison."""

    def __init__(self, util, case, base, folder, can_repair):
        self.util = util
        self.case = case
        self.base = base
        self.folder = folder
        self.can_repair = can_repair
        copy_folder(base.folder, folder)
        self.path = os.path.join(folder, base.name)
        self.undo = self.path + ".undo"
        self.found = None
        self.over = None

    def check(self):
        return Findings(self.util, self.path, self.case, self.folder)

    def repair(self, *words, allow=()):
        given = [w for rule in allow for w in ("--allow", rule)]
        return self.util.run("repair", *words, *given, *self.case.repair_args,
                             *self.case.args, self.path, cwd=self.folder)

    def detect(self):
        case = self.case
        sound = fingerprint(self.path)
        self.over = case.damage(self.path)
        self.found = self.check()
        new = self.found.names - self.base.before.names
        expect(new or sound != fingerprint(self.path),
               "the damage changes nothing")
        missed = set(case.rules) - self.found.names
        expect(not missed, f"missed {sorted(missed)}; told "
               f"{self.found.told()}")
        extra = new - set(case.rules) - set(case.also)
        expect(not extra, f"found too: {sorted(extra)}; told "
               f"{self.found.told()}")
        if case.status is not None:
            expect(self.found.status == case.status, f"check ended with "
                   f"{self.found.status}, not {case.status}")
        if case.rules:
            self._details(self.found.of(case.rules[0]))

    def _details(self, list_of):
        case = self.case
        if case.at is not None:
            expect(case.at in [f["offset"] for f in list_of],
                   f"{case.rules[0]} is at {[f['offset'] for f in list_of]}, "
                   f"not {case.at}")
        if case.says is not None:
            expect(any(re.search(case.says, f["message"]) for f in list_of),
                   f"no finding of {case.rules[0]} says {case.says!r}: "
                   f"{self.found.told()}")

    def kinds(self):
        return {ROWS[r].repair for r in self.found.names}

    def mend(self):
        """All that follows the detection."""
        if not self.case.rules and self.case.repair is None:
            return
        if not self.case.rules:
            self._sound()
            return
        if self.case.repair is None or \
           all(ROWS[r].repair == "none" for r in self.case.rules):
            self._hopeless()
            return
        disk = self._disk()
        allow = self._consents()
        if any(ROWS[r].repair == "ask" for r in self.case.rules):
            self._refused()
        damaged = state(self.path)
        plan = self.repair("--plan", "--json", allow=allow)
        expect(plan.returncode in (0, 3), f"repair --plan ended with "
               f"{plan.returncode}: {plan.stderr.strip()[:300]}")
        json.loads(plan.stdout)
        expect(state(self.path) == damaged, "repair --plan changed the file")
        self._mended(allow, plan.returncode, disk)
        self._again(allow)
        self._undone(damaged)

    def _disk(self):
        return Disk(self.util, self.path, self.case.args)

    def _consents(self):
        case = self.case
        allow = case.allow
        if allow is None:
            allow = [r for r in case.rules + list(case.also)
                     if ROWS[r].repair == "ask" and r in self.found.names]
        return [f"{r}={case.choice}" if case.choice and r == case.rules[0]
                else r for r in allow]

    def _refused(self):
        """Nobody consents: what needs it stays."""
        damaged = state(self.path)
        done = self.repair("--repair")
        expect(done.returncode in (0, 3), f"repair without consent ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        if "auto" not in self.kinds():
            expect(state(self.path) == damaged,
                   "repair without consent changed the file")
            expect(not os.path.exists(self.undo),
                   "repair left an undo file for nothing")
            return
        left = self.check()
        for rule in self.case.rules:
            expect(ROWS[rule].repair != "ask" or rule in left.names,
                   f"{rule} was mended without consent")
        if os.path.exists(self.undo):
            self._undone(damaged)

    def _mended(self, allow, planned, disk):
        case = self.case
        done = self.repair("--repair", "--json", allow=allow)
        expect(done.returncode in (0, 3), f"repair ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        expect(done.returncode == planned, f"repair ended with "
               f"{done.returncode}, and its plan with {planned}")
        json.loads(done.stdout)
        expect(os.path.exists(self.undo), "repair has written no undo file")
        left = self.check()
        for rule in case.rules:
            expect(ROWS[rule].repair == "none" or rule not in left.names,
                   f"{rule} is there after its repair: {left.told()}")
        known = self.found.names | self.base.before.names | set(case.after)
        come = left.serious() - known
        expect(not come, f"the repair brought {sorted(come)}: {left.told()}")
        if case.clean:
            rest = left.serious() - set(case.after)
            expect(not rest, f"not clean after the repair: {left.told()}")
        expect(done.returncode == left.status, f"repair ended with "
               f"{done.returncode}, and check then with {left.status}")
        self._same(disk)

    def _same(self, damaged):
        after = self._disk()
        wanted = self.case.repaired_same
        if callable(wanted):
            wanted(self.base.disk, damaged, after)
        elif wanted == "readable":
            after.must_equal(damaged, "after the repair")
        else:
            after.must_equal(self.base.disk, "after the repair")

    def _again(self, allow):
        before = state(self.path)
        other = self.undo + "2"
        done = self.repair("--repair", "--undo-file", other, allow=allow)
        expect(done.returncode in (0, 3), f"the second repair ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        expect(state(self.path) == before and not os.path.exists(other),
               "the second repair found something to do")

    def _undone(self, damaged):
        done = self.util.run("repair", "--undo", self.undo, self.path,
                             cwd=self.folder)
        expect(done.returncode == 0, f"repair --undo ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        expect(fingerprint(self.path) == damaged[2],
               "undo did not give back the damaged file")
        os.unlink(self.undo)

    def _sound(self):
        """There is nothing to mend."""
        before = state(self.path)
        done = self.repair("--repair", "--allow", "all")
        expect(done.returncode == 0, "repair of a sound image ended with "
               f"{done.returncode}: {done.stderr.strip()[:300]}")
        if not self.kinds() - {"none"}:
            expect(state(self.path) == before,
                   "repair of a sound image changed it")

    def _hopeless(self):
        """Nothing mends it, whatever is allowed."""
        damaged, disk = state(self.path), self._disk()
        allow = ["all"] if self.case.allow is None else self.case.allow
        done = self.repair("--repair", allow=allow)
        expect(done.returncode in (0, 3), f"repair of what cannot be mended "
               f"ended with {done.returncode}: {done.stderr.strip()[:300]}")
        if state(self.path) == damaged:
            return
        left = self.check()
        expect(self.case.rules[0] in left.names,
               f"{self.case.rules[0]} is mended, and the table says it cannot "
               "be")
        self._disk().must_equal(disk, "after a repair of other things")
        self._undone(damaged)


def run_case(util, case, bases, folder, can_repair):
    """Returns None, or a text saying what is wrong."""
    try:
        for text in case.form_errors(ROWS):
            raise Failure(text)
        if case.covered_by:
            _covered(case)
            return None
        one = Run(util, case, bases.get(case), folder, can_repair)
        try:
            one.detect()
            if can_repair:
                one.mend()
        finally:
            if one.over:
                one.over()
    except Failure as failure:
        return str(failure)
    return None


def _covered(case):
    path = os.path.join(ROOT, case.covered_by)
    expect(os.path.exists(path), f"there is no {case.covered_by}")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for rule in case.rules:
        expect(rule in text, f"{case.covered_by} does not name {rule}")
