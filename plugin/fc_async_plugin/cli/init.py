# SPDX-License-Identifier: MIT
"""``fc-async init``: starts a project from a template."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.scaffold import Question

_DEFAULT: Final = "minimal"


@click.command()
@click.argument("template", required=False)
@click.argument("answers", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "-d",
    "--directory",
    metavar="FOLDER",
    default=".",
    help="Folder for the project's folder.",
)
@options.flag("--no-input", help="Do not ask; use the defaults.")
@options.flag("--overwrite", help="Write into an existing folder.")
@options.flag("--list", "list_only", help="List the templates and stop.")
@options.format_option
def command(
    template: str | None,
    answers: tuple[str, ...],
    directory: str,
    no_input: bool,
    overwrite: bool,
    list_only: bool,
    output: Format,
) -> None:
    """Start a project from TEMPLATE; without one, init asks which.

    The new project works at once: its tests pass on the local runtime, and fc-async validate finds
    nothing.

    \b
    Examples:
      fc-async init
      fc-async init minimal --no-input project_name=shop
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin import scaffold

    if list_only:
        _list(output)
        return
    if template is not None and "=" in template:  # a template's name has no "="
        answers = (template, *answers)
        template = None
    asking = sys.stdin.isatty() and not no_input and output == "text"
    pairs = _pairs(answers)
    if template is None:
        template = _choose() if asking else _DEFAULT
    folder = scaffold.create(
        template,
        Path(directory),
        pairs,
        ask=_ask if asking else None,
        overwrite=overwrite,
    )
    is_shipped = template in scaffold.names()
    shown = Path(os.path.relpath(folder))
    first = scaffold.add_wheel(shown) if is_shipped else ""
    if output == "json":
        terminal.print_json({"template": template, "folder": str(folder)})
    else:
        _tell_made(shown, is_shipped=is_shipped)
    # Last: above the next steps, it read as if they could be done at once.
    if first:
        terminal.note(f"But first: {first}")


def _tell_made(folder: Path, *, is_shipped: bool) -> None:
    """Print what was made and the next commands; only our own templates have a Makefile."""
    click.echo(f"Made {folder}. Next:")
    click.echo(f"  cd {folder}")
    if is_shipped:
        click.echo("  make test   # deploys to a Function Compute on this machine, tests it there")
        click.echo("  make dev    # runs the functions and a console; each save is deployed")
        click.echo("  make plan   # what a deployment to an account would change")


def _list(output: Format) -> None:
    from fc_async_plugin import scaffold

    listed = [(name, scaffold.about(name)) for name in scaffold.names()]
    if output == "json":
        shown = [{"name": name, "about": about} for name, about in listed]
        terminal.print_json({"templates": shown})
    else:
        _show([("template", "what it makes"), *listed])


def _show(templates: list[tuple[str, str]]) -> None:
    """Print templates with what they make, in several lines where a terminal is narrow."""
    # A table cuts its last column: on 80 columns, no template had a whole sentence.
    formatter = click.HelpFormatter(width=terminal.width() or sys.maxsize)
    formatter.write_dl(templates)
    click.echo(formatter.getvalue(), nl=False)


def _choose() -> str:
    """Ask which template, until a name or a number of one is typed."""
    from fc_async_plugin import scaffold

    names = scaffold.names()
    _show([(f"  {number}  {name}", scaffold.about(name)) for number, name in enumerate(names, 1)])

    def chosen(value: str) -> str:
        if value in names:
            return value
        if value.isdecimal() and 0 < int(value) <= len(names):
            return names[int(value) - 1]
        raise click.UsageError(scaffold.unknown(value))

    answer: str = click.prompt("Template (a name or a number)", default=_DEFAULT, value_proc=chosen)
    return answer


def _ask(question: Question) -> str:
    """Ask until an answer is allowed."""

    def checked(value: str) -> str:
        problem = question.check(value)
        if problem:
            raise click.UsageError(problem)  # click.prompt shows it and asks again
        return value

    answer: str = click.prompt(question.text, default=question.default, value_proc=checked)
    return answer


def _pairs(answers: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for answer in answers:
        name, equals, value = answer.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{answer!r} must be NAME=VALUE")
        pairs[name] = value
    return pairs
