# SPDX-License-Identifier: MIT
"""The command group and its conventions: lazy commands, exit codes, one message per error.

Every command runs inside :func:`run`, so no command catches an error only to print it, and none
calls ``sys.exit``. Commands are imported when they are named.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, INTERRUPTED, terminal
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import (
    ConnectFailed,
    FcAsyncError,
    InvalidParameter,
    NoCredentials,
    ServiceError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT: Final = 2
"""Length of an option such as ``-o``, whose value may follow without a space."""

SECTIONS: Final = {
    "Develop": ("dev", "init", "invoke", "local", "demo", "clean", "completion"),
    "Check and deploy": (
        "validate",
        "graph",
        "plan",
        "deploy",
        "remove",
        "import",
        "policy",
        "s-plugin",
    ),
    "Operate": (
        "failures",
        "replay",
        "redrives",
        "tasks",
        "events",
        "pause",
        "resume",
        "pace",
        "feed",
        "doctor",
        "metrics",
        "alarms",
        "triggers",
    ),
}
"""Names by what they are for, in the order of ``--help``."""
COMMANDS: Final = tuple(name for names in SECTIONS.values() for name in names)
_MOVED: Final = {
    "rules": "validate --explain",
    "logs": "tasks logs",
    "watch": "alarms check, in a scheduler",
}
"""Names of the release before, and what they are called now."""
_EXTRAS: Final = {"demo": "demo", "dev": "dev", "events": "events", "local": "local"}
"""The extra that a command needs; the others need ``cli``."""
_NO_CREDENTIALS: Final = (
    "no credentials found\n"
    "  on this machine, without an account: fc-async dev, or --endpoint http://127.0.0.1:9900\n"
    "  in an account: s config add, or ALIBABA_CLOUD_ACCESS_KEY_ID and "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
)


def module_of(name: str) -> str:
    """Return the name of a command's module."""
    stem = "import_" if name == "import" else name.replace("-", "_")
    return f"{__package__}.{stem}"


class LazyGroup(options.Group):
    """Loads a command's module when the command is named, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands whose module exists, in the order of :data:`COMMANDS`."""
        del ctx
        return [name for name in COMMANDS if find_spec(module_of(name))]

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return the commands by what they are for."""
        existing = self.list_commands(ctx)
        return {
            title: [name for name in names if name in existing] for title, names in SECTIONS.items()
        }

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(module_of(cmd_name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Add the nearest name to click's "No such command"."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near or "Did you mean" in error.format_message():
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error


@click.group(
    cls=LazyGroup,
    moved=_MOVED,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    epilog="Every command explains itself: fc-async COMMAND --help. Commands go to the local "
    "runtime that runs on this folder, else to the account; --endpoint, -a and --region name "
    "another target.",
)
@click.version_option(package_name="fc-async", prog_name="fc-async", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Check, plan and deploy asynchronous invocation of Function Compute, or run it locally.

    Without a command, it says what it sees in this folder and what to try.
    """
    if context.invoked_subcommand is None:
        from fc_async_plugin.cli import overview

        overview.show()


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code. A command returns its own code, or None for 0.
    """
    # Python sets a stream to None if it was closed before the start.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal gets "?" for an arrow
    # click itself knows only terminals and pipes. None: it decides.
    colours: dict[str, Any] = {"color": False} if os.environ.get("NO_COLOR") else {}
    printed: list[bool] = []
    try:
        code = group.main(
            args=list(arguments),
            prog_name="fc-async",
            standalone_mode=False,
            obj=printed,
            **colours,
        )
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, a closed pager) has gone. Python would raise the error again when it
        # flushes at exit, hence the replacement. click exits with 1 in the same case.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted.", err=True)
        return INTERRUPTED
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except Exception as error:  # noqa: BLE001 -- the outermost frame: every error ends as a message
        return _fail(error, arguments, printed=bool(printed))
    return code if isinstance(code, int) else DONE


def _fail(error: Exception, arguments: Sequence[str], *, printed: bool) -> int:
    """Print an error, to stderr and, if JSON was asked for and nothing was printed, to stdout."""
    message = _explain(error, arguments)
    if isinstance(error, ConnectFailed):
        message += _where_to_start(arguments)
    if debugging():
        traceback.print_exception(error)
    elif isinstance(error, click.UsageError):
        error.show()  # exit code 1, not click's 2, which is "the plan has changes"
    else:
        terminal.error(message)
    if _asks_for_json(arguments) and not printed:
        _tell_as_json(error, message)
    return FAILED


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Return whether a command line that failed asked for JSON: its error is an object, then."""
    return "json" in (_value(arguments, "--format"), _value(arguments, "-o"))


