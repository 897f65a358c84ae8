# SPDX-License-Identifier: Apache-2.0
"""Programs whose allocations are counted, and fail: the other side of tests/preload/fail_alloc.c."""

import contextlib
import mmap
import os
import signal
import struct
import tempfile

from daemon import BUILD

LIBRARY = BUILD / "tests/preload/fail_alloc.so"
# What the end says that is meant to come of it.
EXHAUSTED = "out of memory\n"
FOR_EVER = 2**64 - 1

HEAD = struct.Struct("<QQQQQQ")  # counting, foreign, first, last, count, failed
CALLER = struct.Struct("<56sQ")
CALLERS = 32
SIZE = HEAD.size + CALLERS * CALLER.size


class Memory:
    """What programs that run in environment are given."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="e2w-memory-")
        os.ftruncate(self.file.fileno(), SIZE)
        self.map = mmap.mmap(self.file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAIL_ALLOC": self.file.name}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.map.close()
        self.file.close()

    def head(self):
        return HEAD.unpack_from(self.map)

    @property
    def count(self):
        return self.head()[4]

    @property
    def failed(self):
        return self.head()[5]

    @contextlib.contextmanager
    def failing(self, first=0, last=0, foreign=False):
        """
        Within it allocations count, and those from first to last fail; 0: none. foreign: only
        those that libraries make by themselves, and not through the program's own allocators.
        """
        self.map[:] = bytes(SIZE)
        HEAD.pack_into(self.map, 0, 1, foreign, first or FOR_EVER, last, 0, 0)
        try:
            yield
        finally:
            self.map[:8] = bytes(8)

    def callers(self):
        """Who has asked how often: names of libraries; "" is the program itself."""
        rows = (CALLER.unpack_from(self.map, HEAD.size + i * CALLER.size) for i in range(CALLERS))
        return {name.rstrip(b"\0").decode(): count for name, count in rows if count > 0}


def is_exhausted(code, text):
    """Whether a program ended as it is meant to when memory is short."""
    return code == -signal.SIGABRT and text.endswith(EXHAUSTED)
