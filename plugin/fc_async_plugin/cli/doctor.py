# SPDX-License-Identifier: MIT
"""``fc-async doctor``: checks this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.report.doctor import Result


@click.command()
@options.flag("-v", "--verbose", help="List every check with its result.")
@options.account_options
@options.format_option
def command(verbose: bool, account: Account, output: Format) -> int:
    """Check this machine, and print what is missing and how to fix it.

    -v lists every check with its result. The account is checked only with --endpoint or
    --region, or if a local runtime runs on this folder. Exits 1 if there are errors.

    \b
    Examples:
      fc-async doctor -v
      fc-async doctor --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.report import doctor

    asked = account.endpoint or account.region
    machine = doctor.Machine(
        Path.cwd(),
        Path.home(),
        os.environ,
        (lambda: connection.client(account, account.region or "")) if asked else None,
    )
    results = doctor.results(machine)
    complaints = [one for result in results for one in result.complaints]
    if output == "json":
        terminal.print_json({"checks": [_as_data(one) for one in results]})
    elif verbose:
        for result in results:
            _tell(result.verdict, result.name)
            for one in result.complaints:
                terminal.tell(f"  {one.level}: {one.what}\n  fix: {one.fix}")
    else:
        for one in complaints:
            _tell(one.level, one.what)
            terminal.tell(f"  fix: {one.fix}")
        if not complaints:
            terminal.note("Nothing is missing; -v lists the checks.")
    if output == "text" and runtime.is_open(account.endpoint):
        terminal.note(f"{account.endpoint}: {runtime.OPEN}.")
    return FAILED if any(one.level == "error" for one in complaints) else DONE


def _tell(verdict: str, what: str) -> None:
    from fc_async_plugin.report.safe_text import safe

    style = {"error": "error", "warning": "warning", "ok": "good"}.get(verdict, "frame")
    terminal.print_parts([[(verdict, style), (f": {safe(what)}", "")]])


def _as_data(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "result": result.verdict,
        "complaints": [one._asdict() for one in result.complaints],
    }
