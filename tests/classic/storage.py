# SPDX-License-Identifier: BSD-2-Clause
"""A storage manager's side of vhd-util, for tests.

What programs on Xen hosts run and how they read the answers, from the contract
of the command: each function here sends the words that one of theirs sends, and
is as picky as it is.  Nothing here knows whose vhd-util it talks to.
"""

import errno
import os
import re
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))

from harness import Failure, expect, skip  # noqa: E402

BLOCK = 2 << 20
MIB = 1 << 20
DEBUG = "--debug"
LIMIT = 120			# seconds that any call may take
PAUSE = 0.02			# theirs is a second
TRIES = 20
RETRIED = (errno.EIO, errno.EAGAIN)

BIN = os.environ.get("VHD_UTIL") or skip("VHD_UTIL is not set")
TD = os.environ.get("TD_UTIL")
ENV = {k: v for k, v in os.environ.items()
       if not k.startswith("VHD_UTIL_TEST_FAIL_")}
ENV.update(LC_ALL="C", TZ="UTC")
PREFIX = []			# words in front of the program, for those that kill it


class CommandError(Failure):
    """A call ended with another status than 0."""

    def __init__(self, code, argv, reason):
        super().__init__(f"`{' '.join(argv)}` ended with {code}: {reason}")
        self.code = code
        self.argv = argv
        self.reason = reason


class Done:
    """What a call left: status, stdout and stderr as bytes."""

    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    @property
    def text(self):
        return self.out.decode("utf-8")


def call(*words, program=None, env=None, cwd=None, stdin=None):
    """Run the program; nothing is judged but that it ends."""
    argv = [program or BIN, *[str(w) for w in words]]
    done = subprocess.run(PREFIX + argv, input=stdin, capture_output=True, check=False,
                          timeout=LIMIT, cwd=cwd,
                          stdin=None if stdin is not None
                          else subprocess.DEVNULL,
                          env=dict(ENV, **(env or {})))
    return Done(argv, done.returncode, done.stdout, done.stderr)


def pread(*words, **kwargs):
    """As the manager's own: bytes of stdout, or the error with its status; the
    reason is stderr, or stdout when that is empty."""
    done = call(*words, **kwargs)
    if done.status:
        reason = (done.err or done.out).decode("utf-8").rstrip()
        raise CommandError(done.status, done.argv, reason)
    return done.out


def retried(*words, **kwargs):
    """Again while the status says that it may pass."""
    for left in range(TRIES, -1, -1):
        try:
            return pread(*words, **kwargs).decode("utf-8")
        except CommandError as error:
            if error.code not in RETRIED or not left:
                raise
            time.sleep(PAUSE)
    return None


# Names: a VHD's is its uuid with ".vhd", a volume's "VHD-" and the uuid.

FILE_NAME = re.compile(r"([0-9a-f-]{36})\.(?:vhd|raw)$")
VOLUME_NAME = re.compile(r"VHD-([0-9a-f-]{36})$")


def file_uuid(path):
    match = FILE_NAME.search(path.strip())
    return match.group(1) if match else None


def volume_uuid(path):
    """Also of a name below /dev/mapper, where dashes are doubled."""
    path = path.strip()
    if path.startswith("/dev/mapper/"):
        path = path.replace("--", "-")
    match = VOLUME_NAME.search(path)
    return match.group(1) if match else None


