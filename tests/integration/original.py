# SPDX-License-Identifier: Apache-2.0
"""
A process that makes one EC2LatentWorker of the installed Buildbot and starts it, without a
master. stdin: {"args": [...], "kwargs": {...}}. The last line of stdout is the outcome: the
result of start_instance, or where it failed and how. Where AWS is and who asks comes from the
environment, as boto3 reads it.
"""

import json
import sys

from twisted.internet import defer, task

from buildbot.worker import ec2


def trouble(where, error):
    return {"failed": where, "error": f"{type(error).__name__}: {error}"}


@defer.inlineCallbacks
def run(_reactor, wanted):
    """Nothing of the class is replaced but how long it sleeps between two looks."""
    try:
        worker = ec2.EC2LatentWorker(*wanted["args"], **wanted["kwargs"])
    except Exception as error:
        return trouble("constructor", error)
    worker._poll_resolution = 1
    try:
        started = yield worker.start_instance(None)
    except Exception as error:
        return trouble("start", error)
    return {"started": started}


@defer.inlineCallbacks
def main(reactor):
    outcome = yield run(reactor, json.load(sys.stdin))
    print(json.dumps(outcome))


if __name__ == "__main__":
    task.react(main)
