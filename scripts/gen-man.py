#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the manual pages of vhd-util and td-util: tools/man/NAME.1 from
tools/man/NAME.1.in, with what the programs' own help says in the place of lines
such as @verbs@.

    gen-man.py VHD-UTIL TD-UTIL            rewrite the pages
    gen-man.py --check VHD-UTIL TD-UTIL    change nothing, say what is out of date

What a template may ask for:

    @verbs@             the list of verbs, a line for each
    @remarks@           what is said below that list
    @exits@             the exit statuses
    @options TITLE@     options that many verbs explain with the same words
    @every-verb@        a section for each verb
    @classic VERB@      synopsis and options of a verb of Xen's form
    @td VERB@           the same of td-util
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from mdoc import Writer, escape, synopsis  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join("tools", "man")
PAGES = ("vhd-util", "vhd-util-classic", "td-util")

# Sections of options that are explained once: the verb whose help is taken for
# it, and its title there.
SHARED = {"The new image": "flatten", "Opening": "info"}


class Option:
    """One line of a help: `-O, --format=FORMAT  vhd, vhdx or raw`."""

    def __init__(self, short, name, arg, text):
        self.short, self.name, self.arg, self.text = short, name, arg, text

    def same(self, other):
        return vars(self) == vars(other)


class Verb:
    """What the help of a verb says: usage, groups of options as (title, list),
    paragraphs, examples, exit statuses."""

    def __init__(self, name, summary, text):
        self.name, self.summary = name, summary
        blocks = re.split(r"\n\n+", text.strip("\n"))
        self.usage, self.groups = [], []
        rest = blocks[0].split("\n")
        while rest and re.match(rf"(Usage:|      ) vhd-util {name}\b", rest[0]):
            self.usage.append(rest.pop(0)[7:].removeprefix("vhd-util "))
        self.groups.append((None, options("\n".join(rest))))
        del blocks[0]
        while re.match(r"[A-Z][^\n]*:\n +-", blocks[0]):
            title, _, lines = blocks.pop(0).partition(":\n")
            self.groups.append((title, options(lines)))
        self.exits = flat(blocks.pop())
        self.example = blocks.pop().split("\n")
        self.paragraphs = [flat(b) for b in blocks]
        if not self.usage or not self.paragraphs or \
           self.example.pop(0) != "Examples:" or \
           not self.exits.startswith("Exit status: "):
            sys.exit(f"gen-man.py: the help of {name} is not understood")

    def words(self):
        """What stands for something else in its help: FILE, SIZE."""
        found = re.findall(r"\b[A-Z]+\b", " ".join(self.usage))
        for _, group in self.groups:
            for option in group:
                found += re.findall(r"\b[A-Z]+\b", option.arg)
        return set(found) - {"OPTION"}


def flat(block):
    return " ".join(block.split())


def options(text):
    """The options that some lines of popt's help explain."""
    found = []
    for line in text.split("\n"):
        new = re.match(r"  (?:-(\w), |    )--([\w-]+)(\S*) +(\S.*)$", line)
        if new:
            short, name, arg, what = new.groups()
            found.append(Option(short, name, arg, what))
        elif found and line.startswith(" " * 10):
            found[-1].text += " " + line.strip()
        elif line:
            sys.exit(f"gen-man.py: what is this line of a help?\n{line}")
    return found


def say(*argv):
    env = dict(os.environ, LC_ALL="C")
    env.pop("LANGUAGE", None)
    done = subprocess.run(argv, stdout=subprocess.PIPE, env=env, check=False,
                          stderr=subprocess.STDOUT, text=True)
    return done.stdout


