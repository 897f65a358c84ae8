# SPDX-License-Identifier: Apache-2.0
"""
The same troubles for the original and for ours, on a simulator each: what is still paid for
when nobody wants a worker any more. A script is a list of steps; a party is who goes through it.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading

import ec2sim
from daemon import Daemon, clean_environment
from ec2sim import eventually
from lives import has_phase, is_down
from seeds import HERE

IMAGE = "ami-12345678"
OPTIONS = {"ami": IMAGE, "keypair_name": "key", "security_name": "group"}
# As many as boto3 makes of one call; a trouble that ends sooner is one that its user never sees.
ATTEMPTS_OF_BOTO3 = 3
# Who has not done what he was told by then never does.
PATIENCE = 20


class Original:
    """A process with one EC2LatentWorker; what a master would do is asked of it line by line."""

    name = "EC2LatentWorker"

    def __init__(self, sim, options):
        self.sim, self.options, self.process = sim, options, None

    def begin(self):
        self.outcomes, self.told = [], 0
        self.process = subprocess.Popen(
            [sys.executable, HERE / "original.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=clean_environment(
                AWS_ENDPOINT_URL=self.sim.url, AWS_ACCESS_KEY_ID="AKIDTEST",
                AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=ec2sim.REGION))
        self.reader = threading.Thread(target=self.read, args=(self.process.stdout,))
        self.reader.start()
        self.tell({"args": ["bot1", "x", "m5.large"], "kwargs": OPTIONS | self.options})
        eventually(lambda: self.outcomes, 60)
        assert self.outcomes == [{}], self.outcomes

    def read(self, stream):
        for line in stream:
            self.outcomes.append(json.loads(line))

    def tell(self, line):
        self.told += 1
        self.process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
        self.process.stdin.flush()

    def start(self):
        self.tell("start")

    def stop(self):
        self.tell("stop")

    def is_up(self):
        return len(self.outcomes) == 2

    def is_done(self):
        """All commands are answered, well or not."""
        return len(self.outcomes) == self.told

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        """At once: what it has not done by now it never does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


class Ours:
    """A daemon with one worker."""

    name = "ec2workerd"

    def __init__(self, sim, options, directory):
        self.daemon = Daemon(directory, sim.url, {
            "bot1": {"password": "x", "instance_type": "m5.large"} | OPTIONS | options},
            worker_defaults=None)

    def begin(self):
        self.daemon.start()

    def start(self):
        self.daemon.call("worker.substantiate", worker="bot1")

    def stop(self):
        self.daemon.call("worker.insubstantiate", worker="bot1")

    def is_up(self):
        return has_phase(self.daemon, "waiting")

    def is_done(self):
        return is_down(self.daemon)

    def kill(self):
        self.daemon.kill()

    def end(self):
        if self.daemon.process is not None:
            self.daemon.kill()


def states(sim):
    return [i["state"] for i in sim.ledger().values()]


def ready(party):
    """Up, with all that comes behind the start."""
    party.start()
    eventually(party.is_up, 30)


# The scripts

def killed_while_pending(sim, party):
    """SIGKILL while the instance boots; the successor's builds are over when it has come up."""
    sim.control("POST", "scenario", {"pending": "3s", "shutdown": "0.1s"})
    party.start()
    eventually(lambda: states(sim), 30)
    party.kill()
    party.begin()
    eventually(lambda: "running" in states(sim), 30)
    party.stop()


def killed_while_up(sim, party):
    """SIGKILL with a worker up; the successor is asked to stop it."""
    ready(party)
    party.kill()
    party.begin()
    party.stop()


def terminate_fails_once(sim, party):
    """One call, with all the attempts that an SDK makes of it."""
    ready(party)
    sim.fault(action="TerminateInstances", effect="error", code="InternalError",
              count=ATTEMPTS_OF_BOTO3)
    party.stop()


