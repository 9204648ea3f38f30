# SPDX-License-Identifier: MIT
"""How much of the official MNS client's own speed our queues leave: receive and delete, one client.

The ceiling is a bare stand-in: an ASGI application that answers every receive with the same
message and every delete with 204, on the same server, without a store. Both are measured in this
one run, alternately; what counts is the ratio. How many messages the queues could serve if the
client cost next to nothing is measured afterwards, with bare sockets.

    python benchmarks/services.py [--messages 800] [--rounds 9]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import uvicorn
from mns.account import Account
from mns.queue import Message, QueueMeta

from fc_async_local.services.mns.model import Message as StoredMessage
from fc_async_local.services.mns.wire import received

BODY = "x" * 1_000
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


async def _consume_lightly(port, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)
    handle = re.compile(rb"<ReceiptHandle>([^<]+)<")

    async def ask(method, query):
        target = b"/queues/q/messages?" + query
        writer.write(b"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (method, target, port))
        found = length.search(await reader.readuntil(b"\r\n\r\n"))
        return await reader.readexactly(int(found[1])) if found else b""

    for _ in range(count):
        received = await ask(b"GET", b"waitseconds=0")
        await ask(b"DELETE", b"ReceiptHandle=" + handle.search(received)[1])
    writer.close()


def consume_lightly(url, count, connections):
    """Messages per second of clients that parse next to nothing, one by one on each connection."""
    port = int(url.rpartition(":")[2])

    async def all_of_them():
        share = count // connections
        await asyncio.gather(*(_consume_lightly(port, share) for _ in range(connections)))

    began = time.perf_counter()
    asyncio.run(all_of_them())
    return count / (time.perf_counter() - began)


def fill(url, count):
    account = Account(url, "id", "secret")
    queue = account.get_queue("q")
    queue.set_encoding(False)
    queue.create(QueueMeta())
    for _ in range(0, count, 16):
        queue.batch_send_message([Message(BODY) for _ in range(16)])
    account.mns_client.http.conn.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--stand-in", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rates = {(who, how): [] for who in ("ours", "bare") for how in ("one by one", "batches of 16")}
    if options.stand_in:
        stand_in()
        return
    start = ("-m", "fc_async_plugin", "local", "start", "--port", "0", "--format", "json")
    with (
        tempfile.TemporaryDirectory() as folder,
        process(*start, "--log-level", "warning", "--data", folder) as ours,
        process(__file__, "--stand-in") as bare,
    ):
        for _ in range(options.rounds):
            fill(ours, options.messages * 2 + 32)
            for (who, how), measured in rates.items():
                place = ours if who == "ours" else bare
                single = how == "one by one"
                count = options.messages if single else options.messages // 16 * 16
                measured.append(consume(place, count, single=single))
        light = {connections: [] for connections in (1, 8)}
        for connections, measured in light.items():
            for _ in range(3):
                fill(ours, options.messages * 4)
                measured.append(consume_lightly(ours, options.messages * 4, connections))
    result = {f"{who}, {how}": round(statistics.median(m)) for (who, how), m in rates.items()}
    for how in ("one by one", "batches of 16"):
        pairs = zip(rates["ours", how], rates["bare", how], strict=True)
        result[f"ratio, {how}"] = round(statistics.median(o / b for o, b in pairs), 2)
    for connections, measured in light.items():
        result[f"ours, light clients: {connections}"] = round(statistics.median(measured))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
