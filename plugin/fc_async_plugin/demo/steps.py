# SPDX-License-Identifier: MIT
"""The seven steps of the demo. Each checks what it shows, and raises if a check fails.

Steps use the runtime from outside only. :class:`Stage` has what they share. The queue is read with
the official client ``aliyun-mns-sdk``, without code of this package in between.
"""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from mns.account import Account
from mns.queue import QueueMeta
from rich.text import Text

import fc_async_sdk
from fc_async_plugin.account.runtime import console_of
from fc_async_plugin.dev.runtime import find
from fc_async_plugin.report import FAILED
from fc_async_plugin.report.moments import clock_time
from fc_async_sdk import events
from fc_async_sdk._installation import module_command
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.spec.metrics import DESTINATION_ERRORS, DESTINATION_SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rich.console import Console

    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Addresses
    from fc_async_sdk.models import AsyncTask

LONG_POLL_SECONDS = 20
# The first start from a new environment compiles all modules: 20 s were too few on a busy machine.
START_SECONDS = 60
"""A start takes about one second; after this time it has failed."""


class DemoFailed(Exception):
    """A check of the demo failed."""


@contextmanager
def killed_at_the_end(data: Path) -> Iterator[Addresses]:
    """Run a local runtime in a process that ends with the block, by SIGKILL.

    Raises:
        DemoFailed: It ended, or was not ready in time; the message ends with its log.
    """
    command = module_command("fc_async_plugin", "local", "start", "--port=0", f"--data={data}")
    log = data.with_suffix(".log")
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 -- our own command, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output
        ) as process,
    ):
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it prints its addresses when it is ready
            watchdog.cancel()
            addresses = find(data)
            if addresses is None:
                raise DemoFailed(f"the local runtime did not start:\n{log.read_text('utf-8')}")
            yield addresses
        finally:
            watchdog.cancel()
            process.kill()


DATA = "data"
QUEUE = "failed-uploads"
DELAY_SECONDS = 2
ATTEMPTS = 3
"""Attempts of ``inspect``: the first one and two retries, as its s.yaml says."""
BURST = 40
PATIENCE_SECONDS = 30
FUNCTIONS = ("transcode", "publish", "inspect")


class Stage(NamedTuple):
    """The objects that all steps share."""

    console: Console
    folder: Path
    ready: Addresses
    client: Client


def _queue(stage: Stage) -> Any:
    # The local runtime accepts any key by default.
    return Account(stage.ready.mns, "local", "local").get_queue(QUEUE)


def check(holds: object, claim: str) -> None:
    """Fail the demo unless the claim holds."""
    if not holds:
        raise DemoFailed(claim)


def say(console: Console, text: str) -> None:
    """Print one indented line without wrapping it."""
    console.print(Text(f"  {text}"), soft_wrap=True)


