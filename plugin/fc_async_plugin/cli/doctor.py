# SPDX-License-Identifier: MIT
"""``fc-async doctor``: checks this machine, or explains why calls of a function wait."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, tables, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.prepare.doctor import Result
    from fc_async_plugin.report.openness import Open

_LINE: Final = 76
"""Columns of a sentence: it fits a terminal of 80 with its indentation."""
_LABEL: Final = 11
"""Columns of the names of facts."""


@click.command()
@options.optional_function_argument
@options.flag("-v", "--verbose", help="List every check with its result.")
@options.place_options
@options.format_option
def command(function: str | None, verbose: bool, where: Where, output: Format) -> int:
    """Check this machine, and print what is missing and how to fix it.

    In the folder of a project, what its functions lack on this machine is named, too. -v lists
    every check with its result. The account is checked only if an option or
    FC_ASYNC_ENDPOINT names it, or if a local runtime runs on this folder; then what the runtime
    leaves open is printed, too. Exits 1 if there are errors.

    With FUNCTION: explain why its calls wait. Prints what waits and runs, rates, durations, what
    its limits allow (Little's law), when the backlog ends, and what holds it, with the setting to
    change. Facts are those of the local runtime, or of CloudMonitor and the API of the account.

    \b
    Examples:
      fc-async doctor -v
      fc-async doctor orders
      fc-async doctor --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    if function is not None:
        _explain(function, where, output)
        return DONE
    return _check_machine(where.account, output, verbose=verbose)


def _explain(function: str, where: Where, output: Format) -> None:
    import msgspec

    from fc_async_plugin.account import connection, suggestions
    from fc_async_plugin.operate import backlog, metrics
    from fc_async_plugin.report import backlog as report

    with connection.named_functions((function,), where) as (account, [(client, [name])]):
        with suggestions.for_function(function, (), client):
            explanation = backlog.explanation_of(name, client, account)
        now = metrics.now_of(client)
    if output == "json":
        terminal.print_json(msgspec.to_builtins(explanation))
        return
    terminal.print_text(report.title(explanation), bold=True)
    for label, value in report.rows(explanation, now):
        for number, line in enumerate(tables.wrapped(value, _LINE - _LABEL)):
            terminal.print_text(f"  {'' if number else label:{_LABEL}}{line}")


def _check_machine(account: Account, output: Format, *, verbose: bool) -> int:
    from fc_async_plugin.account import connection
    from fc_async_plugin.prepare import doctor

    # The checks of this machine need no keys, so that the account is checked on request only.
    asked = any((account.endpoint, account.region, account.account_id, account.access))
    machine = doctor.Machine(
        Path.cwd(),
        Path.home(),
        os.environ,
        (lambda: connection.client(account, account.region or "")) if asked else None,
    )
    results = doctor.results(machine)
    complaints = [complaint for result in results for complaint in result.complaints]
    ways = _open_ways(account)
    if output == "json":
        terminal.print_json(
            {
                "checks": [_as_data(result) for result in results],
                "lacks": [complaint.lack._asdict() for complaint in complaints if complaint.lack],
                "open": [way._asdict() for way in ways],
            }
        )
    else:
        _tell_results(results, verbose=verbose)
        _tell_ways(ways)
    return FAILED if any(complaint.level == "error" for complaint in complaints) else DONE


def _tell_results(results: list[Result], *, verbose: bool) -> None:
    if verbose:
        for result in results:
            _tell(result.verdict, result.name)
            for complaint in result.complaints:
                terminal.print_text(
                    f"  {complaint.level}: {complaint.what}\n  fix: {complaint.fix}"
                )
        return
    complaints = [complaint for result in results for complaint in result.complaints]
    for complaint in complaints:
        _tell(complaint.level, complaint.what)
        terminal.print_text(f"  fix: {complaint.fix}")
    if not complaints:
        terminal.note("Nothing is missing; -v lists the checks.")


def _tell_ways(ways: list[Open]) -> None:
    if ways:
        terminal.print_text("Open:")
    for way in ways:
        text = f"{way.what}: {way.state}"
        for line in tables.wrapped(text, _LINE):
            terminal.print_text(f"  {line}")


def _open_ways(account: Account) -> list[Open]:
    """Return what the local runtime at the endpoint leaves open; none if none answers there."""
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.report import openness
    from fc_async_sdk.admin import operations as admin
    from fc_async_sdk.errors import FcAsyncError

    if not connection.is_here(account):
        return []
    try:
        with runtime.client_of(account.endpoint or "") as client:
            health = runtime.ask(client, admin.get_health())
            settings = runtime.ask(client, admin.get_open_settings())
    except FcAsyncError:
        return []  # the check of the account names it
    return openness.open_ways(health, settings)


def _tell(verdict: str, text: str) -> None:
    from fc_async_plugin.report.safe_text import safe

    style = {"error": "error", "warning": "warning", "ok": "good"}.get(verdict, "frame")
    terminal.print_styled([[(verdict, style), (f": {safe(text)}", "")]])


def _as_data(result: Result) -> dict[str, Any]:
    complaints = [
        {"level": complaint.level, "what": complaint.what, "fix": complaint.fix}
        for complaint in result.complaints
    ]
    return {"name": result.name, "result": result.verdict, "complaints": complaints}
