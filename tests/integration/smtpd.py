# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests: aiosmtpd in a thread; what arrives is parsed by Python's email."""

import asyncio
import contextlib
import email
import email.policy
import threading

from aiosmtpd.smtp import SMTP


class MailServer:
    """Takes all, or answers DATA with `refusal`. messages: (recipients, parsed message)."""

    def __init__(self):
        self.messages = []
        self.refusal = None
        self.attempts = 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: SMTP(self, loop=self.loop), "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    async def handle_DATA(self, _server, _session, envelope):
        self.attempts += 1
        if self.refusal:
            return self.refusal
        self.messages.append((envelope.rcpt_tos, email.message_from_bytes(
            envelope.content, policy=email.policy.default)))
        return "250 taken"

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        self.loop.run_until_complete(self.end_sessions())
        self.loop.close()

    async def end_sessions(self):
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


@contextlib.contextmanager
def running():
    server = MailServer()
    try:
        yield server
    finally:
        server.close()