class Info:
    """What the manager keeps of an image."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.path = ""
        self.size_virt = self.size_phys = self.size_allocated = -1
        self.parent = None
        self.hidden = False
        self.error = False


def get_info(path, uuid_of=file_uuid, parent=True, extra=""):
    """getVHDInfo: five lines, or four."""
    opts = "-vsaf" + ("p" if parent else "") + extra
    fields = retried("query", DEBUG, opts, "-n", path).strip().split("\n")
    expect(len(fields) == 4 + parent, f"query {opts}: {fields}")
    info = Info(uuid_of(path))
    info.size_virt = int(fields[0]) * MIB
    info.size_phys = int(fields[1])
    at = 2
    if parent:
        if "no parent" not in fields[2]:
            info.parent = uuid_of(fields[2])
        at = 3
    expect(fields[at].startswith("hidden: "), f"query: {fields[at]}")
    info.hidden = bool(int(fields[at].replace("hidden: ", "")))
    info.size_allocated = int(fields[at + 1]) * BLOCK
    return info


def get_number(option, path):
    """getSizeVirt (-v), getSizePhys (-s), getAllocatedSize (-a) and
    getMaxResizeSize (-S): nothing but a number."""
    return int(retried("query", DEBUG, option, "-n", path))


def get_parent(path, uuid_of=file_uuid):
    text = retried("query", DEBUG, "-p", "-n", path)
    if "query failed" in text or "no parent" in text:
        return None
    return uuid_of(text)


def get_hidden(path):
    return int(retried("query", DEBUG, "-f", "-n", path).split(":")[-1])


def get_depth(path):
    """-1 when it is not known."""
    try:
        text = retried("query", DEBUG, "-d", "-n", path)
    except CommandError:
        return -1
    if not text.startswith("chain depth:"):
        return -1
    return int(text.split(":")[1])


def has_parent(path):
    match = re.search(r"Disk type\s+: (\S+) hard disk",
                      retried("read", DEBUG, "-p", "-n", path))
    if not match:
        raise Failure(f"read -p {path} names no type of disk")
    return match.group(1) == "Differencing"


def parent_no_check(path):
    """What it was told its parent is; the file may be gone."""
    for line in pread("read", "-p", "-n", path).decode("utf-8").split("\n"):
        if "decoded name :" in line:
            name = line.split(":")[1].strip().replace("--", "-")
            return name[-40:]
    return None


def get_block_bitmap(path):
    return pread("read", DEBUG, "-B", "-n", path)


def parse_scan_line(line, uuid_of=file_uuid):
    """One line of scan: an Info, whose error is set by a line of that kind;
    None for an empty one."""
    info = Info(None)
    for item in line.split():
        key, equals, value = item.partition("=")
        if not equals:
            raise Failure(f"scan: no '=' in '{item}' of '{line}'")
        if key == "vhd":
            info.path = value
            info.uuid = uuid_of(value)
        elif key == "scan-error":
            info.error = int(value)
            break
        elif key == "capacity":
            info.size_virt = int(value)
        elif key == "size":
            info.size_phys = int(value)
        elif key == "hidden":
            info.hidden = bool(int(value))
        elif key == "parent":
            if value != "none":
                info.parent = uuid_of(value)
        else:
            raise Failure(f"scan: what is {key}?")
    return info


def get_all(pattern, uuid_of=file_uuid, vg=None, parents=False, env=None,
            cwd=None):
    """getAllVHDs: once; when that fails, once more with -c."""
    words = ["scan", "-f", "-m", pattern]
    if vg:
        words += ["-l", vg]
    if parents:
        words += ["-a"]
    try:
        text = pread(*words, env=env, cwd=cwd).decode("utf-8")
    except CommandError:
        text = pread(*words, "-c", env=env, cwd=cwd).decode("utf-8")
    found = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        info = parse_scan_line(line, uuid_of)
        if info.uuid:
            found[info.uuid] = info
    return found


def get_info_volume(name, vg, uuid_of=volume_uuid, env=None):
    """getVHDInfoLVM: one line."""
    text = pread("scan", "-f", "-l", vg, "-m", name, env=env).decode("utf-8")
    return parse_scan_line(text, uuid_of) if text.strip() else None


# What changes things: the status is all that counts, and success is silent.

def silently(*words, **kwargs):
    text = retried(*words, **kwargs)
    expect(text == "", f"`{' '.join(map(str, words))}` printed '{text}'")


def create(path, mib, fixed=False, room=0):
    words = ["create", DEBUG, "-n", path, "-s", mib]
    if fixed:
        words.append("-r")
    if room:
        words += ["-S", room]
    silently(*words)


def snapshot(path, parent, raw=False, room=0, keep_empty=False):
    words = ["snapshot", DEBUG, "-n", path, "-p", parent]
    if raw:
        words.append("-m")
    if room:
        words += ["-S", room]
    if keep_empty:
        words.append("-e")
    silently(*words)


def set_parent(path, parent, raw=False):
    words = ["modify", DEBUG, "-p", parent, "-n", path]
    if raw:
        words.append("-m")
    silently(*words)


def set_hidden(path, hidden=True):
    silently("set", DEBUG, "-n", path, "-f", "hidden", "-v", int(hidden))


def set_size_phys(path, size, debug=True):
    silently("modify", *([DEBUG] if debug else []), "-s", size, "-n", path)


def kill_data(path):
    silently("modify", DEBUG, "-z", "-n", path)


def set_size_virt(path, mib, journal):
    silently("resize", DEBUG, "-s", mib, "-n", path, "-j", journal)


def set_size_virt_fast(path, mib):
    silently("resize", DEBUG, "-s", mib, "-n", path, "-f")


def revert(path, journal):
    silently("revert", DEBUG, "-n", path, "-j", journal)


def repair(path):
    silently("repair", "-n", path)


def check(path, *options):
    """Whether it is valid; the status tells."""
    done = call("check", DEBUG, "-n", path, *options)
    expect(done.status not in RETRIED, f"check {path}: {done.status}")
    return done.status == 0


COALESCED = re.compile(rb"^Coalesced (\d+) sectors")


def coalesce(path):
    """How many bytes; 0 when the answer is another one."""
    match = COALESCED.match(retried("coalesce", DEBUG, "-n", path).encode())
    return int(match.group(1)) * 512 if match else 0


def get_key_hash(path):
    """(nonce, hash), or None."""
    words = retried("key", "-p", "-n", path).strip()
    if words == "none":
        return None
    nonce, hashed = words.split()
    return nonce, hashed


def set_key(path, hashed):
    silently("key", "-s", "-n", path, "-H", hashed)


# FileSR and its td-util.

def td_query(path, extra=""):
    """Size in MiB, parent's uuid and hidden, as _query_info wants them."""
    lines = pread("query", "vhd", "-vpf" + extra, path,
                  program=TD).decode().split("\n")
    info = {"size": int(lines[0]), "hidden": int(lines[2].split()[1])}
    name = lines[1].split("/")[-1].replace(".vhd", "")
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name):
        info["parent"] = name
    return info


def td_create(path, mib):
    pread("create", "vhd", mib, path, program=TD)


def td_snapshot(path, parent):
    pread("snapshot", "vhd", path, parent, program=TD)
