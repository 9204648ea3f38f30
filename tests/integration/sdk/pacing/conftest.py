# SPDX-License-Identifier: MIT
"""A function that is called by pace, on virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal


class Log:
    """Starts of a handler in virtual time, and the payloads that it got."""

    def __init__(self, fc_local: FcLocal) -> None:
        self._now = fc_local.runtime.now
        self.began = self._now()
        self.starts: list[int] = []
        self.payloads: list[Any] = []

    def __call__(self, payload: Any, _: object = None) -> Any:
        self.starts.append(self._now() - self.began)
        self.payloads.append(payload)
        return payload

    @property
    def seconds(self) -> list[float]:
        return [start / 1_000 for start in self.starts]


@pytest.fixture
def log(fc_local: FcLocal) -> Log:
    return Log(fc_local)


@pytest.fixture
def deploy(fc_local: FcLocal) -> Callable[..., None]:
    def deploy(handler: Callable[..., Any], **config: Any) -> None:
        settings = {"asyncTask": True, "maxAsyncEventAgeInSeconds": 604_800, **config}
        fc_local.deploy("crm", handler, async_config=settings)

    return deploy
