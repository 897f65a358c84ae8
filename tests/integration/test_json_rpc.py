# SPDX-License-Identifier: Apache-2.0
"""
The daemon as JSON-RPC 2.0 has it: the examples of the specification, its section 7, and a
client library of other people's making.
"""

import asyncio
import itertools
import json

import pjrpc
import pytest
from pjrpc.client import AbstractAsyncClient, AbstractClient

from rpcclient import RpcClient

UNKNOWN = object()  # an error of any text


def error(code, id=None):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": UNKNOWN}, "id": id}


# The specification's requests as they stand there, and the replies they must get from a
# server that has no method "subtract", "sum", "foobar" or "get_data". None: nothing.
EXAMPLES = [
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', error(-32601, 1)),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, '
     '"id": 3}', error(-32601, 3)),
    ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, "1")),
    ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700)),
    ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600)),
    ('[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
     '{"jsonrpc": "2.0", "method"]', error(-32700)),
    ("[]", error(-32600)),
    ("[1]", [error(-32600)]),
    ("[1,2,3]", [error(-32600), error(-32600), error(-32600)]),
    ('[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
     '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
     '{"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
     '{"foo": "boo"},'
     '{"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
     '{"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
     [error(-32601, "1"), error(-32601, "2"), error(-32600), error(-32601, "5"),
      error(-32601, "9")]),
    ('[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
     '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]', None),
]

# The same shapes with methods that the daemon has, and its good replies.
SHOWN = {"worker": "bot1", "generation": 0}
GOOD = [
    ('{"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"], "id": 1}', [1]),
    ('{"jsonrpc": "2.0", "method": "worker.show", "params": {"worker": "bot1"}, "id": "3"}',
     ["3"]),
    ('{"jsonrpc": "2.0", "method": "worker.show", "params": {"worker": "bot1"}, "id": null}',
     [None]),
    ('{"jsonrpc": "2.0", "method": "worker.show", "params": {"worker": "bot1"}}', []),
    ('[{"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"], "id": "1"},'
     '{"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"]},'
     '{"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"], "id": 2.5}]', ["1", 2.5]),
]


def is_like(reply, expected):
    if isinstance(expected, list):
        return len(reply) == len(expected) and all(
            any(is_like(r, e) for r in reply) for e in expected)
    if isinstance(expected, dict):
        return isinstance(reply, dict) and expected.keys() <= reply.keys() and all(
            is_like(reply[key], value) for key, value in expected.items())
    return expected is UNKNOWN or (reply == expected and type(reply) is type(expected))


def answers(daemon, line):
    """All that comes back for a line, known by what comes back for the next one."""
    with daemon.connect() as rpc:
        rpc.send(line + "\n")
        rpc.send({"jsonrpc": "2.0", "method": "daemon.version", "id": "the end"})
        replies = []
        while (reply := rpc.receive()) and not (isinstance(reply, dict) and
                                                reply.get("id") == "the end"):
            replies.append(reply)
        return replies


@pytest.mark.parametrize("line, expected", EXAMPLES)
def test_examples_of_the_specification(daemon, line, expected):
    replies = answers(daemon, line)
    if expected is None:
        assert replies == []
    else:
        assert len(replies) == 1 and is_like(replies[0], expected), replies
        for reply in replies[0] if isinstance(replies[0], list) else replies:
            assert set(reply) == {"jsonrpc", "error", "id"}


@pytest.mark.parametrize("line, ids", GOOD)
def test_their_shapes_with_our_methods(daemon, line, ids):
    replies = answers(daemon, line)
    assert len(replies) == (1 if ids else 0)
    if not ids:
        return
    batch = replies[0] if line.startswith("[") else replies
    assert isinstance(replies[0], list) == line.startswith("[")
    assert sorted(map(str, (r["id"] for r in batch))) == sorted(map(str, ids))
    for reply in batch:
        assert set(reply) == {"jsonrpc", "result", "id"} and reply["jsonrpc"] == "2.0"
        assert reply["result"].items() >= SHOWN.items()


# pjrpc knows JSON-RPC and nothing of us: it gets a socket, a line at a time.

class UnknownWorker(pjrpc.client.exceptions.TypedError):
    CODE = -32001
    MESSAGE = "there is no such worker"


