# SPDX-License-Identifier: MIT
"""Idempotent handlers, from the side of a function's author."""

from __future__ import annotations

import asyncio
import json
import pickle
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk import errors
from fc_async_sdk.idempotency import (
    MemoryStore,
    Record,
    Store,
    by_field,
    by_task_id,
    current_key,
    forget,
    idempotent,
    once,
    once_async,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ORDER = json.dumps({"order": {"id": 7, "amount": 12}}).encode()
TIMEOUT, MARGIN = 60, 90


@dataclass
class ManualClock:
    """Stands still until it is moved; a wait moves it."""

    seconds: float = 1_790_000_000
    on_sleep: Callable[[], object] = lambda: None
    slept: list[float] = field(default_factory=list)

    def now(self) -> int:
        return round(self.seconds * 1000)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)
        self.on_sleep()


class Killed(BaseException):
    """The process ends here: nothing of the function runs after it."""


@dataclass
class FailingStore:
    """A store whose client fails in some calls of its verbs, by number from 1."""

    inner: MemoryStore
    fails: set[int]
    calls: int = 0

    def create(self, record: Record) -> Record | None:
        self._count()
        return self.inner.create(record)

    def replace(self, record: Record, expected: str) -> bool:
        self._count()
        return self.inner.replace(record, expected)

    def remove(self, key: str, expected: str) -> bool:
        self._count()
        return self.inner.remove(key, expected)

    def _count(self) -> None:
        self.calls += 1
        if self.calls in self.fails:
            raise ConnectionError("the store is away")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def context(
    request_id: str = "r-1", attempt: object = 0, *, name: str = "pay", timeout: int = TIMEOUT
) -> SimpleNamespace:
    function = SimpleNamespace(name=name, timeout=timeout)
    return SimpleNamespace(request_id=request_id, retry_count=attempt, function=function)


def test_a_second_delivery_of_an_event_gets_the_stored_result(store: Store) -> None:
    runs = []

    @idempotent(store)
    def handler(event: bytes, context: object) -> dict[str, int]:
        runs.append(event)
        return {"receipt": 12}

    assert handler(ORDER, context()) == {"receipt": 12}
    assert handler(ORDER, context()) == {"receipt": 12}
    assert runs == [ORDER]


def test_another_request_runs(store: Store) -> None:
    runs = []
    handler = idempotent(store)(lambda event, _: runs.append(event))
    handler(ORDER, context("r-1"))
    handler(ORDER, context("r-2"))
    assert len(runs) == 2


@pytest.mark.parametrize(
    "result",
    [None, 0, "", False, [], {}, b"", b"\xff\x00", "text", 1.5, {"n": [1, None]}, 2**70, "\ud800"],
    ids=repr,
)
def test_every_result_of_a_handler_is_repeated_as_it_was(store: Store, result: object) -> None:
    handler = idempotent(store)(lambda *_: result)
    handler(ORDER, context())
    repeated = handler(ORDER, context())
    assert repeated == result
    assert type(repeated) is type(result)


def test_coroutine_handlers_work_alike(store: Store) -> None:
    runs = []

    @idempotent(store)
    async def handler(event: bytes, context: object) -> str:
        await asyncio.sleep(0)
        runs.append(current_key())
        return "done"

    async def scenario() -> list[str]:
        return [await handler(ORDER, context()), await handler(ORDER, context())]

    assert asyncio.run(scenario()) == ["done", "done"]
    assert runs == ["pay/r-1"]


def test_the_decorated_handler_keeps_its_name_and_documentation(store: Store) -> None:
    @idempotent(store)
    def handler(event: bytes, context: object) -> None:
        """Charge."""

    assert (handler.__name__, handler.__doc__) == ("handler", "Charge.")


