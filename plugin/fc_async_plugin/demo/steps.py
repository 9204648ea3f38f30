# SPDX-License-Identifier: MIT
"""The seven steps of the demo. Each checks what it shows, and raises if a check fails.

Steps use the runtime from outside only. :class:`Stage` has what they share.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

import fc_async_sdk
from fc_async_plugin import apply, rules, template
from fc_async_plugin.account import Regions
from fc_async_plugin.account.remote import read
from fc_async_plugin.apply.perform import Performer
from fc_async_plugin.demo.runtime import DemoFailed, EventQueue, killed_at_the_end
from fc_async_plugin.plan import plan_changes
from fc_async_plugin.plan import report as plan_report
from fc_async_plugin.plan.wanted import wanted
from fc_async_plugin.report import findings
from fc_async_plugin.report.moments import clock_time
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.spec.metrics import DESTINATION_ERRORS, DESTINATION_SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from rich.console import Console

    from fc_async_plugin.plan import Plan
    from fc_async_plugin.rules import Finding
    from fc_async_plugin.template import Project
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Addresses
    from fc_async_sdk.models import AsyncTask

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


def check(holds: object, claim: str) -> None:
    """Fail the demo unless the claim holds."""
    if not holds:
        raise DemoFailed(claim)


def say(console: Console, text: str) -> None:
    """Print one indented line without wrapping it."""
    console.print(Text(f"  {text}"), soft_wrap=True)


def show(console: Console, command: str, lines: Iterable[str]) -> None:
    """Print a command and the lines that it prints."""
    console.print(Text(f"  $ fc-async {command}", style="bold"), soft_wrap=True)
    for line in lines:
        console.print(Text(f"  │ {line}", style="dim"), soft_wrap=True)


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
    say(stage.console, f"console           {stage.ready.console}")
    say(stage.console, f"MNS               {stage.ready.mns}")
    say(stage.console, f"durable queue     {stage.ready.data}")


def refuse_cycle(stage: Stage) -> None:
    """Step 2: show that a template with a destination cycle is refused, with the place."""
    _, found = validate(stage, "cyclic")
    (cycle,) = (one for one in found if one.severity == "error")
    for name in ("resize", "watermark"):
        check(name in cycle.message, f"the refusal does not name {name}")


def validate(stage: Stage, name: str) -> tuple[Project, list[Finding]]:
    """Read a template, and show what the rules find in it."""
    file = stage.folder / name / "s.yaml"
    source = file.read_text("utf-8").split("\n")
    project = template.load(file, account_id=stage.ready.account_id, environ={})
    found = rules.check(rules.Context([project]))
    lines = findings.to_lines(found, 1, lambda _: source, notes=False)
    show(stage.console, "validate", ("".join(text for text, _ in line) for line in lines))
    return project, found


def deploy(stage: Stage) -> None:
    """Step 3: plan and deploy, and show that nothing is left to do."""
    EventQueue(stage.ready.mns, QUEUE).create()
    project, found = validate(stage, "project")
    check(findings.counts(found)["error"] == 0, "the template has errors")
    wants = wanted(project, functions=True, here=True)
    at = f"--endpoint {stage.ready.fc} --with-functions"
    with closing(Regions(lambda _: connect(stage.ready))) as regions:
        plan = plan_changes(wants, read(regions, wants))
        show(stage.console, f"plan {at}", plan_lines(plan))
        check(plan.changes, "there is nothing to deploy")
        report = apply.apply(plan, Performer(regions, sleep=time.sleep))
        check(report.outcome == "done", "\n".join(map(str, report.failures)))
        done = [f"done: {step.title}" for step in report.done]
        count = f"Done: {len(done)} of {len(plan.steps)} steps."
        show(stage.console, f"deploy -y {at}", [*done, count])
        plan = plan_changes(wants, read(regions, wants))
        show(stage.console, f"plan {at}", plan_lines(plan))
        check(not plan.changes, "the deployment left something to do")
    config = stage.client.get_async_invoke_config("transcode")
    check(config.async_task and config.max_async_retry_attempts == ATTEMPTS - 1, "not deployed")


def plan_lines(plan: Plan) -> list[str]:
    """Return what ``fc-async plan`` prints."""
    if not plan.changes:
        return [plan_report.nothing_to_do(plan)]
    lines = [text for _, text in plan_report.lines(plan)]
    return [*lines, "", f"{plan_report.summary(plan.steps)}."]


def invoke_with_delay(stage: Stage) -> None:
    """Step 4: invoke with a delay; it runs later, not early, and calls its destination."""
    accepted = stage.client.invoke_async(
        "transcode", {"name": "holiday.mov"}, delay=DELAY_SECONDS, task_id="holiday"
    )
    say(stage.console, f"invoked with a delay of {DELAY_SECONDS} s, task {accepted.task_id}")
    task = finished(stage.client, "transcode", accepted.task_id)
    steps = {event.status: event.timestamp or 0 for event in task.events or ()}
    enqueued, ran = steps["Enqueued"], steps["Running"]
    say(stage.console, f"accepted {clock_time(enqueued)}   ran {clock_time(ran)}")
    waited = ran - enqueued
    check(waited >= DELAY_SECONDS * 1000, f"it ran {waited} ms after it was accepted: too early")
    say(stage.console, f"no attempt came early: {waited} ms between the two; {task.status}")
    until(
        lambda: any(told.succeeded for told in all_tasks(stage.client, "publish")),
        "the success destination was called",
    )
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
    message_id, event = EventQueue(stage.ready.mns, QUEUE).receive()
    say(stage.console, f"aliyun-mns-sdk received message {message_id} from {QUEUE}:")
    say(stage.console, f"  function    {event.function}")
    say(stage.console, f"  condition   {event.condition}")
    say(stage.console, f"  attempts    {event.attempts}")
    say(stage.console, f"  request     {event.request.json()}")
    error = event.response.json()["errorMessage"]
    say(stage.console, f"  error       {error}")
    check(error == "scratched.mov is damaged", "the function failed with another error")
    check(event.request_id == accepted.request_id, "the event is of another request")
    check(
        event.attempts == ATTEMPTS and not event.succeeded,
        "the event has other attempts or another outcome",
    )


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
    lost = [task for task in finished_burst(stage.client) if not task.succeeded]
    check(not lost, f"{len(lost)} did not succeed")
    say(stage.console, f"all {BURST} finished: nothing that was accepted was lost")


def show_tables(stage: Stage) -> None:
    """Step 7: show the tasks and the metrics of deliveries, when all have ended."""
    until(
        lambda: all(settled(task) for name in FUNCTIONS for task in all_tasks(stage.client, name)),
        "every task and every delivery ends",
    )
    tasks = Table("task", "status", "attempts", "its destination")
    delivered = 0
    for function in FUNCTIONS:
        for title, group in grouped(all_tasks(stage.client, function)):
            reached = sum(task.destination_status == "Succeeded" for task in group)
            delivered += reached
            tasks.add_row(
                f"{function}: {title}",
                ", ".join(sorted({task.status for task in group})),
                str(sum((task.already_retried_times or 0) + 1 for task in group)),
                f"{reached} delivered" if reached else "none",
            )
    stage.console.print(tasks)
    metrics = read_metrics(stage.client)
    sums = Table("metric", "sum")
    for name in (DESTINATION_SUCCEEDED, DESTINATION_ERRORS):
        sums.add_row(name, str(metrics[name]))
    stage.console.print(sums)
    say(
        stage.console,
        "a destination is called at least once: a kill may have one called twice",
    )
    check(metrics[DESTINATION_SUCCEEDED] >= delivered, f"{delivered} delivered, {metrics} counted")
    check(metrics[DESTINATION_ERRORS] == 0, f"{metrics[DESTINATION_ERRORS]} deliveries failed")


def grouped(tasks: Iterable[AsyncTask]) -> Iterator[tuple[str, list[AsyncTask]]]:
    """Yield named tasks one by one, and the many of step 6 and of ``publish`` together."""
    named: list[AsyncTask] = []
    many: list[AsyncTask] = []
    for task in tasks:
        (named if task.task_id in {"holiday", "scratched"} else many).append(task)
    for task in named:
        yield task.task_id, [task]
    if many:
        yield f"{len(many)} tasks", many


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
