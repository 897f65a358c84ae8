# SPDX-License-Identifier: Apache-2.0
"""Two hundred workers at once, measured; run as a program, it shows the figures."""

import tempfile
import time

import ec2sim
import judge
from daemon import Daemon

WORKERS = 200
PENDING = 2.0
# What the project promises: see README.md.
SECONDS, LISTINGS = 4.0, 40


def measure(daemon, sim):
    """Up until the last one runs, and down again: (seconds, calls by action) of both."""
    def calls():
        return sim.control("GET", "calls")

    def timed(*args):
        before, began = calls(), time.monotonic()
        code, out, err = daemon.ctl(*args)
        seconds = time.monotonic() - began
        assert (code, err) == (0, "") and len(out.splitlines()) == WORKERS, (code, out, err)
        return seconds, {action: n - before.get(action, 0) for action, n in calls().items()
                         if n > before.get(action, 0)}

    up = timed("up", "linux-*", "--wait", "running")
    judge.check_rest(daemon, sim)
    down = timed("down", "linux-*")
    assert not judge.live(sim) and len(sim.ledger()) == WORKERS
    return up, down


def run(directory, pending=PENDING):
    with ec2sim.running(pending=str(pending), shutdown="0.1") as sim:
        workers = {f"linux-[001-{WORKERS}]": {"password": "generated"}}
        with Daemon(directory, sim.url, workers) as daemon:
            return measure(daemon, sim)


def report(up, down):
    return "\n".join(
        f"{WORKERS} workers {what}: {seconds:.2f} s, "
        + ", ".join(f"{n} {action}" for action, n in sorted(calls.items()))
        for what, (seconds, calls) in (("up", up), ("down", down)))


def main():
    with tempfile.TemporaryDirectory(prefix="e2w-") as directory:
        up, down = run(directory)
    print(report(up, down))
    print(f"all running after {up[0] / PENDING:.2f} times the {PENDING} s that EC2 takes"
          f" (promised: {SECONDS / PENDING:.2f}), {up[1]['DescribeInstances']} listings"
          f" (promised: fewer than {LISTINGS})")
    return 0 if up[0] <= SECONDS and up[1]["DescribeInstances"] < LISTINGS else 1


if __name__ == "__main__":
    raise SystemExit(main())
