# SPDX-License-Identifier: MIT
"""One word for one meaning in all commands: the tree of click is compared with itself."""

from __future__ import annotations

from collections import defaultdict

import click
import pytest

from fc_async_plugin.cli import group
from fc_async_tests.commands import COMMANDS

Values = dict[str, set[str]]

SHORT = {
    "-o": "--format",
    "-y": "--yes",
    "-t": "--template",
    "-a": "--access",
    "-e": "--event",
    "-q": "--quiet",
    "-v": "--verbose",
}
OF_BEFORE = {"--start", "--end", "--from", "--form"}
"""Words for what --since, --until and --webhook-form mean."""
TWO_MEANINGS = {
    "--data": "clean removes the data of a runtime, all others name its folder",
    "--schema": "validate prints one, invoke reads one",
    "--failed": "tasks replay chooses, replay names a function, invoke a file",
    "--store": "records, paces and payloads are kept in stores of different kinds",
    "-f": "tasks logs follows; invoke and triggers fire read a file, as s does",
}
"""Options that are not one word for one meaning yet."""


def values() -> Values:
    """The values that each option takes, by its names."""
    by_name: Values = defaultdict(set)
    for command in COMMANDS.values():
        for option in command.params:
            if not isinstance(option, click.Option) or option.hidden:
                continue
            value = "" if option.is_flag else option.metavar or option.type.name
            # Formats are as many as commands print.
            for name in {*option.opts, *option.secondary_opts} - {"--format", "-o"}:
                by_name[name].add(value)
    return by_name


def test_an_option_takes_the_same_kind_of_value_in_all_commands() -> None:
    several = {name for name, kinds in values().items() if len(kinds) > 1}
    assert several == set(TWO_MEANINGS)


def test_a_beginning_is_since_and_an_end_is_until_in_all_commands() -> None:
    assert OF_BEFORE.isdisjoint(values())
    assert values()["--since"] == values()["--until"] == {"TIME"}


def test_a_short_option_stands_for_one_long_option() -> None:
    for name, command in COMMANDS.items():
        for option in command.params:
            for short in SHORT.keys() & set(option.opts):
                assert SHORT[short] in option.opts, (name, option.opts)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("metrics orders --start 7d", "--start is now: --since"),
        ("metrics orders --since 7d --end 1d", "--end is now: --until"),
        ("triggers backfill report nightly --from 3d", "--from is now: --since"),
        ("triggers backfill report nightly --since 3d --to 1d", "--to is now: --until"),
    ],
)
def test_a_word_of_before_names_that_of_today(
    line: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert group.run(line.split()) == 1
    assert hint in capsys.readouterr().err
