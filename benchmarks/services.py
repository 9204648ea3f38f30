# SPDX-License-Identifier: MIT
"""How much of the official MNS client's own speed our queues leave: receive and delete, one client.

The limit is a bare stand-in: an ASGI application that answers every receive with the same message
and every delete with 204, on the same server, without a store. Started as a script this file is
that stand-in.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from typing import TYPE_CHECKING

import uvicorn
from mns.account import Account
from mns.queue import Message, QueueMeta
from rows import pairs

from fc_async_local.services.mns.model import MnsMessage as StoredMessage
from fc_async_local.services.mns.wire import received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

BODY = "x" * 1_000
MESSAGES = 800
warnings.simplefilter("ignore", DeprecationWarning)


class StandIn:
    """The least that the client accepts."""

    def __init__(self):
        message = StoredMessage(
            sequence=1, message_id="A" * 32, body=BODY, priority=8, enqueued_at=1, visible_at=2
        )
        self.one = received([message], batch=False)
        self.batch = received([message] * 16, batch=True)

    async def __call__(self, scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        body = b""
        if scope["method"] == "GET":
            body = self.batch if b"numOfMessages" in scope["query_string"] else self.one
        headers = [
            (b"x-mns-request-id", b"A" * 24),
            (b"Content-Type", b"text/xml;charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
        ]
        status = 200 if body else 204
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def stand_in():
    """Serve the stand-in until stdin is closed; the first line on stdout is its URL."""
    config = uvicorn.Config(StandIn(), port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"mns": f"http://127.0.0.1:{port}"}), flush=True)
    sys.stdin.read()
    server.should_exit = True
    thread.join()


@contextlib.contextmanager
def process(*command):
    """A server in a process of its own, as users have it; its URL."""
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        try:
            yield json.loads(running.stdout.readline())["mns"]
        finally:
            running.stdin.close()
            running.terminate()


def consume(url, count, *, single):
    """Messages per second of one client with one connection."""
    account = Account(url, "id", "secret")
    queue = account.get_queue("q")
    queue.set_encoding(False)
    began = time.perf_counter()
    done = 0
    while done < count:
        if single:
            queue.delete_message(queue.receive_message(0).receipt_handle)
            done += 1
        else:
            found = queue.batch_receive_message(16, 0)
            queue.batch_delete_message([message.receipt_handle for message in found])
            done += len(found)
    seconds = time.perf_counter() - began
    account.mns_client.http.conn.close()
    return count / seconds


def fill(url, count):
    account = Account(url, "id", "secret")
    queue = account.get_queue("q")
    queue.set_encoding(False)
    queue.create(QueueMeta())
    for _ in range(0, count, 16):
        queue.batch_send_message([Message(BODY) for _ in range(16)])
    account.mns_client.http.conn.close()


def measure(options: Options) -> Iterator[Row]:
    hows = {"one by one": MESSAGES, "batches of 16": MESSAGES // 16 * 16}
    rates = {(side, how): [] for side in ("ours", "bare") for how in hows}
    start = ("-m", "fc_async_plugin", "local", "start", "--port", "0", "--format", "json")
    with (
        tempfile.TemporaryDirectory() as folder,
        process(*start, "--log-level", "warning", "--data", folder) as ours,
        process(__file__) as bare,
    ):
        for _ in range(options.rounds * 3):
            fill(ours, MESSAGES * 2 + 32)
            for (side, how), measured in rates.items():
                place = ours if side == "ours" else bare
                measured.append(consume(place, hows[how], single=how == "one by one"))
    for how in hows:
        what = f"MNS receive and delete / bare stand-in, {how}"
        yield pairs(what, rates["ours", how], rates["bare", how], "messages/s")


if __name__ == "__main__":
    stand_in()
