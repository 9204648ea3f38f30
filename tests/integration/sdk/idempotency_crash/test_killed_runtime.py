# SPDX-License-Identifier: MIT
"""kill -9 of a runtime in the first attempt of an idempotent function that has no retries."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_tests.code import archive
from fc_async_tests.nodes import node, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import os, time
from fc_async_sdk.idempotency import SqliteStore, idempotent

folder = os.environ["FOLDER"]

@idempotent(SqliteStore(folder + "/records.db"))
def handler(event, context):
    if not os.path.exists(folder + "/begun"):
        open(folder + "/begun", "w").close()
        time.sleep(600)
    return context.retry_count
"""


@pytest.mark.slow
def test_the_function_runs_again_when_the_next_runtime_has_started(tmp_path: Path) -> None:
    body = {
        "functionName": "pay",
        "runtime": "python3.10",
        "handler": "index.handler",
        "timeout": 600,
        "environmentVariables": {"FOLDER": str(tmp_path)},
        "code": {"zipFile": base64.b64encode(archive(CODE)).decode()},
    }
    with node(tmp_path / "data") as (where, _):
        functions = f"{where['fc']}/2023-03-30/functions"
        requests.post(functions, json=body, timeout=30).raise_for_status()
        config = {"asyncTask": True, "maxAsyncRetryAttempts": 0}
        url = f"{functions}/pay/async-invoke-config"
        requests.put(url, json=config, timeout=30).raise_for_status()
        headers = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": "t"}
        url = f"{functions}/pay/invocations"
        requests.post(url, data=b"{}", headers=headers, timeout=30).raise_for_status()
        wait_for((tmp_path / "begun").exists)
    with node(tmp_path / "data") as (where, _):
        url = f"{where['fc']}/2023-03-30/functions/pay/async-tasks/t"
        task = wait_for(
            lambda: (found := requests.get(url, timeout=30).json())["status"] in ENDS and found
        )
    assert task["status"] == "Succeeded", json.dumps(task, indent=1)


ENDS = {"Succeeded", "Failed", "Stopped"}
