# SPDX-License-Identifier: BSD-2-Clause
"""Plain text with options and FILE names in it, as mdoc(7)."""

import re

WIDTH = 78
CLOSING = ".,:;)]?!"
BRACKETS = {"[": "Oo", "]": "Oc", "(": "Po", ")": "Pc"}
# What a reader may copy has to stay ASCII, whatever the device.
LITERAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha",
           "~": "\\(ti"}


def escape(text, literal=False):
    if literal:
        return "".join(LITERAL.get(c, c) for c in text)
    return text.replace("\\", "\\e")


def flag(text):
    """-x and --long as macros."""
    if text.startswith("--"):
        return f"Fl Fl {escape(text[2:], True)}"
    return f"Fl {escape(text[1:], True)}"


def synopsis(text):
    """A line of usage, `[--into ANCESTOR | -o NEW] FILE...`, as the arguments of
    a macro."""
    out, end = [], -1
    for m in re.finditer(r"\.\.\.|--?[A-Za-z][\w-]*|\w+|[^\s\w]", text):
        word = m.group(0)
        glued, end = end == m.start(), m.end()
        if re.fullmatch(r"-[A-Z]{2,}", word):
            new = f"\\- Ns Ar {word[1:]}"
        elif word[0] == "-":
            new = flag(word)
        elif word in BRACKETS:
            new = BRACKETS[word]
        elif re.fullmatch(r"[A-Z]+", word):
            new = f"Ar {word}"
        elif re.fullmatch(r"\w+", word):
            new = f"Cm {word}"
        else:
            new = word
        if glued and out[-1] not in ("Oo", "Po") and new not in ("Oc", "Pc"):
            out.append("Ns")
        out.append(new)
    return " ".join(out)


class Writer:
    """Appends lines of mdoc to a list.

    words: what stands for something else in the text (FILE)
    verbs: what may follow the name of the program
    """

    def __init__(self, out, words, verbs):
        self.out, self.words, self.verbs = out, set(words), set(verbs)
        self.pending = []

    def line(self, text):
        self.out.append(text)

    def flush(self):
        if not self.pending:
            return
        text = escape(" ".join(self.pending))
        self.pending = []
        if text[0] in ".'":
            text = "\\&" + text
        self.out.append(text)

    def macro(self, text, before="", after=""):
        """A macro with what touches its argument."""
        self.flush()
        head, tail = "".join(f"{c} " for c in before), ""
        rest = after
        while rest and rest[-1] in CLOSING:
            rest = rest[:-1]
        if rest:
            tail += f" Ns {escape(rest, True)}"
        tail += "".join(f" {c}" for c in after[len(rest):])
        if before:
            name, _, args = text.partition(" ")
            self.out.append(f".{name} {head}{args}{tail}")
        else:
            self.out.append(f".{text}{tail}")

    def word(self, word):
        """True when it needed a macro."""
        before = re.match(r"[(\[]*", word).group(0)
        core = word[len(before):]
        option = re.match(r"--[a-z][\w-]*|-[a-zA-Z](?![\w-])", core)
        if option:
            text, rest = option.group(0), core[option.end():]
            value = re.match(r"=([\w]+)", rest)
            if value:
                kind = "Ar" if value.group(1) in self.words else "Cm"
                self.macro(f"{flag(text)} Ns = Ns {kind} {value.group(1)}", before,
                           rest[value.end():])
            else:
                self.macro(flag(text), before, rest)
            return True
        name = re.match(r"[A-Z]+(?![A-Za-z])", core)
        if name and name.group(0) in self.words:
            rest = core[name.end():]
            dots = re.match(r"\.\.\.$", rest)
            if dots:
                self.macro(f"Ar {name.group(0)} ...", before)
            else:
                self.macro(f"Ar {name.group(0)}", before, rest)
            return True
        return False

    def text(self, paragraph):
        words = re.findall(r"`[^`]+`\S*|\"[^\" ]+ [^\"]+\"\S*|\S+", paragraph)
        i = 0
        while i < len(words):
            word = words[i]
            following = words[i + 1] if i + 1 < len(words) else ""
            verb = re.match(r"[a-z]+", following)
            quoted = re.match(r"[`\"](.+ .+)[`\"](.*)$", word)
            if quoted:
                self.macro(f"Ql {escape(quoted.group(1), True)}", "",
                           quoted.group(2))
            elif word == "vhd-util" and verb and verb.group(0) in self.verbs:
                self.macro(f"Nm vhd-util Cm {verb.group(0)}", "",
                           following[verb.end():])
                i += 1
            elif not self.word(word):
                if sum(len(w) + 1 for w in self.pending) + len(word) > WIDTH:
                    self.flush()
                self.pending.append(word)
                if re.search(r"[A-Za-z0-9)\"][.!?]$", word):
                    self.flush()
            i += 1
        self.flush()

    def literal(self, lines):
        self.line(".Bd -literal -offset indent -compact")
        for line in lines:
            text = escape(line, True)
            self.line("\\&" + text if text[:1] in (".", "'") else text)
        self.line(".Ed")
