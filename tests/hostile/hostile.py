# SPDX-License-Identifier: BSD-2-Clause
"""Images made to hurt whoever opens them.

hostile.py VHD_UTIL [--sanitized] [WORD...]

Builds each image (cases_*.py; those whose names hold all WORDs) and gives it to
each verb that reads images, one process at a time. Whatever the file says, the
process must end by itself within SECONDS of processor time (PATIENCE times as
long by the clock, as others work here too), with a status that means something,
have taken no more than MEMORY, and have said no more than OUTPUT bytes. Not
under a sanitizer, its address space is limited as well.

Each image meets one verb in SHARE, its neighbours the others; with VHD_SOAK in
the environment, or where WORDs are given, each meets all.

Where a disk is described that takes long to read or copy, a verb may go on for
longer; then it is asked to stop, and must.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# pylint: disable=unused-import
import cases_chain
import cases_undo
import cases_vhd
import cases_vhdx
from case import CASES
from sparse import TooLarge

SECONDS = 5
PATIENCE = 8
MEMORY = 256 << 20
ADDRESSES = 1 << 30
OUTPUT = 4 << 20
SHARE = 4
STOP_SECONDS = 3

# Name, arguments before and after the image, statuses that are right.
VERBS = [
    ("info", ["info"], [], (0, 1)),
    ("info --allocation", ["info", "--json", "--chain", "--allocation"], [],
     (0, 1)),
    ("check", ["check"], [], (0, 1, 3)),
    ("check --json", ["check", "--chain", "--json"], [], (0, 1, 3)),
    ("check --deep", ["check", "--deep"], [], (0, 1, 3)),
    ("map", ["map", "--extents", "--length", "16M"], [], (0, 1)),
    ("map --picture", ["map", "--picture", "--length", "1G"], [], (0, 1)),
    ("read", ["read", "--length", "1M", "--output", "{out}"], [], (0, 1)),
    ("convert", ["convert", "--no-sync"], ["{out}"], (0, 1)),
    ("repair", ["repair", "--plan"], [], (0, 1, 3)),
    ("repair all", ["repair", "--plan", "--json", "--allow", "all"], [],
     (0, 1, 3)),
    ("salvage", ["salvage"], ["{out}"], (0, 1, 3)),
    ("lint", ["lint", "--for", "hyperv"], [], (0, 1, 3)),
]

class Bad(Exception):
    """What a process did wrong."""


def worked(child):
    """Seconds of processor time so far, to the hundredth."""
    try:
        with open(f"/proc/{child.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Runner:
    def __init__(self, program, sanitized):
        self.program = program
        self.sanitized = sanitized
        self.seconds = SECONDS * (8 if sanitized else 1)
        self.slowest = (0, "")
        self.largest = (0, "")
        self.count = 0
        self.stopped = 0
        self.verbs = [v for v in VERBS if self.has(v[1])]

    def has(self, argv):
        """Is there such a verb, with these options?"""
        done = subprocess.run([self.program, argv[0], "--help"], text=True,
                              capture_output=True, check=False)
        options = [a for a in argv[1:] if a.startswith("--")]
        return done.returncode == 0 and all(o in done.stdout for o in options)

    def limits(self):
        if not self.sanitized:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def wait(self, child, seconds):
        """Status and usage, or None when it has not ended."""
        end = time.monotonic() + PATIENCE * seconds
        pause = 0.0005
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return usage
            if time.monotonic() > end or worked(child) > seconds:
                return None
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def end(self, child, slow):
        """Waits; what takes too long is stopped."""
        usage = self.wait(child, self.seconds)
        if usage:
            return usage
        child.send_signal(signal.SIGINT)
        before = worked(child)
        usage = self.wait(child, before + STOP_SECONDS
                          * (8 if self.sanitized else 1))
        if not usage:
            child.kill()
            child.wait()
            raise Bad(f"does not stop when told to after {self.seconds} s")
        if not slow:
            raise Bad(f"takes over {self.seconds} s")
        if child.returncode not in (130, -signal.SIGINT):
            raise Bad(f"ends with {child.returncode} when told to stop")
        self.stopped += 1
        return usage

    def judge(self, child, usage, out, err, verb, test):
        memory = usage.ru_maxrss * 1024
        name = f"{test.name}: {verb[0]}"
        self.largest = max(self.largest, (memory, name))
        if memory > MEMORY and not self.sanitized:
            raise Bad(f"took {memory >> 20} MiB")
        said = os.path.getsize(out) + os.path.getsize(err)
        if said > OUTPUT:
            raise Bad(f"said {said} bytes")
        with open(err, encoding="utf-8", errors="replace") as f:
            text = f.read()
        with open(out, encoding="utf-8", errors="replace") as f:
            text += f.read()
        for word in test.never:
            if word in text:
                raise Bad(f"shows {word!r}")
        status = child.returncode
        if status in (130, -signal.SIGINT):
            return
        right = test.check if verb[1][0] == "check" else verb[3]
        if status not in right:
            raise Bad(f"ends with {status}: {text.strip()[:300]}")
        if status == 1 and test.hint and test.hint not in text:
            raise Bad(f"gives no hint: {text.strip()[:300]}")

    def run(self, verb, image, folder, test):
        out, err = (os.path.join(folder, n) for n in (".out", ".err"))
        target = os.path.join(folder, "out.vhdx" if verb[0] != "read"
                              else "out.raw")
        before, after = ([a.replace("{out}", target).replace("{folder}",
                                                             folder)
                          for a in part] for part in verb[1:3])
        argv = [self.program, *before, *test.options, image, *after]
        with open(out, "wb") as o, open(err, "wb") as e:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=o,
                                     stderr=e, preexec_fn=self.limits)
        self.count += 1
        try:
            usage = self.end(child, verb[1][0] in test.slow
                             or verb[0] in test.slow)
            spent = usage.ru_utime + usage.ru_stime
            self.slowest = max(self.slowest, (spent, f"{test.name}: {verb[0]}"))
            self.judge(child, usage, out, err, verb, test)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            if os.path.exists(target):
                os.unlink(target)


def content(folder, test):
    """Of the files that must stay as they are."""
    found = []
    for name in test.keep:
        with open(os.path.join(folder, name), "rb") as f:
            found.append(f.read())
    return found


def one(runner, test, verbs, top):
    """The faults of one image."""
    folder = tempfile.mkdtemp(dir=top)
    faults = []
    try:
        image = test.make(folder)
        before = content(folder, test)
        for verb in verbs:
            try:
                runner.run(verb, image, folder, test)
                if content(folder, test) != before:
                    raise Bad("wrote to a file that it must not change")
            except Bad as bad:
                faults.append(f"{verb[0]}: {bad}")
    except TooLarge as reason:
        print(f"skip  {test.name}: no files of {reason} here", flush=True)
        return []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return faults


def chosen(runner, test, number, share):
    """The verbs for this image."""
    if test.verbs:
        return [v for v in test.verbs if runner.has(v[1])]
    return [v for i, v in enumerate(runner.verbs) if (i + number) % share == 0]


def main():
    words = sys.argv[2:]
    sanitized = "--sanitized" in words
    words = [w for w in words if not w.startswith("--")]
    share = 1 if words or os.environ.get("VHD_SOAK") else SHARE
    runner = Runner(sys.argv[1], sanitized)
    print("verbs: " + ", ".join(v[0] for v in runner.verbs), flush=True)
    top = tempfile.mkdtemp(prefix="vhd-hostile.")
    failed = ran = 0
    try:
        for test in CASES:
            if not all(word in test.name for word in words):
                continue
            ran += 1
            start = time.monotonic()
            faults = one(runner, test, chosen(runner, test, ran, share), top)
            failed += bool(faults)
            print(f"{'FAIL' if faults else 'ok  '}"
                  f" {time.monotonic() - start:6.2f}s  {test.name}", flush=True)
            for fault in faults:
                print(f"      {fault}", flush=True)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f"{ran} images, {runner.count} processes, {runner.stopped} stopped, "
          f"{failed} images with faults")
    print(f"slowest: {runner.slowest[0]:.2f} s of processor time, "
          f"{runner.slowest[1]}")
    print(f"largest: {runner.largest[0] / (1 << 20):.1f} MiB, "
          f"{runner.largest[1]}")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    main()
