# SPDX-License-Identifier: MIT
"""Options of the commands that start a local runtime: its port, its data, its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fc_async_local import DEFAULT_PORT
from fc_async_plugin.cli._options.building import flag, gathered
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_sdk.admin.models import Addresses

_OWN_OPTIONS: Final = ("access_keys", "strict_auth", "region", "account_id", "create_missing")
"""Settings that have their own option and cannot be given with ``--set``."""

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_532),
    show_default=f"{DEFAULT_PORT}, or the next free one",
    help="Port of the FC API and the console; 0: any. Services use the next free ports.",
)
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_project_folder.RUNTIME,
    help="Folder for queue, functions and messages, which are kept over restarts.",
)
clock_option = click.option(
    "--clock",
    type=click.Choice(["real", "virtual"]),
    default="real",
    help="virtual: time stands still until it is moved, by the key t of dev, in the console or by "
    "the admin API.",
)


def _with_cloud(assignments: tuple[str, ...], allow_cloud: bool) -> tuple[str, ...]:
    return (*assignments, "allow_cloud=true") if allow_cloud else assignments


settings_option: Final = gathered(
    "assignments",
    _with_cloud,
    flag(
        "--allow-cloud",
        help="Let functions call the real service, and events be pushed to other machines; "
        "otherwise such calls lead to the runtime, and such pushes fail.",
    ),
    click.option(
        "--set",
        "assignments",
        metavar="NAME=VALUE",
        multiple=True,
        help="Another setting of the runtime; may be given again. See the page on the runtime.",
    ),
)
"""Adds ``--allow-cloud --set``; the command gets ``assignments: tuple[str, ...]``."""


def assigned(assignments: Sequence[str]) -> dict[str, object]:
    """Return the values of ``--set`` by setting.

    Raises:
        click.UsageError: A setting does not exist, or a value is outside of its range.
    """
    import difflib

    from fc_async_local.settings import NAMES, read

    names = [name for name in NAMES if name not in _OWN_OPTIONS]
    values: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.replace("-", "_")
        if not equals or name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f", did you mean {near[0]!r}?" if near else f": {', '.join(names)}"
            raise click.UsageError(f"--set {assignment}: NAME=VALUE with one of the settings{hint}")
        try:
            values[name] = read(name, value)
        except ValueError as error:
            raise click.UsageError(f"--set {assignment}: {error}") from None
    return values


def services(addresses: Addresses) -> list[str]:
    """Return the lines that name the console and the services of a runtime."""
    from fc_async_plugin.account import runtime

    return [
        f"Console  {runtime.console_of(addresses)}",
        f"MNS      {addresses.mns}  OSS {addresses.oss}",
        f"RocketMQ {addresses.rocketmq}  EventBus {addresses.eventbridge}",
    ]


def moved(port: int | None, url: str) -> str:
    """Return what to say if a runtime does not listen on the default port, else ""."""
    if port is not None or url.endswith(f":{DEFAULT_PORT}"):
        return ""
    return f"port {DEFAULT_PORT} is in use, so the next free one was taken"