class TestKeys:
    def test_a_field_of_the_payload_suppresses_another_request(self, store: Store) -> None:
        runs = []
        handler = idempotent(store, key=by_field("order.id"))(lambda *_: runs.append(1))
        handler(ORDER, context("r-1"))
        handler(ORDER.decode(), context("r-2"))
        handler(json.loads(ORDER), context("r-3"))
        assert len(runs) == 1

    def test_a_task_id_is_taken_from_the_context_of_a_custom_runtime(self, store: Store) -> None:
        keys = []
        handler = idempotent(store, key=by_task_id)(lambda *_: keys.append(current_key()))
        handler(ORDER, SimpleNamespace(**vars(context()), task_id="order-7"))
        assert keys == ["pay/order-7"]
        with pytest.raises(errors.KeyMissing):
            handler(ORDER, context())

    def test_functions_that_share_a_store_have_keys_of_their_own(self, store: Store) -> None:
        runs = []
        handler = idempotent(store)(lambda _, context: runs.append(context.function.name))
        handler(ORDER, context(name="pay"))
        handler(ORDER, context(name="ship"))
        assert runs == ["pay", "ship"]

    def test_a_scope_joins_functions(self, store: Store) -> None:
        runs = []
        handler = idempotent(store, scope="orders")(lambda *_: runs.append(current_key()))
        handler(ORDER, context(name="pay"))
        handler(ORDER, context(name="pay-2"))
        assert runs == ["orders/r-1"]

    def test_an_event_without_the_field_is_an_error_and_nothing_runs(self, store: Store) -> None:
        runs = []
        handler = idempotent(store, key=by_field("order.number"))(lambda *_: runs.append(1))
        with pytest.raises(errors.KeyMissing, match=r"no field 'order\.number'"):
            handler(ORDER, context())
        assert runs == []

    def test_another_payload_under_one_key_is_an_error(self, store: Store) -> None:
        handler = idempotent(store, key=lambda *_: "same")(lambda *_: "done")
        handler(b'{"a": 1, "b": 2}', context())
        assert handler(b'{ "b":2,"a":1 }', context("r-2")) == "done"
        with pytest.raises(errors.PayloadMismatch, match=r"another payload.*\[key 'pay/same'\]"):
            handler(b'{"a": 1, "b": 3}', context("r-3"))

    def test_the_compared_part_of_a_payload_can_be_chosen(self, store: Store) -> None:
        handler = idempotent(
            store, key=by_field("id"), compare=lambda event: json.loads(event)["amount"]
        )(lambda *_: "done")
        handler(b'{"id": 1, "amount": 5, "sent": "10:00"}', context())
        assert handler(b'{"id": 1, "amount": 5, "sent": "10:01"}', context("r-2")) == "done"
        with pytest.raises(errors.PayloadMismatch):
            handler(b'{"id": 1, "amount": 6, "sent": "10:02"}', context("r-3"))


