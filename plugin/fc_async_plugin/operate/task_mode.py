# SPDX-License-Identifier: MIT
"""Tells a user for which functions the service does not recognise what was sent before."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fc_async_plugin.account import lists
from fc_async_plugin.report import terminal
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_sdk import Client


def note_if_off(client: Client, functions: Iterable[str], qualifier: str | None) -> bool:
    """Print on stderr for which functions the service does not know task ids.

    Returns:
        Whether it knows the task ids of all of them.
    """
    reason = "the service may not recognise what was sent before"
    all_known = True
    for name in sorted(filter(None, functions)):
        with suppress(FcAsyncError):  # a function that cannot be called is an error of its own
            if not lists.in_task_mode(client, name, qualifier):
                terminal.note(f"{name} is not in task mode: {reason}")
                all_known = False
    return all_known
