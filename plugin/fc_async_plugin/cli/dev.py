# SPDX-License-Identifier: MIT
"""``fc-async dev``: save, and it runs; see :mod:`fc_async_plugin.dev`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli._options import runtime as runtime_options


@click.command()
@options.templates_option
@options.env_option
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read variables for ${env(…)} from this file before those of .env files.",
)
@options.resource_option
@click.option(
    "--command",
    "commands",
    metavar="NAME=COMMAND",
    multiple=True,
    help="Start a function that cannot run here, such as an image, by a command in its code folder "
    "that serves HTTP; may be given several times.",
)
@runtime_options.port_option
@runtime_options.data_option
@runtime_options.clock_option
@runtime_options.settings_option
@options.format_option
@options.flag("--quiet", "-q", help="Show failures, and messages that need attention.")
@click.option(
    "--debug",
    metavar="FUNCTION[:PORT]",
    multiple=True,
    help="Run this function with a debugger that an editor can attach to; may be given several "
    "times. While it is attached, the function's timeout stands still.",
)
@options.flag(
    "--install",
    help="Install what functions need without asking: requirements.txt, packages that the runtime "
    "or a public layer has, package.json.",
)
@options.flag(
    "--build",
    help="Do not start without the commands of actions: pre-deploy, which s runs. Each is shown "
    "and asked for, once until it changes.",
)
@options.flag(
    "--pass-keys",
    help="Let these commands see keys of the cloud in their environment; installations never do.",
)
@options.flag(
    "--write-launch", help="Write .vscode/launch.json for the functions, after asking, and end."
)
@options.flag(
    "--trust",
    help="Show how clients that speak TLS trust the runtime on --data, and end. Changes no setting "
    "of this machine.",
)
@options.yes_option
def command(*, write_launch: bool, trust: bool, **chosen_options: Any) -> int:
    """Run the template's functions on this machine; every save is deployed at once.

    Starts the local runtime, or uses the one that runs on the same data, deploys the functions
    from their folders, and shows what happens to every invocation. Running attempts finish on the
    old code, queued work runs on the new. A function that cannot run here is left out with the
    reason. Builds and installations are shown and asked for first, once until they change. Ctrl-C
    ends it; what waits is kept for the next start.

    \b
    Examples:
      fc-async dev
      fc-async dev -t orders/s.yaml -t billing/s.yaml
      fc-async dev --resource orders
      fc-async dev --command orders='python app.py'
      fc-async dev --clock virtual
      fc-async dev --set enforce_roles=true
      fc-async dev --debug orders
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.cli import dev_session

    choices = dev_session.Choices(**chosen_options)
    if trust:
        return dev_session.explain_trust(choices.data, choices.output)
    return dev_session.write_launch(choices) if write_launch else dev_session.run(choices)
