# SPDX-License-Identifier: MIT
"""Adds all commands with their options to docs/reference/cli.md, from the commands themselves.

A Sphinx extension: the text is made when the site is built, so that no flag stays undocumented.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli.group import group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

PAGE: Final = "reference/cli"


def commands() -> str:
    """Return the sections of all commands as Markdown."""
    return "".join(
        _commands(group, click.Context(group, info_name="fc-async", **group.context_settings))
    )


def add_commands(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the commands to their page; they are not translated."""
    if page == PAGE and app.builder.name != "gettext":
        source[0] += f"\n{commands()}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Read the page in each build, because it changes with the commands."""
    app.connect("source-read", add_commands)
    app.connect("env-get-outdated", lambda *_: [PAGE])
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _commands(parent: click.Group, context: click.Context) -> Iterator[str]:
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield f"## `{inner.command_path}`\n\n{_text(command)}\n\n"
            yield from _commands(command, inner)
        else:
            yield _command(command, inner)
            for part, whole in getattr(command, "parts", {}).items():
                yield _command(whole, click.Context(whole, info_name=part, parent=inner))


def _command(command: click.Command, context: click.Context) -> str:
    level = "##" if context.command_path.count(" ") == 1 else "###"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{level} `{context.command_path}`", _text(command), f"```text\n{usage}\n```"]
    rows = [
        row
        for parameter in command.get_params(context)
        if (row := _row(parameter, context)) is not None
    ]
    if rows:
        parts.append("| option | meaning |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n\n"


def _row(parameter: click.Parameter, context: click.Context) -> str | None:
    record = parameter.get_help_record(context)
    if record is None or not isinstance(parameter, click.Option) or "--help" in parameter.opts:
        return None
    names, text = record
    return f"| `{_cell(names)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def _text(command: click.Command) -> str:
    """Return help and examples of a command as Markdown; a backspace marks what click leaves unwrapped."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", (command.help or "").strip()):
        if paragraph.lstrip().startswith("\b"):
            lines = [line.strip() for line in paragraph.splitlines()[1:] if line != "Examples:"]
            shown = "\n".join(f"$ {line}" for line in lines if not line.startswith("Example"))
            paragraphs.append(f"```console\n{shown}\n```")
        else:
            paragraphs.append(re.sub(r"\s+", " ", paragraph).strip())
    return "\n\n".join(paragraphs)
