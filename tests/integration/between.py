# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and the daemon, and refuses what it is told to."""

import json
import socket
import threading


class Between:
    """
    A socket whose every connection is one to the daemon, but for the requests of the method
    to refuse: these are answered as by a daemon that does not have it. asked: the methods
    that came, in order.
    """

    def __init__(self, path, daemon, refuse):
        self.path, self.daemon, self.refuse = path, daemon, refuse
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()

    def __enter__(self):
        self.start(self.accept)
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @staticmethod
    def start(function, *args):
        threading.Thread(target=function, args=args, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                server.connect(str(self.daemon))
                self.start(self.ask, client, server)
                self.start(self.answer, server, client)
        except OSError:
            pass  # over

    def ask(self, client, server):
        for line in client.makefile("rb"):
            request = json.loads(line)
            self.asked.append(request["method"])
            if request["method"] == self.refuse:
                error = {"code": -32601, "message": "no such method"}
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": request["id"],
                                           "error": error}).encode() + b"\n")
            else:
                server.sendall(line)
        server.shutdown(socket.SHUT_WR)

    @staticmethod
    def answer(server, client):
        try:
            for line in server.makefile("rb"):
                client.sendall(line)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has gone
