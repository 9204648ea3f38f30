# SPDX-License-Identifier: MIT
"""What both clients, the synchronous and the asyncio one, have in common.

Their methods are the functions of :mod:`fc_async_sdk.operations` with the same names, arguments
and documentation, so that neither can say something that the other doesn't.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from fc_async_sdk import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from typing_extensions import Self

    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.endpoint import Endpoint


class Twin:
    """Who a client is, where it talks to and how.

    Attributes:
        region_name: The region, "" if only an endpoint is known.
        account_id: The account, "" if it isn't known.
        endpoint_url: Where requests go.
        config: How it behaves.
        exceptions: The errors it raises: ``client.exceptions.FunctionNotFound``.
    """

    exceptions: ClassVar[ModuleType] = errors

    def __init__(
        self,
        endpoint: Endpoint,
        provider: Provider,
        config: Config,
        *,
        region_name: str = "",
        account_id: str = "",
    ) -> None:
        self.region_name = region_name
        self.account_id = account_id
        self.endpoint_url = endpoint.url
        self.config = config
        self._endpoint = endpoint
        self._provider = provider

    def __copy__(self) -> Self:
        """Return another client with the same settings and with connections of its own."""
        return type(self)(
            self._endpoint,
            self._provider,
            self.config,
            region_name=self.region_name,
            account_id=self.account_id,
        )

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self.__copy__()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.endpoint_url}>"


def dress(method: Any, operation: Callable[..., Any], owner: str) -> None:
    """Make a method look like the operation that it sends."""
    signature = inspect.signature(operation)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    returned = str(signature.return_annotation).removeprefix("Call[").removesuffix("]")
    method.__qualname__ = f"{owner}.{operation.__name__}"
    method.__signature__ = signature.replace(
        parameters=[this, *signature.parameters.values()], return_annotation=returned
    )
