# SPDX-License-Identifier: MIT
"""Starts instances: gets the code, the layers and the mounted folders that they run with."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_local.execution import mounts
from fc_async_local.execution.instances.forkserver import ForkServers
from fc_async_local.execution.machine import sandbox
from fc_async_local.execution.machine.paths import Folders
from fc_async_local.execution.notices import warn_once

if TYPE_CHECKING:
    from fc_async_local.execution.code_cache import CodeCache
    from fc_async_local.execution.instances.instance import Instance
    from fc_async_local.execution.instances.replies import Reply
    from fc_async_local.execution.mounts import Mount
    from fc_async_local.execution.protocol import Attempt, Deployment

_LOG: Final = logging.getLogger(__name__)


class Starter:
    """Starts instances in processes of the fork servers.

    Args:
        code: Supplies unpacked code.
        mounts: The folder for what functions mount; None: they find the paths of this machine.
    """

    def __init__(self, code: CodeCache, mounts: Path | None) -> None:
        self._code = code
        self._mounts = mounts
        self._servers = ForkServers()

    async def folders_of(self, instance: Instance) -> Folders:
        """Return the folders of an instance: code, layers, and what it mounts.

        Raises:
            ArchiveRefused: The code cannot be unpacked.
            LookupError: There is no such code.
            OSError: A folder cannot be made.
        """
        deployment = instance.deployment
        if deployment.image:
            # The service downloads no code for an image: `code` of its template is what builds it.
            code = Path()
        elif instance.debugger is None:
            code = await self._code.folder(deployment.code_checksum)
        else:
            # The files in which the user sets breakpoints.
            code = instance.debugger.folder
        layers = await self._code.layers(deployment.layers) if deployment.layers else ()
        return Folders(code, layers, await self._mounts_of(deployment))

    async def start(self, instance: Instance, folders: Folders, first: Attempt) -> Reply | None:
        """Start an instance; see :meth:`.Instance.start`."""
        return await instance.start(self._servers, folders, first)

    async def aclose(self) -> None:
        """End all processes; return when they have ended."""
        await self._servers.aclose()

    async def _mounts_of(self, deployment: Deployment) -> tuple[Mount, ...]:
        """Return the folders of what a function mounts; say once where code does not find them.

        Raises:
            OSError: A folder cannot be made.
        """
        if self._mounts is None or not deployment.mounts:
            return ()
        folders = await asyncio.to_thread(mounts.make, deployment.mounts, self._mounts)
        if not await asyncio.to_thread(sandbox.is_available):
            warn_once(
                _LOG,
                f"{deployment.function} mounts folders that only its variables and commands find"
                f" ({mounts.described(folders)}): code that names such a path itself reaches this"
                " machine's; install bubblewrap, or take the path from a variable",
                key=f"{deployment.function} {folders}",
            )
        return folders
