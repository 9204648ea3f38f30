# SPDX-License-Identifier: MIT
"""What a storm puts on a whole runtime, and what must have become of it at the end.

- ``call``: invoked by the load; succeeds, fails once, or fails for ever. Its event goes to a queue.
- ``pay``: the same with an idempotent handler and without retries.
- ``timed``: 60 timers, one for each second of a minute. Its event goes to ``told``.
- ``consumed``: fired by messages of a queue. Its event goes to ``told``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from fc_async_local.bootstrap.options import Options
from fc_async_local.bootstrap.runtime import Runtime
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import DELIVERY, TRIGGER, InvokeRequest
from fc_async_local.domain.invocation import Outcome as FunctionOutcome
from fc_async_local.domain.invocation import OutcomeKind as Kind
from fc_async_local.services.mns.model import Draft, QueueAttributes, handle_of
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable, TaskQuery
from fc_async_sdk.idempotency import SqliteStore, idempotent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from host import Place

    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.execution.protocol import Attempt

INBOX, OUTBOX = "inbox", "outbox"
ARN: Final = "acs:{}:cn-hangzhou:1234567890123456"
TO_QUEUE: Final = f"{ARN.format('mns')}:/queues/{OUTBOX}/messages"
TO_FUNCTION: Final = f"{ARN.format('fc')}:functions/told"
DESTINATIONS: Final = {
    "call": TO_QUEUE,
    "pay": TO_QUEUE,
    "timed": TO_FUNCTION,
    "consumed": TO_FUNCTION,
}
FAILURES: Final = [0, 0, 0, 1, 9]
FAILS_FOR_EVER: Final = b"9"
HOUR_MS: Final = 3_600_000
CATCH_UP_SECONDS, GIVE_UP_SECONDS = 300, 1_800


class Ledger:
    """A file that outlives the runtimes: which handler came to its end, one line each.

    Args:
        folder: Where the file is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger"
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, function: str, name: str) -> None:
        """Note that a handler has done its work."""
        os.write(self._file, f"{function} {name}\n".encode())

    def read(self) -> Counter[tuple[str, str]]:
        """Return how often each handler did the work of each invocation."""
        lines = self._path.read_text().splitlines()
        return Counter((line.split()[0], line.split()[1]) for line in lines)


def handlers(folder: Path, source: random.Random) -> dict[str, Callable[[bytes, Attempt], Any]]:
    """Return the functions, which run in the process of the runtime."""
    ledger = Ledger(folder)

    async def work(function: str, name: str) -> None:
        await asyncio.sleep(source.random() / 20)
        ledger.write(function, name)

    async def call(event: bytes, attempt: Attempt) -> object:
        if attempt.number < int(event):
            return FunctionOutcome(kind=Kind.FUNCTION_ERROR, error_type="UnhandledInvocationError")
        await work("call", attempt.request_id)
        return b"done"

    @idempotent(SqliteStore(folder / "records.db"))
    async def once(_: bytes, context: SimpleNamespace) -> None:
        await work("pay", context.request_id)

    def pay(event: bytes, attempt: Attempt) -> Awaitable[None]:
        function = SimpleNamespace(name="pay", timeout=60)
        return once(
            event,
            SimpleNamespace(
                request_id=attempt.request_id, retry_count=attempt.number, function=function
            ),
        )

    async def fired(event: bytes, attempt: Attempt) -> None:
        await work(attempt.deployment.function, name_of(attempt.deployment.function, event))

    return {"call": call, "pay": pay, "timed": fired, "consumed": fired, "told": fired}


def name_of(function: str, payload: bytes, request_id: str = "") -> str:
    """Return what identifies the work of an invocation, however often it was accepted."""
    if function in {"call", "pay"}:
        return request_id
    event = json.loads(payload)
    if function == "timed":
        return str(event["triggerTime"])
    return str(
        event["requestContext"]["requestId"] if function == "told" else event["data"]["messageBody"]
    )


async def open_runtime(place: Place, seed: str, settings: dict[str, int]) -> Runtime:
    """Start a whole runtime with in-process handlers on the data of a storm."""
    timers = {"timer_grace_ms": 24 * HOUR_MS}  # a firing is never left out
    return await Runtime.open(
        Options(
            data=place.data,
            port=0,
            store=place.store,
            settings=Settings.of(**settings, **timers),
            handlers=handlers(place.told, random.Random(seed)),
            grace_ms=0,
        )
    )


