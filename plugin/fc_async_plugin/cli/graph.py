# SPDX-License-Identifier: MIT
"""``fc-async graph``: draws the destinations and triggers of templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli._options import account_options, env_option, flag, templates_option
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account

FORMATS: Final = ("text", "mermaid", "dot", "svg", "json")
_ENDINGS: Final = {".txt": "text", ".mmd": "mermaid", ".gv": "dot", ".svg": "svg", ".json": "json"}


@click.command("graph")
@templates_option
@env_option
@flag("--live", help="Include what only the account has: configuration without a template.")
@flag("--counts", help="Show the counts of the local runtime.")
@account_options
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(FORMATS),
    help="Format of the drawing.  [default: text, or what the ending of --out says]",
)
@click.option(
    "--out",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file. Its ending is the format, unless --format is given.",
)
def command(
    *,
    templates: tuple[str, ...],
    environment: str | None,
    live: bool,
    counts: bool,
    account: Account,
    output: str | None,
    target: Path | None,
) -> None:
    """Draw the destinations and triggers of functions; cycles are red.

    \b
    Examples:
      fc-async graph
      fc-async graph --out destinations.svg
      fc-async graph --format mermaid >> README.md
      fc-async graph --counts --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin import s_yaml
    from fc_async_plugin.account.live import read_all
    from fc_async_plugin.report import graphs
    from fc_async_sdk._drawing import advice

    kind = output or _kind_of(target)
    context = read_all(templates or [None], account, env=environment, deployed=live)
    # A picture of the other templates alone would look complete.
    if context.unread:
        raise s_yaml.TemplateError(context.unread)
    counted = graphs.read_counts(account.endpoint) if counts else None
    shown = graphs.picture(context.graph, counted, searched=context.searched)
    make = {
        "mermaid": graphs.to_mermaid,
        "dot": graphs.to_dot,
        "svg": graphs.to_svg,
        "json": graphs.to_json,
        "text": graphs.to_text,
    }[kind]
    text = make(shown)
    if kind == "svg" and (better := advice()):
        terminal.note(f"The graph is {better}.")
    if target is not None:
        target.write_text(f"{text}\n", encoding="utf-8")
    elif text:
        terminal.print_text(text)
    else:
        terminal.note("There is no function to draw.")


def _kind_of(target: Path | None) -> str:
    if target is None:
        return "text"
    ending = target.suffix.lower()
    kind = _ENDINGS.get(ending, ending.removeprefix("."))
    if kind not in FORMATS:
        endings = ", ".join(_ENDINGS)
        raise click.UsageError(f"{target}: end the name with one of {endings}, or use -o FORMAT")
    return kind
