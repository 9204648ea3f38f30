# SPDX-License-Identifier: MIT
"""``make deploy`` alone deploys a project, so that what starts it works: its form URL, its timer.

The target is a runtime other than that of the project's tests: it allows what ``fc-async policy``
prints for the project's role, and keeps no results. Left out are ``build``, which installs packages
from the network (functions find them in the environment of the tests), and ``check``, which
test_readmes.py runs.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_local.settings import Settings
from fc_async_tests.templates import prepare, run, start

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    project: Path = start(request.param, tmp_path, {"project_slug": "p"})
    prepare(project)
    return project


@pytest.fixture
def fc_local_settings(project: Path) -> Settings:
    printed = run(project, "fc_async_plugin", "policy", "--format", "json")
    [role] = json.loads(printed)["roles"]
    return Settings.of(enforce_roles=True, keep_results=False, roles={"p": [role["policy"]]})


def make_deploy(project: Path, endpoint: str, **more: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FC_ASYNC", "COV_"))}
    done = subprocess.run(
        ["make", "-s", "-o", "build", "-o", "check", "deploy", "ARGS=-y"],
        cwd=project,
        env={**kept, "FC_ASYNC_ENDPOINT": endpoint, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("project", ["web-background"], indirect=True)
def test_the_form_of_web_background_answers_after_make_deploy_alone(
    project: Path, fc_local: FcLocal
) -> None:
    queue = fc_local.create_queue("p-failures")
    make_deploy(project, fc_local.endpoint, LOCAL_REPORTS=str(project / "data"))
    trigger = fc_local.client.get_trigger("p-web", "http").http_trigger
    assert trigger is not None
    url = trigger["urlInternet"]
    assert '<form method="post">' in requests.get(url, timeout=60).text

    for csv in ("item,price\napple,3\n", "item,price\napple\n"):
        requests.post(url, data={"key": "0123456789abcdef", "csv": csv}, timeout=60)
    fc_local.run_until_idle()
    tasks = fc_local.client.list_async_tasks("p-summarize").tasks
    assert sorted(task.status for task in tasks) == ["Failed", "Succeeded"]
    for task in tasks:
        page = requests.get(f"{url}?report={task.task_id.removeprefix('report-')}", timeout=60).text
        assert ("1 rows" if task.succeeded else "Line 2 has 1 of 2 cells") in page
    assert fc_local.receive(queue.split("/")[-2]) is not None
    concurrency = fc_local.client.get_concurrency_config("p-summarize")
    assert concurrency.reserved_concurrency == 25


@pytest.mark.parametrize("project", ["data-etl"], indirect=True)
def test_the_timer_of_data_etl_fires_at_night_after_make_deploy_alone(
    project: Path, fc_local: FcLocal
) -> None:
    fc_local.create_queue("p-failures")
    file = project / "shop.db"
    url = f"sqlite:///{file}"
    run(project / "code", "shop", "write", "../orders.csv", DATABASE_URL=url)
    make_deploy(project, fc_local.endpoint, DATABASE_URL=url)

    fc_local.advance(86_400)
    (extracted,) = fc_local.client.list_async_tasks("p-extract").tasks
    assert extracted.succeeded
    with sqlite3.connect(file) as db:
        loaded = [order for (order,) in db.execute("SELECT order_id FROM sales ORDER BY order_id")]
    assert loaded == [1, 2, 4]
    bad = fc_local.receive("p-failures")
    assert bad is not None
    assert bad.function == "p-transform-row"