async def deploy(runtime: Runtime) -> int:
    """Create functions, queues, triggers and destinations; return when the last timer was made."""
    mns, registry = runtime.services.mns, runtime.registry
    # A message of a consumer that was killed comes back after two seconds.
    await mns.create_queue(INBOX, QueueAttributes(visibility_timeout=2))
    await mns.create_queue(OUTBOX)
    code = {"zipFile": base64.b64encode(b"PK\5\6" + bytes(18)).decode()}  # an empty archive
    for function in (*DESTINATIONS, "told"):
        await registry.functions.create(
            {
                "functionName": function,
                "runtime": "python3.10",
                "handler": "index.handler",
                "timeout": 600,  # how fast the machine is does not matter
                "code": code,
            }
        )
        there = {"destination": DESTINATIONS.get(function)}
        await registry.async_configs.put(
            function,
            "LATEST",
            {
                "asyncTask": True,
                "maxAsyncRetryAttempts": 2 if function == "call" else 0,
                "destinationConfig": {"onSuccess": there, "onFailure": there}
                if function in DESTINATIONS
                else {},
            },
        )
    source = {
        "eventSourceType": "MNS",
        "eventSourceParameters": {"sourceMNSParameters": {"QueueName": INBOX}},
    }
    await trigger(
        runtime,
        "consumed",
        "inbox",
        "eventbridge",
        asyncInvocationType=True,
        eventSourceConfig=source,
    )
    for second in range(60):
        cron = f"{second} * * * * *"
        await trigger(runtime, "timed", f"at{second}", "timer", cronExpression=cron, enable=True)
    return runtime.foundation.clock.now()


async def trigger(runtime: Runtime, function: str, name: str, kind: str, **config: object) -> None:
    body = {"triggerName": name, "triggerType": kind, "triggerConfig": json.dumps(config)}
    await runtime.registry.triggers.create(function, body)


class Promises:
    """What a runtime has acknowledged.

    Args:
        tell: Called with a line for each promise, at once.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self.refused = 0

    async def produce(self, runtime: Runtime, source: random.Random, number: int) -> None:
        """Invoke functions and send messages, one after the other."""
        for _ in range(number):
            kind = source.choice(["call", "call", "pay", "consumed"])
            try:
                name = await self._send(runtime, source, kind)
            except Rejected as error:
                assert error.status == 503  # noqa: PT017 -- cut off: nothing was promised
                await self._pause()
            except StoreUnavailable:
                await self._pause()
            else:
                self._tell(f"{kind} {name}\n")
                await asyncio.sleep(source.random() / 100)

    async def _pause(self) -> None:
        self.refused += 1
        await asyncio.sleep(0.05)

    @staticmethod
    async def _send(runtime: Runtime, source: random.Random, kind: str) -> str:
        if kind == "consumed":
            body = f"m{source.getrandbits(64):x}"
            draft = Draft(message_id=f"{source.getrandbits(128):032X}", body=body)
            await runtime.services.mns.send(INBOX, [draft])
            return body
        payload = str(source.choice(FAILURES)).encode() if kind == "call" else b"{}"
        accepted = await runtime.engine.invoke_async(InvokeRequest(kind, payload))
        return accepted.request_id


async def conclude(
    runtime: Runtime, folder: Path, promised: set[tuple[str, str]], since: int
) -> dict[str, Any]:
    """Let a runtime finish all work, and count what came to a wrong end, or to none.

    Args:
        runtime: The last one.
        folder: Where the ledger is.
        promised: Function and name of everything that was acknowledged.
        since: When the timers were made, in milliseconds since the epoch.
    """
    store, began = runtime.foundation.stores.store, time.monotonic()
    seconds = range(since // 1_000 + 1, runtime.foundation.clock.now() // 1_000)
    fired = {("timed", utc(second)) for second in seconds}
    await wait_until(lambda: have_fired(runtime, fired), CATCH_UP_SECONDS)
    for second in range(60):
        await runtime.registry.triggers.delete("timed", f"at{second}")
    listed: list[Invocation] = []

    async def have_ended() -> bool:
        if not await is_idle(runtime):
            return False
        listed[:] = await all_tasks(runtime)
        return all(has_ended(task) for task in listed)

    in_time = await wait_until(have_ended, GIVE_UP_SECONDS)
    tasks = [(task, await finals_of(runtime, task)) for task in listed]
    told = await drain(runtime)
    ledger = Ledger(folder).read()
    told.update({name: number for (function, name), number in ledger.items() if function == "told"})
    return verdict(tasks, promised | fired, ledger, told) | {
        "dead_events": (await store.stats()).deliveries_dead,
        "finished": in_time,
        "seconds_to_finish": round(time.monotonic() - began, 1),
    }


def utc(second: int) -> str:
    """Return a moment as the event of a timer has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


async def wait_until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Wait for a condition of the store; return False if that takes longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreUnavailable):
            if await condition():
                return True
        await asyncio.sleep(0.05)
    return False


async def have_fired(runtime: Runtime, fired: set[tuple[str, str]]) -> bool:
    tasks = await all_tasks(runtime, "timed")
    return fired <= {(one.function, name_of(one.function, one.payload)) for one in tasks}


