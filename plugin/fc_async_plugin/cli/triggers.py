# SPDX-License-Identifier: MIT
"""``fc-async triggers``: shows and fires triggers of a local runtime, makes up for timers."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, bulk, moments, tables, terminal
from fc_async_sdk.spec import oss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.backfill import Missed
    from fc_async_sdk import Client, Outcome
    from fc_async_sdk.admin.models import ObjectEvent
    from fc_async_sdk.pacing import Pace

_NOT_SHOWN: Final = (
    "consecutiveErrors",
    "description",
    "httpTrigger",
    "sourceArn",
    "triggerConfig",
)


@click.group(cls=options.Group)
def command() -> None:
    """Show the triggers of a local runtime, fire one now, make up for what a timer has missed.

    \b
    Examples:
      fc-async triggers list
      fc-async triggers fire report nightly
      fc-async triggers backfill report nightly --since 3d
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("list")
@options.optional_function_argument
@options.place_options
@options.format_option
def list_command(function: str | None, where: Where, output: Format) -> None:
    """List the triggers of all functions, or of FUNCTION, with the next firings of timers.

    \b
    Examples:
      fc-async triggers list
      fc-async triggers list report
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import runtime
    from fc_async_sdk.admin import operations as admin

    runtime.local_endpoint(where.account.endpoint)
    with _opened(function, where) as (client, name):
        listing = runtime.ask(client, admin.list_triggers(name))
        if name is not None and not listing.triggers:
            client.get_function(name)  # one that does not exist has no triggers either
    if output == "json":
        shown = [
            {
                "qualifier": "",
                **{name: x for name, x in trigger.to_dict().items() if name not in _NOT_SHOWN},
            }
            for trigger in listing.triggers
        ]
        terminal.print_json({"triggers": shown})
        return
    if not listing.triggers:
        terminal.note(f"{function or 'the runtime'} has no triggers")
        return
    columns = (
        tables.Column("function"),
        tables.Column("trigger"),
        tables.Column("type", optional=1),
        tables.Column("next", optional=2),
        tables.Column("fired", optional=3, right=True),
        tables.Column("state"),
        tables.Column("source", least=30),
    )
    rows = (
        [
            trigger.function,
            trigger.trigger_name,
            trigger.trigger_type,
            moments.short_time(next(iter(trigger.next_firings), None), listing.now),
            trigger.fired,
            "failing" if trigger.last_error and trigger.state == "active" else trigger.state,
            f"{trigger.source}: {trigger.last_error}" if trigger.last_error else trigger.source,
        ]
        for trigger in listing.triggers
    )
    terminal.print_table(columns, rows)


@contextmanager
def _opened(function: str | None, where: Where) -> Iterator[tuple[Client, str | None]]:
    """Yield a client of the runtime, and the name of the function that a command names, if any."""
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import tasks

    if function is None:
        with connection.client(where.account, where.account.region or "") as client:
            yield client, None
    else:
        with tasks.tasks_of(function, where) as target:
            yield target.client, target.function


@command.command("fire")
@options.optional_function_argument
@click.argument("trigger", required=False, callback=options.refuse_empty_names)
@options.event_options
@click.option(
    "--oss-object",
    metavar="oss://BUCKET/KEY",
    help="Instead of a trigger: fire all that match an event of this object.",
)
@click.option(
    "--oss-event",
    metavar="NAME",
    default=oss.CREATED,
    help="With --oss-object: what happened to it.",
)
@options.existing_file(
    "--oss-file", help="With --oss-object: take its size and checksum from this file."
)
@options.place_options
@options.format_option
def fire_command(
    *,
    function: str | None,
    trigger: str | None,
    event: bytes | None,
    oss_object: str | None,
    oss_event: str,
    oss_file: str | None,
    where: Where,
    output: Format,
) -> int:
    """Fire TRIGGER of FUNCTION now, also if it is switched off. The schedule of a timer stays.

    Without -e and -f, the function gets the event that the trigger would make.

    With --oss-object, fire the OSS triggers that match an event of an object. No object is needed:
    functions get the event document of the service. Exit code 1 means that no trigger matches, or
    that an invocation was refused.

    \b
    Examples:
      fc-async triggers fire report nightly
      fc-async triggers fire --oss-object oss://uploads/in/a.zip
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import runtime
    from fc_async_sdk.admin import operations as admin

    if (oss_object is None) != (function is not None and trigger is not None):
        raise click.UsageError("name a function and its trigger, or an object with --oss-object")
    runtime.local_endpoint(where.account.endpoint, "fires triggers")
    with _opened(function, where) as (client, name):
        if oss_object is not None:
            return _fire_for_object(client, _object_event(oss_object, oss_event, oss_file), output)
        assert name is not None
        assert trigger is not None
        fired = runtime.ask(client, admin.fire_trigger(name, trigger, event))
    text = f"fired {name}/{trigger}: request {fired.request_id}"
    terminal.print_json_or_text(output, {"requestId": fired.request_id}, text)
    return DONE


