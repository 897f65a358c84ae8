# SPDX-License-Identifier: Apache-2.0
"""A program in a pseudo-terminal, and what a person would see there."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

class Terminal:
    """Runs argv in a terminal of columns x rows. Use it as a context: it ends the program."""

    def __init__(self, argv, env, columns=120, rows=24):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Tests that were started in the background ignore these, and so would their children.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            try:
                os.execve(argv[0], [str(word) for word in argv], env)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.fd >= 0:
            os.close(self.fd)  # a hang-up
            self.fd = -1
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """Takes what comes within so long at most; False at the end of the program's output."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.sent += data
        self.stream.feed(data)
        return bool(data)

    def until(self, what, timeout=20):
        """Reads until what(self) is true."""
        deadline = time.monotonic() + timeout
        while not what(self):
            assert time.monotonic() < deadline, self.text()
            assert self.read(0.1) or what(self), self.text()
        return self

    def wait(self, timeout=60):
        """Until the program ends; its exit code."""
        deadline = time.monotonic() + timeout
        while self.read(0.1):
            assert time.monotonic() < deadline, self.text()
        self.__exit__()
        return self.code

    def lines(self):
        """What stands on the screen, without the empty rest."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def text(self):
        return "\n".join(self.lines())

    def colour_of(self, word):
        """Of the first place on the screen where the word stands: "green", "default"."""
        for y, line in enumerate(self.screen.display):
            if word in line:
                return self.screen.buffer[y][line.index(word)].fg
        raise AssertionError(f"{word} is not on the screen:\n{self.text()}")

    def picture(self, title):
        """The screen in a frame."""
        width = self.screen.columns
        rows = "".join(f"|{line:{width}}|\n" for line in self.lines())
        return f"\n{title}\n+{'-' * width}+\n{rows}+{'-' * width}+\n"
