# SPDX-License-Identifier: MIT
"""The application called as a server would call it, over stand-ins for engine and store."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.api import Api, admin
from fc_async_local.api.fc2 import Fc2
from fc_async_local.api.function_resources import (
    ResourceOperations,
    TagOperations,
)
from fc_async_local.api.functions import FunctionOperations
from fc_async_local.api.http_triggers.calls import HttpTriggerCalls
from fc_async_local.api.http_triggers.urls import TriggerUrls
from fc_async_local.api.invoke import InvokeFunction
from fc_async_local.api.operation import routes_of
from fc_async_local.api.tasks import TaskOperations
from fc_async_local.api.uploads import UploadOperations
from fc_async_local.clock import RealClock, VirtualClock
from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_local.engine.feed import Feed, Remembered
from fc_async_local.engine.ports import Accepted, Answered
from fc_async_local.functions import FunctionRegistry
from fc_async_local.http.access import Access
from fc_async_local.http.acs_signature import AcsSignatures
from fc_async_local.settings import Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments, MemoryStore
from fc_async_local.store.protocol import Stats, Task, TaskCounts, TaskPage
from fc_async_local.wakeups import Wakeups
from fc_async_sdk.admin.models import Addresses
from fc_async_tests import code
from fc_async_tests.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = 1_700_000_000_000
TOKEN = "token-of-this-runtime"
ADDRESSES = Addresses(
    fc="http://127.0.0.1:9900",
    console="http://127.0.0.1:9900/console",
    mns="http://127.0.0.1:9901",
    rocketmq="http://127.0.0.1:9902",
    eventbridge="http://127.0.0.1:9903",
    oss="http://127.0.0.1:9904",
    account_id="1234567890123456",
    region="cn-hangzhou",
    data="runtime",
    pid=7,
)


class Engine:
    """Records calls; returns the given answer, or raises it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.error: Exception | None = None
        self.outcome = Outcome(kind=OutcomeKind.SUCCESS, payload=b"done", instance_id="c-1")
        self.known = True
        self.answer: tuple[int, list[tuple[str, str]], list[bytes]] | None = None
        self.bodies: list[bytes] = []

    async def serve(self, exchange):
        """Answer as the server of a web function, if a test has set an answer."""
        if self.answer is not None:
            self.bodies.append(b"".join([piece async for piece in exchange.body()]))
            status, headers, pieces = self.answer
            await exchange.begin(status, headers)
            for piece in pieces:
                await exchange.write(piece)

    def _note(self, verb: str, value: object) -> None:
        self.calls.append((verb, value))
        if self.error is not None:
            raise self.error

    async def invoke_async(self, request):
        self._note("invoke_async", request)
        request_id = request.request_id or "made-up"
        return Accepted(request_id, request.task_id or request_id)

    async def invoke_sync(self, request, exchange=None):
        self._note("invoke_sync", request)
        if exchange is not None:
            await self.serve(exchange)
        return Answered(request.request_id or "made-up", self.outcome)

    async def stop_task(self, function, task_id):
        self._note("stop_task", (function, task_id))
        return task(task_id=task_id)

    async def abort(self, function):
        self._note("abort", function)

    async def make_due(self, function, task_id):
        self._note("make_due", (function, task_id))
        return self.known

    async def redrive(self, request_id):
        self._note("redrive", request_id)
        return self.known

    async def advance(self, ms):
        self._note("advance", ms)

    async def run_until_idle(self):
        self._note("run_until_idle", None)
        return 1500


class Tasks:
    """The store as far as the API reads it."""

    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str], Task] = {}
        self.dead: list[Any] = []
        self.queries: list[Any] = []
        self.noted: list[Any] = []
        self.after: str | None = None
        self.error: Exception | None = None

    async def get(self, function, task_id):
        if self.error is not None:
            raise self.error
        return self.tasks.get((function, task_id))

    async def query(self, query):
        self.queries.append(query)
        return TaskPage(tuple(t.invocation for t in self.tasks.values()), self.after)

    async def count_tasks(self, query, *, most):
        self.queries.append(query)
        return TaskCounts({Status.FAILED: most}, frozenset({Status.FAILED}))

    async def notes(self, request_id):
        return [note for note in self.noted if note.request_id == request_id]

    async def add_notes(self, notes):
        self.noted += notes

    async def next_due(self):
        if self.error is not None:
            raise self.error

    async def stats(self):
        return Stats({Status.ENQUEUED: 2}, NOW, 1, len(self.dead))

    async def dead_jobs(self, *, limit=100, after=None):
        dead = sorted(self.dead, key=lambda job: (job.created_at, job.key), reverse=True)
        return [job for job in dead if after is None or (job.created_at, job.key) < after][:limit]

    async def discard_dead(self, key):
        before = len(self.dead)
        self.dead = [job for job in self.dead if job.key != key]
        return len(self.dead) < before


