# SPDX-License-Identifier: MIT
"""``fc-async`` without arguments: what it sees in this folder, and three commands to try.

Invariants:

- It sends no request but one to a runtime of this folder, on this machine.
- A template with errors is a line of the overview, not a failure.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin import s_yaml
from fc_async_plugin.account import connection, target
from fc_async_plugin.check import rules
from fc_async_plugin.check.rules import Context
from fc_async_plugin.dev import runtime
from fc_async_plugin.report import findings, moments, terminal
from fc_async_plugin.report.tables import padded
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.s_yaml import Project


class Seen(NamedTuple):
    """Content of a folder.

    Attributes:
        file: Name of the template; None: there is none.
        project: The template; None if it cannot be read.
        findings: Findings about it.
        endpoint: URL of the local runtime that is used: that of the environment, or the one that
            runs on this folder's data. None: neither.
        refused: Why the files of a runtime in this folder are not read; "" if they are.
    """

    file: str | None
    project: Project | None
    findings: list[Finding]
    endpoint: str | None
    refused: str = ""


def show() -> None:
    """Print the overview of the working folder."""
    seen = _look(Path.cwd())
    _tell(facts(seen))
    terminal.print_text("\nTry", bold=True)
    _tell(commands(seen))
    terminal.print_text("\nfc-async --help lists all commands.")


def _tell(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        terminal.print_text(f"  {padded(name, width)}  {value}")


def _look(folder: Path) -> Seen:
    running = None
    refused = ""
    try:
        running = runtime.find(folder / _project_folder.RUNTIME)
    except _project_folder.ForeignFolder as error:
        # The folder may have come with a repository: nothing in it is read before it is trusted.
        refused = str(error)
    url = running.fc if running else None
    endpoint = target.decide(target.Typed(), os.environ, lambda: url).endpoint
    return _read(folder, endpoint)._replace(refused=refused)


def _read(folder: Path, endpoint: str | None) -> Seen:
    try:
        file = s_yaml.find(folder)
    except s_yaml.TemplateError:
        return Seen(None, None, [], endpoint)
    name = file.name
    try:
        project = s_yaml.load(name, reveal=False)
    except s_yaml.TemplateError as error:
        return Seen(name, None, rules.check(Context([], error.problems)), endpoint)
    return Seen(name, project, rules.check(Context([project])), endpoint)


def facts(seen: Seen) -> list[tuple[str, str]]:
    """Return what is seen: names and values."""
    if seen.file is None:
        rows = [("project", "there is no s.yaml in this folder")]
    else:
        rows = [("project", _title(seen)), *_functions(seen.project)]
        counted = findings.counts(seen.findings)
        parts = [moments.plural(number, level) for level, number in counted.items() if number]
        rows.append(("findings", ", ".join(parts) or "none"))
    if seen.endpoint is not None:
        rows.append(("endpoint", seen.endpoint))
    if seen.refused:
        rows.append(("not read", seen.refused))
    return rows


def _title(seen: Seen) -> str:
    name = seen.project.name if seen.project is not None else ""
    return f"{name} ({seen.file})" if name else str(seen.file)


def _functions(project: Project | None) -> list[tuple[str, str]]:
    if project is None:
        return []
    regions = {function.region for function in project.functions if function.region}
    where = f" ({', '.join(sorted(regions))})" if regions else ""
    names = ", ".join(function.name for function in project.functions) or "none"
    return [("functions", f"{names}{where}")]


def commands(seen: Seen) -> list[tuple[str, str]]:
    """Return three commands that make sense now, each with what it does."""
    if seen.file is None:
        return [
            ("fc-async init", "start a project that works on the first run"),
            ("fc-async demo", "see retries, destinations and a restart on this machine"),
            ("fc-async local start", "run Function Compute's queue here, without an account"),
        ]
    check = ("fc-async validate", "see the errors of the template, with their lines")
    graph = ("fc-async graph", "see where the results of each function go")
    if findings.counts(seen.findings)["error"]:
        return [check, graph, ("fc-async dev", "run here what has no errors, deploy every save")]
    if seen.endpoint is not None:
        functions = seen.project.functions if seen.project is not None else []
        name = functions[0].name if functions else "FUNCTION"
        return [
            (f"fc-async invoke {name} '{{}}'", "call a function, which runs after the answer"),
            ("fc-async tasks list", "see the tasks of all functions"),
            graph,
        ]
    plan = ("fc-async plan", "see what a deployment would change")
    return [
        ("fc-async dev", "run the functions here, and deploy every save"),
        graph,
        plan if connection.has_keys() else check,
    ]
