# SPDX-License-Identifier: MIT
"""Options of the commands that start a local runtime."""

from __future__ import annotations

import click
from click.testing import CliRunner

from fc_async_plugin.cli._options import runtime as runtime_options


@click.command()
@runtime_options.settings_option
def command(*, assignments: tuple[str, ...]) -> None:
    click.echo(runtime_options.assigned(assignments))


def test_allow_cloud_is_one_of_the_settings_beside_those_that_are_given() -> None:
    run = CliRunner().invoke
    assert run(command, ["--set", "queue_limit=5"]).output == "{'queue_limit': 5}\n"
    both = run(command, ["--allow-cloud", "--set", "queue_limit=5"]).output
    assert both == "{'queue_limit': 5, 'allow_cloud': True}\n"