def has_ended(task: Invocation) -> bool:
    """Return whether a task is final and its event has arrived, or was given up."""
    return task.status.final and task.destination_status != "Pending"


async def is_idle(runtime: Runtime) -> bool:
    """Return whether nothing waits. The reads are no snapshot: work may have passed between them.

    A message that comes back, or a timer that was just firing, becomes a task after one of them and
    a delivery after another; a look at all tasks tells.
    """
    store = runtime.foundation.stores.store
    # The job of a timer that was deleted ends when it is due.
    due = [await store.next_due()]
    due += [await store.next_job_due(kind) for kind in (DELIVERY, TRIGGER)]
    counts = await runtime.services.mns.counts(INBOX)
    return runtime.engine.in_flight == 0 and due == [None] * 3 and sum(counts) == 0


async def all_tasks(runtime: Runtime, function: str | None = None) -> list[Invocation]:
    store, after = runtime.foundation.stores.store, None
    found: list[Invocation] = []
    while True:
        # The oldest first: what a task caused is newer, and is read after it.
        query = TaskQuery(function=function, limit=100, after=after, descending=False)
        page = await store.query(query)
        found += page.invocations
        after = page.after
        if after is None:
            return found


async def finals_of(runtime: Runtime, invocation: Invocation) -> list[str]:
    """Return every final state among the recorded steps of a task."""
    store = runtime.foundation.stores.store
    task = await store.get(invocation.function, invocation.task_id)
    assert task is not None
    return [event.status.value for event in task.events if event.status.final]


async def drain(runtime: Runtime) -> Counter[str]:
    """Return how many events of each request the queue of the destinations has."""
    mns, found = runtime.services.mns, Counter[str]()
    while messages := await mns.receive(OUTBOX, limit=16, wait_seconds=0):
        for message in messages:
            event = json.loads(base64.b64decode(message.body))
            found[event["requestContext"]["requestId"]] += 1
        await mns.delete(OUTBOX, [handle_of(message) for message in messages])
    return found


def named(invocation: Invocation) -> tuple[str, str]:
    """Return the function and the name under which an invocation was promised."""
    function = invocation.function
    return function, name_of(function, invocation.payload, invocation.request_id)


def failed_unexpectedly(invocation: Invocation) -> bool:
    status = invocation.status
    if not status.final or status.value in {"Succeeded", "Stopped"}:
        return False
    return (invocation.function, invocation.payload) != ("call", FAILS_FOR_EVER)


def owes_an_event(invocation: Invocation) -> bool:
    return invocation.function in DESTINATIONS and invocation.status.final


def failure_text(invocation: Invocation) -> str:
    payload = (invocation.return_payload or b"")[:300]
    return (
        f"{invocation.function} {invocation.request_id}, retry {invocation.retry_count}: "
        f"{invocation.error} {payload!r}"
    )


def silence_text(invocation: Invocation) -> str:
    return (
        f"{invocation.function} {invocation.request_id}, {invocation.status.value} at "
        f"{invocation.ended_at}, destination {invocation.destination_status!r}"
    )


def repeats(counts: Counter[tuple[str, str]]) -> Counter[str]:
    """Return how many names of each function came more than once."""
    return Counter(function for (function, _), number in counts.items() if number > 1)


def verdict(
    tasks: list[tuple[Invocation, list[str]]],
    promised: set[tuple[str, str]],
    ledger: Counter[tuple[str, str]],
    told: Counter[str],
) -> dict[str, Any]:
    """Count, in total and by function. Repeats that "at least once" allows are counted apart."""
    invocations = [invocation for invocation, _ in tasks]
    names = Counter(map(named, invocations))
    repeated = repeats(names)
    ran_again = repeats(ledger)
    failed = [invocation for invocation in invocations if failed_unexpectedly(invocation)]
    owing = [invocation for invocation in invocations if owes_an_event(invocation)]
    untold = [invocation for invocation in owing if not told[invocation.request_id]]
    return {
        "promised": dict(Counter(function for function, _ in promised)),
        "statuses": dict(Counter(invocation.status.value for invocation in invocations)),
        "lost": len(promised - names.keys()),
        "stuck": sum(not invocation.status.final for invocation in invocations),
        "stopped": sum(invocation.status.value == "Stopped" for invocation in invocations),
        "failed": len(failed),
        "failures": list(map(failure_text, failed[:10])),
        "ended_twice": sum(len(finals) > 1 for _, finals in tasks),
        "fired_twice": repeated["timed"],
        "untold": len(untold),
        "silent": list(map(silence_text, untold[:10])),
        "ran_twice": ran_again.total() - ran_again["told"],
        "consumed_twice": repeated["consumed"],
        "told_twice": sum(number > 1 for number in told.values()),
    }
