# SPDX-License-Identifier: Apache-2.0
"""
Two proxies that misbehave as they are told: one stands before the simulator and knows
requests by their action, the other grants a CONNECT, or does not. They keep what they saw.
"""

import contextlib
import dataclasses
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse


def reset(connection):
    """Closes so that the other end gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_head(connection):
    """Up to the empty line, and what came with it of the rest; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b"", b""
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def read_message(connection):
    """Head and body, whole; empty at the end."""
    head, body = read_head(connection)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head, body


class Server:
    """Listens on a port of 127.0.0.1, and serves each connection in a thread of its own."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                threading.Thread(target=self.run, args=[connection], daemon=True).start()

    def run(self, connection):
        """A peer that leaves is no news."""
        with contextlib.suppress(OSError), connection:
            self.serve(connection)

    def serve(self, connection):
        raise NotImplementedError

    def close(self):
        if self.open:
            self.open = False
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()


@dataclasses.dataclass
class Seen:
    """One request as it came."""
    action: str
    head: str
    connection: int
    nth: int  # on its connection
    protocol: str | None  # what TLS agreed upon


class ChaosProxy(Server):
    """
    trouble(ACTION, count, WAY...): so many requests of that action are treated so. Before
    EC2 has them: instead (bytes in place of an answer), reuse_only (closed without a word, if
    it is not the first of its connection). Afterwards: delay (seconds), rate (bytes a second),
    cut (after so many bytes), reset, silent.
    """

    def __init__(self, sim, tls=None):
        self.upstream, self.tls = (sim.host, sim.port), tls
        self.seen, self.rules = [], []
        self.lock = threading.Lock()
        self.connections = 0
        super().__init__()

    def trouble(self, action, count=1, **way):
        self.rules.append({"action": action, "count": count} | way)

    def way_of(self, seen):
        """The first rule that fires, used up by it."""
        with self.lock:
            for rule in self.rules:
                if (rule["count"] > 0 and rule["action"] in (seen.action, "*")
                        and (seen.nth > 1 or not rule.get("reuse_only"))):
                    rule["count"] -= 1
                    return rule
        return {}

    def ask(self, head, body):
        with socket.create_connection(self.upstream) as upstream:
            upstream.sendall(head + body)
            return b"".join(read_message(upstream))

    def serve(self, connection):
        with self.lock:
            self.connections += 1
            number, nth = self.connections, 0
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        while (message := read_message(connection))[0]:
            head, body = message
            form = urllib.parse.parse_qs(body.decode())
            action = "DryRun:" * ("DryRun" in form) + form.get("Action", [""])[0]
            nth += 1
            seen = Seen(action, head.decode(), number, nth, connection.selected_alpn_protocol()
                        if self.tls else None)
            self.seen.append(seen)
            if not self.answer(connection, self.way_of(seen), head, body):
                return

    def answer(self, connection, way, head, body):
        """Whether the connection goes on."""
        if way.get("reuse_only"):
            return False
        if "instead" in way:
            connection.sendall(way["instead"])
            return True
        answer = self.ask(head, body)
        time.sleep(way.get("delay", 0))
        if way.get("reset"):
            reset(connection)
            return False
        if way.get("silent"):
            connection.recv(1)
            return False
        if "rate" in way:
            for n in range(len(answer)):
                connection.sendall(answer[n:n + 1])
                time.sleep(1 / way["rate"])
            return True
        connection.sendall(answer[:way.get("cut")])
        return "cut" not in way


class ConnectProxy(Server):
    """
    Treats each CONNECT in its way: a tunnel by default; bytes (an answer, and the end);
    "reset", "close", "silent" instead of an answer; or ("dies", n): a tunnel that is reset
    when so many bytes have come back through it.
    """

    def __init__(self, port=0, way=None):
        self.way, self.asked = way, []
        super().__init__(port)

    def serve(self, connection):
        head, _ = read_head(connection)
        way = self.way
        self.asked.append(head.decode().split("\r\n")[0])
        if isinstance(way, bytes):
            connection.sendall(way)
        elif way == "reset":
            reset(connection)
        elif way == "silent":
            connection.recv(1)
        elif way != "close":
            port = int(head.split(b" ")[1].rsplit(b":", 1)[1])
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as target:
                self.tunnel(connection, target, way[1] if way else float("inf"))

    @staticmethod
    def tunnel(connection, target, most):
        def forth():
            with contextlib.suppress(OSError):
                while part := connection.recv(65536):
                    target.sendall(part)
                target.shutdown(socket.SHUT_WR)
        threading.Thread(target=forth, daemon=True).start()
        while most > 0 and (part := target.recv(65536 if most == float("inf") else most)):
            connection.sendall(part)
            most -= len(part)
        if most <= 0:
            reset(connection)


def make_tls(directory, alpn):
    """The context of a server that is localhost, and the file of whoever vouches for it."""
    key, cert = (str(directory) + name for name in ("/key.pem", "/cert.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(alpn)
    return context, cert
