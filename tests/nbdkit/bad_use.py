# SPDX-License-Identifier: BSD-2-Clause
"""Bad use: one sentence that says what is wrong, a hint at most, and a status
other than 0; nothing is left behind."""

import os

import images
from harness import Report, expect
from server import Server, captive, prepare, server_env, PLUGIN, run


def bad(words, *args):
    done = captive("echo served", *args)
    said = [line for line in done.stderr.splitlines()
            if not line.startswith("nbdkit: error: hint: ")]
    expect(done.returncode != 0, "the exit status is 0")
    expect("served" not in done.stdout, "it was served")
    expect(len(said) == 1, f"said {done.stderr}")
    expect(said[0].startswith("nbdkit: error: "), said[0])
    expect(words in said[0], f"said: {said[0]}")


def files():
    bad("No such file", "nosuch.vhdx")
    bad("directory", ".")
    with open("text", "w", encoding="ascii") as f:
        f.write("This is no image.\n" * 100)
    bad("neither a VHD", "text")
    with open("disk.qcow2", "wb") as f:
        f.write(b"QFI\xfb\0\0\0\3".ljust(196608, b"\0"))
    bad("disk.qcow2: this is a qcow2 image and no raw disk", "disk.qcow2")
    open("nothing", "wb").close()
    bad("nothing: ", "nothing")
    os.mkfifo("fifo")
    bad("fifo: ", "fifo")
    bad("/dev/null", "/dev/null")


def keys():
    images.empty("dynamic.vhdx")
    bad("which image?")
    bad("there is no key 'parnet'", "dynamic.vhdx", "parnet=x")
    bad("file= was given twice", "dynamic.vhdx", "file=dynamic.vhdx")
    bad("layer= was given twice", "dynamic.vhdx", "layer=0", "layer=0")
    for value in ("-1", "x", "1x", "0x1", "99999999999", "+1", " 1"):
        bad("not the number of a layer", "dynamic.vhdx", f"layer={value}")
        bad("not the number of a partition", "dynamic.vhdx",
            f"partition={value}")
    bad("not the number of a partition", "dynamic.vhdx", "partition=0")
    bad("say yes or no", "dynamic.vhdx", "any-parent-dir=perhaps")
    bad("say yes or no", "dynamic.vhdx", "ignore-parent-id=2")
    bad("say yes or no", "dynamic.vhdx", "write-parent=nein")
    bad("the format is", "dynamic.vhdx", "format=qcow2")
    for key in ("file", "parent", "parent-dir", "format", "layer",
                "partition", "any-parent-dir"):
        args = () if key == "file" else ("dynamic.vhdx",)
        bad(f"{key}= needs a value", *args, f"{key}=")


def meaningless():
    images.empty("dynamic.vhdx")
    bad("there is no layer 1 in a chain of 1", "dynamic.vhdx", "layer=1")
    bad("vhd", "dynamic.vhdx", "format=vhd")
    bad("there is no partition 7", "dynamic.vhdx", "partition=7")


def in_use():
    images.empty("dynamic.vhdx")
    with Server("dynamic.vhdx"):
        bad("another program", "dynamic.vhdx")
        done = captive("true", "dynamic.vhdx", options=("-r",))
        expect(done.returncode != 0, "read beside a writer")


def raw_disk():
    """A raw disk has to be called one."""
    disk = images.raw()
    bad("neither a VHD", "data.raw")
    done = captive('nbdcopy "$uri" copy.raw', "data.raw", "format=raw")
    expect(done.returncode == 0, done.stderr)
    expect(open("copy.raw", "rb").read() == disk, "other bytes")


def strange_name():
    """A name cannot drive the terminal."""
    done = captive("true", "file=\033[31mred\nnew line.vhd")
    expect("\033" not in done.stderr, "an escape reached the terminal")
    expect(len(done.stderr.splitlines()) == 1, done.stderr)


def good_words():
    images.empty("dynamic.vhdx")
    for word in ("yes", "true", "ON", "1", "no", "off", "0", "False"):
        done = captive("true", "dynamic.vhdx", f"any-parent-dir={word}")
        expect(done.returncode == 0, done.stderr)


def config_only():
    """Keys are judged before any file is touched."""
    done = run("nbdkit", PLUGIN, "file=nosuch", "layer=x", env=server_env())
    expect("not the number" in done.stderr and "nosuch" not in done.stderr,
           done.stderr)


def main():
    folder = prepare("nbdcopy")
    report = Report("nbdkit bad use")
    for case in (files, keys, meaningless, in_use, raw_disk, strange_name,
                 good_words, config_only):
        report.case(case.__name__, case)
    folder.cleanup()
    report.finish()


main()
