# SPDX-License-Identifier: BSD-2-Clause
"""What a verb has changed is durable when it ends, and a new file has its name
only when all of it is.

Every call to the system that changes a file is watched.  What was written and not
flushed may be lost in a power cut, or arrive before what was written earlier: so a
file that gets a name has nothing left to be flushed, no verb ends before all is
flushed, names included, and what is renamed was flushed before.
"""

import os
import re
import subprocess
import sys
import tempfile

from storage import BIN, ENV, Failure, expect

from harness import need, skip

WRITES = ("pwrite64,pwritev,pwritev2,write,writev,ftruncate,fallocate,"
          "copy_file_range,sendfile,fsetxattr,fremovexattr,ioctl")
FLUSHES = "fsync,fdatasync,syncfs"
NAMES = "linkat,renameat,renameat2,?rename,?link,?unlink,unlinkat"
LINE = re.compile(r"^(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$")
FD = re.compile(r"\d+<([^>]*)>")
FAILED = re.compile(r"= -1 E\w+ .*$")


class Watch:
    """The state of all files below @top, call by call."""

    def __init__(self, top):
        self.top = top
        self.dirty = {}			# path: when it was last written to
        self.cut = set()		# nothing has happened to it since
        self.names = {}			# folder: when a name in it changed
        self.begun = {}			# process: a call that has not ended
        self.linked = self.flushed = 0

    def ours(self, path):
        return path.startswith(self.top)

    def line(self, when, text):
        found = LINE.match(text)
        if not found:
            return
        pid, call, rest, resumed, end = found.groups()
        if resumed:
            call, args, start = self.begun.pop(pid)
            self.ended(call, args + end, start, when)
        elif rest.endswith("<unfinished ...>"):
            self.begun[pid] = (call, rest, when)
        else:
            self.ended(call, rest, when, when)

    def ended(self, call, args, start, when):
        if FAILED.search(args):
            return
        if call in WRITES.split(","):
            # The last one is where it goes to.
            paths = FD.findall(args if call == "copy_file_range"
                               else args.split(",")[0])
            if paths and self.ours(paths[-1]) and not (
                    call == "ioctl" and "FICLONE" not in args):
                if call == "ftruncate" and paths[-1] not in self.dirty:
                    self.cut.add(paths[-1])
                else:
                    self.cut.discard(paths[-1])
                self.dirty[paths[-1]] = when
        elif call == "syncfs":
            self.flushed += 1
            self.dirty = {p: w for p, w in self.dirty.items() if w > start}
            self.names = {p: w for p, w in self.names.items() if w > start}
        elif call in FLUSHES:
            path = FD.findall(args)[0]
            self.flushed += 1
            for of in self.dirty, self.names:
                if of.get(path, when) < start:
                    del of[path]
        else:
            self.named(call, args, when)

    def named(self, call, args, when):
        words = re.findall(r'"([^"]*)"', args)
        folders = [f for f in FD.findall(args) if os.path.isdir(f)]
        path = words[-1]
        if not path.startswith("/"):
            path = os.path.join(folders[-1] if folders else self.top, path)
        if not self.ours(path):
            return
        self.names[os.path.dirname(path)] = when
        if "unlink" in call:
            self.dirty.pop(path, None)
            return
        self.linked += 1
        expect(not self.dirty, f"{call}({args}): not flushed: "
               f"{' '.join(self.dirty)}")

    def over(self, cut=False):
        """@cut: that the file was made shorter may be lost."""
        if cut:
            self.dirty = {p: w for p, w in self.dirty.items()
                          if p not in self.cut}
        expect(not self.dirty, f"not flushed: {' '.join(self.dirty)}")
        expect(not self.names, "a name was not flushed")