class Library(AbstractClient):
    def __init__(self, path):
        super().__init__()
        self.connection = RpcClient(path)
        self.lines = self.connection.socket.makefile("rw", encoding="utf-8", newline="\n")

    def close(self):
        self.lines.close()
        self.connection.close()

    def _request(self, request_text, is_notification, request_kwargs):
        self.lines.write(request_text + "\n")
        self.lines.flush()
        return None if is_notification else self.lines.readline()


@pytest.fixture
def library(daemon):
    client = Library(daemon.socket)
    yield client
    client.close()


def test_library_calls(daemon, library):
    up = library("worker.substantiate", worker="bot1", wait="running")
    assert up["worker"] == "bot1" and up["instance"]["state"] == "running"
    assert library("worker.attached", "bot1", up["generation"], up["instance"]["id"]) == {}
    assert library.call("worker.show", "bot1")["state"] == "substantiated"
    library.notify("worker.build_started", worker="bot1", build="demo/7")
    assert library("worker.show", "bot1")["building"] == 1
    assert library("worker.insubstantiate", worker="bot1", wait="stopped")["generation"] == 1
    assert daemon.call("worker.show", worker="bot1")["state"] == "not_substantiated"


@pytest.mark.parametrize("method, params, expected", [
    ("worker.sho", {"worker": "bot1"}, pjrpc.client.exceptions.MethodNotFoundError),
    ("worker.show", {"worker": 7}, pjrpc.client.exceptions.InvalidParamsError),
    ("worker.show", {}, pjrpc.client.exceptions.InvalidParamsError),
    ("worker.show", {"worker": "nobody"}, UnknownWorker),
])
def test_library_errors(library, method, params, expected):
    with pytest.raises(expected) as error:
        library(method, **params)
    assert set(error.value.data) >= {"kind", "worker", "reason", "retryable", "aws"}
    assert library("worker.show", "bot1")["worker"] == "bot1"


def test_library_batch(library):
    with library.batch() as batch:
        batch("worker.show", "bot1")
        batch.notify("worker.show", "bot1")
        batch("worker.list", pattern="linux-*")
        batch("daemon.version")
    shown, listed, version = batch.get_results()
    assert shown["worker"] == "bot1" and len(listed["workers"]) == 3 and version["pool"] == "test"
    with library.batch() as batch:
        batch("worker.show", "bot1")
        batch("worker.show", "nobody")
    with pytest.raises(UnknownWorker):
        batch.get_results()


def test_library_with_every_method(library):
    """Whatever comes back is a reply for a strict reader, with the parameters left out."""
    for method in library("rpc.discover")["methods"]:
        if method["name"] == "daemon.stop":
            continue
        try:
            assert isinstance(library(method["name"]), dict)
        except pjrpc.client.exceptions.InvalidParamsError as error:
            assert any(p["required"] and p["name"] in error.message for p in method["params"])


class AsyncLibrary(AbstractAsyncClient):
    """Many calls at once on one connection, answered in whatever order."""

    def __init__(self, reader, writer):
        ids = itertools.count(1)
        super().__init__(id_gen_impl=lambda: ids)
        self.reader, self.writer = reader, writer
        self.waiting = {}
        self.order = []

    async def read(self):
        while line := await self.reader.readline():
            id = json.loads(line)["id"]
            self.order.append(id)
            self.waiting.pop(id).set_result(line.decode())

    async def _request(self, request_text, is_notification, request_kwargs):
        reply = self.waiting[json.loads(request_text)["id"]] = asyncio.Future()
        self.writer.write(request_text.encode() + b"\n")
        await self.writer.drain()
        return await reply


def test_library_pipelined(daemon):
    async def run():
        library = AsyncLibrary(*await asyncio.open_unix_connection(daemon.socket))
        reading = asyncio.create_task(library.read())
        up = asyncio.create_task(library("worker.substantiate", worker="bot1", wait="running"))
        await asyncio.sleep(0)
        shown = await asyncio.gather(*[library("worker.show", "bot1") for _ in range(50)])
        assert all(s["worker"] == "bot1" for s in shown)
        assert (await up)["instance"]["state"] == "running"
        assert library.order[-1] == 1  # the wait came first and was answered last
        library.writer.close()
        await reading

    asyncio.run(run())
