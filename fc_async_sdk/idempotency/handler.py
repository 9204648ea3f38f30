# SPDX-License-Identifier: MIT
"""The decorator of handlers, and what their code may call while it runs."""

from __future__ import annotations

import functools
import inspect
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple, ParamSpec, TypedDict, TypeVar, cast

from fc_async_sdk import errors
from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk.idempotency import keys, states
from fc_async_sdk.idempotency.runs import Claims, Run, SystemClock
from fc_async_sdk.stores.rows import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Unpack

    from fc_async_sdk.idempotency.runs import Clock
    from fc_async_sdk.idempotency.states import Kept
    from fc_async_sdk.stores import Store

    H = TypeVar("H", bound=Callable[[Any, Any], Any])
P = ParamSpec("P")
R = TypeVar("R")

_INNERMOST: Final = "decorate the function that does the work"

_CURRENT: ContextVar[Run | None] = ContextVar("fc_async_sdk_idempotency", default=None)


class RuleFields(TypedDict, total=False):
    """Options of :func:`idempotent`."""

    timeout: float
    margin: float
    expires_after: float
    wait: float
    trust_retry_count: bool
    keep_failures: states.Classes
    not_done_on: states.Classes
    keep_result: bool
    max_result_bytes: int


def idempotent(
    store: Store,
    *,
    key: keys.Key = keys.by_request_id,
    compare: Callable[[Any], object] | None = None,
    scope: str | None = None,
    clock: Clock | None = None,
    **options: Unpack[RuleFields],
) -> Callable[[H], H]:
    """Run a handler once for each key, and give repeats the stored result.

    Works for functions and for coroutine functions ``handler(event, context)``; a coroutine
    function calls the store in threads.

    Args:
        store: Where records are kept: shared by all instances of the function.
        key: ``key(event, context)`` identifies the work: :func:`by_request_id`,
            :func:`by_task_id`, :func:`by_field`, or a function of yours.
        compare: ``compare(event)`` returns the part of the payload that must be equal under one
            key. Default: all of it.
        scope: Separates functions that share a store. Default: the name of the function.
        clock: Where time comes from, for tests.
        options: ``timeout``: seconds that the platform lets the handler run (default:
            ``context.function.timeout``).
            ``margin``: seconds added to that before a run counts as interrupted (90); at least
            the difference between the clocks of two instances.
            ``expires_after``: seconds for which a result is kept (one day); at least the maximum
            age of the function's events.
            ``wait``: seconds that a concurrent duplicate waits for the other run, before it
            raises ``AlreadyRunning`` (0).
            ``trust_retry_count``: a later attempt of the same request takes over at once, without
            waiting for the deadline of the attempt before (True).
            ``keep_failures``: classes of errors after which the handler must not run again (none).
            ``not_done_on``: classes of errors which tell that an effect did not happen (none).
            ``keep_result``: False: repeats return None (True).
            ``max_result_bytes``: the largest result that is kept (256 KB).

    Raises:
        InvalidParameter: The store is not a store, or an option is out of its range.

    The decorated handler raises:

    - ``AlreadyRunning``: another run holds the key; FC retries later.
    - ``PayloadMismatch``, ``KeyMissing``, ``FailureKept``, ``EffectInDoubt``, ``ResultNotStored``:
      the handler did not run.
    - ``ClaimLost``: the run lasted longer than its deadline and another run took over.
    - ``StoreFailed``: the store cannot be reached; the handler did not run.

    Example::

        @idempotent(store, key=by_field("order.id"))
        def handler(event, context):
            return charge(json.loads(event)["order"])
    """
    check(store, "@idempotent(store)")
    if not callable(key):
        raise errors.InvalidParameter("key", key, f"must be a function, such as by_field({key!r})")
    rules = states.Rules(**options)
    claims = Claims(store, rules, clock or SystemClock())
    read = _Reader(key, compare, scope, rules.timeout)

    def decorate(handler: H) -> H:
        # A generator returns before its body has begun: its work would be recorded as done.
        if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
            raise errors.InvalidParameter("handler", handler, "must return a result, not yield")
        wrap = _asynchronous if is_coroutine_function(handler) else _synchronous
        return cast("H", functools.wraps(handler)(wrap(handler, claims, read)))

    return decorate


class _Reader(NamedTuple):
    """Reads of an execution what identifies its work."""

    key: keys.Key
    compare: Callable[[Any], object] | None
    scope: str | None
    timeout: float | None

    def __call__(self, event: Any, context: Any) -> states.Request:
        function = getattr(context, "function", None)
        timeout = self.timeout or getattr(function, "timeout", None)
        if not timeout:
            raise errors.InvalidParameter(
                "timeout", timeout, "the context has no function.timeout: pass timeout=seconds"
            )
        where = getattr(function, "name", "") if self.scope is None else self.scope
        return states.Request(
            key=keys.key_text(where, self.key(event, context)),
            request_id=str(getattr(context, "request_id", None) or ""),
            attempt=_attempt(context),
            fingerprint=keys.fingerprint(event, self.compare),
            timeout_ms=round(float(timeout) * 1000),
        )


def current_key() -> str:
    """Return the key of the run, for example to pass it on as idempotency key of a payment.

    Raises:
        RuntimeError: No idempotent handler runs here.
    """
    return _current().key


