# SPDX-License-Identifier: MIT
"""Executes idempotent handlers in processes that are killed; prints what happened as JSON.

Run as a program: it forks, and the test process has threads. Each execution is a process of its
own with a store of its own and a clock that may be wrong. An effect is a line in a file.

Usage: campaign.py KIND ADDRESS FOLDER points|storm|plain [SEED]
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_sdk.errors import IdempotencyError
from fc_async_sdk.idempotency import (
    Record,
    RedisStore,
    SqliteStore,
    SqlStore,
    Store,
    TablestoreStore,
    by_field,
    idempotent,
    once,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_SECONDS = 60
MINUTE = 60
WRITES = 4
"""Of one run: the claim, the intent of the effect, its result, the result of the handler."""

MOMENTS = [(write, when) for write in range(1, WRITES + 1) for when in ("before", "after")]


class Execution(NamedTuple):
    """One delivery of the event of a key.

    Attributes:
        key: Number of the order.
        attempt: Retry count.
        ahead: Seconds by which the clock of the machine is ahead.
        kill: The write of the store at which the process is killed, and before or after it.
        plain: The handler does not mark its effect.
    """

    key: str
    attempt: int = 0
    ahead: float = 0
    kill: tuple[int, str] | None = None
    plain: bool = False


class WrongClock:
    def __init__(self, ahead: float) -> None:
        self.ahead = ahead

    def now(self) -> int:
        return round((time.time() + self.ahead) * 1000)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class WatchedStore:
    """Kills the process at a write; tells when the record of the key was seen."""

    inner: Store
    kill: tuple[int, str] | None
    after_first_look: Callable[[], None]
    writes: int = 0

    def create(self, record: Record) -> Record | None:
        with self._write():
            found = self.inner.create(record)
        if self.writes == 1:
            self.after_first_look()
        return found

    def replace(self, record: Record, expected: str) -> bool:
        with self._write():
            return self.inner.replace(record, expected)

    def remove(self, key: str, expected: str) -> bool:
        with self._write():
            return self.inner.remove(key, expected)

    @contextlib.contextmanager
    def _write(self) -> Any:
        self.writes += 1
        if self.kill == (self.writes, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        yield
        if self.kill == (self.writes, "after"):
            os.kill(os.getpid(), signal.SIGKILL)


def opener(kind: str, address: str) -> Callable[[], Store]:
    """Return what opens a store; its client is imported here, once for all executions."""
    if kind == "sqlite":
        return lambda: SqliteStore(address)
    if kind == "postgres":
        import psycopg

        return lambda: SqlStore(lambda: psycopg.connect(address))
    if kind == "mariadb":
        from fc_async_tests import mariadb_server

        return lambda: SqlStore(lambda: mariadb_server.connect(address))
    if kind == "redis":
        import redis

        return lambda: RedisStore(redis.Redis.from_url(address))
    import tablestore

    from fc_async_tests.tablestore_server import INSTANCE, KEY_ID, SECRET

    return lambda: TablestoreStore(
        tablestore.OTSClient(address, KEY_ID, SECRET, INSTANCE, logger_name="campaign")
    )


class Campaign:
    """Executions against one store.

    Args:
        kind: Kind of the store.
        address: Its file or URL.
        folder: Where effects are written.
    """

    def __init__(self, kind: str, address: str, folder: Path) -> None:
        self._open = opener(kind, address)
        self._effects = folder / f"effects-{kind}"

    def execute(self, *executions: Execution) -> list[str]:
        """Run executions at the same time; return what each returned, raised, or "killed"."""
        started = [self._start(one) for one in executions]
        return [self._end(*one) for one in started]

    def race(self, *executions: Execution) -> list[str]:
        """Run executions that all see the record of the key before one of them writes."""
        (ready, note), (wait, go) = os.pipe(), os.pipe()

        def until_all_have_seen_it() -> None:
            os.close(go)
            os.write(note, b".")
            os.read(wait, 1)

        started = [self._start(one, until_all_have_seen_it) for one in executions]
        for _ in executions:
            os.read(ready, 1)
        os.close(go)  # a read of a pipe without writers returns
        for descriptor in (ready, note, wait):
            os.close(descriptor)
        return [self._end(*one) for one in started]

    def _start(
        self, execution: Execution, after_first_look: Callable[[], None] = lambda: None
    ) -> tuple[int, int]:
        read, write = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(read)
            try:
                os.write(write, self._handle(execution, after_first_look).encode())
            finally:
                os._exit(0)
        os.close(write)
        return process, read

    @staticmethod
    def _end(process: int, pipe: int) -> str:
        with os.fdopen(pipe, "rb") as answer:
            text = answer.read().decode()
        os.waitpid(process, 0)
        return text or "killed"

    def _handle(self, execution: Execution, after_first_look: Callable[[], None]) -> str:
        store = WatchedStore(self._open(), execution.kill, after_first_look)

        def effect() -> str:
            descriptor = os.open(self._effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, f"{execution.key}\n".encode())
            os.close(descriptor)
            return "receipt"

        @idempotent(store, key=by_field("order"), clock=WrongClock(execution.ahead))
        def handler(event: bytes, context: object) -> str:
            return effect() if execution.plain else once("charge", effect)

        context = SimpleNamespace(
            request_id=f"request-{execution.key}",
            retry_count=execution.attempt,
            function=SimpleNamespace(name="pay", timeout=TIMEOUT_SECONDS),
        )
        try:
            return handler(json.dumps({"order": execution.key}).encode(), context)
        except IdempotencyError as error:
            return type(error).__name__
        except Exception as error:  # noqa: BLE001 -- the report names it
            return f"{type(error).__name__}: {error}"

    def effects(self, key: str) -> int:
        """Return how often the effect of a key happened."""
        lines = self._effects.read_text().splitlines() if self._effects.exists() else []
        return lines.count(key)

    def points(self) -> list[dict[str, Any]]:
        """Kill the first attempt at each moment; then deliver the event three times at once."""
        found = []
        for write, when in MOMENTS:
            for others in ("retries", "redeliveries"):
                key = f"{when}-{write}-{others}"
                attempt = 1 if others == "retries" else 0
                outcomes = self.execute(Execution(key, kill=(write, when)))
                outcomes += self.race(
                    *(Execution(key, attempt, ahead) for ahead in (-MINUTE / 2, 0, MINUTE / 2))
                )
                outcomes += self.execute(Execution(key, 2, ahead=10 * TIMEOUT_SECONDS))
                found.append(
                    {"at": (write, when), "outcomes": outcomes, "effects": self.effects(key)}
                )
        return found

    def storm(self, seed: int, keys: int = 10) -> list[dict[str, Any]]:
        """Deliver each attempt twice at once, with wrong clocks, and kill at random."""
        dice = random.Random(seed)
        found = []
        for number in range(keys):
            key, outcomes = f"storm-{number}", []
            for attempt in range(4):
                outcomes += self.execute(
                    *(
                        Execution(
                            key,
                            attempt,
                            dice.uniform(-MINUTE / 2, MINUTE / 2),
                            dice.choice(MOMENTS) if dice.random() < 0.6 else None,
                        )
                        for _ in range(2)
                    )
                )
            found.append({"outcomes": outcomes, "effects": self.effects(key)})
        return found

    def plain(self) -> list[dict[str, Any]]:
        """Deliver events of a handler that does not mark its effect, twice at once."""
        found = []
        for number in range(12):
            key = f"plain-{number}"
            both = [Execution(key, ahead=ahead, plain=True) for ahead in (0, MINUTE)]
            outcomes = self.execute(*both)
            outcomes += self.execute(Execution(key, attempt=1, plain=True))
            found.append({"outcomes": outcomes, "effects": self.effects(key)})
        return found


def main() -> None:
    kind, address, folder, what, *seed = sys.argv[1:]
    campaign = Campaign(kind, address, Path(folder))
    found = {
        "points": campaign.points,
        "storm": lambda: campaign.storm(int(seed[0])),
        "plain": campaign.plain,
    }[what]()
    print(json.dumps(found))  # noqa: T201 -- a program


if __name__ == "__main__":
    main()
