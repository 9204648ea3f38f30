# SPDX-License-Identifier: MIT
"""What a user sees of ``fc_local`` when a test fails, waits, or lacks an extra."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import WaiterError
from fc_async_tests.users_pytest import PYTEST

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal


def pytest_output(folder: Path, test: str, **environment: str) -> str:
    """Run one test file of a user in a process of its own."""
    (folder / "test_orders.py").write_text(test)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*PYTEST, "test_orders.py"],
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


def test_the_report_of_a_failed_test_has_the_traceback_of_its_handler(tmp_path: Path) -> None:
    out = pytest_output(tmp_path, FAILING)

    section = out.partition("functions that failed on fc_local")[2]
    assert "attempts 1 to 3:\nTraceback (most recent call last):\n" in section
    assert 'test_orders.py", line 2, in price' in section
    assert '    return order["price"] * 2\n' in section
    assert "KeyError: 'price'" in section
    assert section.count("KeyError") == 1
    assert "fc_async_local/" not in section.partition("short test summary")[0]


def test_the_report_has_the_traceback_of_code_in_a_folder_too(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(
        "def handler(event, context):\n    raise ValueError('bad order')\n"
    )
    out = pytest_output(
        tmp_path,
        "def test_orders(fc_local):\n"
        "    fc_local.deploy('orders', 'code')\n"
        "    assert fc_local.client.invoke('orders', b'').succeeded\n",
    )

    section = out.partition("functions that failed on fc_local")[2]
    assert 'File "/code/index.py", line 2, in handler' in section
    assert "ValueError: bad order" in section


def test_a_test_that_passes_shows_no_traceback_of_a_failure_that_it_expects(
    tmp_path: Path,
) -> None:
    out = pytest_output(tmp_path, FAILING.replace("Succeeded", "Failed"))
    assert "1 passed" in out
    assert "Traceback" not in out


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


def test_handles_of_tasks_and_groups_move_the_virtual_clock(fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda event, _: event)
    orders = fc_local.client.function("orders", result=int)
    before = fc_local.runtime.now()

    assert orders.spawn(7, delay=60).result(timeout=120) == 7
    group = orders.map([1, 2], task_ids="night", delay=60)
    assert sorted(task.result() for task in group.ends(timeout=120)) == [1, 2]

    assert fc_local.runtime.now() - before >= 120_000


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
    "requirements.txt and run make build"
)


def test_a_passed_test_warns_of_what_would_be_missing_in_the_cloud(tmp_path: Path) -> None:
    output = pytest_output(tmp_path, IMPORTING.replace("STRICT", "False"))
    assert "1 passed, 1 warning" in output
    assert f"ImportedFromMachine: {SENTENCE}" in output


def test_with_strict_imports_the_test_fails_with_the_same_sentence(tmp_path: Path) -> None:
    output = pytest_output(tmp_path, IMPORTING.replace("STRICT", "True"))
    assert "1 failed" in output
    assert f"Unable to import module 'index': {SENTENCE}" in output
