# SPDX-License-Identifier: MIT
"""Modules that a Python function could import on the service; imports that would fail there.

The process of the function compares (:mod:`.worker.imports`); this side knows the function's
runtime, its layers and its ``requirements.txt``.

Invariants:
    A function and a module are reported once for the life of the runtime.
    What ``requirements.txt`` in the code folder names counts as there, with what it requires: a
    build puts it there.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fc_async_local.execution.worker.imports import Missing
from fc_async_sdk import _requirements, packaging
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_local.execution.protocol import Deployment

_LOG: Final = logging.getLogger(__name__)


class ImportRules:
    """Makes the rules for each function, and reports what its process has found.

    Args:
        strict: Whether an import that would fail on the service fails here, too.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._reported: set[Missing] = set()

    async def of(self, deployment: Deployment, code: Path) -> dict[str, Any] | None:
        """Return the rules for the process of a function.

        Args:
            deployment: The function; its runtime is a Python runtime.
            code: The folder with its code.

        Returns:
            None if a layer is not known, so that nothing can be said.
        """
        elsewhere = [layer for layer in deployment.layers if packaging.layer_of(layer) is None]
        modules = runtimes.modules(deployment.runtime, elsewhere)
        if modules is None:
            return None
        file = code / "requirements.txt"
        if file.is_file():
            modules |= await asyncio.to_thread(_required, file)
        return {
            "function": deployment.function,
            "runtime": deployment.runtime,
            "strict": self._strict,
            "modules": sorted(modules),
            "absent": sorted(runtimes.not_in_standard_library(deployment.runtime)),
        }

    def report(self, deployment: Deployment, modules: Iterable[str]) -> None:
        """Log modules that a function imports from this machine and lacks on the service."""
        for module in modules:
            missing = Missing(deployment.function, deployment.runtime, module)
            if missing not in self._reported:
                self._reported.add(missing)
                _LOG.warning(missing.sentence())


def _required(file: Path) -> frozenset[str]:
    """Return the modules that a ``requirements.txt`` installs."""
    folders = [folder for folder in map(Path, sys.path) if folder.is_dir()]
    installed = tuple(folder.stat().st_mtime_ns for folder in folders)
    return _modules_of(file.read_text("utf-8", "replace"), installed)


@functools.lru_cache(maxsize=64)
def _modules_of(text: str, _: tuple[int, ...]) -> frozenset[str]:
    """Return the modules of requirements, until a package is installed or removed."""
    return _requirements.modules(text)