class Response:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start = messages[0] if messages else {"status": 0, "headers": []}
        self.status: int = start["status"]
        self.headers = {k.decode().lower(): v.decode("latin-1") for k, v in start["headers"]}
        self.body = b"".join(m.get("body", b"") for m in messages[1:])
        self.complete = bool(messages) and not messages[-1].get("more_body", False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """An application and everything that stands behind it."""

    def __init__(self, settings: Settings, *, virtual: bool = True, now: float = 0.0) -> None:
        self.engine, self.store, self.blobs = Engine(), Tasks(), Blobs()
        self.metrics = MemoryStore()
        self.clock = VirtualClock(NOW) if virtual else RealClock()
        self.registry = FunctionRegistry(
            DocumentCache(MemoryDocuments(), Wakeups(self.clock)),
            self.blobs,
            self.clock,
            account=settings.account,
        )
        signatures = AcsSignatures(settings.auth.access_keys, lambda: now)
        ids = itertools.count(1)
        remembered = Remembered(Feed(Wakeups(self.clock), most_bytes=0))
        self.noted: list[tuple[str, str, str]] = []
        urls = TriggerUrls("http://127.0.0.1:9900", settings.account)
        access = Access(TOKEN, 9900, lambda: now)
        strict = signatures if settings.auth.strict_auth else None
        invoke = InvokeFunction(self.engine, self.registry)
        self.app = Api(
            invoke,
            HttpTriggerCalls(
                self.engine,
                self.registry,
                urls,
                signatures=strict,
                clock=self.clock,
                account=settings.account,
                noted=lambda *call: self.noted.append(call),
            ),
            [
                *routes_of(
                    FunctionOperations(
                        self.registry, self.engine.abort, access.signed, _nothing_lacks
                    )
                ),
                *routes_of(ResourceOperations(self.registry, urls)),
                *routes_of(TagOperations(self.registry)),
                *routes_of(
                    UploadOperations(
                        self.registry, settings, checksum=lambda _: "1", now=lambda: NOW
                    )
                ),
                *routes_of(TaskOperations(self.store, self.registry, self.engine, settings)),
                *routes_of(admin.StatusAdmin(self.store, self.clock, settings, ADDRESSES)),
                *routes_of(admin.MetricsAdmin(self.metrics, self.clock)),
                *routes_of(
                    admin.TaskAdmin(self.store, self.engine, self.clock, settings, remembered)
                ),
                *routes_of(admin.FunctionAdmin(self.registry, self.engine, urls, self.metrics)),
                *routes_of(admin.DeliveryAdmin(self.store, self.engine)),
                *routes_of(admin.ClockAdmin(self.engine, self.clock)),
            ],
            strict,
            access,
            lambda: f"req-{next(ids)}",
            self.clock.stopped_at,
            Fc2(invoke, self.registry, settings.auth.access_keys, lambda: now),
        )

    def call(
        self,
        method: str,
        target: str,
        body: bytes | dict[str, Any] = b"",
        headers: dict[str, str] | None = None,
        *,
        chunks: Sequence[bytes] | None = None,
        hang_up: bool = False,
        token: str = TOKEN,
    ) -> Response:
        """One request; ``chunks`` sends the body in parts, ``hang_up`` never ends it."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        raw_path, _, query = target.partition("?")
        given = {"host": "127.0.0.1:9900", **(headers or {})}
        if raw_path.startswith(("/_local", "/metrics")) and token:
            given.setdefault("authorization", f"Bearer {token}")
        scope = {
            "type": "http",
            "method": method,
            "path": _decoded(raw_path),
            "raw_path": raw_path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
            "server": ("127.0.0.1", 9900),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
        }
        parts = list(chunks) if chunks is not None else [data]
        incoming = [
            {"type": "http.request", "body": part, "more_body": hang_up or n < len(parts)}
            for n, part in enumerate(parts, 1)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        return Response(sent)

    def trigger(self, function: str = "orders", name: str = "web", **config) -> dict[str, Any]:
        """An HTTP trigger, anonymous unless ``config`` says otherwise."""
        qualifier = config.pop("qualifier", "LATEST")
        settings = {"authType": "anonymous", "methods": ["GET", "POST", "HEAD"], **config}
        body = {
            "triggerName": name,
            "triggerType": "http",
            "triggerConfig": json.dumps(settings),
            "qualifier": qualifier,
        }
        answer = self.call("POST", f"/2023-03-30/functions/{function}/triggers", body)
        assert answer.status == 200, answer.body
        urls: dict[str, Any] = answer.json["httpTrigger"]
        return urls

    def create(self, name: str = "orders", **settings) -> Response:
        """A function."""
        body = {
            "functionName": name,
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": {"zipFile": base64.b64encode(code.archive()).decode()},
            **settings,
        }
        return self.call("POST", "/2023-03-30/functions", body)


def _decoded(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


def task(**changes) -> Invocation:
    fields: dict[str, Any] = {
        "request_id": "1-a-b-c",
        "task_id": "t1",
        "function": "orders",
        "qualifier": "LATEST",
        "payload": b"in",
        "accepted_at": NOW,
        "due_at": NOW,
        "task_mode": True,
    }
    return Invocation(**fields | changes)


@pytest.fixture
def world() -> World:
    return World(Settings())


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World


@pytest.fixture
def archive() -> bytes:
    return code.archive()


@pytest.fixture
def make_task() -> Callable[..., Invocation]:
    return task


async def _nothing_lacks(_: object) -> str:
    return ""
