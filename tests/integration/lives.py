# SPDX-License-Identifier: Apache-2.0
"""What tests of lives have in common: bringing workers somewhere, and taking them down."""

import threading

import judge
from ec2sim import eventually
from rpcclient import RpcError


def show(daemon, worker="bot1"):
    return daemon.call("worker.show", worker=worker)


def has_phase(daemon, phase, worker="bot1"):
    worker = show(daemon, worker)
    return worker if worker["phase"] == phase else None


def is_down(daemon, worker="bot1"):
    return show(daemon, worker)["state"] == "not_substantiated"


def bring_to(daemon, phase, worker="bot1"):
    """Asks for a worker, attaches it if need be; its object when it is in the phase."""
    daemon.call("worker.substantiate", worker=worker)
    if phase == "ready":
        eventually(lambda: has_phase(daemon, "waiting", worker))
        daemon.call("worker.attached", worker=worker)
    return eventually(lambda: has_phase(daemon, phase, worker))


def up(daemon, worker="bot1", wait="attached"):
    """A call that waits, in its own thread: a list that its outcome comes into."""
    outcome = []

    def run():
        try:
            outcome.append(daemon.call("worker.substantiate", worker=worker, wait=wait))
        except (RpcError, AssertionError) as error:
            outcome.append(error)
    threading.Thread(target=run).start()
    eventually(lambda: outcome or show(daemon, worker)["state"] != "not_substantiated")
    return outcome


def take_down(daemon):
    """All workers at once; returns when nothing is left of any."""
    with daemon.connect() as rpc:
        for call in [rpc.start("worker.insubstantiate", worker=worker["worker"], wait="stopped")
                     for worker in rpc.call("worker.list")["workers"]]:
            rpc.finish(call)


def finish(daemon, sim):
    """Takes down what is up; nothing may live, and nothing ever lived twice."""
    take_down(daemon)
    assert not judge.live(sim)
    judge.check_agreement(daemon, sim)
