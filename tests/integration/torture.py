# SPDX-License-Identifier: Apache-2.0
"""
Allocation torture: the windows of sweep.py are gone through again and again, with another
allocation that fails in each, and so are runs of programs. Either everything is as if nothing
had been wrong, or the process has ended because memory is short, and the next one recovers.
"""

import collections
import difflib
import json
import re
import signal
import subprocess
import threading

import judge
import sweep
from daemon import clean_environment
from ec2sim import eventually
from lives import show
from memory import FOR_EVER, Memory, is_exhausted

# What differs from one run to the next, and is counted by its first appearance.
NAMES = re.compile(r"\bi-[0-9a-f]{8,17}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|(?<=\"generation\": )\d+|\b\d+[.-]\d+[.-]\d+[.-]\d+\b")
TIMES = re.compile(r"(?<=configuration )[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=\"seq\": )\d+|(?<=\"epoch\": )\d+")


def canonical(value):
    """A value as text that is the same after the same events."""
    seen = {}
    text = TIMES.sub("TIME", json.dumps(value, sort_keys=True))
    return NAMES.sub(lambda match: f"NAME-{seen.setdefault(match[0], len(seen))}", text)


def is_at_rest(daemon):
    """Of a daemon that may end meanwhile."""
    try:
        return judge.is_at_rest(daemon)
    except sweep.GONE:
        return False


def differences(expected, found):
    """Where two canonical texts differ."""
    rows = difflib.unified_diff(expected.split(", "), found.split(", "), n=0, lineterm="")
    return [row for row in rows if not row.startswith(("---", "+++", "@@"))]


class Names(sweep.Fresh):
    """A first start that has names of users to look up."""

    name = "names"
    config = {"access": {"operate": ["daemon"], "observe": ["@adm"]}}

    def check(self, lane, said):
        super().check(lane, said)
        assert "there is no such" not in lane.daemon.log(), "a role is lost"


def is_of_names(code, log):
    """glibc 2.36 itself comes to grief when it has no memory to look up names."""
    return code in (-signal.SIGSEGV, 127) or code == -signal.SIGABRT and "nss_database" in log.splitlines()[-1]


class Torture(sweep.Sweep):
    """
    Points are numbers of allocations, of all or of those that are made by libraries alone;
    untroubled: what comes of a window when none fails.
    """

    def __init__(self, windows, foreign=False, **options):
        whose = "of a library " if foreign else ""
        super().__init__(windows, how=f"one allocation {whose}that fails, or all from it on", **options)
        self.foreign = foreign
        self.untroubled = {}
        self.survived = collections.Counter()

    def furnish(self, lane):
        super().furnish(lane)
        lane.memory = Memory()
        lane.stack.callback(lane.memory.close)
        lane.daemon.environment = lane.memory.environment

    def go_through(self, lane, window, said, first=0, last=0):
        window.prepare(lane)
        lane.log_begins = len(lane.daemon.log())
        with lane.memory.failing(first, last, self.foreign):
            window.run(lane, said)
            eventually(lambda: lane.has_ended(0) or is_at_rest(lane.daemon), 30)
        return self.has_ended(lane, window)

    @staticmethod
    def has_ended(lane, window):
        """Memory that was short ends it at once, and in one way only."""
        if not lane.has_ended(1 if lane.memory.failed else 0):
            return False
        code, log = lane.daemon.process.returncode, lane.daemon.log()
        if isinstance(window, Names) and is_of_names(code, log):
            lane.daemon.log_path.unlink()  # an assertion that is not ours
        else:
            assert is_exhausted(code, log), f"ended with {code}"
        return True

    @staticmethod
    def results(lane, window, said):
        """All that was said to anybody; where a listing may come in time or not, what was asked for."""
        if isinstance(window, sweep.Missing):
            return canonical([said, show(lane.daemon)["state"]])
        worker = show(lane.daemon)
        worker["timeline"] = [event for event in worker["timeline"]
                              if event["generation"] == worker["generation"]]
        return canonical([said, worker, lane.daemon.log()[lane.log_begins:]])

    def count(self, lane, window):
        said = {}
        assert not self.go_through(lane, window, said)
        self.untroubled[window.name] = self.results(lane, window, said)
        window.repeat(lane)
        return {"allocation": range(1, lane.memory.count + 1)}

    def hit(self, lane, window, call, n, said):
        for last in n, FOR_EVER:
            said.clear()
            if self.go_through(lane, window, said, n, last):
                return True
            if not lane.memory.failed:  # not so many this time
                return False
            self.survived[window.name] += 1
            window.judge(lane)
            window.check(lane, said)
            difference = differences(self.untroubled[window.name], self.results(lane, window, said))
            assert not difference, f"not as if nothing had been: {difference}"
        return False


class Program:
    """A program that runs and ends: the same, with each of its allocations failing in turn."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.failures = []
        self.ended = 0
        with Memory() as memory:
            self.untroubled = self.run(memory)
            self.count = memory.count
            self.callers = memory.callers()

    def run(self, memory, first=0, last=0):
        with memory.failing(first, last):
            done = subprocess.run(self.arguments, capture_output=True, text=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL, env=clean_environment(**memory.environment))
        return done.returncode, done.stdout, done.stderr

    def hit(self, memory, n):
        for last in n, FOR_EVER:
            done = self.run(memory, n, last)
            if is_exhausted(done[0], done[2]):
                self.ended += 1
                return
            if done != self.untroubled:
                self.failures.append(f"{self.arguments}, allocation {n} to {last}: {done}")
                return

    def sweep(self, most=None, lanes=2):
        """All of them, or at most so many, evenly spread."""
        step = 1 if most is None else max(1, self.count / most)
        queue = collections.deque(sorted({int(1 + i * step) for i in range(int(self.count / step))}))
        points = len(queue)

        def run_lane():
            with Memory() as memory:
                while True:
                    try:
                        n = queue.popleft()
                    except IndexError:
                        return
                    self.hit(memory, n)
        threads = [threading.Thread(target=run_lane) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return points