def _fire_for_object(client: Client, event: ObjectEvent, output: Format) -> int:
    """Fire the triggers that match an event of an object, and print which did."""
    from fc_async_plugin.account import runtime
    from fc_async_sdk.admin import operations as admin

    fired = runtime.ask(client, admin.send_object_event(event)).fired
    if output == "json":
        terminal.print_json({"fired": [firing.to_dict() for firing in fired]})
    elif not fired:
        occasion = f"{event.event} of {event.key} in bucket {event.bucket}"
        terminal.error(f"no OSS trigger matches {occasion}")
    else:
        columns = [tables.Column(name) for name in ("function", "trigger", "request id", "error")]
        rows = (
            [firing.function, firing.trigger, firing.request_id, firing.error] for firing in fired
        )
        terminal.print_table(columns, rows)
    return DONE if fired and not any(firing.error for firing in fired) else FAILED


def _object_event(url: str, event: str, file: str | None) -> ObjectEvent:
    """Return the event of the object that a URL names."""
    from fc_async_sdk.admin import models

    bucket, slash, key = url.removeprefix("oss://").partition("/")
    if not (url.startswith("oss://") and bucket and slash and key):
        raise click.UsageError(f"--oss-object must be oss://BUCKET/KEY, got {url!r}")
    described = _described(file) if file else {}
    return models.ObjectEvent(bucket=bucket, key=key, event=event, **described)


def _described(file: str) -> dict[str, Any]:
    """Return size, ``etag`` and type of a file as OSS has them of an object."""
    import hashlib
    import mimetypes
    from pathlib import Path

    content = Path(file).read_bytes()
    # The ETag of OSS is the MD5 of an object; it protects nothing here.
    return {
        "size": len(content),
        "etag": hashlib.md5(content, usedforsecurity=False).hexdigest().upper(),
        "content_type": mimetypes.guess_type(file)[0] or "application/octet-stream",
    }


