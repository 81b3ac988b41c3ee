# SPDX-License-Identifier: BSD-2-Clause
"""Running nbdkit with our plugin: a server in the foreground on a socket of its
own, ended by a signal, or captive around one command.

The environment names what is tested: VHD_UTIL, VHD_NBDKIT_PLUGIN, and
VHD_PRELOAD, what has to be loaded first into an nbdkit that was not built with
the sanitizer of the plugin.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import Failure, expect, must, run, skip  # noqa: E402

PLUGIN = os.environ.get("VHD_NBDKIT_PLUGIN", "")
VHD_UTIL = os.environ.get("VHD_UTIL", "")
PRELOAD = os.environ.get("VHD_PRELOAD", "")
MIB = 1 << 20
LIMIT = 60


def prepare(*programs):
    """A folder of its own, current, removed at the end of the program."""
    if not PLUGIN or not VHD_UTIL:
        skip("the plugin was not built")
    missing = [p for p in ("nbdkit", *programs) if not shutil.which(p)]
    if missing:
        skip(f"not installed: {', '.join(missing)}")
    if "thread" in os.environ.get("VHD_SANITIZE", ""):
        skip("nbdkit itself is not built with this sanitizer", host=True)
    os.environ["LC_ALL"] = "C"
    folder = tempfile.TemporaryDirectory(prefix="vhd-nbdkit.")
    os.chdir(folder.name)
    return folder


def server_env():
    env = dict(os.environ)
    if PRELOAD:
        env["LD_PRELOAD"] = PRELOAD
        env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
    return env


class Server:
    """nbdkit in the foreground; `with Server("disk.vhdx") as s`: s.uri()."""

    count = 0

    def __init__(self, *args, options=(), before=(), start=True):
        Server.count += 1
        name = f"s{Server.count}"
        self.sock = os.path.abspath(f"{name}.sock")
        self.pidfile = os.path.abspath(f"{name}.pid")
        self.log = os.path.abspath(f"{name}.log")
        self.argv = [*before, "nbdkit", "-f", "-U", self.sock, "-P",
                     self.pidfile, *options, PLUGIN, *map(str, args)]
        self.process = None
        if start:
            self.start()

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=server_env(), start_new_session=True)
        end = time.monotonic() + LIMIT
        while not os.path.exists(self.pidfile):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise Failure(f"nbdkit did not start: {self.said()}")
            time.sleep(0.01)

    def pid(self):
        """Of nbdkit itself, which may run below another program."""
        with open(self.pidfile, encoding="ascii") as f:
            return int(f.read())

    def uri(self, export=""):
        return f"nbd+unix:///{export}?socket={self.sock}"

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read().strip()

    def alive(self):
        return self.process.poll() is None

    def stop(self, well=True):
        """End it as an administrator would; it has to end well, or not."""
        if self.alive() and os.path.exists(self.pidfile):
            os.kill(self.pid(), signal.SIGTERM)
        try:
            status = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("nbdkit does not end") from None
        expect((status == 0) == well,
               f"nbdkit ended with {status}: {self.said()}")
        expect("Sanitizer" not in self.said(), self.said()[-3000:])
        self.forget()

    def kill(self):
        """End it and what it runs below, and wait until both are gone."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(LIMIT)
        end = time.monotonic() + LIMIT
        while os.path.exists(self.pidfile) and time.monotonic() < end:
            if not os.path.exists(f"/proc/{self.pid()}"):
                break
            time.sleep(0.01)
        self.forget()

    def forget(self):
        for path in (self.pidfile, self.sock):
            if os.path.exists(path):
                os.unlink(path)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and self.alive():
            self.stop()
        else:
            self.kill()


def captive(command, *args, options=()):
    """`nbdkit --run`; the command sees $uri and $unixsocket."""
    if PRELOAD:
        command = f"unset LD_PRELOAD; {command}"
    # With "-U -" an nbdkit that fails leaves a folder in /tmp.
    Server.count += 1
    done = run("timeout", "-k", "5", "60", "nbdkit", "-U",
               os.path.abspath(f"s{Server.count}.sock"), *options,
               PLUGIN, *args, "--run", command, env=server_env())
    expect("Sanitizer" not in done.stderr, done.stderr[-3000:])
    return done


def vu(*args, status=0):
    return must(VHD_UTIL, *args, status=status)


def sound(*images):
    """No finding, and no log to replay."""
    for image in images:
        vu("check", "--quiet", image)
        log = vu("info", "--json", image).stdout
        expect('"replayed"' not in log, f"{image}: its log is pending")


def read_disk(image, out="read.out"):
    """The bytes of the disk, through our own program."""
    if os.path.exists(out):
        os.unlink(out)
    vu("convert", "--format", "raw", "--no-sync", image, out)
    with open(out, "rb") as f:
        return f.read()


def allocated(path):
    return os.stat(path).st_blocks * 512
