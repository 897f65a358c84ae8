# SPDX-License-Identifier: Apache-2.0
"""
An EC2 on which every call fails in three of ten cases, in all the ways of rows N and A of
faults.md, around a daemon that is killed every few seconds while its clients go on wishing;
all of it in a compressed time. Peace is what comes after.
"""

import contextlib
import signal

import judge
from rpcclient import RpcError

MINUTE = 60
ORPHANS = {"interval": MINUTE, "grace": 5 * MINUTE}
CONVERGED = ORPHANS["grace"] + 2 * ORPHANS["interval"]
# A watch lasts half an hour from the last send (L8), and is looked at every half minute.
WATCHED = 35 * MINUTE + CONVERGED
ROLE = "arn:aws:iam::123456789012:role/chaos"
ZONES = ("us-east-1a", "us-east-1b")
GONE = (OSError, AssertionError, RpcError)

AFTER = {"after": True}
# What can become of any call, each as often as the others.
ANY = (
    {"effect": "drop"}, {"effect": "drop"} | AFTER, {"effect": "reset"}, {"effect": "reset"} | AFTER,
    {"effect": "cut", "at": 0} | AFTER, {"effect": "cut", "at": 100} | AFTER, {"effect": "cut", "at": 1500} | AFTER,
    {"effect": "length", "at": 10} | AFTER, {"effect": "length", "at": 10_000_000} | AFTER,
    {"effect": "garbage"}, {"effect": "garbage"} | AFTER, {"effect": "empty"}, {"effect": "empty"} | AFTER,
    {"effect": "html"}, {"effect": "html", "status": 502} | AFTER, {"effect": "html", "status": 200} | AFTER,
    {"effect": "html", "status": 504} | AFTER,
    {"effect": "error", "code": "InternalError"}, {"effect": "error", "code": "InternalError"} | AFTER,
    {"effect": "error", "code": "Unavailable"}, {"effect": "error", "code": "ServiceUnavailable"} | AFTER,
    {"effect": "error", "code": "RequestLimitExceeded"}, {"effect": "throttle", "retry_after": 5},
    {"effect": "error", "code": "RequestExpired"}, {"effect": "error", "code": "ExpiredToken"},
    {"effect": "delay", "delay": 3}, {"effect": "delay", "delay": 3} | AFTER, {"effect": "delay", "delay": 45} | AFTER,
    {"effect": "twice"},
)
# What only some calls can say, or their instances can do, on top.
SOME = {
    "RunInstances": (
        {"effect": "error", "code": "InsufficientInstanceCapacity"},
        {"effect": "error", "code": "InstanceLimitExceeded"},
        {"effect": "error", "code": "IdempotentParameterMismatch"},
        {"effect": "stick", "state": "pending"}, {"effect": "stick", "state": "shutting-down"},
        {"effect": "fail", "code": "Client.VolumeLimitExceeded"}),
    "TerminateInstances": (
        {"effect": "error", "code": "OperationNotPermitted"},
        {"effect": "error", "code": "InvalidInstanceID.NotFound"}),
    "DescribeInstances": (
        {"effect": "error", "code": "InvalidPaginationToken"},
        {"effect": "error", "code": "InvalidInstanceID.NotFound"}),
}


def rules():
    """The first rule that fires decides: so that each does so equally often, later ones are likelier."""
    found = []
    for action, effects, chance in (*((a, e, 0.1) for a, e in SOME.items()), ("*", ANY, 0.3)):
        each = chance / len(effects)
        found += [{"action": action, "probability": round(each / (1 - n * each), 5)} | effect
                  for n, effect in enumerate(effects)]
    return found


def workers(count):
    """Four in ten with a fixed password, as many with one of its own, spot ones, and some with things."""
    found = {}
    for n in range(count):
        kind, row = n % 20, {"build_wait_timeout": 2 * MINUTE}
        row |= {"password": "generated", "user_data": "{{ password }}"} if n % 2 else {"password": "x"}
        if kind in (4, 5, 14):
            row |= {"spot_instance": True, "max_spot_price": 0.05, "placement": "ab"[n % 2], "retry": 2}
        elif kind == 7:
            row |= {"placement": "a", "elastic_ip": address(n), "volumes": [[volume(n), "/dev/sdh"]]}
        elif kind in (9, 12):
            row |= {"instance_type": ["m5.large", "c5.large"], "pending_timeout": 3 * MINUTE}
        found[f"w-{n:03}"] = row
    return found


def address(n):
    return f"203.0.113.{n % 250}"


def volume(n):
    return f"vol-{n:08x}"


