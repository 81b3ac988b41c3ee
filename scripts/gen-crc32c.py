#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints libvhd/base/crc32c_table.h.

usage: scripts/gen-crc32c.py > libvhd/base/crc32c_table.h

Everything follows from the polynomial, in reflected form (VHDX-GEN-03): bit 0
of a number is the coefficient of x^31.
"""

POLY = 0x82F63B78
LONG = 1360     # bytes in each of three streams: 4080 of a page of 4096
SHORT = 168     # bytes in each of three streams: 504 of a sector of 512


def times_x(c):
    return c >> 1 ^ (POLY if c & 1 else 0)


def power_of_x(n):
    c = 1 << 31             # x^0
    for _ in range(n):
        c = times_x(c)
    return c


def tables():
    t = [[0] * 256 for _ in range(8)]
    for i in range(256):
        c = i
        for _ in range(8):
            c = times_x(c)
        t[0][i] = c
    for k in range(1, 8):
        for i in range(256):
            c = t[k - 1][i]
            t[k][i] = c >> 8 ^ t[0][c & 255]
    return t


def main():
    print("/* SPDX-License-Identifier: BSD-2-Clause */")
    print("/* Made by scripts/gen-crc32c.py: do not edit. */")
    print("#ifndef VHD_BASE_CRC32C_TABLE_H")
    print("#define VHD_BASE_CRC32C_TABLE_H")
    print()
    print("#include <stdint.h>")
    print()
    print("/*")
    print(" * Lengths of a stream, and what moves a CRC over one and over two of")
    print(" * them: x^(8 * bytes - 33) modulo the polynomial.")
    print(" */")
    for name, size in ("LONG", LONG), ("SHORT", SHORT):
        print(f"#define CRC32C_{name} {size}u")
        print(f"#define CRC32C_{name}_1 0x{power_of_x(8 * size - 33):08x}u")
        print(f"#define CRC32C_{name}_2 0x{power_of_x(16 * size - 33):08x}u")
    print()
    print("/* [k][b]: byte b followed by k zero bytes. */")
    print("static const uint32_t crc32c_table[8][256] = {")
    for t in tables():
        print("\t{")
        for i in range(0, 256, 5):
            print("\t\t" + " ".join(f"0x{c:08x}," for c in t[i:i + 5]))
        print("\t},")
    print("};")
    print()
    print("#endif")


main()
