# SPDX-License-Identifier: MIT
"""Decides whether and when a failed call is sent again. Never waits, never sends.

Three rules. What is not safe to repeat is repeated only if it never left
(:data:`~fc_async_sdk.operations.call.Repeat`). Waits are random below a bound that doubles, unless
the service asked for a certain one. And a budget shared by all calls of a client stops retries
from multiplying the load when everything fails.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from fc_async_sdk.errors import (
    ConnectFailed,
    OutcomeUnknown,
    ServerError,
    TimedOut,
    TransportError,
)
from fc_async_sdk.operations.call import Answer, Call, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.config import Config

T = TypeVar("T")

# The quota of botocore's standard retry mode has the same numbers (botocore/retries/standard.py).
_BUDGET: Final = 500
_COST: Final = 5
_COST_OF_TIMEOUT: Final = 10
_THROTTLED: Final = 429
_LEAST_RATE: Final = 0.5
_SLOWER: Final = 0.7
_ERROR_STATUS: Final = 400
_GATEWAY_STATUSES: Final = frozenset({502, 504})
_RETRIED_STATUSES: Final = frozenset({429, 500, 502, 503, 504})


class Failure(Exception):
    """One try brought no answer.

    Attributes:
        reason: What happened.
        sent: Whether anything of the request may have reached the service.
        timed_out: Whether time ran out.
    """

    def __init__(self, reason: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timed_out = timed_out

    def to_error(self, call: Call[Any]) -> TransportError:
        """Return the error that the caller sees if no retry follows."""
        if not self.sent:
            return ConnectFailed(self.reason, operation=call.operation)
        if not call.idempotent:
            advice = "it may have been accepted"
            if call.light:
                advice += "; with a task_id the SDK could have repeated it safely"
            return OutcomeUnknown(f"{self.reason}: {advice}", operation=call.operation)
        kind = TimedOut if self.timed_out else TransportError
        return kind(f"{self.reason}; repeating is safe", operation=call.operation)


class Budget:
    """Number of retries that a client may still make. Thread-safe.

    A retry costs, an answer at the first try gives back: as long as most calls work retries are
    free, and when nearly all fail they end.
    """

    def __init__(self, capacity: int = _BUDGET) -> None:
        self._capacity = capacity
        self._left = capacity
        self._lock = threading.Lock()

    def spend(self, cost: int) -> bool:
        """Take the price of a retry out of the budget, if enough is left."""
        with self._lock:
            if self._left < cost:
                return False
            self._left -= cost
            return True

    def refund(self) -> None:
        """Return a part of a price to the budget."""
        if self._left < self._capacity:
            with self._lock:
                self._left = min(self._capacity, self._left + 1)


class Rate:
    """Requests in a second that a client sends in the retry mode ``adaptive``. Thread-safe.

    There is no limit until a request is throttled. The limit is then a part of what was sent in the
    second before, and grows by one for each second in which that many requests are answered.

    Attributes:
        limit: Requests in a second; None: no limit.
    """

    def __init__(self) -> None:
        self.limit: float | None = None
        self._next = self._settled = -math.inf
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent, which counts as sent then."""
        with self._lock:
            at = now if self.limit is None else max(now, self._next + 1 / self.limit)
            self._next = at
            self._sent.append(at)
            while self._sent[0] <= at - 1:
                self._sent.popleft()
            return at - now

    def told(self, *, throttled: bool, now: float) -> None:
        """Change the limit after an answer; throttled ones of one second count once."""
        with self._lock:
            # All requests of one burst are throttled together: each of them would lower the limit.
            if throttled and now >= self._settled:
                before = len(self._sent) if self.limit is None else self.limit
                self.limit = max(_LEAST_RATE, before * _SLOWER)
                self._settled = now + 1
            elif not throttled and self.limit is not None:
                self.limit += 1 / self.limit


class _Judgement(NamedTuple):
    """Meaning of a try that did not succeed, for the next one.

    Attributes:
        may_repeat: Whether the call may be sent again.
        may_have_worked: Whether the service may have done what was asked.
        asked: Seconds that the service asks to wait; None if it does not say.
        cost: Tokens of the budget that a repetition takes.
    """

    may_repeat: bool
    may_have_worked: bool
    asked: float | None
    cost: int


class Tries(Generic[T]):
    """The tries of one call so far, and what comes of them.

    Attributes:
        call: The call.
        made: How often it was sent.
    """

    def __init__(
        self,
        call: Call[T],
        config: Config,
        budget: Budget,
        chance: Callable[[], float],
    ) -> None:
        self.call = call
        self._config = config
        self._budget = budget
        self._chance = chance
        self.made = 0
        # Whether an earlier try may have worked without our knowing.
        self._uncertain = False

    def wait_after(self, outcome: Answer | Failure, remaining: float | None) -> float | None:
        """Return the seconds to wait before the next try; None if this outcome is final.

        Args:
            outcome: What the latest try brought.
            remaining: Seconds that are left for the whole call, or None.
        """
        self.made += 1
        if isinstance(outcome, Answer) and outcome.status < _ERROR_STATUS:
            self._budget.refund()
            return None
        judgement = self._judge(outcome)
        if not judgement.may_repeat or self.made >= self._config.max_attempts:
            return None
        wait = self._back_off() if judgement.asked is None else judgement.asked
        # A wait that the service asks for is not cut: a request before its time is refused again.
        if wait > self._config.retry_cap:
            return None
        if remaining is not None and wait >= remaining:
            return None
        if not self._budget.spend(judgement.cost):
            return None
        if judgement.may_have_worked:
            self._uncertain = True
        return wait

    def _judge(self, outcome: Answer | Failure) -> _Judgement:
        """Return what a try that did not succeed means for the next one."""
        if isinstance(outcome, Failure):
            cost = _COST_OF_TIMEOUT if outcome.timed_out else _COST
            return _Judgement(
                may_repeat=not outcome.sent or self.call.idempotent,
                may_have_worked=outcome.sent,
                asked=None,
                cost=cost,
            )
        # A throttled request was refused before anything was done. After other errors it may have
        # been.
        may_have_worked = outcome.status != _THROTTLED
        allows = self.call.repeat == "always"
        if self.call.repeat == "refused":
            allows = not may_have_worked
        return _Judgement(
            may_repeat=allows and outcome.status in _RETRIED_STATUSES,
            may_have_worked=may_have_worked,
            asked=retry_after(outcome),
            cost=_COST,
        )

    def conclude(self, outcome: Answer | Failure) -> T:
        """Return the answer for the caller, or raise its error, when the latest outcome is final.

        Raises:
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        if isinstance(outcome, Failure):
            raise outcome.to_error(self.call) from outcome.__cause__
        try:
            return self.call.result(outcome, repeated=self._uncertain)
        except ServerError as error:
            # A gateway that got no answer doesn't know either. The service's own 502 and 504 have
            # a code, and then nothing is in doubt.
            has_code = error.code != f"Http{outcome.status}"
            if has_code or outcome.status not in _GATEWAY_STATUSES or self.call.idempotent:
                raise
            reason = f"{outcome.status} from a gateway: {error.message}"
            raise Failure(reason, sent=True).to_error(self.call) from error

    def told(self, outcome: Answer | Failure) -> str:
        """Return the outcome in a few words, for the log and for hooks."""
        if isinstance(outcome, Failure):
            return outcome.reason
        return f"status {outcome.status} [request {outcome.request_id}]"

    def _back_off(self) -> float:
        # Full jitter: clients that failed together must not come back together
        # (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        bound = self._config.retry_base * 2.0 ** (self.made - 1)
        return self._chance() * min(self._config.retry_cap, bound)
