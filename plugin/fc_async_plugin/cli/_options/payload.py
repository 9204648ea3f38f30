# SPDX-License-Identifier: MIT
"""Options for the payload of a call."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Final

import click

from fc_async_plugin.cli._options.building import gathered
from fc_async_plugin.report import terminal


def text_payload(text: str | None) -> bytes | None:
    """Return the payload that was typed: a text, or ``@FILE``, the content of a file (- is stdin).

    Raises:
        click.UsageError: It names a file that does not exist, or one in the way of aws
            (``file://FILE``); a payload of JSON never begins like this.
        OSError: The file cannot be read.
    """
    named = re.fullmatch(r"(@|fileb?://)(.+)", text or "")
    if named is None:
        return None if text is None else text.encode()
    prefix, file = named.groups()
    # PTH113: Path.is_file raises OSError for a name that is too long.
    if file != "-" and not os.path.isfile(file):  # noqa: PTH113
        raise click.UsageError(
            f"the payload {text} names a file that does not exist: -f - sends a text from stdin as"
            " it is"
        )
    if prefix != "@":
        raise click.UsageError(f"the payload {text} names a file: use @{file} to send its content")
    return _content(file)


def note_if_not_json(text: str | None, payload: bytes) -> None:
    """Say on stderr if a payload that was typed is not JSON: most functions expect it.

    Args:
        text: The payload as it was typed; None: it was not.
        payload: The payload.
    """
    if not text or text.startswith("@"):
        return
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        terminal.note("Note: the payload is not valid JSON, and is sent as text.")


def _content(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _event(event: str | None, event_file: str | None) -> bytes | None:
    if event is not None and event_file is not None:
        raise click.UsageError("give the payload once: with -e or with -f")
    return text_payload(event) if event_file is None else _content(event_file)


event_options: Final = gathered(
    "event",
    _event,
    click.option(
        "-e", "--event", "event", metavar="TEXT", help="What the function gets; @FILE is a file."
    ),
    click.option("-f", "--event-file", metavar="FILE", help="Read it from a file; - is stdin."),
)
"""Adds ``-e -f``; the command gets ``event: bytes | None``."""