class Program:
    """vhd-util, as far as its help goes."""

    def __init__(self, path):
        self.path = path
        about = re.split(r"\n\n+", say(path, "--help").strip())
        head = about.pop(0).split("\n")
        rows = about.pop(0).split("\n")
        if not head[0].startswith("Usage: ") or rows.pop(0) != "Verbs:":
            sys.exit(f"gen-man.py: {path} --help is not understood")
        self.verbs = {}
        for row in rows:
            name, summary = row.split(None, 1)
            self.verbs[name] = Verb(name, summary, say(path, name, "--help"))
        self.exits = flat(about.pop())
        # What is about the help itself, and what the classic page is about.
        self.remarks = [flat(b) for b in about[1:-1]]
        self.classic = re.search(r"its verbs are ([^.]*)\.",
                                 flat(about[-1])).group(1).split()

    def shared(self):
        """{title: options} that are explained once."""
        return {title: dict(self.verbs[verb].groups)[title]
                for title, verb in SHARED.items()}


def exits(text, writer):
    """`Exit status: 0 done; 1 failed.` and what is said behind it."""
    text = text.removeprefix("Exit status: ")
    lines, _, more = text.partition(". ")
    writer.line(".Bl -tag -width 130x -compact")
    for item in lines.rstrip(".").split("; "):
        status, what = item.split(" ", 1)
        writer.line(f".It {status}")
        writer.text(what)
    writer.line(".El")
    if more:
        writer.line(".Pp")
        writer.text(more)


def sentence(text):
    return text if text.endswith(".") else text + "."


def option_list(found, writer):
    writer.line(".Bl -tag -width Ds")
    for option in found:
        short = f"Fl {option.short} , " if option.short else ""
        arg = f" Ns {synopsis(option.arg)}" if option.arg else ""
        writer.line(f".It {short}Fl Fl {escape(option.name, True)}{arg}")
        writer.text(sentence(option.text))
    writer.line(".El")


def verb_section(verb, program, out):
    writer = Writer(out, verb.words(), program.verbs)
    writer.line(f".Ss {verb.name} \\(em {escape(verb.summary)}")
    for usage in verb.usage:
        writer.line(f".D1 Nm vhd\\-util {synopsis(usage)}")
    for paragraph in verb.paragraphs:
        writer.line(".Pp")
        writer.text(paragraph)
    common = program.shared()
    referred = {title: [] for title in common}
    for title, group in verb.groups:
        own = []
        for option in group:
            for name, known in common.items():
                if any(option.same(k) for k in known):
                    referred[name].append(option)
                    break
            else:
                if option.name != "help":
                    own.append(option)
        if own:
            writer.line(".Pp")
            writer.text("Options:" if title is None else f"{title}:")
            option_list(own, writer)
    for title, group in referred.items():
        if group:
            writer.line(".Pp")
            writer.text("Also, explained under")
            writer.line(f".Sx {title} :")
            writer.text(", ".join(f"--{o.name}" for o in group) + ".")
    usual = next(iter(program.verbs.values())).exits
    if verb.exits != usual:
        writer.line(".Pp")
        writer.text("Exit status:")
        writer.line(".Pp")
        exits(verb.exits, writer)
    writer.line(".Pp")
    writer.text("Examples:" if len(verb.example) > 1 else "Example:")
    writer.literal(line[2:] for line in verb.example)


def getopt_verb(program, usage, lines, out):
    """Usage and options of a verb that parses with getopt(3)."""
    found = []
    for line in lines:
        new = re.match(r"  (-\w|[A-Z]+)(?: ([A-Z]+))?  +(\S.*)$", line)
        if new:
            found.append(list(new.groups()))
        else:
            found[-1][2] += " " + line.strip()
    words = set(re.findall(r"\b[A-Z]+\b", usage))
    writer = Writer(out, words, ())
    writer.line(f".D1 Nm {escape(program, True)} {synopsis(usage)}")
    missing = set(re.findall(r"(?<!\w)-\w\b", usage)) - {f[0] for f in found}
    if missing:
        sys.exit(f"gen-man.py: {usage}: nobody explains {missing}")
    writer.line(".Bl -tag -width Ds")
    for flag, arg, text in found:
        tag = synopsis(" ".join(filter(None, (flag, arg))))
        writer.line(f".It {tag}")
        # Values stay as they are typed.
        if text.split()[0] not in usage.replace("|", " ").split():
            text = text[0].upper() + text[1:]
        writer.text(sentence(text))
    writer.line(".El")


