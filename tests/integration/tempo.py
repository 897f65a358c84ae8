# SPDX-License-Identifier: Apache-2.0
"""
A time that runs faster than ours, for the simulator and the daemon of a test alike; and
clocks that are set, or stand still in a suspend (tests/preload/tempo.c).
"""

import mmap
import os
import struct
import time

from daemon import BUILD, preloaded
from ec2sim import utc_text

LIBRARY = BUILD / "tests/preload/tempo.so"
SECOND = 10**9


class Tempo:
    """Seconds are those of the compressed time, but where a name says otherwise."""

    def __init__(self, path, rate):
        self.path, self.rate, self.since = path, rate, time.time_ns()
        self.wall_ahead = self.boot_ahead = 0
        path.write_bytes(b"\0" * 32)
        with open(path, "r+b") as file:
            self.file = mmap.mmap(file.fileno(), 32)
        self.write()

    def write(self):
        struct.pack_into("=4q", self.file, 0, self.rate, self.since, self.wall_ahead, self.boot_ahead)

    def environment(self):
        return preloaded(LIBRARY, TEMPO=str(self.path))

    def simulator(self):
        """What an ec2sim is started with."""
        return {"env": os.environ | self.environment(), "now": self.utc_text}

    def wall(self):
        return (self.since + (time.time_ns() - self.since) * self.rate + self.wall_ahead) / SECOND

    def utc_text(self):
        return utc_text(self.wall())

    def sleep(self, seconds):
        time.sleep(seconds / self.rate)

    def set_wall(self, ahead):
        """The wall clock is set, while nothing else notices."""
        self.wall_ahead += round(ahead * SECOND)
        self.write()

    def suspend(self, seconds):
        """What boottime and wall clock go through, and monotonic does not; for processes that stand still."""
        self.boot_ahead += round(seconds * SECOND)
        self.set_wall(seconds)
