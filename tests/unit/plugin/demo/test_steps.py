# SPDX-License-Identifier: MIT
"""The demo's last step shows how everything ended, not how far it was."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from fc_async_plugin.demo import steps
from fc_async_sdk.models import AsyncTask, AsyncTaskPage
from fc_async_sdk.paginators import Paginator
from fc_async_sdk.spec.metrics import DESTINATION_ERRORS, DESTINATION_SUCCEEDED

if TYPE_CHECKING:
    from pathlib import Path


class Client:
    """Answers each list of ``publish`` with the next of some tasks; the last one repeats."""

    def __init__(self, *tasks: AsyncTask) -> None:
        self._tasks = list(tasks)

    def list_async_tasks(self, function: str, **_) -> AsyncTaskPage:
        if function != "publish":
            return AsyncTaskPage()
        task = self._tasks.pop(0) if len(self._tasks) > 1 else self._tasks[0]
        return AsyncTaskPage(tasks=(task,))

    def get_paginator(self, _: str) -> Paginator[AsyncTaskPage, AsyncTask]:
        return Paginator(self.list_async_tasks, "tasks")


def shown(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, metrics: dict[str, int]
) -> str:
    monkeypatch.setattr(steps, "read_metrics", lambda _: metrics)
    output = io.StringIO()
    stage = steps.Stage(
        Console(file=output, width=100),
        folder,
        None,  # type: ignore[arg-type]
        client,  # type: ignore[arg-type]
    )
    steps.show_outcome(stage)
    return output.getvalue()


def task(status, **fields) -> AsyncTask:
    return AsyncTask(task_id="t", status=status, **fields)


METRICS = {DESTINATION_SUCCEEDED: 1, DESTINATION_ERRORS: 0}


def test_a_task_that_is_still_running_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(task("Dequeued"), task("Running"), task("Succeeded"))
    printed = shown(client, tmp_path, monkeypatch, METRICS)
    assert "Succeeded" in printed
    assert "Dequeued" not in printed


def test_a_delivery_that_is_pending_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(
        task("Succeeded", destination_status="Pending"),
        task("Succeeded", destination_status="Succeeded"),
    )
    assert "1 destinations called" in shown(client, tmp_path, monkeypatch, METRICS)


def test_a_task_that_never_ends_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "PATIENCE_SECONDS", 0)
    with pytest.raises(steps.DemoFailed, match="every task"):
        shown(Client(task("Dequeued")), tmp_path, monkeypatch, METRICS)