class TestFailures:
    def test_a_handler_that_failed_runs_again(self, store: Store) -> None:
        runs = []

        @idempotent(store)
        def handler(event: bytes, context: SimpleNamespace) -> str:
            runs.append(context.retry_count)
            if context.retry_count == 0:
                raise ValueError("not yet")
            return "done"

        with pytest.raises(ValueError, match="not yet"):
            handler(ORDER, context(attempt=0))
        assert handler(ORDER, context(attempt=1)) == "done"
        assert runs == [0, 1]

    def test_a_failure_can_be_kept(self, store: Store) -> None:
        runs = []

        @idempotent(store, keep_failures=(ValueError,))
        def handler(event: bytes, context: object) -> None:
            runs.append(event)
            raise UnicodeError("the card has expired")

        with pytest.raises(UnicodeError):
            handler(ORDER, context())
        with pytest.raises(errors.FailureKept, match="UnicodeError: the card has expired") as kept:
            handler(ORDER, context(attempt=1))
        assert kept.value.error_type == "UnicodeError"
        assert len(runs) == 1

    @pytest.mark.parametrize("kept", [[ValueError], ValueError, {ValueError, KeyError}], ids=repr)
    def test_classes_of_failures_may_be_given_in_any_collection(
        self, store: Store, kept: Any
    ) -> None:
        @idempotent(store, keep_failures=kept)
        def handler(event: bytes, context: object) -> None:
            raise ValueError("the card has expired")

        with pytest.raises(ValueError, match="the card has expired"):
            handler(ORDER, context())
        with pytest.raises(errors.FailureKept):
            handler(ORDER, context(attempt=1))

    def test_a_result_that_is_too_large_is_reported_to_a_repeat(self, store: Store) -> None:
        runs = []

        @idempotent(store, max_result_bytes=10)
        def handler(event: bytes, context: object) -> str:
            runs.append(event)
            return "x" * 11

        assert handler(ORDER, context()) == "x" * 11
        with pytest.raises(errors.ResultNotStored, match="13 bytes, 10 are allowed"):
            handler(ORDER, context())
        assert len(runs) == 1

    def test_a_result_that_is_not_json_is_reported_to_a_repeat(self, store: Store) -> None:
        handler = idempotent(store)(lambda *_: {1, 2})
        assert handler(ORDER, context()) == {1, 2}
        with pytest.raises(errors.ResultNotStored, match="set is not a JSON value"):
            handler(ORDER, context())

    def test_results_can_be_left_out(self, store: Store) -> None:
        handler = idempotent(store, keep_result=False)(lambda *_: "done")
        assert [handler(ORDER, context()), handler(ORDER, context())] == ["done", None]


class TestConcurrentDuplicates:
    def test_a_duplicate_of_a_running_handler_raises_so_that_the_service_retries(
        self, store: Store, clock: ManualClock
    ) -> None:
        seen: list[Exception] = []

        @idempotent(store, clock=clock)
        def handler(event: bytes, context: SimpleNamespace) -> str:
            if not seen:
                with pytest.raises(errors.AlreadyRunning, match="this is attempt 1") as refused:
                    handler(event, context)
                seen.append(refused.value)
            return "done"

        assert handler(ORDER, context()) == "done"
        (refusal,) = seen
        assert isinstance(refusal, errors.AlreadyRunning)
        assert refusal.until == clock.now() + (TIMEOUT + MARGIN) * 1000

    def test_a_duplicate_can_wait_for_the_result(self, store: Store, clock: ManualClock) -> None:
        def end_of_the_other_run() -> None:
            forget(store, "pay/r-1")
            idempotent(store, clock=clock)(lambda *_: "done")(ORDER, context())

        started(store, clock)
        clock.on_sleep = end_of_the_other_run
        waiting = idempotent(store, clock=clock, wait=10)(lambda *_: "ran twice")
        assert waiting(ORDER, context()) == "done"
        assert len(clock.slept) == 1

    def test_a_wait_ends_at_its_limit(self, store: Store, clock: ManualClock) -> None:
        started(store, clock)
        waiting = idempotent(store, clock=clock, wait=10)(lambda *_: "ran twice")
        with pytest.raises(errors.AlreadyRunning):
            waiting(ORDER, context())
        assert sum(clock.slept) == pytest.approx(10)

    def test_a_coroutine_handler_refuses_a_duplicate_too(self, store: Store) -> None:
        @idempotent(store)
        async def handler(event: bytes, context: object) -> str:
            await asyncio.sleep(0.01)
            return "done"

        async def both() -> list[str | BaseException]:
            return await asyncio.gather(
                handler(ORDER, context()), handler(ORDER, context()), return_exceptions=True
            )

        outcomes = sorted(asyncio.run(both()), key=lambda one: isinstance(one, Exception))
        assert outcomes[0] == "done"
        assert isinstance(outcomes[1], errors.AlreadyRunning)


