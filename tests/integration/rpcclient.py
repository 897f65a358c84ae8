# SPDX-License-Identifier: Apache-2.0
"""A small JSON-RPC client, which can also misbehave."""

import collections
import contextlib
import json
import socket


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}
        self.kind = self.data.get("kind")


class RpcClient:
    """
    One connection. Calls may be pipelined: start() now, finish() later. Events that come
    between are kept. Whatever comes is checked once the daemon's contract is known.
    """

    contract = None  # see contract.py; daemon.py asks for it

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.received = b""
        self.last_id = 0
        self.methods = {}
        self.replies = {}
        self.events = collections.deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Bytes or text as they are, anything else as one line of JSON."""
        if not isinstance(data, (bytes, str)):
            data = json.dumps(data) + "\n"
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def receive(self):
        """The next line as JSON; None at the end of the connection."""
        while b"\n" not in self.received:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.received, self.received
                return None
            self.received += data
        line, self.received = self.received.split(b"\n", 1)
        return json.loads(line)

    def start(self, method, /, *args, **params):
        self.last_id += 1
        request = {"jsonrpc": "2.0", "method": method, "id": self.last_id}
        if args or params:
            request["params"] = list(args) or params
        self.methods[self.last_id] = method
        self.send(request)
        return self.last_id

    def take(self, message):
        """Puts one message of the daemon where it belongs."""
        if "id" in message:
            method = self.methods.pop(message["id"], None)
            if self.contract is not None and method is not None:
                self.contract.check_reply(method, message)
            self.replies[message["id"]] = message
        else:
            if self.contract is not None:
                self.contract.check_notification(message)
            self.events.append(message["params"])

    def event(self, timeout=30):
        """The next event; None if there is none within timeout."""
        self.socket.settimeout(timeout)
        while not self.events:
            try:
                message = self.receive()
            except TimeoutError:
                return None
            assert message is not None, "the connection has ended"
            self.take(message)
        return self.events.popleft()

    def finish(self, call):
        while call not in self.replies:
            message = self.receive()
            assert message is not None, "the connection has ended"
            self.take(message)
        reply = self.replies.pop(call)
        assert reply["jsonrpc"] == "2.0"
        if "error" in reply:
            raise RpcError(reply["error"])
        return reply["result"]

    def call(self, method, /, *args, **params):
        return self.finish(self.start(method, *args, **params))

    def raw(self, data):
        """One line out, one in; what a server said before it closed is received too."""
        with contextlib.suppress(BrokenPipeError):
            self.send(data)
        return self.receive()
