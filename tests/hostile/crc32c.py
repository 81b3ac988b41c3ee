# SPDX-License-Identifier: BSD-2-Clause
"""CRC-32C, also of long repetitions: a log entry of 64 MiB that says the same
again and again is summed in no time.

A step over a block is linear in the state: f(s) = Z(s) ^ b, with Z the step over
as many zeros and b the sum of the block from 0. So f applied n times comes from
squaring.
"""

import functools

POLY = 0x82f63b78


def _table():
    out = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLY if byte & 1 else 0)
        out.append(byte)
    return out


TABLE = _table()


def step(state, data):
    for byte in data:
        state = TABLE[(state ^ byte) & 255] ^ state >> 8
    return state


def _apply(matrix, state):
    out, bit = 0, 0
    while state:
        if state & 1:
            out ^= matrix[bit]
        state >>= 1
        bit += 1
    return out


@functools.lru_cache(None)
def _zeros(length):
    """The matrix of a step over @length zeros, a power of two."""
    if length == 1:
        return [step(1 << bit, b"\0") for bit in range(32)]
    half = _zeros(length // 2)
    return [_apply(half, row) for row in half]


def repeat(state, block, count):
    """The state after @count times @block, whose length is a power of two."""
    matrix, add = _zeros(len(block)), step(0, block)
    while count:
        if count & 1:
            state = _apply(matrix, state) ^ add
        add ^= _apply(matrix, add)
        matrix = [_apply(matrix, row) for row in matrix]
        count >>= 1
    return state


@functools.lru_cache(64)
def crc32c(data):
    tail = len(data.rstrip(b"\0"))
    state = step(0xffffffff, data[:tail])
    rest, bit = len(data) - tail, 1
    while rest:
        if rest & 1:
            state = _apply(_zeros(bit), state)
        rest >>= 1
        bit *= 2
    return state ^ 0xffffffff


assert crc32c(b"123456789") == 0xe3069283
assert crc32c(bytes(4096)) == 0x98f94189
