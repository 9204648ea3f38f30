# SPDX-License-Identifier: MIT
"""Options and arguments that choose a template, its resources, and what a deployment does."""

from __future__ import annotations

import os

import click

from fc_async_plugin.cli._options import completion
from fc_async_plugin.cli._options.building import F, flag, refuse_empty_names

function_argument = click.argument(
    "function", shell_complete=completion.functions, callback=refuse_empty_names
)
"""``function: str``: a resource of the template, or the name of a function."""

optional_function_argument = click.argument(
    "function", required=False, shell_complete=completion.functions, callback=refuse_empty_names
)
"""``function: str | None``: likewise; None: all functions."""

task_argument = click.argument("task_id", metavar="TASK", shell_complete=completion.tasks)

resources_argument = click.argument(
    "resources", metavar="[RESOURCE]...", nargs=-1, shell_complete=completion.functions
)


def _allow_files(_: click.Context, __: click.Parameter, folder: str | None) -> None:
    from fc_async_plugin.s_yaml.files import FILE_ROOT

    if folder is not None:
        os.environ[FILE_ROOT] = folder


_file_root_option = click.option(
    "--file-root",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    callback=_allow_files,
    expose_value=False,
    help="Let ${file()} and extend read this folder, too.  [default: only the repository]",
)


def template_option(command: F) -> F:
    """Add ``template: str | None``: None means "the one in this folder"."""
    named = click.option(
        "-t",
        "--template",
        "template",
        metavar="FILE",
        help="The template.  [default: s.yaml, then s.yml]",
    )
    return named(_file_root_option(command))


def templates_option(command: F) -> F:
    """Add ``templates: tuple[str, ...]``, for commands that look at several together."""
    named = click.option(
        "-t",
        "--template",
        "templates",
        metavar="FILE",
        multiple=True,
        help="A template; may be given several times.  [default: s.yaml, then s.yml]",
    )
    return named(_file_root_option(command))


env_option = click.option(
    "--env", "environment", metavar="NAME", help="Environment of env.yaml to apply."
)

resource_option = click.option(
    "--resource",
    "resources",
    metavar="NAME",
    multiple=True,
    shell_complete=completion.functions,
    help="Only this resource of the template; may be given several times.",
)

with_functions_option = flag(
    "--with-functions",
    help="Include the functions: code, settings, triggers, concurrency, and missing aliases.",
)

prune_option = flag(
    "--prune", help="Also delete configuration and triggers that left the template."
)

create_missing_option = flag(
    "--create-missing",
    help="Create queues, topics and event buses that the template names and that do not exist.",
)

skip_validation_option = flag(
    "--skip-validation", help="Ignore errors in the template and destination cycles in the account."
)
