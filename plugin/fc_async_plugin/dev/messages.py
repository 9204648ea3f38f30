# SPDX-License-Identifier: MIT
"""Messages of the loop about itself, and their words. Pure."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.deploy.plan.model import UpdateFunction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.deploy.plan.model import Step
    from fc_async_plugin.prepare.syntax import Broken

_MOST_CHANGES: Final = 4
"""Changes that are said one by one; of more, the functions are named."""


class Message(NamedTuple):
    """Something that is said about the loop itself.

    Attributes:
        kind: What happened, in one word, for programs.
        text: The same for people.
        style: As of :class:`~fc_async_plugin.dev.lines.Line`.
        facts: The details, for programs.
    """

    kind: str
    text: str
    style: str = "own"
    facts: Mapping[str, Any] = MappingProxyType({})


def problem(text: str) -> Message:
    """Return a message about something that failed while the loop goes on."""
    return Message("problem", text, "bad")


def note(text: str, **facts: object) -> Message:
    """Return a message that ``--quiet`` leaves out."""
    return Message("note", text, "wait", facts)


def shown(path: Path, folder: Path) -> str:
    """Return a path as the user would write it: relative to a folder if it is below."""
    try:
        return str(path.relative_to(folder))
    except ValueError:  # elsewhere: "../../x" would be harder to find than the whole path
        return os.fspath(path)


def of_finding(finding: Finding) -> Message:
    """Return an error or a warning of a template, with what mends it."""
    style = "wait"
    if finding.severity == "error":
        style = "bad"
    text = f"{finding.position}: {finding.severity} {finding.rule} {finding.message}"
    if finding.fix:
        text += f"\nfix: {finding.fix}"
    return Message("finding", text, style)


def of_broken(broken: Broken, folder: Path, *, stays: bool) -> Message:
    """Return where a file cannot be read.

    Args:
        broken: The file.
        folder: The folder of the user.
        stays: Whether its function goes on with earlier code.
    """
    position = shown(broken.path, folder)
    if broken.line:
        position += f":{broken.line}"
    text = f"{position}: {broken.message}"
    if broken.source.strip():  # an empty line would be a caret below nothing
        text += f"\n  {broken.source}"
        if broken.column:
            text += f"\n  {' ' * (broken.column - 1)}^"
    state = "The last good code stays." if stays else "Nothing was deployed from it."
    facts = {"file": str(broken.path), "line": broken.line}
    return Message("broken", f"{text}\n{state}", "bad", facts)


def of_deployment(
    kind: str, files: Sequence[str], steps: Sequence[Step], milliseconds: int
) -> Message:
    """Return what was deployed.

    Args:
        kind: ``deployed`` at the start, ``saved`` afterwards.
        files: The files that were saved, as they are shown.
        steps: What was changed.
        milliseconds: How long it took.
    """
    headline = kind
    if files:
        headline = f"{kind} {files[0]}"
        if len(files) > 1:
            headline += f" and {len(files) - 1} more"
        headline += ", deployed"
    changes = {_change(step) for step in steps}
    # A deployment of fifty functions would fill the terminal with their configurations.
    if len(changes) > _MOST_CHANGES:
        changes = {step.function for step in steps}
    listed = ", ".join(sorted(changes)) or "no changes"
    facts = {"steps": [step.title for step in steps], "ms": milliseconds}
    return Message(kind, f"{headline} in {milliseconds} ms: {listed}", "wait", facts)


def _change(step: Step) -> str:
    """Return what a step changed, in two or three words."""
    if isinstance(step, UpdateFunction):
        only_code = step.code is not None and not step.after
        if only_code:  # the most frequent change: "~ function" would not say what was saved
            return f"{step.function} (new code)"
    return f"{step.function}{step.qualifier_shown} ({step.sign} {step.kind})"
