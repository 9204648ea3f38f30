# SPDX-License-Identifier: MIT
"""Peers of the engine that do the same, in a process of their own: moto and procrastinate.

It imports nothing of ours.

Usage: engine_peers.py moto, serves until standard input ends and prints its port;
engine_peers.py procrastinate URL NUMBER, prints jobs per second.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import logging
import sys
import time
import zipfile

CALLERS = 64
CONCURRENCY = 10
"""Of the worker: more make it slower."""


def moto() -> None:
    """AWS Lambda whose Event invocations are answered and not run: the least that it can do."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.disable()  # a line for each request costs it a tenth
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    settings = json.dumps({"lambda": {"use_docker": False}})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/moto-api/config", settings)
    connection.getresponse().read()
    connection.close()
    place = {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context):\n    return ''\n")
    role = boto3.client("iam", **place).create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    boto3.client("lambda", **place).create_function(
        FunctionName="noop",
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    print(port, flush=True)
    sys.stdin.read()
    server.stop()


async def defer_and_run(url: str, number: int) -> float:
    """Defer all from many callers, then run all in one worker; each job is deleted."""
    import procrastinate
    import psycopg

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=16))
    done = 0

    @app.task(queue="q")
    async def noop(body: str) -> None:
        del body
        nonlocal done
        done += 1

    async with app.open_async():
        # It is there from the round before.
        with contextlib.suppress(psycopg.Error, procrastinate.exceptions.ConnectorException):
            await app.schema_manager.apply_schema_async()
        numbers = iter(range(number))

        async def caller() -> None:
            for _ in numbers:
                await noop.defer_async(body="x" * 1024)

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await app.run_worker_async(
            queues=["q"], concurrency=CONCURRENCY, wait=False, delete_jobs="always"
        )
        took = time.perf_counter() - began
    assert done == number, (done, number)
    return number / took


if __name__ == "__main__":
    if sys.argv[1] == "moto":
        moto()
    else:
        print(asyncio.run(defer_and_run(sys.argv[2], int(sys.argv[3]))))