def once(name: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Perform an effect at most once for each key, also if the process is killed in it.

    The intent is stored before the call and the result after it. A later run of the handler gets
    that result. If it finds the intent only, it raises ``EffectInDoubt`` and calls nothing.

    Args:
        name: Names the effect within the handler.
        function: Performs the effect and returns a JSON value or bytes.
        args: Its arguments.
        kwargs: Its keyword arguments.

    Raises:
        ClaimLost: Another run took the key over; the effect did not begin.
        ResultNotStored: The effect ended in an earlier run, and its result is not known.
        StoreFailed: The intent or the result could not be stored.
        InvalidParameter: The function returned a coroutine, a future or a generator: its work has
            not ended. Work that has not begun is dropped, and the effect may be performed later.
        RuntimeError: No idempotent handler runs here.
    """
    run = _current()
    earlier = run.begin_effect(name)
    if earlier is not None:
        return cast("R", _value(earlier, run.key, f"effect {name!r}"))
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        run.fail_effect(name, error)
        raise
    # It was a coroutine, which has done nothing yet: the effect may be performed by a later run.
    if _not_begun(result):
        run.cancel_effect(name)
    _check_ended("function", function, result, "use await once_async(…) in a coroutine handler")
    run.end_effect(name, result)
    return result


def _not_begun(result: object) -> bool:
    """Return whether a result is a coroutine or generator that never ran; close it."""
    if inspect.iscoroutine(result) and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        result.close()
        return True
    return inspect.isgenerator(result) and inspect.getgeneratorstate(result) == inspect.GEN_CREATED


def _check_ended(
    name: str,
    function: object,
    result: object,
    advice: str,
) -> None:
    """Check that a result does not stand for work that goes on, or has not begun.

    Raises:
        InvalidParameter: It does.
    """
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        kind = type(result).__name__
        text = f"returned before its work has ended, a {kind}: {advice}"
        raise errors.InvalidParameter(name, function, text)


async def once_async(
    name: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run like :func:`once`, for a coroutine function or one that returns an awaitable."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most handlers are not coroutines

    run = _current()
    earlier = await asyncio.to_thread(run.begin_effect, name)
    if earlier is not None:
        return cast("R", _value(earlier, run.key, f"effect {name!r}"))
    try:
        result: Any = function(*args, **kwargs)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:
        await asyncio.to_thread(run.fail_effect, name, error)
        raise
    await asyncio.to_thread(run.end_effect, name, result)
    return cast("R", result)


def _current() -> Run:
    run = _CURRENT.get()
    if run is None:
        raise RuntimeError(
            "no idempotent handler runs here: call this in a handler with @idempotent(store), in "
            "the thread that runs it"
        )
    return run


def _attempt(context: Any) -> int:
    """Return the retry count. Runtimes pass a header on as text, or leave it out."""
    # A custom runtime passes the header on as text; python3.12 has no such attribute.
    count = str(getattr(context, "retry_count", None) or "0")
    return int(count) if count.isdecimal() else 0


def _synchronous(
    handler: Callable[[Any, Any], Any], claims: Claims, read: _Reader
) -> Callable[[Any, Any], Any]:
    def wrapper(event: Any, context: Any) -> Any:
        request = read(event, context)
        until = claims.deadline()
        standing = claims.claim(request)
        while isinstance(standing, states.Running):
            claims.clock.sleep(claims.pause(standing, request, until))
            standing = claims.claim(request)
        if isinstance(standing, states.Done):
            return _repeated(standing, request)
        token = _CURRENT.set(standing)
        try:
            result = handler(event, context)
            # Closed first: a coroutine that never ran would be reported when it is collected.
            _not_begun(result)
            _check_ended("handler", handler, result, _INNERMOST)
        except Exception as error:
            standing.fail(error)
            raise
        finally:
            _CURRENT.reset(token)
        standing.complete(result)
        return result

    return wrapper


def _asynchronous(
    handler: Callable[[Any, Any], Awaitable[Any]], claims: Claims, read: _Reader
) -> Callable[[Any, Any], Awaitable[Any]]:
    import asyncio  # noqa: PLC0415 -- imports are billed, and most handlers are not coroutines

    async def wrapper(event: Any, context: Any) -> Any:
        request = read(event, context)
        until = claims.deadline()
        # Stores are synchronous: a request to one must not block the event loop.
        standing = await asyncio.to_thread(claims.claim, request)
        while isinstance(standing, states.Running):
            await asyncio.sleep(claims.pause(standing, request, until))
            standing = await asyncio.to_thread(claims.claim, request)
        if isinstance(standing, states.Done):
            return _repeated(standing, request)
        token = _CURRENT.set(standing)
        try:
            result = await handler(event, context)
            _not_begun(result)
            _check_ended("handler", handler, result, _INNERMOST)
        except Exception as error:
            await asyncio.to_thread(standing.fail, error)
            raise
        finally:
            _CURRENT.reset(token)
        await asyncio.to_thread(standing.complete, result)
        return result

    return wrapper


def _repeated(standing: states.Done, request: states.Request) -> object:
    return None if standing.result is None else _value(standing.result, request.key, "the work")


def _value(stored: Kept, key: str, subject: str) -> object:
    # To return None instead would tell the handler that its payment has no receipt.
    if stored.form == "unkept":
        raise errors.ResultNotStored(key, subject, stored.data)
    return stored.value()