def vu(top, *words, status=0, env=None):
    """Run one; the watch of it."""
    trace = os.path.join(top, "..", "trace")
    done = subprocess.run(
        ["strace", "-f", "-y", "-qq", "-o", trace, "-s", "256",
         "-E", "ASAN_OPTIONS=detect_leaks=0",
         "-e", f"trace={WRITES},{FLUSHES},{NAMES}", "-e", "signal=none",
         BIN, *words], cwd=top, env={**ENV, **(env or {})}, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    expect(done.returncode == status, f"ends with {done.returncode}: "
           f"{done.stdout.decode(errors='replace')[:300]}")
    watch = Watch(os.path.realpath(top))
    with open(trace, encoding="utf-8", errors="replace") as lines:
        for when, text in enumerate(lines):
            watch.line(when, text.rstrip("\n"))
    return watch


# Words of a call, and whether it makes or renames a file.
CALLS = (
    ("create -n base.vhd -s 16", True),
    ("fill -n base.vhd -b -f 0 -t 4096", False),
    ("snapshot -n one.vhd -p base.vhd", True),
    ("write", False),
    ("snapshot -n two.vhd -p one.vhd", True),
    ("set -n one.vhd -f hidden -v 1", False),
    ("set -n one.vhd -f hidden -v 0", False),
    ("set -n one.vhd -f marker -v 3", False),
    ("coalesce -n one.vhd", False),
    ("coalesce -n one.vhd -o flat.vhd", True),
    ("coalesce -n two.vhd -a base.vhd", False),
    ("coalesce -n one.vhd -x flat.vhd", False),
    ("coalesce -n one.vhd -s", False),
    ("copy -n base.vhd -N copy.vhd", True),
    ("modify -n two.vhd -p base.vhd", False),
    ("modify -n two.vhd -s 67108864", False),
    ("modify -n one.vhd -z", False),
    ("repair -n one.vhd", False),
    ("resize -n base.vhd -s 32 -j j", True),
    ("create -n late.vhd -s 16 -S 64", True),
    ("resize -n late.vhd -s 48 -f", False),
    ("key -s -n late.vhd -H " + "07" * 32, False),
    ("create -n raw.vhd -s 4 -r", True),
    ("convert -s 1 -t 0 -i raw.vhd -o raw", True),
    ("convert -s 0 -t 1 -i raw -o raw", False),
    ("convert -s 1 -t 2 -i raw -o dyn.vhd", True),
    ("convert -s 2 -t 1 -i dyn.vhd -o fix.vhd", True),
)


def write_some(top):
    """A guest's bytes."""
    for off in 0, 3 << 20:
        subprocess.run([BIN, "write", "one.vhd", "-", "--offset", str(off),
                        "--orphan"],
                       input=b"x" * 70000, cwd=top, env=ENV, check=True,
                       stdout=subprocess.DEVNULL)


def reverted(top):
    """A resize that is stopped, and taken back."""
    stop = {"VHD_UTIL_TEST_FAIL_RESIZE_METADATA_MOVED": "x"}
    vu(top, "resize", "-n", "base.vhd", "-s", "64", "-j", "j2", status=22,
       env=stop).over()
    vu(top, "revert", "-n", "base.vhd", "-j", "j2").over()


def main():
    need("strace")
    if subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "true"],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        skip("strace may not trace", host=True)
    with tempfile.TemporaryDirectory(prefix="vhd-durable.") as scratch:
        top = os.path.join(os.path.realpath(scratch), "images")
        os.mkdir(top)
        words = ""
        try:
            for words, makes in CALLS:
                if words == "write":
                    write_some(top)
                    continue
                watch = vu(top, *words.split())
                watch.over(cut=words.startswith("modify -n two.vhd -p"))
                expect(watch.flushed, "nothing was flushed")
                expect(bool(watch.linked) == makes, f"{watch.linked} names")
            words = "revert"
            reverted(top)
        except Failure as why:
            print(f"FAIL: {words}: {why}")
            return 1
    print(f"{len(CALLS)} calls")
    return 0


if __name__ == "__main__":
    sys.exit(main())
