# SPDX-License-Identifier: MIT
"""Kills runtimes and starts them again on the same data; prints what became of everything.

A process of its own with one thread: it forks each runtime (start-up costs milliseconds, so that
hundreds of kills are affordable), lets it die by SIGKILL at a named point or at a random moment,
and at last lets one finish the work.

Usage: host.py FOLDER SEED ROUNDS POINT [STORE], where POINT is a value of ``Point``, "moment" (at
any time) or "birth" (while the database is made and opened), and STORE a PostgreSQL database's URL.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sys
import traceback
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_local.bootstrap.stores import SQLITE, open_stores
from fc_async_local.clock import RealClock
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import DELIVERY, InvokeRequest, Outcome, OutcomeKind
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import Point, Registry, no_probe
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_local.execution.protocol import Deployment
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable, TaskQuery
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.execution.protocol import Attempt
    from fc_async_local.store.protocol import Store

QUEUE = "acs:mns:::/queues/q/messages"
RETRIES = {"function_retry_first_ms": 1, "function_retry_max_ms": 4}
SETTINGS = Settings.of(**RETRIES, max_in_flight=8)
PER_LIFE = 12
LOAD_MS = 40
SPANS_MS = {"moment": LOAD_MS, "birth": 12}


class Place(NamedTuple):
    """Where a runtime works.

    Attributes:
        store: As for ``open_stores``.
        data: Its own folder.
        told: The folder in which all runtimes write down what was delivered.
    """

    store: str
    data: Path
    told: Path


class Functions(Registry):
    """Two functions: one in task mode, one that is forgotten when it is done."""

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        return Deployment(
            function=function,
            version_id="",
            revision="1",
            runtime="python3.10",
            handler="index.handler",
            code_checksum="0",
            timeout_ms=60_000,
            memory_mb=128,
        )

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig:
        both = Destination(destination=QUEUE)
        return AsyncConfig(
            async_task=function == "task",
            max_async_retry_attempts=2,
            destination_config=DestinationConfig(on_success=both, on_failure=both),
        )

    async def pause(self, function: str, *, known: bool = False) -> None:
        return None


class Target:
    """A destination that writes down what it gets, one line each."""

    kind = "mns-queue"

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "delivered", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        line = f"{delivery.request_id} {delivery.outcome}\n".encode()
        os.write(self._file, line)
        return DeliveryResult(200)


def handler(event: bytes, attempt: Attempt) -> Any:
    """Succeeds, fails for ever, or fails once: as the payload says."""
    failures = int(event)
    if attempt.number < failures:
        return Outcome(kind=OutcomeKind.FUNCTION_ERROR, error_type="UnhandledInvocationError")
    return b"done"


async def life(place: Place, acknowledge: int, source: random.Random, probe) -> None:
    """One runtime under load, until it is killed or everything is done."""
    async with AsyncExitStack() as closing:
        engine, store = await start(place, source, probe, closing)

        async def produce() -> None:
            for _ in range(PER_LIFE // 3):
                function = source.choice(["task", "plain"])
                payload = str(source.choice([0, 0, 0, 1, 9])).encode()
                try:
                    accepted = await engine.invoke_async(InvokeRequest(function, payload))
                except Rejected as error:
                    assert error.status == 503  # noqa: PT017 -- cut off: nothing was promised
                else:
                    os.write(acknowledge, f"{accepted.request_id}\n".encode())
                await asyncio.sleep(source.random() * LOAD_MS / 4_000)

        await asyncio.gather(produce(), produce(), produce())
        await finish(engine, store)


async def start(
    place: Place, source: random.Random, probe, closing: AsyncExitStack
) -> tuple[Engine, Store]:
    clock = RealClock()
    stores = await open_stores(place.store, place.data, clock, closing)
    engine = Engine(
        store=stores.store,
        registry=Functions(),
        runner=InProcessRunner({"task": handler, "plain": handler}, clock),
        clock=clock,
        settings=SETTINGS,
        node_id=stores.node_id,
        wakeups=stores.wakeups,
        random_source=source,
        probe=probe,
    )
    await engine.start({"mns-queue": Target(place.told)})
    closing.push_async_callback(engine.aclose)
    return engine, stores.store


async def due(store: Store) -> tuple[int | None, int | None]:
    try:
        return await store.next_due(), await store.next_job_due(DELIVERY)
    except StoreUnavailable:
        return 0, 0


async def finish(engine: Engine, store: Store) -> None:
    nothing = (None, None)
    while engine.in_flight or (await due(store)) != nothing:  # noqa: ASYNC110 -- no event says so
        await asyncio.sleep(0.002)


async def report(place: Place, out: int, source: random.Random) -> None:
    """Finish everything and tell what is in the store."""
    async with AsyncExitStack() as closing:
        engine, store = await start(place, source, no_probe, closing)
        await finish(engine, store)
        ends = await ends_of_tasks(store)
        stats = await store.stats()
    statuses = {status.value: number for status, number in stats.by_status.items() if number}
    told = {"ends": ends, "statuses": statuses, "dead": stats.deliveries_dead}
    os.write(out, json.dumps(told).encode())


async def ends_of_tasks(store: Store) -> dict[str, list[str]]:
    """The state of each task, and every final state among its recorded steps."""
    ends: dict[str, list[str]] = {}
    after: str | None = None
    while True:
        page = await store.query(TaskQuery(function=None, limit=100, after=after))
        for invocation in page.invocations:
            task = await store.get(invocation.function, invocation.task_id)
            assert task is not None
            finals = [event.status.value for event in task.events if event.status.final]
            ends[invocation.request_id] = [invocation.status.value, *finals]
        after = page.after
        if after is None:
            return ends


def fork(body: Callable[[int], Any]) -> tuple[int, int]:
    """Run a coroutine in a child; returns its pid and the pipe that it writes to."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 1
        try:
            asyncio.run(body(writing))
            code = 0
        except BaseException:  # noqa: BLE001 -- reported, then the process ends
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    return pid, reading


