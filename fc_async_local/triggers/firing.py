# SPDX-License-Identifier: MIT
"""Invokes functions for triggers, and records how that went."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import DeadEvent, InvokeRequest
from fc_async_local.services.delivery import function_arn
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import CallPath, Outcome
    from fc_async_local.services.delivery import FunctionInvoker, TriggerLog
    from fc_async_local.triggers.bindings import Binding

    NewRequestId = Callable[[int, random.Random], str]

_DUPLICATE: Final = 409


class Firing:
    """Invokes functions for triggers.

    Args:
        invoker: Runs functions.
        clock: The time of the runtime.
        log: Where it is recorded.
        new_request_id: Makes a request id of a time and a source of randomness.

    Attributes:
        keep: Keeps a dead event.
    """

    def __init__(
        self,
        invoker: FunctionInvoker,
        clock: Clock,
        log: TriggerLog,
        new_request_id: NewRequestId,
    ) -> None:
        self._invoker = invoker
        self._clock = clock
        self._log = log
        self._new_request_id = new_request_id
        self.keep = invoker.keep_dead
        self._random = random.Random()  # noqa: S311 -- names, no secrets

    def request_id(self, at: int, seed: str = "") -> str:
        """Return a request id, the same one for the same seed and time if a seed is given."""
        source = random.Random(seed) if seed else self._random  # noqa: S311 -- a name, no secret
        return self._new_request_id(at, source)

    async def accept(
        self,
        binding: Binding,
        payload: bytes,
        *,
        request_id: str = "",
        call_path: CallPath = (),
    ) -> str:
        """Invoke a function asynchronously; return the request id.

        Raises:
            Rejected: The invocation is refused, as on the service.
        """
        now = self._clock.now()
        chosen = request_id or self.request_id(now)
        request = InvokeRequest(
            binding.function,
            payload,
            qualifier=binding.qualifier,
            request_id=chosen,
            call_path=call_path,
        )
        try:
            await self._invoker.invoke_async(request)
        except Rejected as error:
            if error.status == _DUPLICATE and request_id:
                return chosen  # accepted before, by a node that could not write that down
            self._log.failed(binding.key, str(error), now)
            raise
        except Exception as error:
            self._log.failed(binding.key, f"{type(error).__name__}: {error}", now)
            raise
        self._log.fired(binding.key, chosen, now)
        return chosen

    async def run(
        self, binding: Binding, payload: bytes, *, call_path: CallPath = ()
    ) -> tuple[str, Outcome]:
        """Invoke a function synchronously; return the request id and the outcome.

        Raises:
            Rejected: The invocation is refused, as on the service.
        """
        request = InvokeRequest(
            binding.function, payload, qualifier=binding.qualifier, call_path=call_path
        )
        try:
            request_id, outcome = await self._invoker.invoke_sync(request)
        except Rejected as error:
            self._log.failed(binding.key, str(error), self._clock.now())
            raise
        now = self._clock.now()
        if outcome.error_type:
            self._log.failed(binding.key, f"the function failed: {outcome.error_type}", now)
        else:
            self._log.fired(binding.key, request_id, now)
        return request_id, outcome

    async def give_up(self, binding: Binding, payload: bytes, error: str, *, key: str) -> None:
        """Keep an event that cannot be delivered as a dead event.

        Args:
            binding: The trigger.
            payload: The event.
            error: Why.
            key: Unique; the same if the same event is given up again.

        Raises:
            StoreUnavailable: It was not kept.
        """
        await self.keep(
            dead_event(
                binding.function,
                binding.qualifier,
                payload,
                f"trigger {binding.key}: {error}",
                key=key_of(binding, key),
            )
        )


def key_of(binding: Binding, key: str) -> str:
    """Return the key of a job or a dead event of a trigger.

    It is part of a URL, and no name of a function or trigger has a dot.

    Args:
        binding: The trigger.
        key: Of the message or the firing.
    """
    return f"{key}.{binding.function}.{binding.trigger}"


def dead_event(
    function: str,
    qualifier: str,
    payload: bytes,
    error: str,
    *,
    key: str,
    call_path: CallPath = (),
) -> DeadEvent:
    """Return an event that a function did not get.

    Args:
        function: Name of the function.
        qualifier: "" for LATEST.
        payload: The event.
        error: Why.
        key: Unique; the same if the same event is given up again.
        call_path: Of the event.
    """
    chosen = qualifier or limits.DEFAULT_QUALIFIER
    return DeadEvent(
        key=key,
        destination=function_arn(function, chosen),
        document=payload,
        error=error,
        function=function,
        qualifier=chosen,
        call_path=call_path,
    )
