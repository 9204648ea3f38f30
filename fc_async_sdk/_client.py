# SPDX-License-Identifier: MIT
# Written by .ci/unasync.py from _async_client.py: change that module.
"""The client.

Its methods are the functions of :mod:`fc_async_sdk.operations`, sent: same names, same arguments,
same documentation. What is more than one request lives in modules of its own.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from fc_async_sdk import operations, packaging
from fc_async_sdk._client_base import NOT_SENT, BaseClient, Connections, copy_signature

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Container,
        Iterable,
        Mapping,
    )
    from datetime import timedelta

    from typing_extensions import Self, Unpack

    from fc_async_sdk import fanout, handles, models
    from fc_async_sdk._feeding import Feeding
    from fc_async_sdk._ordering import BaseConcurrency as Concurrency
    from fc_async_sdk._ordering import BaseDebounce as Debounce
    from fc_async_sdk._pacing import BasePace as Pace
    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk._payloads.schema import Schema
    from fc_async_sdk.handles.calls import HandleOptions
    from fc_async_sdk.operations import Call
    from fc_async_sdk.operations.checks import Payload
    from fc_async_sdk.paginators import Paginator
    from fc_async_sdk.waiters import FunctionWaiter, Port, TaskWaiter

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def _sends(
    operation: Callable[P, Call[T]],
) -> Callable[Concatenate[Client, P], T]:
    """Return a method that sends what the operation makes; code is read from its path before."""

    def method(self: Client, /, *args: Any, **kwargs: Any) -> T:
        if isinstance(kwargs.get("code"), (str, os.PathLike)):
            kwargs["code"] = packaging.load(kwargs["code"])
        return self._perform(operation, args, kwargs)

    functools.update_wrapper(method, operation)
    copy_signature(method, operation, "Client")
    return method


class Client(BaseClient):
    """A client of one account in one region. Make one and keep it.

    Thread-safe.
    Made by :func:`fc_async_sdk.client` or :meth:`fc_async_sdk.Session.client`. Close
    it, or use it as a context manager.

    Attributes:
        region_name: The region, "" if only an endpoint is known.
        account_id: The account, "" if it isn't known.
        endpoint_url: Where requests go.
        config: How it behaves.
        exceptions: The errors it raises: ``client.exceptions.FunctionNotFound``.
    """

    _make_connections = Connections
    _connections: Connections

    def send(self, call: Call[T], *, total_timeout: float | None = None) -> T:
        """Send a call of :mod:`fc_async_sdk.operations` and return what it brought back.

        Args:
            call: Such as ``operations.get_function("f")``.
            total_timeout: Seconds for the whole call; None takes the call's own limit, then
                ``Config.total_timeout``.

        Raises:
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        try:
            return self._connections.send(call.within(total_timeout))
        except NOT_SENT as error:
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _perform(
        self,
        operation: Callable[..., Call[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        total_timeout: float | None = None,
    ) -> T:
        # Every method comes through here: fc_async_sdk.testing.Stubber takes its place.
        call = operation(*args, **kwargs).within(total_timeout)
        try:
            return self._connections.send(call)
        except NOT_SENT as error:
            raise error.with_traceback(None) from None

    invoke = _sends(operations.invoke)
    invoke_later = _sends(operations.invoke_later)

    put_async_invoke_config = _sends(operations.put_async_invoke_config)
    get_async_invoke_config = _sends(operations.get_async_invoke_config)
    delete_async_invoke_config = _sends(operations.delete_async_invoke_config)
    list_async_invoke_configs = _sends(operations.list_async_invoke_configs)

    get_async_task = _sends(operations.get_async_task)
    list_async_tasks = _sends(operations.list_async_tasks)
    stop_async_task = _sends(operations.stop_async_task)

    create_function = _sends(operations.create_function)
    update_function = _sends(operations.update_function)
    get_function = _sends(operations.get_function)
    get_function_code = _sends(operations.get_function_code)
    list_functions = _sends(operations.list_functions)
    delete_function = _sends(operations.delete_function)
    disable_function_invocation = _sends(operations.disable_function_invocation)
    enable_function_invocation = _sends(operations.enable_function_invocation)

    publish_function_version = _sends(operations.publish_function_version)
    list_function_versions = _sends(operations.list_function_versions)
    delete_function_version = _sends(operations.delete_function_version)

    create_alias = _sends(operations.create_alias)
    update_alias = _sends(operations.update_alias)
    get_alias = _sends(operations.get_alias)
    list_aliases = _sends(operations.list_aliases)
    delete_alias = _sends(operations.delete_alias)

    create_trigger = _sends(operations.create_trigger)
    update_trigger = _sends(operations.update_trigger)
    get_trigger = _sends(operations.get_trigger)
    list_triggers = _sends(operations.list_triggers)
    delete_trigger = _sends(operations.delete_trigger)

    put_concurrency_config = _sends(operations.put_concurrency_config)
    get_concurrency_config = _sends(operations.get_concurrency_config)
    delete_concurrency_config = _sends(operations.delete_concurrency_config)
    list_concurrency_configs = _sends(operations.list_concurrency_configs)

    def invoke_async(
        self,
        function: str,
        payload: Payload = None,
        *,
        delay: int | timedelta | None = None,
        task_id: str | None = None,
        qualifier: str | None = None,
        pace: Pace | None = None,
        total_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        large: PayloadStore | None = None,
    ) -> operations.AcceptedInvocation:
        """Call a function asynchronously. As :func:`fc_async_sdk.operations.invoke_async`.

        Args:
            function: Name of the function.
            payload: Bytes, text or anything JSON; at most ``Config.max_async_payload_bytes``.
            delay: Whole seconds, or a timedelta of them, 0 < delay < 3600; None is none.
            task_id: Unique within the function; None: the service makes one.
            qualifier: Version or alias; None is LATEST.
            pace: Decides the delay; see :mod:`fc_async_sdk.pacing`.
            total_timeout: Seconds for the whole call, repetitions included.
            headers: Further headers to send.
            large: Store for a payload over its threshold; see :mod:`fc_async_sdk.payloads`.

        Raises:
            PaceError: The pace has no slot; nothing was sent.
            LargePayloadError: The store denied or failed; nothing was sent.
        """
        arguments: dict[str, Any] = {
            "function": function,
            "payload": payload,
            "delay": delay,
            "task_id": task_id,
            "qualifier": qualifier,
            "total_timeout": total_timeout,
            "headers": headers,
            "large": large,
        }
        if pace is None:
            return self._perform(operations.invoke_async, (), arguments)
        from fc_async_sdk import _pacing  # noqa: PLC0415 -- few clients need it

        call = operations.invoke_async(**arguments)
        return _pacing.send_paced(
            pace,
            arguments,
            call.body,
            lambda paced: self._perform(operations.invoke_async, (), paced),
        )

    def fan_out(  # noqa: PLR0913 -- what is sent, as whose tasks, how fast, by which way
        self,
        function: str,
        payloads: Iterable[Any],
        *,
        task_ids: fanout.TaskIds | None = None,
        resume: Container[str] | None = None,
        concurrency: int = 32,
        delay: int | timedelta | None = None,
        qualifier: str | None = None,
        progress: Callable[[fanout.Progress], None] | bool | None = None,
        pace: Pace | None = None,
        large: PayloadStore | None = None,
        feed: PayloadStore | Feeding | None = None,
    ) -> fanout.FanOut:
        """Call a function asynchronously for every payload; see :mod:`fc_async_sdk.fanout`.

        Args:
            function: Name of the function.
            payloads: Bytes, texts or anything JSON, at most 128 KB each without ``large``; taken as
                needed.
            task_ids: A prefix (ids are ``{prefix}-{index}``), or a function of index and payload
                that makes an id. With ids a broken run can be started again without a duplicate.
            resume: Task ids that are known to be accepted: these are not sent.
            concurrency: How many are on the wire at a time, 1-1000.
            delay: As in :meth:`invoke_async`.
            qualifier: Version or alias; None is LATEST.
            progress: Called after every outcome; or True for a progress bar (needs ``rich``).
            pace: Decides the delays; see :mod:`fc_async_sdk.pacing`. Slots are booked when the run
                begins, if ``payloads`` has a length.
            large: As in :meth:`invoke_async`.
            feed: Store that the whole batch is written to, from which the function sends it to
                itself at the pace of its handler; see :mod:`fc_async_sdk.feeding`.

        Returns:
            A run: iterate over it for the outcomes as they complete, or call ``run()``.

        Raises:
            ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
            InvalidParameter: An argument that concerns all payloads is wrong.
            RuntimeError: The client is closed.
        """
        from fc_async_sdk import fanout  # noqa: PLC0415 -- few clients need it

        self._connections.check_open()
        fed = None
        if feed is not None:
            start = functools.partial(self.invoke, function, qualifier=qualifier)
            name = pace.name if pace is not None else ""
            limit = self.config.max_async_payload_bytes
            fed = fanout.Fed(feed, function, start, task_ids=task_ids, pace=name, limit=limit)
            fanout.check_fed(delay, resume)
            pace = None  # that of the handler decides
        plan = fanout.Plan(
            function,
            payloads,
            task_ids=task_ids,
            resume=resume,
            concurrency=concurrency,
            delay=delay,
            qualifier=qualifier,
            progress=progress,
            pace=pace,
            large=large,
        )
        send = self._connections.sending(self._stub)
        return fanout.FanOut(plan, payloads, send, fed)

    def replay_events(
        self,
        events: Iterable[Any],
        *,
        to: str | None = None,
        qualifier: str | None = None,
        concurrency: int = 32,
        progress: Callable[[fanout.Progress], None] | bool | None = None,
        pace: Pace | None = None,
        functions: Collection[str] | None = None,
    ) -> fanout.FanOut:
        """Send again what failed: call a function with the payload of each failed event.

        The payload is that of the failed invocation, byte for byte. The task id is derived from
        its request id. In task mode the service refuses an id that it knows, so an event that
        comes twice, or a replay that was interrupted, calls the function once; the outcome then
        is accepted as ``duplicate``. Delete a message after its outcome, not before.

        An event says which function failed, and with which payload. Every program that may send to
        the queue can therefore choose both, and the call is made with the keys of this client: name
        the function with ``to``, or those that may be called with ``functions``.

        Args:
            events: Destination events in any form that :func:`fc_async_sdk.events.parse` reads, or
                messages of the clients of MNS and RocketMQ; taken as needed.
            to: Name of the function; None: the one that failed.
            qualifier: Version or alias of ``to``; None is LATEST.
            concurrency: How many are on the wire at a time, 1-1000.
            progress: Called after every outcome; or True for a progress bar (needs ``rich``).
            pace: Decides when the calls start; see :mod:`fc_async_sdk.pacing`. Its key gets the
                payload as JSON values. Without hops, payloads stay as they are.
            functions: Names of the functions that may be called; the event of another one is an
                outcome with an error. None: all. Not used with ``to``.

        Returns:
            A run: iterate over it for the outcomes as they complete, each with the event as it was
            given in ``payload``. What is not a failed event is an outcome with an error.

        Raises:
            ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
            InvalidParameter: An argument that concerns all events is wrong.
            PaceError: While iterating: the pace has no slots; nothing was sent.
            RuntimeError: The client is closed.
        """
        from fc_async_sdk import fanout  # noqa: PLC0415 -- few clients need it

        self._connections.check_open()
        # A local runtime calls its functions by any region and account.
        is_local = self._endpoint.loopback
        plan = fanout.ReplayPlan(
            events,
            to=to,
            qualifier=qualifier,
            region="" if is_local else self.region_name,
            account_id="" if is_local else self.account_id,
            concurrency=concurrency,
            progress=progress,
            pace=pace,
            functions=functions,
        )
        return fanout.FanOut(plan, events, self._connections.sending(self._stub))

    def _stub(self) -> Callable[..., Any] | None:
        return vars(self).get("_perform")

    @overload
    def function(
        self, name: str, **options: Unpack[HandleOptions]
    ) -> handles.FunctionHandle[Any, Any]: ...
    @overload
    def function(
        self, name: str, *, payload: type[T], **options: Unpack[HandleOptions]
    ) -> handles.FunctionHandle[T, Any]: ...
    @overload
    def function(
        self, name: str, *, result: type[R], **options: Unpack[HandleOptions]
    ) -> handles.FunctionHandle[Any, R]: ...
    @overload
    def function(
        self, name: str, *, payload: type[T], result: type[R], **options: Unpack[HandleOptions]
    ) -> handles.FunctionHandle[T, R]: ...
    def function(
        self,
        name: str,
        *,
        payload: Any = Any,
        result: Any = Any,
        qualifier: str | None = None,
        schema: Schema | None = None,
        pace: Pace | None = None,
        concurrency: Concurrency | None = None,
        debounce: Debounce | None = None,
        large: PayloadStore | None = None,
    ) -> handles.FunctionHandle[Any, Any]:
        """Make a handle of a function, with types for what it takes and returns.

        See :mod:`fc_async_sdk.handles`. Nothing is sent.

        Args:
            name: Name of the function.
            payload: What it is called with: a msgspec Struct, a dataclass, a TypedDict, a class
                with ``model_dump_json`` (pydantic), or a type made of these. Not given: anything
                that ``invoke_async`` takes.
            result: What it returns, likewise. Not given: what its JSON holds,
                or the bytes if they are not JSON.
            qualifier: Version or alias; None is LATEST.
            schema: JSON Schema that payloads must fit, beside ``payload``; each payload is checked
                before it is sent. Needs the extra ``cli``.
            pace: Decides when what ``spawn`` and ``map`` send starts; see
                :mod:`fc_async_sdk.pacing`.
            concurrency: Gives what ``spawn`` sends its place in the order of its key; see
                :mod:`fc_async_sdk.ordering`.
            debounce: Of what ``spawn`` sends shortly after one another, only the last runs; see
                :mod:`fc_async_sdk.ordering`.
            large: As in :meth:`invoke_async`; results that are claims are read with it, too.

        Raises:
            InvalidParameter: An argument is wrong, or no JSON can be read as this type.
        """
        from fc_async_sdk import _ordering, handles  # noqa: PLC0415 -- few clients need it

        target = handles.Target(name, qualifier, result, large)
        policies = _ordering.Policies(pace, concurrency, debounce)
        return handles.FunctionHandle(self._port(), target, payload, schema, policies)

    @overload
    def task(
        self, function: str, task_id: str, *, qualifier: str | None = None
    ) -> handles.TaskHandle[Any]: ...
    @overload
    def task(
        self,
        function: str,
        task_id: str,
        *,
        result: type[R],
        qualifier: str | None = None,
    ) -> handles.TaskHandle[R]: ...
    def task(
        self,
        function: str,
        task_id: str,
        *,
        result: Any = Any,
        qualifier: str | None = None,
    ) -> handles.TaskHandle[Any]:
        """Make the handle of a task, also of another process. Nothing is sent.

        Args:
            function: Name of the function.
            task_id: Id of the task.
            result: What the function returns; see :meth:`function`.
            qualifier: Version or alias it was called by; None is LATEST.

        Raises:
            InvalidParameter: An argument is wrong.
        """
        return self.function(function, result=result, qualifier=qualifier).task(task_id)

    @overload
    def group(
        self,
        function: str,
        prefix: str,
        *,
        size: int | None = None,
        qualifier: str | None = None,
    ) -> handles.TaskGroup[Any]: ...
    @overload
    def group(
        self,
        function: str,
        prefix: str,
        *,
        result: type[R],
        size: int | None = None,
        qualifier: str | None = None,
    ) -> handles.TaskGroup[R]: ...
    def group(
        self,
        function: str,
        prefix: str,
        *,
        result: Any = Any,
        size: int | None = None,
        qualifier: str | None = None,
    ) -> handles.TaskGroup[Any]:
        """Find a group of tasks again by its prefix, also from another process. Nothing is sent.

        Args:
            function: Name of the function.
            prefix: The ``task_ids`` that ``map`` or ``fan_out`` was given.
            result: What the function returns; see :meth:`function`.
            size: How many tasks it has. None: as many as the service lists; then a task that was
                accepted some seconds ago may not be listed yet.
            qualifier: Version or alias they were called by; None is LATEST.

        Raises:
            InvalidParameter: An argument is wrong.
        """
        handle = self.function(function, result=result, qualifier=qualifier)
        return handle.group(prefix, size=size)

    def _port(self) -> Port:
        from fc_async_sdk.waiters import Port  # noqa: PLC0415 -- few clients need it

        return Port(self._perform_now, self.fan_out, time.sleep, time.monotonic)

    def _perform_now(self, *call: Any, **options: Any) -> Any:
        # A stub may take the place of _perform while there is a handle.
        return self._perform(*call, **options)

    @overload
    def get_paginator(
        self, name: Literal["list_aliases"]
    ) -> Paginator[models.AliasPage, models.Alias]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_async_invoke_configs"]
    ) -> Paginator[models.AsyncConfigPage, models.AsyncConfig]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_async_tasks"]
    ) -> Paginator[models.AsyncTaskPage, models.AsyncTask]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_concurrency_configs"]
    ) -> Paginator[models.ConcurrencyConfigPage, models.ConcurrencyConfig]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_function_versions"]
    ) -> Paginator[models.FunctionVersionPage, models.FunctionVersion]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_functions"]
    ) -> Paginator[models.FunctionPage, models.Function]: ...
    @overload
    def get_paginator(
        self, name: Literal["list_triggers"]
    ) -> Paginator[models.TriggerPage, models.Trigger]: ...
    def get_paginator(self, name: str) -> Paginator[Any, Any]:
        """Return a paginator of a ``list_…`` method; see :mod:`fc_async_sdk.paginators`.

        Args:
            name: Name of the method.

        Raises:
            InvalidParameter: There is no such paginator.
        """
        from fc_async_sdk import paginators  # noqa: PLC0415 -- few clients need it

        items = paginators.items_of(name)
        return paginators.Paginator(getattr(self, name), items)

    @overload
    def get_waiter(self, name: Literal["task_finished", "task_succeeded"]) -> TaskWaiter: ...
    @overload
    def get_waiter(self, name: Literal["function_active"]) -> FunctionWaiter: ...
    def get_waiter(self, name: str) -> TaskWaiter | FunctionWaiter:
        """Return a waiter; see :mod:`fc_async_sdk.waiters`.

        Args:
            name: ``task_finished``, ``task_succeeded`` or ``function_active``.

        Raises:
            InvalidParameter: There is no such waiter.
        """
        from fc_async_sdk import waiters  # noqa: PLC0415 -- few clients need it

        kind = waiters.kind_of(name)
        if name == "function_active":
            return waiters.FunctionWaiter(self._port(), kind)
        return waiters.TaskWaiter(self._port(), kind)