@command.command("backfill")
@options.function_argument
@click.argument("trigger")
@click.option(
    "--since",
    "begin",
    metavar="TIME",
    required=True,
    help="Beginning of the time that was missed: 90m, 7d, 2026-01-31T09:00.",
)
@click.option("--until", "end", metavar="TIME", default="0s", show_default="now", help="Its end.")
@options.former("--from", "--since")
@options.former("--to", "--until")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=1_000,
    help="Refuse to fire more often than this.",
)
@options.rate_option
@options.flag("--dry-run", help="Fire nothing.")
@options.where_options
@options.yes_option
@options.format_option
def backfill_command(
    function: str,
    trigger: str,
    begin: str,
    end: str,
    limit: int,
    pace: Pace | None,
    dry_run: bool,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Fire the timer TRIGGER of FUNCTION for each moment of a time in which it was stopped.

    The function gets the events that the timer would have made, also in an account. The task id is
    made of the trigger and the moment, so that in task mode a second backfill fires nothing again.
    Moments that have fired, as the function's tasks show, are left out; without task mode the
    service does not know them. Without a terminal and without -y nothing is fired.

    \b
    Example:
      fc-async triggers backfill report nightly --since 3d --dry-run
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import backfill, metrics, task_mode, tasks

    with tasks.tasks_of(function, where) as target:
        now = metrics.now_of(target.client)
        first = options.beginning("--since", begin, now, end=("--until", end))
        span = first, options.moment(end, now)
        plan = backfill.missed(target.client, target.function, trigger, span, limit=limit)
        plan = plan._replace(qualifier=where.qualifier or plan.qualifier)
        plan, left_out = _without_fired(target.client, plan, now)
        if not plan.firings and not left_out:
            terminal.note(f"{trigger} does not fire in this time")
        elif plan.firings and output == "text":
            _show_firings(plan.firings)
        dry = dry_run or not plan.firings or not (yes or sys.stdin.isatty())
        outcomes: list[Outcome] = []
        if plan.firings and not dry:
            # Without task mode the service does not know the ids: a second backfill fires again.
            task_mode.note_if_off(target.client, [plan.function], plan.qualifier)
            target_name = connection.target_of(where.account)
            number = moments.plural(len(plan.firings), "time")
            terminal.confirm(f"Fire {trigger} {number} at {target_name}?", yes=yes)
            outcomes = backfill.fire(target.client, plan, pace)
    return _tell_fired(plan, left_out, outcomes, output, dry=dry)


def _show_firings(firings: dict[str, int]) -> None:
    """Print when a timer was due: each moment, or of many their number and the first and last."""
    if bulk.has_rows(firings):
        due = ([moments.full_time(at), task_id] for task_id, at in firings.items())
        terminal.print_table(["was due", "task"], due)
        return
    first, *_, last = map(moments.full_time, firings.values())
    terminal.print_table(
        ["firings", "first was due", "last was due"], [[len(firings), first, last]]
    )


def _without_fired(client: Client, plan: Missed, now: int) -> tuple[Missed, list[int]]:
    """Leave out the moments that have fired, and say so; return those moments, too."""
    from fc_async_plugin.operate import backfill

    if not plan.firings:
        return plan, []
    known = backfill.fired(client, plan, now=now)
    left_out = [at for task_id, at in plan.firings.items() if task_id in known.task_ids]
    if left_out:
        number = moments.plural(len(left_out), "firing")
        terminal.note(f"Left out: {number} that the timer or an earlier backfill has made.")
    if known.unknown:
        terminal.note(f"What has fired already may not be known: {known.unknown}.")
    missing = {task_id: at for task_id, at in plan.firings.items() if task_id not in known.task_ids}
    return plan._replace(firings=missing), left_out


def _tell_fired(
    plan: Missed, left_out: list[int], outcomes: list[Outcome], output: Format, *, dry: bool
) -> int:
    """Print what became of the firings; return the exit code."""
    refused = [outcome for outcome in outcomes if outcome.error is not None]
    if output == "json":
        errors = {outcome.task_id: outcome.error and str(outcome.error) for outcome in outcomes}
        firings = [
            {"time": at, "taskId": task_id, "error": errors.get(task_id)}
            for task_id, at in plan.firings.items()
        ]
        terminal.print_json({"firings": firings, "alreadyFired": left_out, "dryRun": dry})
    elif outcomes:
        before = sum(bool(outcome.accepted and outcome.accepted.duplicate) for outcome in outcomes)
        accepted = len(outcomes) - len(refused)
        terminal.print_text(moments.summary(len(outcomes), accepted, before, len(refused)))
    if plan.firings and dry:
        terminal.note("Nothing was fired: this was a dry run. Fire with -y.")
    bulk.print_errors([f"{outcome.task_id}: {outcome.error}" for outcome in refused])
    return FAILED if refused else DONE
