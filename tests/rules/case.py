# SPDX-License-Identifier: BSD-2-Clause
"""What a case is: a sound image, one damage, and what is to come of it.

A module of cases is a file vhd_*.py or vhdx_*.py of this folder that has a list
CASES.  It fills it with case(...):

    CASES = []
    case = CaseList(CASES)

    case("name", ["VHD1_FEATURES"], base=dynamic, damage=function)

@base builds a sound image with the program under test and returns its path; it
gets a Builder and runs once per run of the tests.  @damage gets the path of a
copy of it, whose folder holds copies of everything the builder made beside it.
Both are plain functions (or functools.partial).

Unless a case says otherwise, the table of rules decides what is expected:
check ends with 3 when one of the found rules is an error or fatal, else with 0;
and a repair follows when the rules' column says AUTO or ASK, which must be
refused without consent when it is ASK, and do nothing about the rule when it is
NONE.  runner.py has the exact sequence.
"""

COLUMN = "column"


class Builder:
    """Where a base is made, and the program to make it with."""

    def __init__(self, folder, util):
        self.folder = folder
        self._util = util

    def path(self, name):
        return f"{self.folder}/{name}"

    def vu(self, *argv):
        """Run the program; anything but success is a failure of the test."""
        return self._util.must(*argv, cwd=self.folder)


class Case:
    """
    name           unique; shown when it fails
    rules          names of the rules that must be new, compared with the base:
                   these and no others; an empty list for a change that is no
                   damage, which nothing may be said about or done to
    base           function(Builder) -> path of the image
    damage         function(path); may return a function that is called when
                   the case is over
    also           {rule: reason}: rules that may come along
    status         of check; default: by the severities of what is found
    deep, chain    check --deep, check --chain
    args           further options of every command, for opening
    at             offset that the (a) finding of rules[0] must give
    says           regular expression that a finding of rules[0] must match
    repair         COLUMN (default), or None with @why: this damage cannot be
                   mended although others of this rule can
    choice         word to consent with, "--allow RULE=choice"
    allow          rules to consent to; default: all of @rules and @also that
                   are ASK, or for what cannot be mended everything there is
    repair_args    further options of repair, such as ["--parent", "base.vhd"]
    repaired_same  what the guest reads after the repair:
                   True        everything as before the damage
                   "readable"  whatever the damaged image let it read
                   function(before, damaged, after) of Disk objects, which
                               raises harness.Failure
    clean          after the repair nothing above a note is left that the base
                   did not have; False: what else was wrong may stay
    after          {rule: reason}: what may come by the repair
    covered_by     path of a test in this tree that covers the rule, for what
                   can only be seen at run time; it must name the rule
    """

    def __init__(self, name, rules, *, base=None, damage=None, also=None,
                 status=None, deep=False, chain=False, args=(), at=None,
                 says=None, repair=COLUMN, why=None, choice=None, allow=None,
                 repair_args=(), repaired_same=True, clean=True, after=None,
                 covered_by=None):
        self.name = name
        self.rules = list(rules)
        self.base = base
        self.damage = damage
        self.also = dict(also or {})
        self.status = status
        self.deep = deep
        self.chain = chain
        self.args = list(args)
        self.at = at
        self.says = says
        self.repair = repair
        self.why = why
        self.choice = choice
        self.allow = allow
        self.repair_args = list(repair_args)
        self.repaired_same = repaired_same
        self.clean = clean
        self.after = dict(after or {})
        self.covered_by = covered_by

    def form_errors(self, rows):
        """What is wrong with the case itself."""
        for rule in (self.rules + list(self.also) + list(self.after) +
                     list(self.allow or ())):
            if rule not in rows:
                yield f"{rule} is no rule"
        if self.repair not in (COLUMN, None):
            yield f"repair={self.repair!r}"
        if self.repair is None and not self.why:
            yield "repair=None without why"
        if not self.covered_by and not (self.base and self.damage):
            yield "has no base or no damage"


class CaseList:
    """Called like Case(); the case joins a list."""

    def __init__(self, cases):
        self.cases = cases

    def __call__(self, *args, **kwargs):
        self.cases.append(Case(*args, **kwargs))