def classic_verb(program, name, out):
    lines = say(program.path, name, "--debug", "-h").rstrip("\n").split("\n")
    usage = lines.pop(0).removeprefix("usage: vhd-util ")
    getopt_verb("vhd-util", usage, lines, out)


def td_verbs(path):
    """{verb: (usage, lines)} of td-util's help."""
    usages, _, rest = say(path, "--help").partition("\n\n")
    found = {}
    for line in usages.split("\n"):
        usage = line[7:].removeprefix("td-util ")
        found[usage.split()[0]] = (usage, [])
    verb = None
    for line in rest.rstrip("\n").split("\n"):
        if line.startswith(" "):
            found[verb][1].append(line)
        else:
            verb = line.rstrip(":")
    return found


def page(name, program, td):
    """The text of a page."""
    out, used = [], []
    with open(os.path.join(ROOT, FOLDER, f"{name}.1.in"), encoding="utf-8") as f:
        template = f.read().splitlines()
    out.append('.\\" SPDX-License-Identifier: BSD-2-Clause')
    out.append(f'.\\" Made by scripts/gen-man.py of {name}.1.in and of what the '
               "program says; do not edit.")
    for line in template[1:]:
        asked = re.match(r"@([\w-]+)(?: (.*))?@$", line)
        if not asked:
            out.append(line)
            continue
        what, which = asked.groups()
        writer = Writer(out, (), program.verbs)
        used.append(f"{what} {which}")
        if what == "verbs":
            writer.line(".Bl -tag -width snapshotx -compact")
            for verb in program.verbs.values():
                writer.line(f".It Cm {verb.name}")
                writer.text(verb.summary)
            writer.line(".El")
        elif what == "remarks":
            for remark in program.remarks:
                writer.line(".Pp")
                writer.text(remark)
        elif what == "exits":
            exits(program.exits, writer)
        elif what == "options":
            of = program.verbs[SHARED[which]]
            option_list(program.shared()[which],
                        Writer(out, of.words(), program.verbs))
        elif what == "every-verb":
            for verb in program.verbs.values():
                verb_section(verb, program, out)
        elif what == "classic":
            classic_verb(program, which, out)
        elif what == "td":
            getopt_verb("td-util", *td[which], out)
        else:
            sys.exit(f"gen-man.py: {name}.1.in: what is {line}?")
    for what, all_of in (("classic", program.classic), ("td", td)):
        has = {u.split()[1] for u in used if u.startswith(what)}
        if has and has != set(all_of):
            sys.exit(f"gen-man.py: {name}.1.in: not every verb is there, or one "
                     f"that is none: {has ^ set(all_of)}")
    return "\n".join(out) + "\n"


def main():
    args = sys.argv[1:]
    check = args[:1] == ["--check"]
    if check:
        del args[0]
    if len(args) != 2:
        sys.exit("Usage: gen-man.py [--check] VHD-UTIL TD-UTIL")
    program, td = Program(args[0]), td_verbs(args[1])
    stale = False
    for name in PAGES:
        path = os.path.join(FOLDER, f"{name}.1")
        text = page(name, program, td)
        old = None
        if os.path.exists(os.path.join(ROOT, path)):
            with open(os.path.join(ROOT, path), encoding="utf-8") as f:
                old = f.read()
        if old == text:
            continue
        stale = True
        if check:
            print(f"{path}: is not what the help says now: run scripts/gen-man.py "
                  "VHD-UTIL TD-UTIL")
            continue
        with open(os.path.join(ROOT, path), "w", encoding="utf-8") as f:
            f.write(text)
        print(f"{path}: written anew")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
