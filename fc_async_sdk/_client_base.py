# SPDX-License-Identifier: MIT
"""Base class of the synchronous and the asyncio client.

Invariants:

- The methods of both clients are the functions of :mod:`fc_async_sdk.operations`: same names,
  arguments and documentation.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from fc_async_sdk.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider


class Exceptions:
    """The errors that a client raises, as attributes, as boto3's clients have them.

    A class and not the module :mod:`fc_async_sdk.errors`, so that type checkers and completion
    know the names.
    """

    from fc_async_sdk.errors import (  # noqa: PLC0415 -- its names are the attributes
        AccessDenied,
        AliasAlreadyExists,
        AliasNotFound,
        AlreadyRunning,
        AsyncConfigNotExists,
        AsyncInvocationStopped,
        AsyncTaskAlreadyExists,
        AsyncTaskNotFound,
        BadResponse,
        CAExited,
        CAFileNotFound,
        CAFilePermission,
        ClaimLost,
        ClientClosedRequest,
        ConcurrentUpdateError,
        ConfigurationError,
        Conflict,
        ConnectFailed,
        CredentialsError,
        DestinationDeliveryFailed,
        EffectInDoubt,
        EntityTooLarge,
        FailureKept,
        FcAsyncError,
        FunctionAlreadyExists,
        FunctionError,
        FunctionNotEmpty,
        FunctionNotFound,
        FunctionNotStarted,
        IdempotencyError,
        InternalServerError,
        InvalidAccessKeyID,
        InvalidArgument,
        InvalidArn,
        InvalidDestinationResources,
        InvalidEvent,
        InvalidParameter,
        InvalidPayload,
        InvalidRequest,
        InvalidResponse,
        InvalidSecurityToken,
        KeyMissing,
        LargePayloadError,
        LayerNotFound,
        LimitExceeded,
        MissingRequiredHeader,
        NoCredentials,
        NotFound,
        OutcomeUnknown,
        PaceError,
        PaceStoreFailed,
        PathNotSupported,
        PayloadDamaged,
        PayloadMismatch,
        PayloadNotFound,
        PayloadOverMemory,
        PayloadStoreDenied,
        PayloadStoreFailed,
        PayloadTooLarge,
        PreconditionFailed,
        ResourceExhausted,
        ResourceThrottled,
        ResultNotKept,
        ResultNotStored,
        ServerError,
        ServiceError,
        SignatureNotMatch,
        StoreFailed,
        TaskError,
        TaskExpired,
        TaskFailed,
        TaskInvalid,
        TaskLost,
        TaskStopped,
        Throttled,
        TimedOut,
        TransportError,
        TriggerAlreadyExists,
        TriggerNotFound,
        UnreadableClaim,
        VersionNotFound,
        WaiterError,
        WaitTooLong,
    )


class Meta(NamedTuple):
    """Facts about a client.

    Attributes:
        events: Hooks around its requests.
        region_name: As of the client.
        endpoint_url: As of the client.
        config: As of the client.
    """

    events: Hooks
    region_name: str
    endpoint_url: str
    config: Config


class BaseClient:
    """Identity, endpoint and configuration of a client.

    Attributes:
        region_name: The region, "" if only an endpoint is known.
        account_id: The account, "" if it isn't known.
        endpoint_url: URL that requests are sent to.
        config: Timeouts, retries and connections.
        meta: Hooks around its requests, and the facts above, as in boto3.
        exceptions: The errors it raises: ``client.exceptions.FunctionNotFound``.
    """

    exceptions: ClassVar[type[Exceptions]] = Exceptions
    _make_connections: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        endpoint: Endpoint,
        provider: Provider,
        config: Config,
        *,
        region_name: str = "",
        account_id: str = "",
        transport: Any = None,
    ) -> None:
        """Make a client, with transports of its own unless one is given for all calls."""
        self.region_name = region_name
        self.account_id = account_id
        self.endpoint_url = endpoint.url
        self.config = config if config.events is not None else config.replace(events=Hooks())
        self._endpoint = endpoint
        self._provider = provider
        self._connections = self._make_connections(endpoint, self.config, provider, transport)

    @property
    def meta(self) -> Meta:
        """Facts about the client, as boto3's clients have them; ``meta.events`` registers hooks."""
        assert self.config.events is not None
        return Meta(self.config.events, self.region_name, self.endpoint_url, self.config)

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


def copy_signature(method: Any, operation: Callable[..., Any], owner: str) -> None:
    """Give a method the signature and the name of the operation that it sends.

    Args:
        method: The method of a client; changed in place.
        operation: The function of :mod:`fc_async_sdk.operations`.
        owner: Name of the client's class.
    """
    signature = inspect.signature(operation)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    returned = str(signature.return_annotation).removeprefix("Call[").removesuffix("]")
    method.__qualname__ = f"{owner}.{operation.__name__}"
    method.__signature__ = signature.replace(
        parameters=[this, *signature.parameters.values()], return_annotation=returned
    )
