# SPDX-License-Identifier: MIT
"""A function whose runs last some seconds of virtual time, and that notes when each ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk._pacing import hosting

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal


class Runs:
    """Runs of a handler: what each got, when it began and ended, and how many ran at a time.

    Attributes:
        seconds: How long a run lasts.
    """

    def __init__(self, fc_local: FcLocal) -> None:
        self._now = fc_local.runtime.now
        self._began = self._now()
        self._running = 0
        self.seconds = 5.0
        self.most = 0
        self.payloads: list[Any] = []
        self.starts: list[float] = []

    async def __call__(self, payload: Any, _: object = None) -> Any:
        self._running += 1
        self.most = max(self.most, self._running)
        self.payloads.append(payload)
        self.starts.append((self._now() - self._began) / 1_000)
        host = hosting.current()
        assert host is not None
        try:
            await host.wait(self.seconds)
        finally:
            self._running -= 1
        return payload


@pytest.fixture
def runs(fc_local: FcLocal) -> Runs:
    return Runs(fc_local)


@pytest.fixture
def deploy(fc_local: FcLocal) -> Callable[..., None]:
    def deploy(handler: Callable[..., Any], **config: Any) -> None:
        settings: Any = {"asyncTask": True, "maxAsyncEventAgeInSeconds": 604_800, **config}
        fc_local.deploy("reply", handler, async_config=settings, timeout=600)

    return deploy
