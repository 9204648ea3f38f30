# SPDX-License-Identifier: MIT
"""Options for the payload of a call."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

import click

from fc_async_plugin.cli._options.building import gathered


def text_payload(text: str | None) -> bytes | None:
    """Return the payload that was typed.

    Raises:
        click.UsageError: It names a file in the way of curl (``@FILE``) or aws (``file://FILE``);
            a payload of JSON never begins like this.
    """
    named = re.fullmatch(r"(?:@|fileb?://)(.+)", text or "")
    if named:
        # PTH113: Path.is_file raises OSError for a name that is too long.
        if named[1] == "-" or os.path.isfile(named[1]):  # noqa: PTH113
            raise click.UsageError(
                f"the payload {text} names a file: use -f {named[1]} to send its content"
            )
        raise click.UsageError(
            f"the payload {text} names a file that does not exist: -f FILE sends the content of a"
            " file, -f - a text from stdin as it is"
        )
    return None if text is None else text.encode()


def _event(event: str | None, event_file: str | None) -> bytes | None:
    if event is not None and event_file is not None:
        raise click.UsageError("give the payload once: with -e or with -f")
    if event_file is None:
        return text_payload(event)
    return sys.stdin.buffer.read() if event_file == "-" else Path(event_file).read_bytes()


event_options: Final = gathered(
    "event",
    _event,
    click.option("-e", "--event", "event", metavar="TEXT", help="What the function gets."),
    click.option("-f", "--event-file", metavar="FILE", help="Read it from a file; - is stdin."),
)
"""Adds ``-e -f``; the command gets ``event: bytes | None``."""
