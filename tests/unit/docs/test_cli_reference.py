# SPDX-License-Identifier: MIT
"""Every command and every flag is documented: the site shows what the commands say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click

from fc_async_plugin.cli.group import COMMANDS, group

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_shows_every_command() -> None:
    added = runpy.run_path(str(DOCS / "cli_reference.py"))["commands"]()
    shown = re.findall(r"^##+ `fc-async ([^`]+)`$", added, re.MULTILINE)
    assert len(shown) == len(every_command())
    assert set(COMMANDS) <= set(shown)


def test_every_flag_says_what_it_does() -> None:
    silent = [
        f"{command.name} {parameter.opts[0]}"
        for command in every_command()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not parameter.hidden
    ]
    assert silent == []


OF_THEIR_GROUP = {"clear", "console", "export", "import", "trust", "path", "show"}
"""Commands whose group has their example, or that only ``s`` calls."""


def test_every_command_has_an_example() -> None:
    without = {command.name for command in every_command() if "Example" not in (command.help or "")}
    assert without <= OF_THEIR_GROUP


def test_every_module_of_a_command_is_listed() -> None:
    """Every module of a command is in the list of names."""
    context = click.Context(group)
    assert group.list_commands(context) == list(COMMANDS)


def every_command() -> list[click.Command]:
    context = click.Context(group)
    found: list[click.Command] = []
    waiting = [group.get_command(context, name) for name in group.list_commands(context)]
    while waiting:
        command = waiting.pop()
        assert command is not None
        found.append(command)
        if isinstance(command, click.Group):
            waiting += command.commands.values()
        waiting += getattr(command, "parts", {}).values()
    return found
