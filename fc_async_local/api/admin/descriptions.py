# SPDX-License-Identifier: MIT
"""Serves the OpenAPI descriptions of the admin API and of the FC operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.api.operation import local

if TYPE_CHECKING:
    from collections.abc import Callable


class DescriptionAdmin:
    """The descriptions.

    Args:
        describe: Builds that of ``admin`` or ``fc`` when it is asked for.
    """

    def __init__(self, describe: Callable[[str], dict[str, Any]]) -> None:
        self._describe = describe

    @local("GET", "/openapi.json")
    async def admin_description(self) -> dict[str, Any]:
        """Return the description of the admin API."""
        return self._describe("admin")

    @local("GET", "/openapi/fc.json")
    async def fc_description(self) -> dict[str, Any]:
        """Return the description of the FC operations that are served."""
        return self._describe("fc")