class Chaos:
    """The world of one run: what EC2 is like from minute to minute, and who lives in it."""

    def __init__(self, daemon, sim, tempo, dice):
        self.daemon, self.sim, self.tempo, self.dice = daemon, sim, tempo, dice
        self.names = list(daemon.config["workers"])
        self.things = [n for n in range(len(self.names)) if n % 20 == 7]
        self.kills = 0

    def scenario(self, **more):
        self.sim.control("POST", "scenario", {
            "pending": 20, "shutdown": 20, "volume_delay": 2, "terminated_tags": MINUTE,
            "roles": [{"arn": ROLE, "lifetime": 15 * MINUTE}],
            "addresses": [{"public_ip": address(n)} for n in self.things],
            "volumes": [{"id": volume(n), "zone": ZONES[0]} for n in self.things]} | more)

    def price(self, price):
        self.sim.control("POST", "prices", [
            {"type": "m5.large", "zone": zone, "price": price} for zone in ZONES])

    def weather(self):
        """What lasts: copies that are behind and go back, a zone that is out, a clock that is wrong."""
        zone = self.dice.choice(ZONES)
        self.scenario(
            faults=rules(), replicas=self.dice.choice((1, 3)), visible_after=self.dice.choice((0, 10, 60)),
            lag={"state": self.dice.choice((0, 15)), "tags": self.dice.choice((0, 20, 90)),
                 "address": self.dice.choice((0, 30))},
            page_token_life=self.dice.choice((1, 3600)), dead_token=self.dice.choice(("error", "instance")),
            clock_offset=self.dice.choice((0, 0, 1200, -1200)),
            impaired_zones=self.dice.choice(([], [], [], [zone])),
            capacity=[{"type": "m5.large", "zone": zone, "available": max(3, len(self.names) // 3)}])
        self.price(self.dice.choice((0.03, 0.03, 0.06)))

    def strike(self):
        """Other hands end, stop or hold one instance."""
        running = sorted(i["id"] for i in self.sim.ledger().values() if i["state"] == "running")
        if running:
            self.sim.control("POST", "instance", {"id": self.dice.choice(running)} | self.dice.choice((
                {"state": "terminated"}, {"state": "stopped"}, {"state": "shutting-down"})))

    def ask(self):
        """What a master might: wishes and facts of some workers, refused or not."""
        with contextlib.suppress(*GONE), self.daemon.connect(timeout=5) as rpc:
            calls = []
            for name in self.dice.sample(self.names, min(8, len(self.names))):
                method, params = self.dice.choice((
                    ("substantiate", {}), ("substantiate", {}), ("substantiate", {}), ("attached", {}),
                    ("attached", {}), ("detached", {}), ("build_started", {}), ("build_finished", {"building": 0}),
                    ("insubstantiate", {}), ("insubstantiate", {"fast": True})))
                calls.append(rpc.start(f"worker.{method}", worker=name, **params))
            for call in calls:
                with contextlib.suppress(RpcError):
                    rpc.finish(call)

    def live(self, seconds):
        """One life of the daemon, and its end."""
        end = self.tempo.wall() + seconds
        while self.tempo.wall() < end:
            self.ask()
            if self.dice.random() < 0.05:
                self.daemon.process.send_signal(signal.SIGHUP)
            self.tempo.sleep(min(self.dice.uniform(0.5, 2), max(0, end - self.tempo.wall())))
        self.daemon.kill()
        self.kills += 1
        self.daemon.start()

    def rage(self, minutes):
        """Until so much time has gone by; other weather about every minute."""
        self.weather()
        end, change = self.tempo.wall() + minutes * MINUTE, self.tempo.wall() + MINUTE
        while self.tempo.wall() < end:
            self.live(self.dice.uniform(1, 12))
            if self.tempo.wall() >= change:
                change += MINUTE
                self.weather()
                self.strike()
                judge.check_no_twin(self.sim)

    def end(self):
        """EC2 is as it should be again, and what it holds in a state for ever, or would, it lets go."""
        self.scenario()
        self.price(0.03)
        for instance in self.sim.ledger().values():
            if instance["state"] != "terminated":
                self.sim.control("POST", "instance", {"id": instance["id"], "stuck": "no"})

    def doubts(self):
        """The phases of launches that are under way or in doubt."""
        return [row["phase"] for row in judge.rows(
            self.daemon, "SELECT phase FROM launch WHERE phase NOT IN ('gone', 'answered')")]

    def unrest(self):
        """What has not come to rest: instances that only one ledger has, launches, and workers with their reasons."""
        moving = [(w["worker"], w["phase"], w["state"], w["last_error"]) for w in self.daemon.call("worker.list")["workers"]
                  if w["phase"] not in (None, "waiting", "ready")]
        return self.disagreement(), self.doubts(), moving, self.daemon.call("pool.status")["degraded"]

    def is_at_rest(self):
        return not self.doubts() and judge.is_at_rest(self.daemon)

    def disagreement(self):
        """Instances that are paid for and not owned, or owned and not paid for."""
        owned = {row["instance"] for row in judge.rows(self.daemon, "SELECT instance, phase FROM instance")
                 if row["phase"] in judge.OWNED}
        alive = {instance for ids in judge.live(self.sim).values() for instance in ids}
        return alive ^ owned

    def agrees(self):
        """All but the watches has come to rest, and both ledgers say the same."""
        return set(self.doubts()) <= {"watch"} and not self.disagreement()

    def since(self, when):
        return self.tempo.wall() - when
