# SPDX-License-Identifier: MIT
"""Instances are frozen between calls: nothing of them runs until the next call or the end."""

from __future__ import annotations

import asyncio
import json
import sys

import psutil
import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.protocol import HealthCheck

PYTHON = """
    import os, subprocess, sys, threading, time

    def tick():
        while True:
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticks = []
    children = []

    def handler(event, context):
        if not children:
            threading.Thread(target=tick, daemon=True).start()
            children.append(subprocess.Popen(["sleep", "600"]))
            children.append(subprocess.Popen(["sleep", "600"], start_new_session=True))
        seen = len(ticks)
        while event == b"wait" and len(ticks) == seen:
            time.sleep(0.001)
        return [os.getpid(), *(child.pid for child in children)]

    def stop(context):
        open("stopped", "w").close()
"""
NODE = """
    let ticks = 0;
    setInterval(() => { ticks += 1; }, 1);
    exports.handler = async () => [process.pid];
"""
CUSTOM = """
    import http.server, json, os

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path == "/pre-stop":
                open("stopped", "w").close()
            self.answer(b"")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.answer(json.dumps([os.getpid(), self.client_address[1]]).encode())

        def answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    port = int(os.environ["FC_SERVER_PORT"])
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""
SERVER = {
    "runtime": "custom",
    "command": (sys.executable, "index.py"),
    "health_check": HealthCheck(path="/health", period_ms=10),
    "pre_stop": "yes",
}


async def frozen(workshop, *pids: int) -> bool:
    """True once all of these processes are stopped."""
    processes = [psutil.Process(pid) for pid in pids]
    stopped = psutil.STATUS_STOPPED
    return await workshop.until(lambda: all(one.status() == stopped for one in processes))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_threads_and_child_processes_stand_still_between_calls(workshop, concurrency: int) -> None:
    workshop.write(PYTHON)

    async def scenario() -> tuple[list[int], list[int]]:
        first = await workshop.run(instance_concurrency=concurrency)
        pids = json.loads(first.payload)
        assert await frozen(workshop, *pids)
        again = await workshop.run(b"wait", instance_concurrency=concurrency)
        return pids, json.loads(again.payload)

    before, after = workshop.play(scenario, freeze=True)
    assert after == before


@pytest.mark.usefixtures("node")
def test_a_node_instance_is_frozen_and_runs_its_next_call(workshop) -> None:
    workshop.write(NODE, name="index.js")

    async def scenario() -> set[bytes]:
        outcomes = []
        for _ in range(2):
            outcomes.append(await workshop.run(runtime="nodejs20"))
            assert await frozen(workshop, *json.loads(outcomes[-1].payload))
        return {outcome.payload for outcome in outcomes}

    assert len(workshop.play(scenario, freeze=True)) == 1


def test_a_custom_runtime_answers_after_its_connections_stood_still(workshop) -> None:
    workshop.write(CUSTOM)

    async def scenario() -> list[tuple[int, int]]:
        seen = []
        for _ in range(3):
            outcome = await workshop.run(**SERVER)
            assert outcome.kind is OutcomeKind.SUCCESS, outcome.payload
            seen.append(json.loads(outcome.payload))
            assert await frozen(workshop, seen[-1][0])
        return seen

    seen = workshop.play(scenario, freeze=True)
    assert len({pid for pid, _ in seen}) == 1
    assert (workshop.path / "code" / "stopped").exists()


def test_the_pre_stop_hook_runs_in_a_frozen_instance(workshop) -> None:
    workshop.write(PYTHON)

    async def scenario() -> list[int]:
        outcome = await workshop.run(pre_stop="index.stop")
        pids: list[int] = json.loads(outcome.payload)
        assert await frozen(workshop, *pids)
        return pids

    pids = workshop.play(scenario, freeze=True)
    assert (workshop.path / "code" / "stopped").exists()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_all_processes_of_a_frozen_instance_end_with_the_runtime(workshop) -> None:
    workshop.write(PYTHON)

    async def scenario() -> list[psutil.Process]:
        outcome = await workshop.run()
        assert await frozen(workshop, *json.loads(outcome.payload))
        return workshop.processes()

    everything = workshop.play(scenario, freeze=True)
    assert asyncio.run(workshop.ended(everything))


def test_a_frozen_instance_that_was_killed_is_replaced(workshop) -> None:
    workshop.write(PYTHON)

    async def scenario() -> tuple[int, int]:
        first, *_ = json.loads((await workshop.run()).payload)
        assert await frozen(workshop, first)
        psutil.Process(first).kill()
        second, *_ = json.loads((await workshop.run()).payload)
        return first, second

    first, second = workshop.play(scenario, freeze=True)
    assert first != second
