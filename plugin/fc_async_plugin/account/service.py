# SPDX-License-Identifier: MIT
"""The operations of the FC API that the plugin uses, and one client per region.

:class:`Service` is a protocol that the SDK's client implements, and a fake account in the tests.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from fc_async_plugin.account.lists import Lists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_sdk.models import (
        Alias,
        AsyncConfig,
        Code,
        Function,
        FunctionCode,
        FunctionVersion,
    )


class Service(Lists, Protocol):
    """Operations of the FC API that reading and applying need; see the SDK's client."""

    def get_function(self, function: str) -> Function: ...

    def create_function(
        self,
        function: str,
        *,
        runtime: str,
        handler: str = ...,
        code: Code | bytes | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Function: ...

    def update_function(
        self,
        function: str,
        *,
        code: Code | bytes | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Function: ...

    def delete_function(self, function: str) -> None: ...

    def get_function_code(self, function: str) -> FunctionCode: ...

    def put_async_invoke_config(
        self, function: str, *, qualifier: str | None = None, config: AsyncConfig | None = None
    ) -> AsyncConfig: ...

    def delete_async_invoke_config(
        self, function: str, *, qualifier: str | None = None
    ) -> None: ...

    def create_alias(
        self,
        function: str,
        alias: str,
        *,
        version_id: str,
        description: str | None = None,
        additional_version_weight: Mapping[str, float] | None = None,
    ) -> Alias: ...

    def update_alias(
        self,
        function: str,
        alias: str,
        *,
        version_id: str | None = None,
        description: str | None = None,
        additional_version_weight: Mapping[str, float] | None = None,
    ) -> Alias: ...

    def delete_alias(self, function: str, alias: str) -> None: ...

    def publish_function_version(
        self, function: str, *, description: str | None = None
    ) -> FunctionVersion: ...

    def delete_function_version(self, function: str, version_id: str) -> None: ...


class Regions:
    """One service per region of one account, made at the first request. Thread-safe."""

    def __init__(self, connect: Callable[[str], Service]) -> None:
        self._connect = connect
        self._services: dict[str, Service] = {}
        self._lock = threading.Lock()

    def __getitem__(self, region: str) -> Service:
        """Return the service of a region."""
        with self._lock:
            if region not in self._services:
                self._services[region] = self._connect(region)
            return self._services[region]

    def close(self) -> None:
        """Close the connections of all regions."""
        with self._lock:
            for service in self._services.values():
                close = getattr(service, "close", None)
                if close is not None:
                    close()
            self._services.clear()
