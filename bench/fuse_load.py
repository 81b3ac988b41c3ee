# SPDX-License-Identifier: BSD-2-Clause
"""The loads of bench/fuse.py: fio on the file that a server shows.

Each returns what one contender did in one round; who goes first and what is
compared with what is decided elsewhere.
"""
import json
import os
import re
import subprocess
import tempfile
import time

KIB = 1024
MIB = 1024 * 1024

# name: fio's pattern, bytes of an operation, depth
JOBS = {
    "read 4K qd1": ("randread", 4 * KIB, 1),
    "read 4K qd32": ("randread", 4 * KIB, 32),
    "write 4K qd1": ("randwrite", 4 * KIB, 1),
    "write 4K qd32": ("randwrite", 4 * KIB, 32),
    "read 1M qd4": ("read", MIB, 4),
    "write 1M qd4": ("write", MIB, 4),
}
# name: fio's pattern, bytes of an operation.  Through the kernel's cache.
AGAIN = {
    "again 4K": ("randread", 4 * KIB),
    "again 1M": ("read", MIB),
}
SIZE = 100 << 30        # of the disk that takes first writes
COUNT = 2000            # how many of them


def fio(path, *options, timeout=120):
    """fio's account of one job."""
    argv = ["fio", "--name=load", f"--filename={path}", "--thread",
            "--output-format=json", "--norandommap", *options]
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)
        try:
            done.wait(timeout)
        except BaseException as why:
            # Who waits for a server that hangs cannot be killed and waited
            # for: the end of the server frees him.
            done.kill()
            if isinstance(why, subprocess.TimeoutExpired):
                raise SystemExit(f"no end: {' '.join(argv)}") from None
            raise
        out.seek(0)
        text = out.read()
    start = text.find("{\n")
    if done.returncode or start < 0:
        raise SystemExit(f"failed: {' '.join(argv)}\n{text}")
    job = json.JSONDecoder().raw_decode(text[start:])[0]["jobs"][0]
    return max((job["read"], job["write"]), key=lambda x: x["total_ios"])


def direct(mount, job, args, seed):
    """Operations a second, and the server's processor time for each."""
    pattern, size, depth = JOBS[job]
    before = mount.cpu()
    took = fio(mount.file, f"--rw={pattern}", f"--bs={size}", "--direct=1",
               f"--iodepth={depth}", f"--ioengine={args.engine}",
               "--time_based", f"--runtime={args.seconds}",
               f"--size={args.size}m", f"--randseed={seed}")
    after = mount.cpu()
    done = took["total_ios"]
    used = None if before is None else (after - before) / max(done, 1) * 1e6
    return {"rate": took["iops"], "cpu": used}


def warm(path):
    """All of a file through the kernel's cache, or five seconds' worth."""
    end = time.monotonic() + 5
    with open(path, "rb", buffering=0) as f:
        while time.monotonic() < end and f.read(MIB):
            pass


def again(path, job, args, seed):
    """One pass over a file that was read before; with a limit, for a server
    whose files the kernel does not keep."""
    pattern, size = AGAIN[job]
    took = fio(path, f"--rw={pattern}", f"--bs={size}", "--invalidate=0",
               "--ioengine=psync", "--readonly", "--runtime=5",
               f"--size={args.size}m", f"--randseed={seed}")
    return {"rate": took["total_ios"] * 1000 / max(took["runtime"], 1)
            if took["runtime"] > 50 else took["iops"], "cpu": None}


def first(mount, args, depth, flush_every, seed):
    """Writes that each need a new block."""
    options = [f"--fdatasync={flush_every}"] if flush_every else []
    before = mount.cpu()
    took = fio(mount.file, "--rw=randwrite", f"--bs={4 * KIB}", "--direct=1",
               f"--iodepth={depth}", f"--ioengine={args.engine}",
               f"--size={SIZE}", f"--io_size={COUNT * 4 * KIB}",
               f"--randseed={seed}", *options, timeout=600)
    after = mount.cpu()
    used = None if before is None else (after - before) / COUNT * 1e6
    return {"rate": took["iops"], "cpu": used}


def counted(log):
    """From a log of strace: calls that write, bytes they wrote, flushes."""
    found = {"writes": 0, "bytes": 0, "flushes": 0}
    call = re.compile(r"(?:^\d+ +|<\.\.\. )(\w+)(?:\(| resumed>).*= (\d+)$")
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = call.search(line)
            if not match:
                continue
            name, value = match.group(1), int(match.group(2))
            if name in ("fdatasync", "fsync"):
                found["flushes"] += 1
            elif name.startswith("pwrite"):
                found["writes"] += 1
                found["bytes"] += value
    return found


def ticks():
    """Idle ones and all, of all processors."""
    with open("/proc/stat", encoding="utf-8") as f:
        fields = [int(word) for word in f.readline().split()[1:]]
    return fields[3] + fields[4], sum(fields)


def settle(where):
    """What was written so far is on the disk, and does not disturb.  Returns
    how busy the machine is without us, from 0 to 1."""
    subprocess.run(["sync", "-f", where], check=True, timeout=300)
    idle, every = ticks()
    time.sleep(0.1)
    idle, every = (b - a for a, b in zip((idle, every), ticks()))
    return 1 - idle / max(every, 1)
