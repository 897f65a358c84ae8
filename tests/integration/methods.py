# SPDX-License-Identifier: Apache-2.0
"""Every method of the daemon with parameters that a pool with a worker bot1 understands."""

# In an order in which nearly all succeed: up, facts, questions, down. stop comes last.
CALLS = {
    "daemon.version": {},
    "daemon.metrics": {},
    "rpc.discover": {},
    "pool.status": {},
    "session.open": {"owner": "test"},
    "worker.list": {},
    "events.subscribe": {},
    "events.unsubscribe": {},
    "worker.substantiate": {"worker": "bot1", "wait": "running"},
    "worker.attached": {"worker": "bot1"},
    "worker.build_started": {"worker": "bot1"},
    "worker.show": {"worker": "bot1"},
    "worker.check": {"worker": "bot1"},
    "worker.history": {"worker": "bot1"},
    "worker.password": {"worker": "bot1"},
    "worker.console": {"worker": "bot1"},
    "worker.hold": {"worker": "bot1"},
    "worker.release": {"worker": "bot1"},
    "worker.build_finished": {"worker": "bot1"},
    "worker.detached": {"worker": "bot1"},
    "worker.insubstantiate": {"worker": "bot1"},
    "worker.abandon": {"worker": "bot1", "launch": "none"},
    "pool.pause": {},
    "pool.resume": {},
    "pool.orphans": {},
    "daemon.log_level": {},
    "daemon.reload": {"dry_run": True},
    "daemon.stop": {},
}

OF_A_WORKER = [name for name, params in CALLS.items() if "worker" in params]


def request(method, id=1, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id}


def code_of(reply):
    """0 of a result."""
    return reply.get("error", {}).get("code", 0)
