# SPDX-License-Identifier: MIT
"""Everything that a runtime keeps, as one file: export, import, clear."""

from __future__ import annotations

from typing import Final, Protocol

from fc_async_local.api.operation import Octets, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_local.store.protocol import StoreUnusable
from fc_async_sdk.admin.models import Run

_HEADERS: Final = {"content-disposition": 'attachment; filename="fc-async-state.db"'}


class StateControl(Protocol):
    """Operations of the composition root on the state.

    Attributes:
        run: Names this run of the runtime; a restart has another name.
        refused: Why the state that was imported before this run could not be opened, else empty.
    """

    run: str
    refused: str

    async def snapshot(self) -> bytes | None:
        """Return a snapshot, None if the store has no file."""
        ...

    async def replace(self, snapshot: bytes | None) -> bool:
        """Restart with a snapshot, None: with nothing. False: the store has no file.

        Raises:
            StoreUnusable: It is not a snapshot. Nothing was changed.
            Rejected: Another request replaces the state.
        """
        ...


class StateAdmin:
    """Export, import and clear."""

    def __init__(self, control: StateControl) -> None:
        self._control = control

    @local("GET", "/state/run")
    async def run(self) -> Run:
        """Name this run: a client waits until it differs from the one that answered it."""
        return Run(run=self._control.run, refused=self._control.refused)

    @local("GET", "/state")
    async def export_state(self) -> Octets:
        """Return a snapshot: functions with their code, tasks, messages, metrics."""
        found = await self._control.snapshot()
        if found is None:
            raise _no_file()
        return Octets(found, headers=_HEADERS)

    @local("PUT", "/state")
    async def import_state(self, body: bytes) -> Run:
        """Restart with the snapshot in the body in place of everything, after this answer."""
        try:
            done = await self._control.replace(body)
        except StoreUnusable as error:
            raise refusals.invalid_argument(str(error)) from None
        if not done:
            raise _no_file()
        return Run(run=self._control.run)

    @local("DELETE", "/state")
    async def clear_state(self) -> Run:
        """Restart with nothing, after this answer."""
        if not await self._control.replace(None):
            raise _no_file()
        return Run(run=self._control.run)


def _no_file() -> Rejected:
    return Rejected(
        409,
        "StateNotInFile",
        "only the store sqlite keeps its state in a file; use the tools of PostgreSQL for its own",
    )
