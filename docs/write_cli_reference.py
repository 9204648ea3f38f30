# SPDX-License-Identifier: MIT
"""Writes docs/reference/cli.md from the commands themselves, so that no flag stays undocumented.

Run it after a change to a command: ``python docs/write_cli_reference.py``. A test compares the
page with what this makes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli.group import group

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parent / "reference" / "cli.md"
INTRODUCTION: Final = """\
# The command line

`fc-async` reads the `s.yaml` that you have and talks to Function Compute, or to the local runtime
with `--endpoint` (or `FC_ASYNC_ENDPOINT`). Flags that users of `s` know mean the same here: `-t`,
`-a`, `-y`, `--env`.

<!-- Written by docs/write_cli_reference.py: change a command's help, then run that. -->

## Conventions

| | |
|---|---|
| exit codes | 0 nothing to do, or done · 1 failed, a mistyped flag included · 2 `plan` has changes · 130 interrupted |
| stdout | the result and nothing else; with `--format json` one JSON object, see [output for programs](json-output.md) |
| stderr | notes, progress, errors: one message each, no stack trace |
| control characters | what functions and services said is shown with escapes (`\\x1b`) instead of control and direction characters, also in a pipe; exceptions: `invoke --sync` in a pipe writes the result's bytes, and `--raw` of `logs` and `invoke --sync` leaves all as it is |
| times | text: this machine's time zone; JSON: as the service has them, milliseconds since the epoch |
| asking | before anything changes; where stdin is not a terminal it is an error unless `-y` is given |
| tables | as wide as the terminal, with ids that are never broken; in a pipe all columns and whole values, one line a row |
| typos | a mistyped command, function, task, resource or rule gets the nearest one that exists |
| colours | on a terminal only; `NO_COLOR` turns them off |
| completion | `eval "$(_FC_ASYNC_COMPLETE=bash_source fc-async)"`; `zsh_source` and `fish_source` likewise |

| environment variable | meaning |
|---|---|
| `FC_ASYNC_ENDPOINT` | as `--endpoint` |
| `FC_ASYNC_MNS_ENDPOINT` | as `--mns-endpoint` of `events tail` |
| `FC_ASYNC_REGION`, `FC_ASYNC_ACCOUNT_ID` | region and account where neither flag nor template says |
| `FC_ASYNC_DEBUG=1` | errors with stack trace |
| `FC_ASYNC_PLUGIN` | by convention the folder that `s-plugin path` prints; `s.yaml` names it |
| `FC_ASYNC_PYTHON` | the Python that the plugin for `s` starts, if it isn't the one it lies beside |
| `FC_ASYNC_RESOLVED` | `-`: standard input holds the props of resources that `s` has resolved, as JSON by resource; set by the plugin for `s` |

"""


def render() -> str:
    """The page."""
    return INTRODUCTION + "".join(_commands(group, click.Context(group, info_name="fc-async")))


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
    """A command's help and examples as Markdown; a backspace marks what click leaves unwrapped."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", (command.help or "").strip()):
        if paragraph.lstrip().startswith("\b"):
            lines = [line.strip() for line in paragraph.splitlines()[1:] if line != "Examples:"]
            shown = "\n".join(f"$ {line}" for line in lines if not line.startswith("Example"))
            paragraphs.append(f"```console\n{shown}\n```")
        else:
            paragraphs.append(re.sub(r"\s+", " ", paragraph).strip())
    return "\n\n".join(paragraphs)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
