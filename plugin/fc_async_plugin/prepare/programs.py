# SPDX-License-Identifier: MIT
"""Runs programs of the user before functions run: builds, and package managers.

Invariants:
    A program that is interrupted has ended with all that it started before the call returns.
    A program gets no keys of the cloud, unless its caller passes variables that have them.
    Nothing that a program prints is on standard output, which may be JSON lines.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_GRACE_SECONDS: Final = 10
"""For a package manager that takes back a half-done installation."""
_NOT_FOUND: Final = 127
"""Exit status of shells for a command that does not exist (POSIX, "Exit Status for Commands")."""
_LAST_LINES: Final = 8
_PROGRESS_SECONDS: Final = 1
_LONGEST_LINE: Final = 1024
_ERROR: Final = re.compile(r"\berror\b", re.IGNORECASE)
_WORD: Final = re.compile(r"(?:^|&&|\|\||[;|(\n])\s*(?:\w+=\S*\s+)*([\w.+-]+)(?=\s|$)")
"""First word of each command in a line for a shell."""
_KEYS: Final = re.compile(
    r"ALIBABA_?CLOUD_.*|ALICLOUD_.*|ALIYUN_.*|OSS_.*KEY.*|"
    r"AccountID|AccessKeyID|AccessKeySecret|SecurityToken|.*serverless_devs_key.*|"
    r"FC_ASYNC_(?:TOKEN|STORE|ACCESS_?KEYS?.*)|FC_ACCESS_KEY.*|"
    r"AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|WEB_IDENTITY_TOKEN_FILE)|"
    r"AZURE_CLIENT_SECRET|GOOGLE_(?:APPLICATION_CREDENTIALS|CREDENTIALS)|TENCENTCLOUD_.*|"
    r"HUAWEICLOUD_.*|(?:GITHUB|GH|GITLAB|CI_JOB)_TOKEN|ACTIONS_(?:RUNTIME|ID_TOKEN_REQUEST)_TOKEN",
    re.IGNORECASE,
)
"""Variables with credentials. Those of package registries, such as ``NPM_TOKEN``, stay."""


class Done(NamedTuple):
    """End of a program.

    Attributes:
        status: Exit status.
        output: What it printed, on both outputs.
        absent: Programs that a line for the shell names and this machine lacks, if that ended it.
    """

    status: int
    output: str
    absent: tuple[str, ...] = ()

    @property
    def tail(self) -> str:
        """The last lines of the output; if they name no error, those from the first that does."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        named = [number for number, line in enumerate(lines) if _ERROR.search(line)]
        first = len(lines) - _LAST_LINES
        if named and named[-1] < first:
            first = named[0]
        return "\n".join(lines[max(first, 0) :][:_LAST_LINES])


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that builds and installations need: all but keys of clouds and of CI."""
    return {name: value for name, value in environ.items() if not _KEYS.fullmatch(name)}


def run(
    command: str | Sequence[str],
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Done:
    """Run a program to its end.

    Args:
        command: A line for the system's shell, or a program with its arguments.
        folder: Where it runs; None: here.
        environ: Its variables; None: those of this process without keys.
        progress: Told about once a second, until the end: the seconds since the start, and the last
            line of the output; None: the progress on a terminal.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; the program was ended.
    """
    # Packages run scripts of strangers when they are installed.
    if environ is None:
        environ = without_keys(os.environ)
    alive, held = os.pipe()  # its end is that of all processes that inherited the other side
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if started:
            raise KeyboardInterrupt
        early.append(number)

    with tempfile.TemporaryFile() as output, os.fdopen(alive), terminal.handling_signals(interrupt):
        with os.fdopen(held, "w"):
            process = subprocess.Popen(  # noqa: S603 -- the user's own line, shown and allowed
                command,
                shell=isinstance(command, str),
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(held,),
                start_new_session=True,  # a group of its own, which is ended as a whole
            )
        try:
            started.append(process)
            for number in early:
                interrupt(number, None)
            with terminal.progress() as shown:
                status = _wait(process, output, progress or shown)
        except BaseException:
            _end(process, alive)
            raise
        output.seek(0)
        text = output.read().decode(errors="replace")
    lost = _WORD.findall(command) if status == _NOT_FOUND and isinstance(command, str) else []
    path = environ.get("PATH")
    absent = dict.fromkeys(program for program in lost if shutil.which(program, path=path) is None)
    # Builtins of the shell are not on the PATH either: the shell names what it has not found.
    return Done(status, text, tuple(program for program in absent if f"{program}:" in text))


def install(command: str | Sequence[str], subject: object, folder: Path | None = None) -> None:
    """Run a program that installs packages.

    Args:
        command: As of :func:`run`.
        subject: What it installs, for the error.
        folder: As of :func:`run`.

    Raises:
        PluginError: It failed; with the end of its output.
    """
    done = run(command, folder)
    if done.status:
        raise PluginError(f"{subject} cannot be installed:\n{done.tail}")


def _wait(
    process: subprocess.Popen[bytes], output: IO[bytes], progress: Callable[[float, str], None]
) -> int:
    """Wait for the end of a program, and tell its progress meanwhile."""
    start = time.monotonic()
    while True:
        try:
            return process.wait(timeout=_PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            progress(time.monotonic() - start, _last_line(output))


def _last_line(output: IO[bytes]) -> str:
    """Return the last line that a program has written."""
    # The program writes at the offset that it shares with this file, which must stay as it is.
    size = os.fstat(output.fileno()).st_size
    first = max(0, size - _LONGEST_LINE)
    text = os.pread(output.fileno(), size - first, first).decode(errors="replace")
    lines = [line.strip() for line in re.split(r"[\r\n]", text)]
    return next((line for line in reversed(lines) if line), "")


def _end(process: subprocess.Popen[bytes], alive: int) -> None:
    """End a program and what it started, which may outlive it; ``alive`` is readable after that."""
    # An interrupted npm went on to write after fc-async dev had ended.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            select.select([alive], [], [], _GRACE_SECONDS)
        finally:  # also if the user does not wait
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
