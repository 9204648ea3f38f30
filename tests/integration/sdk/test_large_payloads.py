# SPDX-License-Identifier: MIT
"""Payloads over the limits of the service, through every call and every place that reads them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import errors, payloads
from fc_async_sdk.payloads import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

BIG = "x" * 200_000


@dataclass
class Order:
    text: str = ""


class Counting(FolderStore):
    """A folder that counts its requests."""

    def __init__(self, path: Path, **options: int) -> None:
        super().__init__(path, **options)
        self.requests: list[str] = []

    def put(self, key: str, data: Any) -> None:
        self.requests.append("put")
        super().put(key, data)

    def get(self, key: str) -> Any:
        self.requests.append("get")
        return super().get(key)

    def exists(self, key: str) -> bool:
        self.requests.append("exists")
        return super().exists(key)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "payloads")


@pytest.fixture
def queue(fc_local: FcLocal, store: Counting) -> str:
    """Deploy `echo`, which returns the text of an order; its events go to a queue."""

    @fc_async_sdk.handler(Order, large=store)
    def echo(order: Order, _context: object) -> Order:
        if order.text == "fail":
            raise ValueError
        return order

    arn = fc_local.create_queue("events")
    config: Any = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": {
            "onSuccess": {"destination": arn},
            "onFailure": {"destination": arn},
        },
    }
    fc_local.deploy("echo", echo, async_config=config, memory_size=1024)
    return "events"


def test_a_large_payload_and_its_large_result_go_through_the_store(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    function = fc_local.client.function("echo", payload=Order, result=Order, large=store)
    task = function.spawn(Order(BIG), delay=60)

    assert store.requests == ["put"]
    assert task.result() == Order(BIG)
    assert store.requests == ["put", "get", "put", "get"]
    [listed] = fc_local.client.list_async_tasks("echo", include_payload=True).tasks
    claim = payloads.find(listed.task_payload_bytes or b"")
    assert claim is not None
    assert (claim.size, claim.store) == (len(BIG) + len('{"text":""}'), store.name)


def test_nothing_changes_below_the_threshold(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    function = fc_local.client.function("echo", payload=Order, result=Order, large=store)
    task = function.spawn(Order("x" * 20_000))

    assert task.result() == Order("x" * 20_000)
    assert store.requests == []
    [listed] = fc_local.client.list_async_tasks("echo", include_payload=True).tasks
    assert listed.task_payload == json.dumps({"text": "x" * 20_000}, separators=(",", ":"))


def test_the_threshold_is_the_one_of_the_store(
    fc_local: FcLocal, queue: str, tmp_path: Path
) -> None:
    small = Counting(tmp_path / "payloads", threshold=5)
    fc_local.client.invoke_async("echo", b"12345", large=small)
    fc_local.client.invoke_later("echo", b"123456", large=small, delay=9)
    assert small.requests == ["put"]


def test_all_payloads_of_a_map_go_through_the_store(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    function = fc_local.client.function("echo", payload=Order, result=Order, large=store)
    orders = [Order(f"{number}{BIG}") for number in range(5)] + [Order("small")]
    group = function.map(orders, delay=60)

    assert store.requests == ["put"] * 5
    assert [
        task.result() for task in sorted(group.ends(results=True), key=lambda one: one.index or 0)
    ] == orders


def test_a_fan_out_on_asyncio_goes_through_the_store(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    async def run() -> Order:
        async with fc_async_sdk.async_client(endpoint_url=fc_local.endpoint) as client:
            run = await client.fan_out("echo", [{"text": BIG}] * 3, large=store).run()
            assert not run.failures
            task = await client.function("echo", payload=Order, result=Order, large=store).spawn(
                Order(BIG)
            )
            await asyncio.to_thread(fc_local.run_until_idle)
            return await task.result()

    assert asyncio.run(run()) == Order(BIG)
    assert store.requests.count("put") == 8


def test_a_destination_event_opens_request_and_response(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    fc_local.client.invoke_async("echo", {"text": BIG}, large=store)
    fc_local.run_until_idle()

    event = fc_local.receive(queue)
    assert event is not None
    for payload in (event.request, event.response):
        assert b'"$fc-async.claim"' in payload.bytes()
        with pytest.raises(errors.UnreadableClaim, match=r"event\.open\(store\)"):
            payload.json()
    with pytest.raises(errors.UnreadableClaim, match=r"event\.open\(store\)"):
        event.response.decode(Order)
    opened = event.open(store)
    assert opened.request.json() == {"text": BIG}
    assert opened.response.decode(Order) == Order(BIG)
    assert opened.function == "echo"


def test_a_failure_event_with_a_small_request_is_opened_as_it_is(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    fc_local.client.invoke_async("echo", {"text": "fail"}, large=store)
    fc_local.run_until_idle()

    event = fc_local.receive(queue)
    assert event is not None
    assert event.open(store).request.json() == {"text": "fail"}
    assert event.open(store).response.json()["errorType"] == "ValueError"
    assert store.requests == []


def test_a_result_becomes_a_claim_where_the_event_would_not_fit_a_queue(
    fc_local: FcLocal, store: Counting, queue: str
) -> None:
    fc_local.client.invoke_async("echo", {"text": '"' * 7_000}, large=store)
    fc_local.run_until_idle()

    event = fc_local.receive(queue)
    assert event is not None
    assert store.requests == ["put"]
    assert event.open(store).response.json() == {"text": '"' * 7_000}


def test_a_handler_without_a_store_is_not_run_on_a_claim(
    fc_local: FcLocal, store: Counting
) -> None:
    calls = []
    fc_local.deploy("echo", fc_async_sdk.handler(Order)(lambda order, _: calls.append(order)))
    with pytest.raises(errors.TaskFailed):
        fc_local.client.function("echo", large=store).spawn({"text": BIG}).result()
    assert "UnreadableClaim: the payload is a claim of 200011" in fc_local.failed_attempts()
    assert calls == []


def test_a_payload_that_is_gone_fails_the_attempt_and_is_named(
    fc_local: FcLocal, store: Counting, queue: str, tmp_path: Path
) -> None:
    fc_local.client.invoke_async("echo", {"text": BIG}, large=store, delay=60)
    for file in (tmp_path / "payloads").rglob("*"):
        if file.is_file():
            file.unlink()
    fc_local.run_until_idle()

    event = fc_local.receive(queue)
    assert event is not None
    assert event.attempts == 2
    assert event.response.json()["errorType"] == "PayloadNotFound"
    with pytest.raises(errors.PayloadNotFound):
        _ = event.open(store).request


def test_a_store_that_fails_sends_nothing(fc_local: FcLocal, queue: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    broken = FolderStore(tmp_path / "file" / "payloads")
    function = fc_local.client.function("echo", large=broken)
    with pytest.raises(errors.PayloadStoreFailed):
        function.spawn({"text": BIG})
    group = function.map([{"text": BIG}, {"text": "small"}])
    assert [type(task.error) for task in group.failures] == [errors.PayloadStoreFailed]
    assert len(fc_local.client.list_async_tasks("echo").tasks) == 1


def test_a_payload_over_the_memory_of_the_function_is_not_read(
    fc_local: FcLocal, store: Counting
) -> None:
    read = fc_async_sdk.handler(bytes, large=store)(lambda data, _: len(data))
    fc_local.deploy("length", read, memory_size=128)
    function = fc_local.client.function("length", result=int, large=store)

    assert function.spawn(bytes(32 * 1024 * 1024)).result() == 32 * 1024 * 1024
    with pytest.raises(errors.TaskFailed):
        function.spawn(bytes(32 * 1024 * 1024 + 1)).result()
    assert "PayloadOverMemory: the payload has 33554433 bytes" in fc_local.failed_attempts()


@pytest.mark.parametrize("store", ["bucket", 1, {}])
def test_what_is_not_a_store_is_refused_before_anything_is_sent(
    fc_local: FcLocal, store: Any
) -> None:
    for call in (
        lambda: fc_local.client.invoke_async("f", large=store),
        lambda: fc_local.client.function("f", large=store),
        lambda: fc_local.client.fan_out("f", [], large=store),
        lambda: fc_async_sdk.handler(Order, large=store),
    ):
        with pytest.raises(errors.InvalidParameter, match="large="):
            call()


FUNCTION = """
import fc_async_sdk
from fc_async_sdk.payloads import DefaultStore