def watch(pid: int, reading: int, kill_after: float | None) -> tuple[bytes, int]:
    """Read until the child is gone; kill it when its time has come."""
    told = b""
    while True:
        ready, _, _ = select.select([reading], [], [], kill_after)
        if not ready:
            os.kill(pid, signal.SIGKILL)
            kill_after = None
            continue
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        told += piece
        if kill_after is not None:
            kill_after /= 2
    os.close(reading)
    return told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killer(point: Point | None, nth: int) -> Callable[[Point, str], None]:
    """Dies at the nth time that a point is passed."""
    left = nth

    def probe(passed: Point, _: str) -> None:
        nonlocal left
        if passed is point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe


def conclude(place: Place, seed: str, acknowledged: list[str], kills: int) -> dict[str, Any]:
    """Let a last runtime finish the work, and tell what became of everything."""
    pid, reading = fork(lambda out: report(place, out, random.Random(f"{seed}-end")))
    told, code = watch(pid, reading, None)
    if code != 0:
        sys.exit(f"the last life of seed {seed} ended with {code}")
    found: dict[str, Any] = json.loads(told)
    return found | {
        "acknowledged": acknowledged,
        "kills": kills,
        "delivered": (place.told / "delivered").read_text().split("\n")[:-1],
    }


def lines(told: bytes) -> list[str]:
    """Whole lines only: the last one may have been cut off by the kill."""
    return told.decode().split("\n")[:-1]


def main(folder: Path, seed: int, rounds: int, where: str, store: str = SQLITE) -> None:
    place = Place(store, folder, folder)
    source = random.Random(seed)
    span = SPANS_MS.get(where)
    point = None if span else Point(where)
    acknowledged: list[str] = []
    kills = 0
    for number in range(rounds):
        probe = killer(point, source.randint(1, PER_LIFE // 2))
        moment = source.random() * span / 1_000 if span else None
        lives = random.Random(f"{seed}-{number}")
        pid, reading = fork(lambda out, lives=lives, probe=probe: life(place, out, lives, probe))
        told, code = watch(pid, reading, moment)
        kills += code == -signal.SIGKILL
        if code not in {0, -signal.SIGKILL}:
            sys.exit(f"life {number} of seed {seed} ended with {code}")
        acknowledged += lines(told)
    # This is how the test gets it.
    print(json.dumps(conclude(place, str(seed), acknowledged, kills)))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