def started(store: Store, clock: ManualClock, *, attempt: int = 0) -> None:
    """Leave a run behind that was killed after its claim."""

    @idempotent(store, clock=clock)
    def killed(event: bytes, context: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        killed(ORDER, context(attempt=attempt))


class TestInterruptedRuns:
    def test_the_next_attempt_of_the_request_takes_over_at_once(
        self, store: Store, clock: ManualClock
    ) -> None:
        started(store, clock)
        handler = idempotent(store, clock=clock)(lambda *_: "done")
        assert handler(ORDER, context(attempt="1")) == "done"

    def test_a_second_delivery_of_the_attempt_waits_for_deadline_and_margin(
        self, store: Store, clock: ManualClock
    ) -> None:
        started(store, clock)
        handler = idempotent(store, clock=clock)(lambda *_: "done")
        clock.seconds += TIMEOUT + MARGIN - 0.001
        with pytest.raises(errors.AlreadyRunning):
            handler(ORDER, context())
        clock.seconds += 0.001
        assert handler(ORDER, context()) == "done"

    def test_an_effect_that_is_not_marked_is_repeated_after_a_kill(
        self, store: Store, clock: ManualClock
    ) -> None:
        charges = []

        @idempotent(store, clock=clock)
        def handler(event: bytes, context: SimpleNamespace) -> None:
            charges.append(12)
            if context.retry_count == 0:
                raise Killed

        with pytest.raises(Killed):
            handler(ORDER, context(attempt=0))
        handler(ORDER, context(attempt=1))
        assert charges == [12, 12]

    def test_the_retry_count_can_be_distrusted(self, store: Store, clock: ManualClock) -> None:
        started(store, clock)
        handler = idempotent(store, clock=clock, trust_retry_count=False)(lambda *_: "done")
        with pytest.raises(errors.AlreadyRunning):
            handler(ORDER, context(attempt=1))

    def test_the_attempt_of_another_request_does_not_take_over(
        self, store: Store, clock: ManualClock
    ) -> None:
        @idempotent(store, key=by_field("order.id"), clock=clock)
        def handler(event: bytes, context: SimpleNamespace) -> None:
            raise Killed

        with pytest.raises(Killed):
            handler(ORDER, context("r-1"))
        with pytest.raises(errors.AlreadyRunning):
            handler(ORDER, context("r-2", attempt=3))

    def test_a_run_that_was_taken_over_does_not_overwrite_the_result(
        self, store: Store, clock: ManualClock
    ) -> None:
        @idempotent(store, clock=clock)
        def handler(event: bytes, context: SimpleNamespace) -> str:
            if context.retry_count == 0:
                assert handler(event, second) == "second"
                return "first"
            return "second"

        second = context(attempt=1)
        with pytest.raises(errors.ClaimLost, match="taken over by another run before its result"):
            handler(ORDER, context(attempt=0))
        assert handler(ORDER, context()) == "second"

    def test_a_result_is_void_after_its_life_and_the_margin(
        self, store: Store, clock: ManualClock
    ) -> None:
        runs = []
        handler = idempotent(store, clock=clock, expires_after=600)(lambda *_: runs.append(1))
        handler(ORDER, context())
        clock.seconds += 600 + MARGIN
        handler(ORDER, context())
        assert len(runs) == 1
        clock.seconds += 0.001
        handler(ORDER, context())
        assert len(runs) == 2


class TestEffects:
    def test_an_effect_that_ended_is_not_repeated_when_the_handler_runs_again(
        self, store: Store
    ) -> None:
        charges: list[int] = []

        @idempotent(store)
        def handler(event: bytes, context: SimpleNamespace) -> object:
            receipt = once("charge", lambda amount: charges.append(amount) or "receipt", 12)
            if context.retry_count == 0:
                raise ValueError("the e-mail server is away")
            return receipt

        with pytest.raises(ValueError, match="e-mail"):
            handler(ORDER, context(attempt=0))
        assert handler(ORDER, context(attempt=1)) == "receipt"
        assert charges == [12]

    def test_an_effect_that_was_interrupted_is_not_repeated(
        self, store: Store, clock: ManualClock
    ) -> None:
        charges: list[int] = []

        def charge() -> None:
            charges.append(12)
            raise Killed

        handler = idempotent(store, clock=clock)(lambda *_: once("charge", charge))
        with pytest.raises(Killed):
            handler(ORDER, context(attempt=0))
        for attempt in (1, 2):
            with pytest.raises(errors.EffectInDoubt, match="charge: began in an earlier run") as e:
                handler(ORDER, context(attempt=attempt))
            assert e.value.effects == ("charge",)
        assert charges == [12]

    def test_an_effect_that_raised_is_in_doubt(self, store: Store) -> None:
        def charge() -> None:
            raise TimeoutError("no answer")

        handler = idempotent(store)(lambda *_: once("charge", charge))
        with pytest.raises(TimeoutError):
            handler(ORDER, context(attempt=0))
        with pytest.raises(errors.EffectInDoubt):
            handler(ORDER, context(attempt=1))

    def test_an_error_that_says_that_nothing_happened_frees_the_effect(self, store: Store) -> None:
        def charge(attempt: int) -> str:
            if attempt == 0:
                raise ConnectionRefusedError("nothing was sent")
            return "receipt"

        @idempotent(store, not_done_on=(ConnectionRefusedError,))
        def handler(event: bytes, context: SimpleNamespace) -> str:
            return once("charge", charge, context.retry_count)

        with pytest.raises(ConnectionRefusedError):
            handler(ORDER, context(attempt=0))
        assert handler(ORDER, context(attempt=1)) == "receipt"

    def test_a_run_that_was_taken_over_begins_no_effect(self, store: Store) -> None:
        charges: list[int] = []

        @idempotent(store)
        def handler(event: bytes, context: SimpleNamespace) -> None:
            if context.retry_count == 0:
                handler(event, second)
            once("charge", charges.append, context.retry_count)

        second = context(attempt=1)
        with pytest.raises(errors.ClaimLost, match="before effect 'charge'"):
            handler(ORDER, context(attempt=0))
        assert charges == [1]

    @pytest.mark.parametrize(("happened", "calls"), [(True, 1), (False, 2)])
    def test_a_doubt_is_resolved_by_an_operator(
        self, store: Store, happened: bool, calls: int
    ) -> None:
        charges: list[int] = []

        def charge() -> str:
            charges.append(12)
            if len(charges) == 1:
                raise Killed
            return "second"

        handler = idempotent(store)(lambda *_: once("charge", charge))
        with pytest.raises(Killed):
            handler(ORDER, context(attempt=0))
        assert resolve(store, "pay/r-1", happened=happened, result="first")
        assert handler(ORDER, context(attempt=1)) == ("first" if happened else "second")
        assert len(charges) == calls
        assert not resolve(store, "pay/r-1", happened=happened)
        assert not resolve(store, "unknown", happened=happened)

    def test_a_key_can_be_forgotten(self, store: Store) -> None:
        handler = idempotent(store)(lambda *_: "done")
        assert not forget(store, "pay/r-1")
        handler(ORDER, context())
        assert forget(store, "pay/r-1")
        assert not forget(store, "pay/r-1")

    def test_an_effect_that_returns_a_coroutine_has_not_ended_and_may_begin_again(
        self, store: Store
    ) -> None:
        async def charge() -> str:
            return "receipt"

        @idempotent(store)
        async def handler(event: bytes, context: SimpleNamespace) -> object:
            if context.retry_count == 0:
                return once("charge", charge)
            return await once_async("charge", charge)

        with pytest.raises(errors.InvalidParameter, match="await once_async"):
            asyncio.run(handler(ORDER, context(attempt=0)))
        assert asyncio.run(handler(ORDER, context(attempt=1))) == "receipt"

    def test_an_effect_that_has_begun_in_the_background_is_in_doubt(self, store: Store) -> None:
        @idempotent(store)
        async def handler(event: bytes, context: SimpleNamespace) -> object:
            return once("charge", lambda: asyncio.ensure_future(asyncio.sleep(0)))

        with pytest.raises(errors.InvalidParameter, match="await once_async"):
            asyncio.run(handler(ORDER, context(attempt=0)))
        with pytest.raises(errors.EffectInDoubt):
            asyncio.run(handler(ORDER, context(attempt=1)))

    def test_the_result_of_a_plain_function_is_recorded_in_a_coroutine_handler_too(
        self, store: Store
    ) -> None:
        charges = []

        @idempotent(store)
        async def handler(event: bytes, context: SimpleNamespace) -> object:
            found = await once_async("charge", lambda: charges.append(1) or "receipt")  # type: ignore[arg-type, func-returns-value]
            if context.retry_count == 0:
                raise ValueError("afterwards")
            return found

        with pytest.raises(ValueError, match="afterwards"):
            asyncio.run(handler(ORDER, context(attempt=0)))
        assert asyncio.run(handler(ORDER, context(attempt=1))) == "receipt"
        assert charges == [1]

    def test_two_effects_of_a_handler_need_two_names(self, store: Store) -> None:
        handler = idempotent(store)(lambda *_: once("a", once, "a", int))
        with pytest.raises(errors.InvalidParameter, match="names two effects"):
            handler(ORDER, context())

    def test_effects_of_coroutine_handlers_may_run_at_the_same_time(self, store: Store) -> None:
        calls: list[str] = []

        async def call(name: str) -> str:
            await asyncio.sleep(0)
            calls.append(name)
            return name.upper()

        @idempotent(store)
        async def handler(event: bytes, context: SimpleNamespace) -> list[str]:
            found = await asyncio.gather(*(once_async(name, call, name) for name in "abc"))
            if context.retry_count == 0:
                raise ValueError("afterwards")
            return found

        async def scenario() -> list[str]:
            with pytest.raises(ValueError, match="afterwards"):
                await handler(ORDER, context(attempt=0))
            return await handler(ORDER, context(attempt=1))

        assert asyncio.run(scenario()) == ["A", "B", "C"]
        assert sorted(calls) == ["a", "b", "c"]

    def test_a_coroutine_effect_that_raised_is_in_doubt(self, store: Store) -> None:
        async def charge() -> None:
            raise TimeoutError("no answer")

        @idempotent(store)
        async def handler(event: bytes, context: object) -> None:
            await once_async("charge", charge)

        with pytest.raises(TimeoutError):
            asyncio.run(handler(ORDER, context(attempt=0)))
        with pytest.raises(errors.EffectInDoubt):
            asyncio.run(handler(ORDER, context(attempt=1)))

    @pytest.mark.parametrize("call", [current_key, lambda: once("charge", int)])
    def test_outside_of_a_handler_an_effect_says_what_is_missing(
        self, call: Callable[[], object]
    ) -> None:
        with pytest.raises(RuntimeError, match="@idempotent"):
            call()


class TestStoresThatFail:
    def test_a_claim_that_fails_raises_and_nothing_runs(self, store: MemoryStore) -> None:
        runs = []
        handler = idempotent(FailingStore(store, {1}))(lambda *_: runs.append(1))
        with pytest.raises(errors.StoreFailed, match="ConnectionError: the store is away") as error:
            handler(ORDER, context())
        assert isinstance(error.value.__cause__, ConnectionError)
        assert runs == []

    def test_a_result_is_recorded_when_the_store_is_back(
        self, store: MemoryStore, clock: ManualClock
    ) -> None:
        runs = []
        failing = FailingStore(store, {2, 3})
        handler = idempotent(failing, clock=clock)(lambda *_: runs.append(1) or "done")
        assert [handler(ORDER, context()), handler(ORDER, context())] == ["done", "done"]
        assert runs == [1]

    def test_a_result_that_cannot_be_recorded_is_logged_and_returned(
        self, store: MemoryStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = idempotent(FailingStore(store, {2, 3, 4, 5}), clock=clock)(lambda *_: "done")
        assert handler(ORDER, context()) == "done"
        assert "pay/r-1: done, but not recorded" in caplog.text

    def test_the_error_of_a_handler_is_not_replaced_by_that_of_the_store(
        self, store: MemoryStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: bytes, context: object) -> None:
            raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            idempotent(FailingStore(store, {2}))(fail)(ORDER, context())
        assert "the failure is not recorded" in caplog.text

    def test_a_store_that_refuses_every_write_is_noticed(self, clock: ManualClock) -> None:
        class Broken(MemoryStore):
            def replace(self, record: Record, expected: str) -> bool:
                return False

        store = Broken()
        started(store, clock)
        handler = idempotent(store, clock=clock)(lambda *_: "done")
        with pytest.raises(errors.StoreFailed, match="refused every conditional write"):
            handler(ORDER, context(attempt=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": "5"}, "timeout='5'"),
        ({"margin": None}, "margin=None"),
        ({"key": "order.id"}, r"by_field\('order.id'\)"),
        ({"margin": -1}, "margin=-1"),
        ({"expires_after": float("nan")}, "expires_after=nan"),
        ({"wait": float("inf")}, "wait=inf"),
        ({"max_result_bytes": -1}, "max_result_bytes=-1"),
        ({"keep_failures": ["ValueError"]}, r"keep_failures=\['ValueError'\]: must be classes"),
        ({"keep_failures": KeyboardInterrupt}, "keep_failures="),
        ({"not_done_on": 7}, "not_done_on=7"),
    ],
)
def test_options_out_of_range_are_refused_at_once(
    store: Store, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.InvalidParameter, match=message):
        idempotent(store, **options)  # type: ignore[arg-type]


def test_a_decorator_without_a_store_says_how_it_is_written() -> None:
    def handler(event: bytes, context: object) -> None: ...

    with pytest.raises(errors.InvalidParameter, match=r"must be a store: @idempotent\(store\)"):
        idempotent(handler)  # type: ignore[arg-type]


def test_a_context_without_a_timeout_needs_one_from_the_author(store: Store) -> None:
    bare = SimpleNamespace(request_id="r-1")
    with pytest.raises(errors.InvalidParameter, match="pass timeout=seconds"):
        idempotent(store)(lambda *_: "done")(ORDER, bare)
    assert idempotent(store, timeout=5)(lambda *_: "done")(ORDER, bare) == "done"


class Pay:
    """A handler that is an object."""

    async def __call__(self, event: bytes, context: object) -> str:
        await asyncio.sleep(0)
        return current_key()


def test_an_object_that_is_called_as_a_coroutine_function_is_a_coroutine_handler(
    store: Store,
) -> None:
    handler = idempotent(store)(Pay())
    assert [asyncio.run(handler(ORDER, context())) for _ in range(2)] == ["pay/r-1", "pay/r-1"]


async def work() -> str:
    return "done"


@pytest.mark.parametrize("result", [work, lambda: (n for n in range(3))], ids=["await", "yield"])
def test_a_handler_that_returns_work_which_has_not_begun_is_not_recorded_as_done(
    store: Store, result: Callable[[], object]
) -> None:
    handler = idempotent(store)(lambda *_: result())
    for _ in range(2):
        with pytest.raises(
            errors.InvalidParameter, match="decorate the function that does the work"
        ):
            handler(ORDER, context())


def test_a_generator_is_refused(store: Store) -> None:
    def handler(event: bytes, context: object) -> object:
        yield event

    with pytest.raises(errors.InvalidParameter, match="not yield"):
        idempotent(store)(handler)


@pytest.mark.parametrize(
    "error",
    [
        errors.AlreadyRunning("k", until=5, attempt=1),
        errors.PayloadMismatch("k"),
        errors.EffectInDoubt("k", ("charge",)),
        errors.FailureKept("k", "ValueError", "no"),
        errors.ResultNotStored("k", "the work", "too large"),
        errors.ClaimLost("k", "its result"),
        errors.KeyMissing("no field"),
        errors.StoreFailed("away", key="k"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_can_be_pickled(error: errors.IdempotencyError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- made in this line
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
