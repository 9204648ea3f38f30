# SPDX-License-Identifier: MIT
"""Follows the steps of a runtime, over its admin API."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec
import requests

from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

_WAIT_SECONDS: Final = 20
_ATTEMPTS: Final = 5
"""Of requests in a row that fail, after which the runtime is gone."""


class Step(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One step of an invocation, as ``GET /_local/steps`` has it; see the page on the runtime."""

    number: int = 0
    kind: str
    at: int
    function: str
    qualifier: str = ""
    request_id: str
    task_id: str = ""
    sync: bool = False
    attempt: int = 0
    attempts: int = 0
    due_at: int | None = None
    status: str = ""
    outcome: str = ""
    condition: str = ""
    error: str = ""
    result: str = ""
    output: str = ""
    duration_ms: int = 0
    memory_mb: int = 0
    destination: str = ""
    event: str = ""
    payload: bytes = b""
    hops: int = 0


class _Page(msgspec.Struct, frozen=True):
    steps: list[Step]
    last: int
    missed: int = 0


prepare(_Page)


class Admin:
    """The admin API of one runtime. Thread-safe.

    Args:
        endpoint: URL of the runtime.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def get(self, path: str, **query: int) -> bytes:
        """Return the body of an answer.

        Raises:
            requests.RequestException: The runtime is gone, or it refuses the request.
        """
        # Without a limit of time: on a virtual clock a long poll lasts until something happens.
        answer = requests.get(f"{self._endpoint}/_local/{path}", params=query, timeout=None)  # noqa: S113 -- see above
        answer.raise_for_status()
        return answer.content

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object that a request is answered with.

        Raises:
            Refused: The runtime refuses the request.
            requests.RequestException: The runtime is gone.
        """
        return self._send("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do the same as :meth:`post` with PUT."""
        return self._send("PUT", path, body)

    def delete(self, path: str) -> None:
        """Do the same as :meth:`post` with DELETE."""
        self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        url = f"{self._endpoint}/_local/{path}"
        answer = requests.request(method, url, json=body or {}, timeout=None)  # noqa: S113 -- as above
        if not answer.ok:
            raise Refused(_message_of(answer))
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


class Refused(Exception):
    """The runtime refuses a request; the message says why."""


def _message_of(answer: requests.Response) -> str:
    try:
        text = str(answer.json()["Message"])
    except (ValueError, KeyError, TypeError):
        text = answer.reason
    return text


class Follower:
    """Follows a runtime in a thread of its own.

    Args:
        admin: The runtime.
        steps: Called with new steps and the number of those that were missed.
        lost: Called once when the runtime has gone.
    """

    def __init__(
        self,
        admin: Admin,
        steps: Callable[[list[Step], int], None],
        lost: Callable[[], None],
    ) -> None:
        self._admin = admin
        self._steps = steps
        self._lost = lost
        self._ended = threading.Event()
        self._last = 0

    def start(self, *, everything: bool) -> None:
        """Begin with the first step that the runtime has recorded, or with the next one.

        Raises:
            requests.RequestException: The runtime does not answer.
        """
        if not everything:
            self._last = msgspec.json.decode(self._admin.get("steps"), type=_Page).last
        threading.Thread(target=self._run, name="steps", daemon=True).start()

    def end(self) -> None:
        """Follow no longer; the thread ends with the request that is under way."""
        self._ended.set()

    def _run(self) -> None:
        failures = 0
        while not self._ended.is_set():
            try:
                body = self._admin.get("steps", after=self._last, wait=_WAIT_SECONDS)
                page = msgspec.json.decode(body, type=_Page)
            except (requests.RequestException, msgspec.DecodeError):
                failures += 1
                if failures == _ATTEMPTS:
                    break
                self._ended.wait(0.1 * failures)
                continue
            failures = 0
            if page.steps and not self._ended.is_set():
                self._last = page.steps[-1].number
                self._steps(page.steps, page.missed)
        if not self._ended.is_set():
            self._lost()


def as_json(step: Step) -> str:
    """Return a step as one line of JSON, without members that have no value."""
    document = {
        name: value
        for name, value in msgspec.to_builtins(step).items()
        if value not in ("", None, False) and not (name == "hops" and not value)
    }
    return json.dumps({"type": "step", **document}, ensure_ascii=False)
