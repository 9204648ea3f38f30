# SPDX-License-Identifier: MIT
"""What a user sees of ``fc_local`` when a test fails, waits, or lacks an extra."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_sdk.errors import WaiterError
from fc_async_sdk.spec import limits
from fc_async_sdk.waiters import VirtualClockStopped
from fc_async_tests import runtime_requests as requests
from fc_async_tests.users_pytest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal


def pytest_output(folder: Path, *tests: str, **environment: str) -> str:
    """Run test files of a user in a process of their own."""
    for number, test in enumerate(tests):
        (folder / f"test_orders{number or ''}.py").write_text(test)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        PYTEST,
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


FAILING = """\
def price(order):
    return order["price"] * 2


def test_orders(fc_local):
    def handler(event, context):
        print("reading", event)
        return price({})

    config = {"asyncTask": True, "maxAsyncRetryAttempts": 2}
    fc_local.deploy("orders", handler, async_config=config)
    fc_local.client.invoke_async("orders", b"in", task_id="order-7")
    fc_local.run_until_idle()
    assert fc_local.client.get_async_task("orders", "order-7").status == "Succeeded"
"""


FOLDER = """\
def test_folder(fc_local):
    fc_local.deploy("orders", "code")
    assert fc_local.client.invoke("orders", b"").succeeded
"""
WAITING = """\
import fc_async_sdk
import pytest

def test_orders(fc_local):
    fc_local.deploy("orders", lambda *_: "done")
    with fc_async_sdk.client(endpoint_url=fc_local.endpoint) as client:
        task = client.function("orders").spawn(b"in", delay=280)
        with pytest.raises(fc_async_sdk.errors.WaiterError):
            task.wait(1)
"""
IMPORTING = """\
import pytest
from fc_async_local.settings import Settings

@pytest.fixture
def fc_local_settings():
    return Settings.of(strict_imports=STRICT)