def terminate_is_throttled(sim, party):
    """The same by EC2's word for too many."""
    ready(party)
    sim.fault(action="TerminateInstances", effect="error", code="RequestLimitExceeded",
              count=ATTEMPTS_OF_BOTO3)
    party.stop()


def address_error_on_stop(sim, party):
    """The address has gone to another machine meanwhile."""
    ready(party)
    sim.fault(action="DisassociateAddress", effect="error", code="InvalidAssociationID.NotFound")
    party.stop()


def describe_fails_on_stop(sim, party):
    """EC2 does not know the instance for a moment."""
    ready(party)
    sim.fault(action="DescribeInstances", effect="error", code="InvalidInstanceID.NotFound",
              count=ATTEMPTS_OF_BOTO3)
    party.stop()


def spot_fulfilled_late(sim, party):
    """SIGKILL while the request is open; it is fulfilled when nobody knows of it."""
    sim.control("POST", "scenario", {"pending": "0.5s", "shutdown": "0.1s",
                                     "spot_fulfillment": "4s"})
    party.start()
    eventually(lambda: sim.calls("RequestSpotInstances") or states(sim), 30)
    party.kill()
    party.begin()
    eventually(lambda: "running" in states(sim), 30)
    party.stop()


def stuck_pending(sim, party):
    """It never comes up, and whoever wanted it has waited long enough."""
    sim.control("POST", "scenario", {"pending": "1h", "shutdown": "0.1s"})
    party.start()
    eventually(lambda: states(sim), 30)
    party.stop()


def tagging_denied(sim, party):
    """The policy has no CreateTags; EC2 then refuses a launch with tags as a whole."""
    sim.fault(action="CreateTags", effect="error", code="UnauthorizedOperation")
    if isinstance(party, Ours):
        sim.fault(action="RunInstances", effect="error", code="UnauthorizedOperation")
    party.start()
    eventually(party.is_done, 30)
    party.stop()


SPOT = {"spot_instance": True, "price_multiplier": None, "max_spot_price": 0.5,
        "region": ec2sim.REGION, "placement": "a"}
SCRIPTS = {
    "killed while pending": (killed_while_pending, {}),
    "killed while up": (killed_while_up, {}),
    "terminate fails once": (terminate_fails_once, {}),
    "terminate is throttled": (terminate_is_throttled, {}),
    "address error on stop": (address_error_on_stop, {"elastic_ip": None}),
    "describe fails on stop": (describe_fails_on_stop, {}),
    "spot fulfilled late": (spot_fulfilled_late, SPOT),
    "stuck pending": (stuck_pending, {}),
    "tagging denied": (tagging_denied, {"tags": {"team": "ci"}}),
}


def left(sim, party):
    """Instances that are still there when all is done that will be done."""
    with contextlib.suppress(AssertionError):
        eventually(party.is_done, PATIENCE)
    return sum(state in ("pending", "running") for state in states(sim))


def run(name, party_type):
    """How many instances are left behind after a script."""
    script, options = SCRIPTS[name]
    with contextlib.ExitStack() as stack:
        sim = stack.enter_context(ec2sim.running("--pending", "0.1", "--shutdown", "0.1"))
        if "elastic_ip" in options:
            address = sim.client().allocate_address(Domain="vpc")
            options = {"elastic_ip": address["PublicIp"]}
        if party_type is Ours:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="e2w-"))
            party = Ours(sim, options, directory)
        else:
            party = Original(sim, options)
        stack.callback(party.end)
        party.begin()
        script(sim, party)
        return left(sim, party)


def line(name, cells):
    print(f"{name:24}", *[f"{cell:>15}" for cell in cells], flush=True)


def main():
    """A table of what is left behind, in instance-hours a day; 1 if ours leaves anything."""
    parties, totals = (Original, Ours), [0, 0]
    line("instance-hours a day", [party.name for party in parties])
    for script in SCRIPTS:
        hours = [24 * run(script, party) for party in parties]
        totals = [a + b for a, b in zip(totals, hours)]
        line(script, hours)
    line("all", totals)
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