def command(stage: Stage, project: str, *arguments: str, code: int = 0) -> str:
    """Run a command in the folder of a project, show it, and return what it prints.

    Raises:
        DemoFailed: It ended with another exit code.
    """
    stage.console.print(Text(f"  $ fc-async {shlex.join(arguments)}", style="bold"), soft_wrap=True)
    done = subprocess.run(  # noqa: S603 -- our own command, no shell
        module_command("fc_async_plugin", *arguments),
        cwd=stage.folder / project,
        env=os.environ | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        stage.console.print(Text(f"  │ {line}", style="dim"), soft_wrap=True)
    check(done.returncode == code, f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def until(condition: Callable[[], bool], claim: str) -> None:
    """Wait until a condition holds, or fail."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        check(time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {claim}")
        time.sleep(0.05)


# --- the steps, in order -----------------------------------------------------------------------


def show_runtime(stage: Stage) -> None:
    """Step 1: show the runtime on free ports, with its queue on disk."""
    say(stage.console, f"Function Compute  {stage.ready.fc}")
    say(stage.console, f"console           {console_of(stage.ready)}")
    say(stage.console, f"MNS               {stage.ready.mns}")
    say(stage.console, f"durable queue     {stage.ready.data}")


def refuse_cycle(stage: Stage) -> None:
    """Step 2: show that a template with a destination cycle is refused, with the place."""
    shown = command(stage, "cyclic", "validate", code=FAILED)
    for name in ("resize", "watermark"):
        check(name in shown, f"the refusal does not name {name}")


def deploy(stage: Stage) -> None:
    """Step 3: deploy, which shows its plan, and show that nothing is left to do."""
    _queue(stage).create(QueueMeta())
    command(stage, "project", "validate")
    at = ("--with-functions", "--endpoint", stage.ready.fc)
    command(stage, "project", "deploy", "-y", *at)
    command(stage, "project", "plan", *at)
    config = stage.client.get_async_invoke_config("transcode")
    check(config.async_task, "not deployed")
    check(config.max_async_retry_attempts == ATTEMPTS - 1, "not deployed")


def invoke_with_delay(stage: Stage) -> None:
    """Step 4: invoke with a delay; it runs later, not early, and calls its destination."""
    accepted = stage.client.invoke_async(
        "transcode", {"name": "holiday.mov"}, delay=DELAY_SECONDS, task_id="holiday"
    )
    say(stage.console, f"invoked with a delay of {DELAY_SECONDS} s, task {accepted.task_id}")
    task = finished(stage.client, "transcode", accepted.task_id)
    steps = {event.status: event.timestamp or 0 for event in task.events or ()}
    enqueued = steps["Enqueued"]
    ran = steps["Running"]
    waited = ran - enqueued
    say(stage.console, f"accepted {clock_time(enqueued)}   ran {clock_time(ran)}")
    check(waited >= DELAY_SECONDS * 1000, f"it ran {waited} ms after it was accepted: too early")
    say(stage.console, f"no attempt came early: {waited} ms between the two; {task.status}")

    def was_called() -> bool:
        return any(task.succeeded for task in all_tasks(stage.client, "publish"))

    until(was_called, "the success destination was called")
    say(stage.console, "its success destination, the function publish, was called")


def invoke_failing(stage: Stage) -> None:
    """Step 5: show that all attempts fail, and read the failure event from the queue."""
    accepted = stage.client.invoke_async("inspect", {"name": "scratched.mov"}, task_id="scratched")
    task = finished(stage.client, "inspect", accepted.task_id)
    attempts = [event for event in task.events or () if event.status == "Running"]
    for number, attempt in enumerate(attempts, 1):
        began = clock_time(attempt.timestamp or 0)
        say(stage.console, f"attempt {number} of {ATTEMPTS} at {began}")
    check(len(attempts) == ATTEMPTS, f"{len(attempts)} attempts, expected {ATTEMPTS}")
    check(task.status == "Failed", f"the task is {task.status}")
    queue = _queue(stage)
    message = queue.receive_message(LONG_POLL_SECONDS)
    event = events.from_mns_message(message)
    queue.delete_message(message.receipt_handle)
    say(stage.console, f"aliyun-mns-sdk received message {message.message_id} from {QUEUE}:")
    say(stage.console, f"  function    {event.function}")
    say(stage.console, f"  condition   {event.condition}")
    say(stage.console, f"  attempts    {event.attempts}")
    say(stage.console, f"  request     {event.request.json()}")
    error = event.response.json()["errorMessage"]
    say(stage.console, f"  error       {error}")
    # Any failure leads to the queue: an AttributeError of the handler once looked like this one.
    check(error == "scratched.mov is damaged", "the function failed with another error")
    check(event.request_id == accepted.request_id, "the event is of another request")
    check(event.attempts == ATTEMPTS, "the event has other attempts")
    check(not event.succeeded, "the event has another outcome")


def kill_at_work(console: Console, folder: Path) -> None:
    """Step 6: kill a runtime on the same data while accepted work waits."""
    with killed_at_the_end(folder / DATA) as ready, connect(ready) as client:
        for number in range(BURST):
            payload = {"name": f"{number}.mov", "seconds": 0.1}
            client.invoke_async("transcode", payload, task_id=f"burst-{number}")
        waiting = BURST - len(finished_burst(client))
    check(waiting, "everything had finished before the kill")
    say(console, f"{BURST} accepted, {waiting} of them not finished: killed with SIGKILL")


def finish_after_kill(stage: Stage) -> None:
    """Step 6, after a restart: show that all accepted work finishes."""
    say(stage.console, f"started again on the same data: {stage.ready.fc}")
    until(
        lambda: len(finished_burst(stage.client)) == BURST,
        f"all {BURST} accepted invocations finish",
    )
    # A kill ends attempts, which run again: only the final status counts.
    lost = [task for task in finished_burst(stage.client) if not task.succeeded]
    check(not lost, f"{len(lost)} did not succeed")
    say(stage.console, f"all {BURST} finished: nothing that was accepted was lost")


def show_outcome(stage: Stage) -> None:
    """Step 7: count how tasks and deliveries ended, when all have."""
    tasks: dict[str, list[AsyncTask]] = {}

    def all_settled() -> bool:
        for name in FUNCTIONS:
            tasks[name] = list(all_tasks(stage.client, name))
        return all(map(settled, itertools.chain.from_iterable(tasks.values())))

    until(all_settled, "every task and every delivery ends")
    delivered = 0
    for name, listed in tasks.items():
        ends = Counter(task.status for task in listed)
        reached = sum(task.destination_status == "Succeeded" for task in listed)
        numbers = [f"{number} {status}" for status, number in sorted(ends.items())]
        say(stage.console, f"{name:<10} {', '.join(numbers)}; {reached} destinations called")
        delivered += reached
    metrics = read_metrics(stage.client)
    for name in (DESTINATION_SUCCEEDED, DESTINATION_ERRORS):
        say(stage.console, f"{name:<28} {metrics[name]}")
    say(
        stage.console,
        "a destination is called at least once: a kill may have one called twice",
    )
    # Not equal: an event that was delivered just before the kill is delivered again.
    succeeded = metrics[DESTINATION_SUCCEEDED]
    failed = metrics[DESTINATION_ERRORS]
    check(succeeded >= delivered, f"{delivered} delivered, {metrics} counted")
    check(failed == 0, f"{failed} deliveries failed")


def read_metrics(client: Client) -> Mapping[str, int]:
    """Return the sums of the runtime's metrics over all functions; 0 for a missing metric."""
    sums: Counter[str] = Counter()
    for row in client.send(admin.get_metrics()).metrics:
        sums[row.metric] += int(row.value)
    return sums


def connect(ready: Addresses) -> Client:
    """Return an SDK client of the local runtime."""
    return fc_async_sdk.client(
        endpoint_url=ready.fc, region_name=ready.region, account_id=ready.account_id
    )


def all_tasks(client: Client, function: str) -> Iterator[AsyncTask]:
    """Return all tasks of a function that the runtime keeps."""
    return client.get_paginator("list_async_tasks").paginate(function, limit=100).items()


def settled(task: AsyncTask) -> bool:
    """Return whether nothing more happens to a task: it has ended, and so has its delivery."""
    return task.finished and task.destination_status != "Pending"


def finished_burst(client: Client) -> list[AsyncTask]:
    """Return the tasks of step 6 that have ended."""
    tasks = all_tasks(client, "transcode")
    return [task for task in tasks if task.task_id.startswith("burst-") and task.finished]


def finished(client: Client, function: str, task_id: str) -> AsyncTask:
    """Wait for the end of a task, its destination included."""
    client.get_waiter("task_finished").wait(function, task_id, timeout=PATIENCE_SECONDS)
    until(
        lambda: settled(client.get_async_task(function, task_id)),
        f"the delivery of task {task_id} of {function} ends",
    )
    return client.get_async_task(function, task_id)
