# SPDX-License-Identifier: BSD-2-Clause
"""What the plugin tells clients and scripts about itself."""

import json
import os

import images
from harness import Report, expect, must, run
from server import PLUGIN, Server, captive, prepare, server_env, vu

CHANGES = ("can_fast_zero", "can_flush", "can_fua", "can_trim", "can_zero")


def info(uri):
    text = must("nbdinfo", "--json", uri).stdout
    return json.loads(text)["exports"][0]


def answers():
    images.empty("dynamic.vhdx")
    with Server("dynamic.vhdx") as s:
        facts = info(s.uri())
    for name in CHANGES + ("can_multi_conn", "can_cache"):
        expect(facts[name] is True, f"{name} is {facts[name]}")
    expect(facts["is_read_only"] is False, "it is read-only")
    expect(facts["is_rotational"] is False, "it turns")
    expect(facts["export-size"] == images.SIZE, "the size is wrong")
    sizes = [facts[f"block_size_{n}"]
             for n in ("minimum", "preferred", "maximum")]
    expect(sizes == [1, 4096, 0xFFFFFFFF], f"block sizes are {sizes}")
    expect(facts["contexts"] == ["base:allocation"], "no block status")
    expect("dynamic vhdx" in facts["description"], facts["description"])


def large_sectors():
    images.empty("sector.vhdx")
    with Server("sector.vhdx") as s:
        facts = info(s.uri())
    expect(facts["block_size_minimum"] == 1, "bytes cannot be addressed")
    expect(facts["block_size_preferred"] == 4096, "not the sector size")


def readonly_facts(*args, options=()):
    with Server(*args, options=options) as s:
        facts = info(s.uri())
    for name in CHANGES:
        expect(facts[name] is False, f"{name} although read-only")
    expect(facts["is_read_only"] is True, "it can be written")
    expect(facts["can_multi_conn"] is True, "one connection only")


def asked_readonly():
    for name in ("dynamic.vhd", "dynamic.vhdx"):
        images.empty(name)
        before = open(name, "rb").read()
        readonly_facts(name, options=("-r",))
        expect(open(name, "rb").read() == before, f"{name} was changed")


def shared_readonly():
    """Servers with -r share an image, and keep writers out."""
    images.filled("dynamic.vhdx")
    with Server("dynamic.vhdx", options=("-r",)) as a:
        with Server("dynamic.vhdx", options=("--readonly",)) as b:
            for s in (a, b):
                must("nbdinfo", s.uri())
            done = captive("true", "dynamic.vhdx")
            expect(done.returncode and "another program" in done.stderr, done.stderr)


def filter_readonly():
    """A filter that writes elsewhere does not open the image for writing."""
    images.filled("dynamic.vhdx")
    with Server("dynamic.vhdx", options=("-r",)):
        with Server("dynamic.vhdx", options=("--filter=cow",)) as s:
            facts = info(s.uri())
            expect(facts["is_read_only"] is False, "cow cannot write")


def readonly_file():
    """No permission to write: served read-only, as nbdkit plugins do."""
    images.empty("dynamic.vhdx")
    os.chmod("dynamic.vhdx", 0o444)
    if os.access("dynamic.vhdx", os.W_OK):
        # root: a file that nobody may change, where there is such a thing
        if run("chattr", "+i", "dynamic.vhdx").returncode:
            return "not possible here"
    try:
        readonly_facts("dynamic.vhdx")
    finally:
        run("chattr", "-i", "dynamic.vhdx")
        os.chmod("dynamic.vhdx", 0o644)
    return ""


def dumps():
    done = must("nbdkit", PLUGIN, "--dump-plugin", env=server_env())
    version = vu("--version").stdout.split()[1]
    for line in (f"vhd_version={version}", "vhd_formats=vhd vhdx raw",
                 "thread_model=parallel", "errno_is_preserved=1",
                 "magic_config_key=file"):
        expect(line in done.stdout.splitlines(), f"lacks {line}")
    done = must("nbdkit", PLUGIN, "--help", env=server_env())
    for key in ("parent=", "parent-dir=", "layer=", "partition=", "format=",
                "any-parent-dir=", "ignore-parent-id=", "write-parent="):
        expect(key in done.stdout, f"--help lacks {key}")


def one_symbol():
    if os.environ.get("VHD_SANITIZE") or os.environ.get("VHD_INSTRUMENTED"):
        return "instrumented"
    names = [line.split()[-1] for line in
             must("nm", "-D", "--defined-only", PLUGIN).stdout.splitlines()]
    expect(names == ["plugin_init"], f"exports {names}")
    return ""


def main():
    folder = prepare("nbdinfo")
    report = Report("nbdkit features")
    for case in (answers, large_sectors, asked_readonly, shared_readonly,
                 filter_readonly, readonly_file, dumps, one_symbol):
        report.case(case.__name__, case)
    folder.cleanup()
    report.finish()


main()
