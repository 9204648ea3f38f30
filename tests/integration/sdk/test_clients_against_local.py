# SPDX-License-Identifier: MIT
"""The SDK against a running local runtime, its signatures verified, on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

import fc_async_sdk
from fc_async_local.settings import Settings
from fc_async_sdk import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk._client import Client

KEY, SECRET = "LTAIlocalTestKey", "local-test-secret"
CODE = "def handler(event, context):\n    return b'got ' + event\n"


@pytest.fixture
def fc_local_settings() -> Settings:
    return Settings.of(strict_auth=True, access_keys={KEY: SECRET})


@pytest.fixture
def client(fc_local: FcLocal) -> Iterator[Client]:
    with fc_async_sdk.client(
        endpoint_url=fc_local.endpoint, access_key_id=KEY, access_key_secret=SECRET
    ) as made:
        yield made


def echo(event: bytes, _) -> bytes:
    return event


def boom(event: bytes, _) -> None:
    raise ValueError(event.decode())


class TestSignatures:
    def test_another_secret_is_refused(self, fc_local: FcLocal) -> None:
        with (
            fc_async_sdk.client(
                endpoint_url=fc_local.endpoint, access_key_id=KEY, access_key_secret="other"
            ) as stranger,
            pytest.raises(errors.SignatureNotMatch),
        ):
            stranger.list_functions()

    def test_an_unknown_key_is_refused(self, fc_local: FcLocal) -> None:
        with (
            fc_async_sdk.client(
                endpoint_url=fc_local.endpoint, access_key_id="LTAIother", access_key_secret="s"
            ) as stranger,
            pytest.raises(errors.InvalidAccessKeyID),
        ):
            stranger.list_functions()

    def test_that_keys_of_the_environment_were_not_used_is_said_with_what_to_do(
        self, fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The user saw the key id `local`, which is in none of his settings."""
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)
        # The runtime of another user: neither its token nor its key is found.
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        with (
            fc_async_sdk.client(endpoint_url=fc_local.endpoint) as client,
            pytest.raises(errors.InvalidAccessKeyID) as refused,
        ):
            client.list_functions()
        said = str(refused.value)
        assert "invalid access key ID 'local'" in said
        assert "keys of the environment were not used" in said
        assert "--endpoint URL -a ALIAS" in said
        assert "access_key_id and access_key_secret" in said


