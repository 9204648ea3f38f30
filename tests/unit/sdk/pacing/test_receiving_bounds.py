# SPDX-License-Identifier: MIT
"""No window has more starts than promised, whatever happens to senders, service and handler."""

from __future__ import annotations

import heapq
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fc_async_sdk._pacing import Run, hosting
from fc_async_sdk.errors import AsyncTaskNotFound, AttemptsUsedUp
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import MemoryStore
from fc_async_tests.pacing import most_in_a_window

RATE = 4
SECOND = 1_000_000
BEGAN = 1_790_000_000 * SECOND
RETRIES = 3


class Service:
    """Function Compute and the machine of its function, in virtual microseconds.

    Attributes:
        now: The time.
        step: By how much the clocks of senders and instances differ from it.
        starts: When the handler began.
        down_until: Until when nothing can be delivered; it is tried again then, in any order.
        throttled_until: Until when deliveries are refused, and tried again with growing waits.
        failing_until: Until when the handler fails.
    """

    def __init__(self, smooth: bool) -> None:
        self.now = BEGAN
        self.step = 0
        self.starts: list[int] = []
        self.down_until = self.throttled_until = self.failing_until = 0
        self.attempts: dict[str, int] = {}
        self._smooth = smooth
        self._store = MemoryStore()
        self._queue: list[tuple[int, int, bytes, int, int]] = []
        self._numbers = iter(range(10**9))
        self._slept = 0
        self.receiver = self.pace()
        self._handler = self.receiver.wrap(self._handle)

    def pace(self) -> Pace:
        """Return the pace of one more sender."""
        return Pace(
            "crm",
            RATE,
            store=self._store,
            smooth=self._smooth,
            max_hops=168,
            clock=lambda: (self.now + self.step) / SECOND,
        )

    # --- what a client and a host of a test have ----------------------------------------------

    def invoke_async(self, _: str, payload: bytes, *, delay: int | None, **__: Any) -> Any:
        due = self.now + (delay or 0) * SECOND
        heapq.heappush(self._queue, (due, next(self._numbers), payload, 0, 0))
        return AcceptedInvocation(request_id="r")

    def get_async_invoke_config(self, *_: Any, **__: Any) -> AsyncConfig:
        return AsyncConfig(max_async_retry_attempts=RETRIES)

    def get_async_task(self, *_: Any, **__: Any) -> None:
        raise AsyncTaskNotFound("AsyncTaskNotFound", "m", http_status=404)

    def sleep(self, seconds: float) -> None:
        self._slept = round(seconds * SECOND)

    # --- what happens ----------------------------------------------------------------------------

    def run(self, until: int) -> None:
        host = hosting.Host(self, lambda: (self.now + self.step) / SECOND, None, self.sleep)  # type: ignore[arg-type]
        with hosting.hosted(host):
            while self._queue and self._queue[0][0] <= until:
                self.now, number, payload, attempt, refused = heapq.heappop(self._queue)
                self._deliver(number, payload, attempt, refused)
        self.now = until

    @property
    def waits(self) -> bool:
        return bool(self._queue)

    @property
    def last(self) -> int:
        """The latest time for which a message waits."""
        return max((item[0] for item in self._queue), default=self.now)

    def _deliver(self, number: int, payload: bytes, attempt: int, refused: int) -> None:
        if self.now < self.down_until:
            again = (self.down_until, number, payload, attempt, refused)
            heapq.heappush(self._queue, again)
            return
        if self.now < self.throttled_until:
            wait = round(0.5 * 2**refused * SECOND)
            again = (self.now + wait, number, payload, attempt, refused + 1)
            heapq.heappush(self._queue, again)
            return
        context = SimpleNamespace(
            request_id=str(number), function=SimpleNamespace(name="crm"), retry_count=attempt
        )
        self._slept = 0
        try:
            self._handler(payload, context)
        except (ConnectionError, AttemptsUsedUp):
            if attempt < RETRIES:
                failed_at = self.now + self._slept
                again = (failed_at + 2**attempt * SECOND, number, payload, attempt + 1, 0)
                heapq.heappush(self._queue, again)

    def _handle(self, event: bytes, _: object) -> None:
        self.starts.append(self.now + self._slept)
        name = event.decode()
        self.attempts[name] = self.attempts.get(name, 0) + 1
        if self.now < self.failing_until:
            raise ConnectionError("the partner is down")


class Bounds(RuleBasedStateMachine):
    """Any order of sends, outages, failures, holds and clocks that are set forward."""

    smooth = False

    def __init__(self) -> None:
        super().__init__()
        self.service = Service(self.smooth)
        self.senders = [self.service.pace() for _ in range(2)]
        self.sent = 0

    @rule(sender=st.integers(0, 1), count=st.integers(1, 60))
    def send(self, sender: int, count: int) -> None:
        payloads = [b'"%d"' % number for number in range(self.sent, self.sent + count)]
        self.sent += count
        run = Run(self.senders[sender], payloads)
        run.begin()
        for payload in payloads:
            arguments = run.take({"payload": payload, "task_id": None, "delay": None}, payload)
            self.service.invoke_async("crm", arguments["payload"], delay=arguments["delay"])
        run.close()

    @rule(milliseconds=st.integers(1, 20_000))
    def wait(self, milliseconds: int) -> None:
        self.service.run(self.service.now + milliseconds * 1_000)

    @rule(seconds=st.integers(1, 30))
    def go_down(self, seconds: int) -> None:
        self.service.down_until = self.service.now + seconds * SECOND

    @rule(seconds=st.integers(1, 30))
    def throttle(self, seconds: int) -> None:
        self.service.throttled_until = self.service.now + seconds * SECOND

    @rule(seconds=st.integers(1, 30))
    def fail(self, seconds: int) -> None:
        self.service.failing_until = self.service.now + seconds * SECOND

    @rule(seconds=st.integers(1, 30))
    def hold(self, seconds: int) -> None:
        self.senders[0].hold(seconds=seconds)

    @precondition(lambda self: self.service.step < 60 * SECOND)
    @rule(seconds=st.integers(1, 20))
    def set_the_clock_forward(self, seconds: int) -> None:
        self.service.step += seconds * SECOND

    def teardown(self) -> None:
        service = self.service
        while service.waits:
            service.run(service.last)
        assert len(service.attempts) == self.sent
        assert max(service.attempts.values(), default=0) <= RETRIES + 1
        # A start is at most so long before and after its slot; slots are an interval apart.
        around = 0.9 if self.smooth else 2.9
        for seconds in (1, 3, 10):
            most = most_in_a_window(service.starts, seconds * SECOND - 1)
            assert most <= RATE * (seconds + around) + 1


class SmoothBounds(Bounds):
    smooth = True


@pytest.mark.parametrize("machine", [Bounds, SmoothBounds])
def test_no_window_has_more_starts_than_promised(machine: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=15, deadline=None)
    )
