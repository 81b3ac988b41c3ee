# SPDX-License-Identifier: BSD-2-Clause
"""Images of other programs and appliances with damage in their headers: convert
ends with 0 or 1 and says one sentence, whatever it meets, and opens no file that
a damaged name names.

Usage: foreign_mutated.py VHD-UTIL [SEED [ROUNDS]]
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

VHD_UTIL = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 120
WORDS = (b'"', b"\n", b"<", b">", b"'", b"../", b"/", b"=", b"\0",
         b'RW 1 FLAT "/etc/shadow" 0\n', b'parentFileNameHint="x"\n')
SCRIPT = """
truncate -s 2M d.raw
printf hello | dd of=d.raw conv=notrunc bs=1 seek=70000 status=none
qemu-img convert -O vmdk -o subformat=streamOptimized d.raw a.vmdk
qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse d.raw s.vmdk
qemu-img convert -O qcow2 d.raw q.qcow2
qemu-img create -q -f qcow2 -b q.qcow2 -F qcow2 b.qcow2
qemu-img convert -O vdi d.raw v.vdi
qemu-img convert -O qed d.raw e.qed
tar -cf o.ova vm.ovf a.vmdk
tar --format=pax -cf p.ova ./vm.ovf ./a.vmdk
"""
OVF = """<E><!-- x --><References><File ovf:href="a.vmdk" ovf:id="f1"/>
</References><Disk ovf:fileRef="f1" /></E>"""
BASES = ("a.vmdk", "s.vmdk", "q.qcow2", "b.qcow2", "v.vdi", "e.qed", "o.ova",
         "p.ova", "o.ova", "p.ova")


def damage(data, rnd):
    end = min(len(data), 4096 if rnd.random() < 0.7 else len(data))
    for _ in range(rnd.choice((1, 1, 2, 4, 16))):
        at, kind = rnd.randrange(end), rnd.random()
        if kind < 0.5:
            data[at] = rnd.randrange(256)
        elif kind < 0.7:
            data[at:at + 8] = bytes([rnd.choice((0, 255, 127, 128))]) * 8
        elif kind < 0.8 and at > 600:
            del data[at:]
        elif kind < 0.9:
            other = rnd.randrange(end)
            data[at:at + 20] = data[other:other + 20]
        else:
            data[at:at] = rnd.choice(WORDS)
        end = min(end, len(data))


def reseal(data):
    """Right sums for the headers of a tar file."""
    at = 0
    while at + 512 <= len(data) and any(data[at:at + 512]):
        head = data[at:at + 512]
        head[148:156] = b" " * 8
        data[at + 148:at + 156] = b"%06o\0 " % sum(head)
        try:
            size = int(bytes(head[124:136]).strip(b"\0 ") or b"0", 8)
        except ValueError:
            return
        at += 512 + (size + 511) // 512 * 512


def try_one(name, rnd, number):
    with open(name, "rb") as f:
        data = bytearray(f.read())
    damage(data, rnd)
    if name.endswith(".ova") and rnd.random() < 0.7:
        reseal(data)
    with open("mutant", "wb") as f:
        f.write(data)
    if os.path.exists("new.vhdx"):
        os.unlink("new.vhdx")
    done = subprocess.run([VHD_UTIL, "convert", "mutant", "new.vhdx"],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120, check=False)
    said = done.stderr.decode(errors="replace")
    lines = [line for line in said.splitlines()
             if not line.startswith("hint: ") and ": warning: " not in line]
    if done.returncode not in (0, 1) or "runtime error" in said or \
            "Sanitizer" in said or len(lines) != done.returncode:
        print(f"FAILED: {name}, seed {SEED}, round {number}: status "
              f"{done.returncode}\n{said[-3000:]}")
        return False
    return True


def main():
    for tool in ("qemu-img", "qemu-nbd", "tar"):
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}")
            return 77
    rnd = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="vhd-foreign.") as folder:
        os.chdir(folder)
        with open("vm.ovf", "w", encoding="ascii") as f:
            f.write(OVF)
        subprocess.run(["sh", "-e", "-c", SCRIPT], check=True)
        good = [try_one(rnd.choice(BASES), rnd, i) for i in range(ROUNDS)]
        os.chdir("/")
    print(f"{len(good)} mutants")
    return 0 if all(good) else 1


sys.exit(main())
