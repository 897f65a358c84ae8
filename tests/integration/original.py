# SPDX-License-Identifier: Apache-2.0
"""
A process that makes one EC2LatentWorker of the installed Buildbot, without a master. The first
line of stdin is {"args": [...], "kwargs": {...}}, each later one start or stop; after each there
is an outcome, a line of JSON: {} or the result of a start, or where it failed and how. Where AWS
is and who asks comes from the environment, as boto3 reads it.
"""

import json
import sys

from twisted.internet import defer, stdio, task
from twisted.protocols import basic

from buildbot.worker import ec2


class Lines(basic.LineOnlyReceiver):
    """stdin as a queue of lines; None at its end."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 20

    def __init__(self):
        self.queue = defer.DeferredQueue()

    def lineReceived(self, line):
        self.queue.put(line.decode())

    def connectionLost(self, reason=None):
        self.queue.put(None)


def trouble(where, error):
    return {"failed": where, "error": f"{type(error).__name__}: {error}"}


def make(line):
    """Nothing of the class is replaced but how long it sleeps between two looks."""
    wanted = json.loads(line)
    worker = ec2.EC2LatentWorker(*wanted["args"], **wanted["kwargs"])
    worker._poll_resolution = 1
    return worker


async def start(worker):
    """As the base class does it: what fails to start is stopped, whatever becomes of that."""
    try:
        return {"started": await worker.start_instance(None)}
    except Exception as error:
        await stop(worker)
        return trouble("start", error)


async def stop(worker):
    """As the base class does it: an error of a stop is told, and that is all."""
    try:
        await worker.stop_instance()
        return {}
    except Exception as error:
        return trouble("stop", error)


COMMANDS = {"start": start, "stop": stop}


async def converse():
    lines = Lines()
    stdio.StandardIO(lines)
    try:
        worker = make(await lines.queue.get())
    except Exception as error:
        print(json.dumps(trouble("constructor", error)), flush=True)
        return
    print("{}", flush=True)
    while (command := await lines.queue.get()) is not None:
        print(json.dumps(await COMMANDS[command](worker)), flush=True)


if __name__ == "__main__":
    task.react(lambda _reactor: defer.ensureDeferred(converse()))
