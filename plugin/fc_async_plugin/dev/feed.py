# SPDX-License-Identifier: MIT
"""Follows the steps of a runtime, over its admin API."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from fc_async_plugin.account.runtime import ask, client_of
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.admin.models import Steps
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Step

_WAIT_SECONDS: Final = 20
_ATTEMPTS: Final = 5
"""Failed requests in a row after which the runtime counts as gone."""


def pages(client: Client, page: Steps) -> Iterator[Steps]:
    """Yield a page, then what is recorded after it; a page without steps after a while."""
    last = page.last
    yield page
    while True:
        # A long poll may take as long as the clock stands still, if that is virtual.
        page = client.send(admin.get_steps(last, wait=_WAIT_SECONDS))
        last = page.steps[-1].number if page.steps else last
        yield page


class Follower:
    """Follows a runtime in a thread of its own.

    Args:
        endpoint: URL of the runtime.
        steps: Called with new steps and the number of those that were missed; the next ones are
            asked for when it returns.
        lost: Called once when the runtime has gone.
    """

    def __init__(
        self,
        endpoint: str,
        steps: Callable[[list[Step], int], None],
        lost: Callable[[], None],
    ) -> None:
        self._client = client_of(endpoint, attempts=_ATTEMPTS)
        self._steps = steps
        self._lost = lost
        self._ended = threading.Event()

    def start(self, *, everything: bool) -> None:
        """Begin with the first step that the runtime has recorded, or with what runs now.

        Raises:
            FcAsyncError: The runtime does not answer.
        """
        # From the start of the runtime: what it resumes at once would not be shown otherwise.
        begin = Steps(steps=[], last=0, missed=0)
        if not everything:
            begin = ask(self._client, admin.get_steps())
        threading.Thread(target=self._run, args=(begin,), name="steps", daemon=True).start()

    def end(self) -> None:
        """Follow no longer; the thread ends with the request that is under way."""
        self._ended.set()

    def _run(self, begin: Steps) -> None:
        with self._client, suppress(FcAsyncError):
            for page in pages(self._client, begin):
                if self._ended.is_set():
                    break
                if page.steps:
                    self._steps(page.steps, page.missed)
        if not self._ended.is_set():
            self._lost()


def as_json(step: Step) -> str:
    """Return a step as one line of JSON, without members that have no value."""
    return json.dumps({"type": "step", **step.to_dict()}, ensure_ascii=False)
