# SPDX-License-Identifier: MIT
"""Serves the OpenAPI descriptions of the admin API and of the FC operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.api import admin

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route


class DescriptionAdmin:
    """The descriptions; each is built when it is asked for."""

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/openapi.json", self.admin_description),
                ("GET", "/openapi/fc.json", self.fc_description),
            ]
        )

    async def admin_description(self, _: Request) -> dict[str, Any]:
        """Return the description of the admin API."""
        from fc_async_local.api.openapi import admin as described  # noqa: PLC0415 -- start-up time

        return described.document()

    async def fc_description(self, _: Request) -> dict[str, Any]:
        """Return the description of the FC operations that are served."""
        from fc_async_local.api.openapi import fc as described  # noqa: PLC0415 -- start-up time

        return described.document()
