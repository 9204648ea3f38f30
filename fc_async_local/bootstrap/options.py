# SPDX-License-Identifier: MIT
"""Options of the start of a runtime, and the file with its addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypedDict

import msgspec
from msgspec import Meta

from fc_async_local.bootstrap.services import NAMES
from fc_async_local.bootstrap.stores import SQLITE
from fc_async_local.domain.rules import Ranged
from fc_async_local.execution.instances.inprocess import Handler, Observer
from fc_async_local.http.server import HIGHEST_PORT
from fc_async_local.settings import Settings
from fc_async_sdk import _project_folder

_HIGHEST_BASE: Final = HIGHEST_PORT - len(NAMES)
_LATEST_START_MS: Final = 32_503_680_000_000
"""The year 3000: what is due years after it still has a date."""


class Options(Ranged, frozen=True, kw_only=True):
    """Options of the start of a runtime.

    Attributes:
        data: Folder of the database and of unpacked code; made if it does not exist.
        port: Port of the FC API and the console; a start fails if it is in use. None: the default
            port, or the next free one. 0: any free one. The services use the next free ports.
        clock: ``virtual`` stands still until it is moved.
        clock_start: Start of a virtual clock, milliseconds since the epoch. None: now.
        store: See :mod:`fc_async_local.bootstrap.stores`.
        handlers: Callables that run instead of a function's code, by function name. May change.
        observe: Is told of each execution, in the event loop.
        grace_ms: How long requests and attempts, together, may go on after a shutdown began.

    Raises:
        ValueError: A value is outside of its range.
    """

    data: Path = _project_folder.RUNTIME
    port: Annotated[int, Meta(ge=0, le=_HIGHEST_BASE)] | None = None
    clock: Literal["real", "virtual"] = "real"
    clock_start: Annotated[int, Meta(ge=0, le=_LATEST_START_MS)] | None = None
    store: str = SQLITE
    settings: Settings = Settings()
    handlers: dict[str, Handler] = msgspec.field(default_factory=dict)
    observe: Observer | None = None
    grace_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 4_000

    def __post_init__(self) -> None:
        for name in ("port", "clock", "clock_start", "grace_ms"):
            self.check(name, getattr(self, name))


class OptionFields(TypedDict, total=False):
    """The fields of :class:`Options` but ``data``, as keyword arguments."""

    port: int | None
    clock: Literal["real", "virtual"]
    clock_start: int | None
    store: str
    settings: Settings
    handlers: dict[str, Handler]
    observe: Observer | None
    grace_ms: int