def test_orders(fc_local, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("import yaml\\ndef handler(event, context): pass")
    fc_local.deploy("orders", tmp_path / "code")
    for _ in range(2):
        fc_local.client.invoke("orders").raise_for_function_error()
"""
SENTENCE = (
    "orders imports yaml from this machine; in the cloud it is missing: put PyYAML into "
    "requirements.txt and install it into the code"
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what pytest prints of each test of a user that fails, by its name; "": of them all."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text(
        "def handler(event, context):\n    raise ValueError('bad order')\n"
    )
    output = pytest_output(
        folder,
        FAILING,
        FAILING.replace("Succeeded", "Failed").replace("test_orders", "test_expected"),
        FOLDER,
        WAITING.replace("test_orders", "test_waiting"),
        IMPORTING.replace("STRICT", "True").replace("test_orders", "test_strict"),
        IMPORTING.replace("STRICT", "False").replace("test_orders", "test_warned"),
    )
    _, *parts = re.split(r"^_+ (\w+) _+$", output, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True)) | {"": output}


def test_the_report_of_a_failed_test_has_the_traceback_of_its_handler(
    reports: dict[str, str],
) -> None:
    section = reports["test_orders"].partition("functions that failed on fc_local")[2]
    assert "attempts 1 to 3:\nTraceback (most recent call last):\n" in section
    assert 'test_orders.py", line 2, in price' in section
    assert '    return order["price"] * 2\n' in section
    assert "KeyError: 'price'" in section
    assert section.count("KeyError") == 1
    assert "fc_async_local/" not in section


def test_the_report_has_the_traceback_of_code_in_a_folder_too(reports: dict[str, str]) -> None:
    section = reports["test_folder"].partition("functions that failed on fc_local")[2]
    assert 'File "/code/index.py", line 2, in handler' in section
    assert "ValueError: bad order" in section


def test_a_test_that_passes_shows_no_traceback_of_a_failure_that_it_expects(
    reports: dict[str, str],
) -> None:
    assert "test_expected" not in reports[""]
    assert "4 failed, 2 passed" in reports[""]


@pytest.mark.parametrize("name", ["task_finished", "task_succeeded"])
def test_a_waiter_moves_the_virtual_clock(name: str, fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda *_: "done")
    fc_local.client.invoke_async("orders", b"in", task_id="later", delay=280)
    before = fc_local.runtime.now()

    task = fc_local.client.get_waiter(name).wait("orders", "later")

    assert task.succeeded
    assert fc_local.runtime.now() - before >= 280_000


def test_a_waiter_gives_up_in_virtual_time_as_it_would_on_the_service(fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda *_: "done")
    fc_local.client.invoke_async("orders", b"in", task_id="later", delay=3_000)

    with pytest.raises(WaiterError, match="gave up after 300 s, last seen: Enqueued"):
        fc_local.client.get_waiter("task_finished").wait("orders", "later")


def test_a_waiter_for_a_function_works_on_the_virtual_clock(fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda *_: "done")
    assert fc_local.client.get_waiter("function_active").wait("orders").function_name == "orders"


def test_deploying_a_template_without_the_command_lines_extra_names_it(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'yaml'\", name='yaml')\n"
    )
    test = "def test_orders(fc_local):\n    fc_local.deploy_template('s.yaml')\n"
    out = pytest_output(tmp_path, test, PYTHONPATH=str(tmp_path))
    assert re.search(r"fc_local\.deploy_template needs yaml: .*\[cli\]", out)


def test_deploying_a_template_without_the_pytest_plugin_that_does_it_names_it(
    tmp_path: Path,
) -> None:
    test = "def test_orders(fc_local):\n    fc_local.deploy_template('s.yaml')\n"
    out = pytest_output(tmp_path, test, PYTEST_ADDOPTS="-p no:fc_async_plugin")
    assert "needs the pytest plugin fc_async_plugin: load it with -p fc_async_plugin.testing" in out


def test_a_run_without_the_fixture_does_not_miss_it(tmp_path: Path) -> None:
    out = pytest_output(
        tmp_path, "def test_orders():\n    pass\n", PYTEST_ADDOPTS="-p no:fc_async_local"
    )
    assert "1 passed" in out


def test_handles_of_tasks_and_groups_move_the_virtual_clock(fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda event, _: event)
    orders = fc_local.client.function("orders", result=int)
    before = fc_local.runtime.now()

    assert orders.spawn(7, delay=60).result(timeout=120) == 7
    group = orders.map([1, 2], task_ids="night", delay=60)
    assert sorted(task.result() for task in group.ends(timeout=120)) == [1, 2]

    assert fc_local.runtime.now() - before >= 120_000


def wait_with_a_waiter(client: fc_async_sdk.Client) -> None:
    client.get_waiter("task_finished").wait("orders", "night-0")


def wait_with_a_handle(client: fc_async_sdk.Client) -> None:
    client.task("orders", "night-0").result()


def wait_with_a_group(client: fc_async_sdk.Client) -> None:
    client.group("orders", "night").wait()


def wait_with_asyncio(client: fc_async_sdk.Client) -> None:
    async def wait() -> None:
        async with fc_async_sdk.async_client(endpoint_url=client.endpoint_url) as other:
            await other.task("orders", "night-0").wait()

    asyncio.run(wait())


def wait_for_a_group_with_asyncio(client: fc_async_sdk.Client) -> None:
    async def wait() -> None:
        async with fc_async_sdk.async_client(endpoint_url=client.endpoint_url) as other:
            async for _ in other.group("orders", "night").ends():
                pass

    asyncio.run(wait())


@pytest.mark.parametrize(
    "wait",
    [
        wait_with_a_waiter,
        wait_with_a_handle,
        wait_with_a_group,
        wait_with_asyncio,
        wait_for_a_group_with_asyncio,
    ],
)
def test_a_client_of_the_users_own_that_waits_while_the_clock_stands_is_an_error(
    wait: Callable[[fc_async_sdk.Client], None], fc_local: FcLocal
) -> None:
    fc_local.deploy("orders", lambda *_: "done")
    fc_local.client.invoke_async("orders", b"in", task_id="night-0", delay=280)
    with (
        fc_async_sdk.client(endpoint_url=fc_local.endpoint) as client,
        pytest.raises(VirtualClockStopped, match=r"fc_local\.client"),
    ):
        wait(client)


def test_a_test_that_waits_while_the_clock_stands_fails_at_once(reports: dict[str, str]) -> None:
    said = "VirtualClockStopped: the virtual clock of this local runtime stands still"
    assert said in reports["test_waiting"]


def test_a_project_can_have_a_warning_instead(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = default::fc_async_sdk.waiters.VirtualClockStopped\n"
    )
    output = pytest_output(tmp_path, WAITING)
    assert "1 passed, 1 warning" in output
    assert "test_orders.py:9: VirtualClockStopped: the virtual clock of this" in output


def test_only_a_clock_that_waits_to_be_moved_is_said_to_stand(fc_local: FcLocal) -> None:
    def stands() -> bool:
        response = requests.get(f"{fc_local.endpoint}/2023-03-30/functions", timeout=30)
        return limits.STOPPED_CLOCK in response.headers

    seen = []

    async def handler(event: bytes, _: object) -> None:
        seen.append(await asyncio.to_thread(stands))

    fc_local.deploy("orders", handler)
    fc_local.client.invoke_async("orders", b"in", delay=60)
    fc_local.advance(0)  # until what the invocation has woken waits again
    assert stands()
    fc_local.advance(60)
    assert seen == [False]
    assert stands()


def test_a_passed_test_warns_of_what_would_be_missing_in_the_cloud(
    reports: dict[str, str],
) -> None:
    assert "1 warning" in reports[""]
    assert f"ImportedFromMachine: {SENTENCE}" in reports[""]


def test_with_strict_imports_the_test_fails_with_the_same_sentence(
    reports: dict[str, str],
) -> None:
    assert f"Unable to import module 'index': {SENTENCE}" in reports["test_strict"]