def _value(arguments: Sequence[str], option: str) -> str | None:
    """Return the value of an option of a command line that was not parsed completely."""
    for number, argument in enumerate(arguments):
        if argument == option:
            return arguments[number + 1] if number + 1 < len(arguments) else None
        joined = argument.startswith(f"{option}=")
        attached = len(option) == _SHORT and argument.startswith(option)  # -ojson
        if joined or attached:
            return argument.removeprefix(option).removeprefix("=")
    return None


def _where_to_start(arguments: Sequence[str]) -> str:
    """Return what to do if nothing listens at an endpoint on this machine, "" for the service's."""
    from fc_async_sdk import _endpoint
    from fc_async_sdk.errors import ConfigurationError

    named = _value(arguments, "--endpoint") or os.environ.get("FC_ASYNC_ENDPOINT", "")
    try:
        endpoint = _endpoint.parse(named)
    except ConfigurationError:
        return ""  # none is named, or the error is about its form
    if not endpoint.loopback:
        return ""
    return f"\nStart a runtime at {endpoint.url}: fc-async dev, or fc-async local start"


def _tell_as_json(error: Exception, message: str) -> None:
    """Write an error to stdout as well, as an object of JSON."""
    cause = error if isinstance(error, ServiceError) else error.__cause__
    service_error = cause if isinstance(cause, ServiceError) else None
    facts = {
        "code": service_error.code if service_error else type(error).__name__,
        "message": message,
        "requestId": service_error.request_id if service_error else None,
    }
    terminal.print_json_line({"error": facts})


def _explain(error: Exception, arguments: Sequence[str]) -> str:
    command = next(iter(arguments), "")
    if isinstance(error, click.ClickException):
        message = error.format_message()
    elif isinstance(error, NoCredentials):
        message = _NO_CREDENTIALS
    elif isinstance(error, InvalidParameter):
        option = f"--{error.name.replace('_', '-')}"
        value = _value(arguments, option)
        message = str(error) if value is None else f"{option} {value!r}: {error.expected}"
    elif isinstance(error, FcAsyncError):
        message = str(error)
    elif isinstance(error, OSError):
        message = _os_error(error, arguments)
    elif isinstance(error, ModuleNotFoundError) and not _is_own(error.name):
        extra = _EXTRAS.get(command, "cli")
        message = f"fc-async {command} needs {error.name}: {how_to_install(extra)}"
    else:
        message = (
            f"internal error: {type(error).__name__}: {error}\n"
            "This is a fault of fc-async. FC_ASYNC_DEBUG=1 shows where; please report it."
        )
    return message


def _is_own(module: str | None) -> bool:
    return module is None or module.startswith("fc_async_")


def _os_error(error: OSError, arguments: Sequence[str]) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror or type(error).__name__}"
    words = error.strerror or str(error)  # of a port that is in use, for example
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return words
    import shutil
    import tempfile

    # A write does not name its file: the fullest of the folders that the command may write to is
    # named. An argument may be a file that does not exist yet, hence its folder, too.
    values = [argument.rpartition("=")[2] for argument in arguments]
    candidates = (".", tempfile.gettempdir(), *values, *map(os.path.dirname, values))
    folders = filter(os.path.isdir, candidates)
    fullest = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
    free = shutil.disk_usage(fullest).free
    return f"{words}: {os.path.realpath(fullest)} has {free // 1024:,} KB free"


def debugging() -> bool:
    """Return whether FC_ASYNC_DEBUG asks for stack traces."""
    return os.environ.get("FC_ASYNC_DEBUG", "") not in {"", "0"}
