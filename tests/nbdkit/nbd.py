# SPDX-License-Identifier: BSD-2-Clause
"""A client of the NBD protocol, just large enough for tests: any alignment, any
flags, errors as numbers, several connections in several threads."""

import socket
import struct

from server import Failure

IHAVEOPT = 0x49484156454F5054
REPLY_MAGIC = 0x67446698
OPT_GO = 7
REP_ACK, REP_INFO = 1, 3
FUA, NO_HOLE, FAST_ZERO = 1, 2, 16
READ, WRITE, FLUSH, TRIM, CACHE, ZEROES = 0, 1, 3, 4, 5, 6
ENOSPC, EINVAL, EPERM, ENOTSUP, EIO = 28, 22, 1, 95, 5


class NbdError(Failure):
    """The server answered with an error."""

    def __init__(self, number):
        super().__init__(f"NBD error {number}")
        self.number = number


class Client:
    """One connection to a Unix socket; usable by one thread."""

    def __init__(self, path, export="", timeout=60):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.cookie = 0
        self.size = self.flags = None
        self._hello(export.encode())

    def _get(self, length):
        data = bytearray()
        while len(data) < length:
            part = self.sock.recv(min(length - len(data), 1 << 20))
            if not part:
                raise ConnectionError("the server hung up")
            data += part
        return bytes(data)

    def _hello(self, export):
        magic, opt, _ = struct.unpack(">QQH", self._get(18))
        if magic != 0x4E42444D41474943 or opt != IHAVEOPT:
            raise ConnectionError("this is no NBD server")
        body = struct.pack(">I", len(export)) + export + struct.pack(">H", 0)
        self.sock.sendall(struct.pack(">IQII", 3, IHAVEOPT, OPT_GO,
                                      len(body)) + body)
        while True:
            _, _, kind, length = struct.unpack(">QIII", self._get(20))
            data = self._get(length)
            if kind == REP_ACK:
                return
            if kind & 1 << 31:
                raise ConnectionRefusedError(data.decode() or hex(kind))
            if kind == REP_INFO and struct.unpack(">H", data[:2])[0] == 0:
                self.size, self.flags = struct.unpack(">QH", data[2:12])

    def _ask(self, command, off, length, flags=0, data=b"", answer=0):
        self.cookie += 1
        self.sock.sendall(struct.pack(">IHHQQI", 0x25609513, flags, command,
                                      self.cookie, off, length) + data)
        magic, error, cookie = struct.unpack(">IIQ", self._get(16))
        if magic != REPLY_MAGIC or cookie != self.cookie:
            raise ConnectionError("not the answer that was asked for")
        if error:
            raise NbdError(error)
        return self._get(answer)

    def read(self, off, length):
        return self._ask(READ, off, length, answer=length)

    def write(self, off, data, flags=0):
        self._ask(WRITE, off, len(data), flags, data)

    def trim(self, off, length, flags=0):
        self._ask(TRIM, off, length, flags)

    def zero(self, off, length, flags=0):
        self._ask(ZEROES, off, length, flags)

    def cache(self, off, length):
        self._ask(CACHE, off, length)

    def flush(self):
        self._ask(FLUSH, 0, 0)

    def close(self):
        try:
            self.sock.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 0, 0, 0))
        except OSError:
            pass
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def error_of(function, *args, **kwargs):
    """The number of the error a request is answered with; 0 for none."""
    try:
        function(*args, **kwargs)
    except NbdError as error:
        return error.number
    return 0
