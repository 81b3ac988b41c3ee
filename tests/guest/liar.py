#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""liar.py SOCKET RAW-FILE [KEPT]

A small NBD server that lies: it holds the newest KEPT writes (8 without a
number) back in memory, and answers every flush with success all the same.
Readers see them, so nobody notices until it is killed.  The guest tests run
against it to prove that they can fail; with KEPT 0 it is honest.
"""

import collections
import os
import socket
import struct
import sys

IHAVEOPT, REPLY = 0x49484156454F5054, 0x3E889045565A9
FIXED, NO_ZEROES = 1, 2
HAS_FLAGS, SEND_FLUSH, SEND_TRIM = 1, 4, 32
ACK, INFO, UNSUPPORTED = 1, 3, 0x80000001
EXPORT_NAME, ABORT, GO = 1, 2, 7
READ, WRITE, DISCONNECT, FLUSH, TRIM = range(5)


class Kept:
    """A raw file, and the newest writes to it, which it has not seen."""

    def __init__(self, path, most):
        self.fd = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.fd).st_size
        self.most = most
        self.writes = collections.deque()

    def write(self, off, data):
        self.writes.append((off, data))
        while len(self.writes) > self.most:
            off, data = self.writes.popleft()
            os.pwrite(self.fd, data, off)

    def read(self, off, length):
        data = bytearray(os.pread(self.fd, length, off))
        for at, new in self.writes:
            first, last = max(at, off), min(at + len(new), off + length)
            if first < last:
                data[first - off:last - off] = new[first - at:last - at]
        return bytes(data)


def receive(peer, length):
    data = b""
    while len(data) < length:
        piece = peer.recv(length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def agree(peer, size):
    """The handshake; what is not needed is refused."""
    peer.sendall(b"NBDMAGIC" + struct.pack(">QH", IHAVEOPT, FIXED | NO_ZEROES))
    receive(peer, 4)
    flags = HAS_FLAGS | SEND_FLUSH | SEND_TRIM
    while True:
        _, option, length = struct.unpack(">QII", receive(peer, 16))
        receive(peer, length)
        if option == EXPORT_NAME:
            peer.sendall(struct.pack(">QH", size, flags))
            return
        if option == GO:
            reply(peer, option, INFO, struct.pack(">HQH", 0, size, flags))
            reply(peer, option, ACK)
            return
        reply(peer, option, ACK if option == ABORT else UNSUPPORTED)


def reply(peer, option, kind, data=b""):
    peer.sendall(struct.pack(">QIII", REPLY, option, kind, len(data)) + data)


def serve(peer, kept):
    agree(peer, kept.size)
    while True:
        _, _, kind, handle, off, length = struct.unpack(
            ">IHHQQI", receive(peer, 28))
        answer = b""
        if kind == DISCONNECT:
            return
        if kind == READ:
            answer = kept.read(off, length)
        elif kind == WRITE:
            kept.write(off, receive(peer, length))
        peer.sendall(struct.pack(">IIQ", 0x67446698, 0, handle) + answer)


def main():
    listener = socket.socket(socket.AF_UNIX)
    kept = Kept(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 8)
    listener.bind(sys.argv[1])
    listener.listen()
    while True:
        peer, _ = listener.accept()
        try:
            serve(peer, kept)
        except EOFError:
            pass
        peer.close()


if __name__ == "__main__":
    main()
