# SPDX-License-Identifier: MIT
"""Base class, errors and transports of the synchronous and the asyncio client.

Invariants:

- The methods of both clients are the functions of :mod:`fc_async_sdk.operations`: same names,
  arguments and documentation.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeVar

from fc_async_sdk import operations
from fc_async_sdk import transport as transports
from fc_async_sdk._installation import needed_for
from fc_async_sdk.errors import ConnectFailed, CredentialsError
from fc_async_sdk.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from typing_extensions import Self

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.fanout import Job, Sender
    from fc_async_sdk.operations import AcceptedInvocation, Call
    from fc_async_sdk.transport.loop import LoopTransport
    from fc_async_sdk.transport.sync import SyncTransport

    Stub = Callable[[], Callable[..., Any] | None]
    """Returns what takes the place of the client's ``_perform``, if anything does."""

T = TypeVar("T")


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
        AttemptsUsedUp,
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
        Deferred,
        DestinationDeliveryFailed,
        EffectInDoubt,
        EntityTooLarge,
        FailureKept,
        FcAsyncError,
        FeedError,
        FunctionAlreadyExists,
        FunctionError,
        FunctionInvocationDisabled,
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
        OrderingError,
        OrderingStoreFailed,
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
        WaitedTooLong,
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
        # Hooks of its own: a Config is often shared, and a hook for one client would hear of all.
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
    # The methods take anything and pass it on: without this, help() and completion would show that.
    signature = inspect.signature(operation)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    returned = str(signature.return_annotation).removeprefix("Call[").removesuffix("]")
    method.__qualname__ = f"{owner}.{operation.__name__}"
    method.__signature__ = signature.replace(
        parameters=[this, *signature.parameters.values()], return_annotation=returned
    )


# --- transports: one for threads, or those of an event loop ---------------------------------------


NOT_SENT: Final = (CredentialsError, ConnectFailed)
"""Errors of requests that never left: their sentences say all. The frames of transport and
credentials would stand between the line of the user and the sentence, as would the errors of
libraries."""


class Connections:
    """Sends the calls of a synchronous client, from any thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        transport: SyncTransport | None,
    ) -> None:
        from fc_async_sdk.transport.sync import SyncTransport  # noqa: PLC0415 -- loads requests

        self._endpoint = endpoint
        self._config = config
        self._provider = provider
        self._transport = transport or SyncTransport(endpoint, config, provider)
        self.check_open = self._transport.check_open
        self.close = self._transport.close

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        return self._transport.send(call)

    def sending(self, stub: Stub) -> Callable[[int], Sender]:
        """Return a function that makes the sender of a ``fan_out`` with some concurrency."""
        return lambda concurrency: self._sender(stub(), concurrency)

    def _sender(self, stub: Callable[..., Any] | None, concurrency: int) -> Sender:
        from fc_async_sdk import fanout  # noqa: PLC0415 -- few clients need it

        self.check_open()
        # A stub has a script of answers: two calls at a time would take them in any order.
        if stub is not None:  # one at a time, in the order of the stub
            return fanout.ThreadSender(
                lambda job: stub(operations.invoke_async, (), job.arguments), 1
            )
        # With fewer connections than the run may use, its requests would wait for one.
        config = self._config.replace(
            max_pool_connections=max(concurrency, self._config.max_pool_connections)
        )
        kind = transports.for_light_calls(self._endpoint, config)
        if kind is not None:
            light = kind(self._endpoint, config, self._provider)
            return fanout.LoopSender(light, concurrency, self.check_open)
        return fanout.ThreadSender(lambda job: self.send(job.call), concurrency)


class AsyncConnections:
    """Sends the calls of an asyncio client, within one event loop.

    Raises:
        ConfigurationError: aiohttp is not installed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        transport: LoopTransport | None,
    ) -> None:
        self._transport = transport or _aio(endpoint, config, provider)
        self._light = self._transport
        kind = transports.for_light_calls(endpoint, config)
        # A transport that was given is the only one: a test that counts requests has all of them.
        if transport is None and kind is not None and not isinstance(self._transport, kind):
            self._light = kind(endpoint, config, provider)
        self.check_open = self._transport.check_open

    def send(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        """Send a call."""
        return (self._light if call.light else self._transport).send(call)

    async def close(self) -> None:
        """Close all connections."""
        await self._light.close()
        await self._transport.close()

    def sending(self, stub: Stub) -> Callable[[Job], Coroutine[Any, Any, AcceptedInvocation]]:
        """Return a function that sends a job of a ``fan_out``."""

        async def send(job: Job) -> AcceptedInvocation:
            perform = stub()
            if perform is None:
                return await self._light.send(job.call)
            accepted: AcceptedInvocation = await perform(operations.invoke_async, (), job.arguments)
            return accepted

        return send


def _aio(endpoint: Endpoint, config: Config, provider: Provider) -> LoopTransport:
    with needed_for("the asyncio client", "aio"):
        from fc_async_sdk.transport.aio import AioTransport  # noqa: PLC0415 -- an extra
    return AioTransport(endpoint, config, provider)
