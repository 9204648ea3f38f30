# SPDX-License-Identifier: MIT
"""Runs ``fc-async`` in this process: a start of Python for each command takes most of its time."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fc_async_plugin.cli import group

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its name."""
    if not isinstance(command, click.Group):
        name = context.command_path.removeprefix("fc-async ")
        yield name, command
        for part, whole in getattr(command, "parts", {}).items():
            yield f"{name} {part}", whole
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, click.Context(inner, info_name=name, parent=context))


COMMANDS = dict(leaves(group.group, click.Context(group.group, info_name="fc-async")))


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def notes(self) -> str:
        return notes(self.err)


def notes(err: str) -> str:
    """Return standard error without the lines that say where the command went."""
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Using "))


def run(*arguments: str) -> Ran:
    """Run a command whose output goes into pipes."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = group.run(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


def run_in(folder: Path, *arguments: str) -> Ran:
    """Run a command in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return run(*arguments)
    finally:
        os.chdir(before)


def on_a_terminal(*arguments: str, columns: int = 80) -> str:
    """Run a command whose output goes to a pseudo-terminal; return what the terminal gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    got = bytearray()
    reader = threading.Thread(target=lambda: got.extend(b"".join(iter(lambda: _read(ours), b""))))
    reader.start()
    with _as_standard_output(theirs):
        group.run(arguments)
    reader.join()
    os.close(ours)
    return got.decode()


@contextlib.contextmanager
def _as_standard_output(descriptor: int) -> Iterator[None]:
    """Let standard output and error lead to a descriptor, which is closed at the end."""
    with contextlib.ExitStack() as closing:
        for number, redirected in (
            (1, contextlib.redirect_stdout),
            (2, contextlib.redirect_stderr),
        ):
            before = os.dup(number)
            closing.callback(os.close, before)
            os.dup2(descriptor, number)
            closing.callback(os.dup2, before, number)
            stream = closing.enter_context(open(number, "w", encoding="utf-8", closefd=False))
            closing.enter_context(redirected(stream))
        os.close(descriptor)
        yield


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux: the last writer has closed its end
        return b""