@fc_async_sdk.handler(dict, large=DefaultStore())
def handler(event, context):
    return {"text": event["text"].upper()}
"""


def test_here_a_folder_is_used_without_configuration(fc_local: FcLocal, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text(FUNCTION)
    (code / "requirements.txt").write_text("fc-async")
    fc_local.deploy("upper", code, memory_size=512)
    fc_local.deploy(
        "same", fc_async_sdk.handler(dict, large=payloads.DefaultStore())(lambda e, _: e)
    )

    for name, expected in (("upper", BIG.upper()), ("same", BIG)):
        function = fc_local.client.function(name, result=dict, large=payloads.DefaultStore())
        assert function.spawn({"text": BIG}).result() == {"text": expected}
    assert len(list((tmp_path / "fc-async" / "payloads").rglob("*.gz"))) == 3


def test_a_client_in_another_terminal_uses_the_folder_of_the_runtime(
    fc_local: FcLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FCASYNC_PAYLOADS")
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    assert payloads.DefaultStore().name == f"file://{tmp_path}/fc-async/payloads"


def test_a_bucket_is_that_of_the_runtime_that_a_client_calls(
    fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FCASYNC_PAYLOADS", "oss://my-bucket")
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    fc_local.oss.create_bucket("my-bucket")
    payloads.DefaultStore().put("in/a", b"content")
    assert fc_local.oss.get("my-bucket", "in/a") == b"content"


@pytest.mark.parametrize("result", ["text" * 50_000, b"\0bytes" * 50_000, {"n": ["json"] * 50_000}])
def test_results_of_all_kinds_come_back_from_a_coroutine_function(
    fc_local: FcLocal, store: Counting, result: Any
) -> None:
    @fc_async_sdk.handler(bytes, large=store)
    async def produce(data: bytes, _context: object) -> Any:
        await asyncio.sleep(0)
        return result if data == b"payload" * 50_000 else None

    fc_local.deploy("produce", produce, memory_size=1024)
    kind = dict if isinstance(result, dict) else bytes
    found = fc_local.client.function("produce", result=kind, large=store).spawn(b"payload" * 50_000)
    expected = result.encode() if isinstance(result, str) else result
    assert found.result() == expected
    assert store.requests == ["put", "get", "put", "get"]