class TestFunctions:
    def test_a_function_is_created_read_updated_and_deleted(
        self, client: Client, tmp_path: Path
    ) -> None:
        folder = tmp_path / "code"
        folder.mkdir()
        (folder / "index.py").write_text(CODE, "utf-8")
        made = client.create_function(
            "greet",
            runtime="python3.10",
            code=folder,
            memory_size=256,
            environment_variables={"A": "ü"},
        )
        assert made.function_name == "greet"
        with pytest.raises(errors.FunctionAlreadyExists):
            client.create_function("greet", runtime="python3.10", code=folder)
        changed = client.update_function("greet", timeout=7, description="says hello")
        assert (changed.timeout, changed.memory_size) == (7, 256)
        assert client.get_waiter("function_active").wait("greet").timeout == 7
        assert [f.function_name for f in client.list_functions(prefix="gr").functions] == ["greet"]
        version = client.publish_function_version("greet", description="first")
        client.create_alias("greet", "prod", version_id=version.version_id)
        assert client.get_alias("greet", "prod").version_id == version.version_id
        assert [a.alias_name for a in client.list_aliases("greet").aliases] == ["prod"]
        client.put_concurrency_config("greet", reserved_concurrency=3)
        assert client.get_concurrency_config("greet").reserved_concurrency == 3
        client.delete_concurrency_config("greet")
        client.delete_alias("greet", "prod")
        client.delete_function_version("greet", version.version_id)
        client.delete_function("greet")
        with pytest.raises(errors.FunctionNotFound) as caught:
            client.get_function("greet")
        assert caught.value.request_id

    def test_a_synchronous_call_brings_the_result(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        result = client.invoke("echo", {"n": 1})
        assert result.json() == {"n": 1}
        assert result.request_id
        result.raise_for_function_error()

    def test_and_a_failure_is_a_result_too(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("boom", boom)
        result = client.invoke("boom", "why")
        assert result.error_type
        with pytest.raises(errors.FunctionError, match="why"):
            result.raise_for_function_error()


class TestTasks:
    def test_a_delayed_task_runs_when_it_is_due(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        accepted = client.invoke_later("echo", "later", delay=60, task_id="t-1")
        assert accepted.task_id == "t-1"
        fc_local.advance(59)
        assert not client.get_async_task("echo", "t-1").finished
        fc_local.advance(2)
        task = client.get_waiter("task_succeeded").wait("echo", "t-1")
        assert task.request_id == accepted.request_id

    def test_a_task_id_is_taken_once(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        client.invoke_async("echo", task_id="once")
        with pytest.raises(errors.AsyncTaskAlreadyExists):
            client.invoke_async("echo", task_id="once")

    def test_a_delayed_task_can_be_stopped(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        client.invoke_async("echo", delay=600, task_id="slow")
        client.stop_async_task("echo", "slow")
        fc_local.run_until_idle()
        assert client.get_async_task("echo", "slow").status == "Stopped"
        with pytest.raises(errors.WaiterError) as caught:
            client.get_waiter("task_succeeded").wait("echo", "slow")
        assert isinstance(caught.value.last, fc_async_sdk.AsyncTask)

    def test_all_tasks_are_listed_page_by_page(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        for number in range(7):
            client.invoke_async("echo", str(number), task_id=f"t-{number}")
        fc_local.run_until_idle()
        pages = client.get_paginator("list_async_tasks").paginate(
            "echo", limit=3, include_payload=True, prefix="t-"
        )
        found = {task.task_id: task.task_payload for task in pages.items()}
        assert found == {f"t-{number}": str(number) for number in range(7)}

    def test_an_unknown_task_is_not_found(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        with pytest.raises(errors.AsyncTaskNotFound):
            client.get_async_task("echo", "nobody")


class Order(msgspec.Struct):
    number: int


class Thumbnail(msgspec.Struct):
    width: int


@fc_async_sdk.handler(Order)
def resize(order: Order, _context: object) -> Thumbnail:
    if order.number < 0:
        raise ValueError("negative")
    return Thumbnail(order.number)


class TestHandles:
    def test_a_function_is_called_and_spawned_with_its_types(
        self, fc_local: FcLocal, client: Client
    ) -> None:
        fc_local.deploy("resize", resize)
        function = client.function("resize", payload=Order, result=Thumbnail)
        assert function.call(Order(7)) == Thumbnail(7)
        task = function.spawn(Order(8), delay=60)
        assert task.status() == "Enqueued"
        fc_local.run_until_idle()
        assert task.result() == Thumbnail(8)
        assert client.task("resize", task.id, result=Thumbnail).result() == Thumbnail(8)

    def test_a_failed_task_is_replayed_with_its_payload(
        self, fc_local: FcLocal, client: Client
    ) -> None:
        fc_local.deploy("resize", boom)
        task = client.function("resize", payload=Order, result=Thumbnail).spawn(Order(8))
        fc_local.run_until_idle()
        with pytest.raises(errors.TaskFailed, match="failed after 4 attempts"):
            task.result()
        fc_local.deploy("resize", resize)
        again = task.replay()
        fc_local.run_until_idle()
        assert again.result() == Thumbnail(8)

    def test_a_group_is_waited_for_replayed_and_found_again(
        self, fc_local: FcLocal, client: Client
    ) -> None:
        fc_local.deploy("resize", resize)
        function = client.function("resize", payload=Order, result=Thumbnail)
        group = function.map((Order(n - 1) for n in range(250)), task_ids="batch-7")
        fc_local.run_until_idle()
        failed = [task for task in group if task.error]
        assert [(task.index, type(task.error)) for task in failed] == [(0, errors.TaskFailed)]
        fc_local.deploy("resize", lambda *_: {"width": 1})
        assert group.replay_failed() == 1
        fc_local.run_until_idle()
        assert group.wait(60).failures == []
        again = client.group("resize", "batch-7", result=Thumbnail)
        ends = list(again.ends(results=True))
        assert sum(task.result().width for task in ends) == sum(range(249)) + 1

    def test_all_tasks_of_a_group_are_stopped(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("resize", resize)
        function = client.function("resize", payload=Order)
        group = function.map(map(Order, range(120)), task_ids="later", delay=600)
        assert group.stop() == 120
        fc_local.run_until_idle()
        assert {type(task.error) for task in group} == {errors.TaskStopped}

    def test_the_asyncio_handles_do_the_same(self, fc_local: FcLocal) -> None:
        fc_local.deploy("resize", resize)

        async def use() -> None:
            async with fc_async_sdk.async_client(
                endpoint_url=fc_local.endpoint, access_key_id=KEY, access_key_secret=SECRET
            ) as client:
                function = client.function("resize", payload=Order, result=Thumbnail)
                assert await function.call(Order(7)) == Thumbnail(7)
                group = await function.map(map(Order, range(30)), task_ids="aio")
                await asyncio.to_thread(fc_local.run_until_idle)
                widths = [(await task.result()).width async for task in group]
                assert sorted(widths) == list(range(30))

        asyncio.run(use())


class TestTypedHandlers:
    @pytest.mark.parametrize(("retry", "attempts"), [(True, 3), (False, 1)])
    def test_a_payload_that_does_not_fit_is_executed_again_only_by_choice(
        self, fc_local: FcLocal, client: Client, retry: bool, attempts: int
    ) -> None:
        tries: list[bytes] = []
        handle = (
            fc_async_sdk.handler(dict[str, int])
            if retry
            else fc_async_sdk.handler(dict[str, int], retry_invalid=False)
        )

        def sum_up(numbers: dict[str, int], _context: object) -> int:
            return sum(numbers.values())

        typed = handle(sum_up)

        def counted(event: bytes, context: object) -> object:
            tries.append(event)
            return typed(event, context)

        fc_local.deploy(
            "sum", counted, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 2}
        )
        client.invoke_async("sum", {"a": "1"}, task_id="t")
        fc_local.run_until_idle()
        assert len(tries) == attempts
        assert client.get_async_task("sum", "t").succeeded is not retry
        assert client.invoke("sum", {"a": 1, "b": 2}).json() == 3


class TestAsyncConfig:
    def test_an_async_config_is_put_read_listed_and_deleted(
        self, fc_local: FcLocal, client: Client
    ) -> None:
        fc_local.deploy("echo", echo, async_config={})
        queue = fc_local.create_queue("dead")
        put = client.put_async_invoke_config(
            "echo", async_task=True, max_async_retry_attempts=0, on_failure=queue
        )
        assert (put.max_async_retry_attempts, put.on_failure) == (0, queue)
        assert client.get_async_invoke_config("echo").on_failure == queue
        again = client.put_async_invoke_config("echo", config=put, max_async_retry_attempts=2)
        assert (again.max_async_retry_attempts, again.on_failure) == (2, queue)
        assert len(client.list_async_invoke_configs("echo").configs) == 1
        client.delete_async_invoke_config("echo")
        with pytest.raises(errors.AsyncConfigNotExists):
            client.get_async_invoke_config("echo")

    def test_a_failure_event_reaches_the_queue(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("boom", boom)
        queue = fc_local.create_queue("dead")
        client.put_async_invoke_config("boom", max_async_retry_attempts=1, on_failure=queue)
        accepted = client.invoke_async("boom", {"n": 1})
        fc_local.run_until_idle()
        event = fc_local.receive("dead")
        assert event is not None
        assert (event.request_id, event.function) == (accepted.request_id, "boom")
        assert (event.succeeded, event.attempts) == (False, 2)
        assert event.request.json() == {"n": 1}


class TestFanOut:
    def test_every_payload_becomes_a_task_once(self, fc_local: FcLocal, client: Client) -> None:
        fc_local.deploy("echo", echo)
        client.fan_out("echo", range(50), task_ids="job", concurrency=8).run()
        run = client.fan_out("echo", range(100), task_ids="job", concurrency=8).run()
        assert (run.failures, run.duplicates) == ([], 50)
        fc_local.run_until_idle()
        pages = client.get_paginator("list_async_tasks").paginate("echo", prefix="job-", limit=100)
        tasks = list(pages.items())
        assert len(tasks) == 100
        assert {task.status for task in tasks} == {"Succeeded"}


def test_the_asyncio_client_does_the_same(fc_local: FcLocal) -> None:
    fc_local.deploy("echo", echo)

    async def use() -> None:
        async with fc_async_sdk.async_client(
            endpoint_url=fc_local.endpoint, access_key_id=KEY, access_key_secret=SECRET
        ) as client:
            assert (await client.invoke("echo", "hi")).text() == "hi"
            run = await client.fan_out("echo", range(20), task_ids="job").run()
            assert run.failures == []
            task = await client.get_waiter("task_finished").wait("echo", "job-3")
            assert task.succeeded
            pages = client.get_paginator("list_async_tasks").paginate("echo", limit=7)
            assert len([task async for task in pages.items()]) == 20
            with pytest.raises(errors.FunctionNotFound):
                await client.get_function("nobody")

    asyncio.run(use())
