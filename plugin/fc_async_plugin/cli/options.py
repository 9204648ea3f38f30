# SPDX-License-Identifier: MIT
"""Options that several commands share. Where ``s`` has the same option, the name is the same.

A command gets the value by the name in the option; without a default it is None, for flags False.
"""

from __future__ import annotations

import codecs
import functools
import inspect
import json
import os
import re
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_sdk import Client
    from fc_async_sdk.pacing import Pace

F = TypeVar("F", bound="Callable[..., Any]")


def _resources(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return names for shell completion: the resources of the template."""
    from fc_async_plugin import s_yaml

    try:
        project = s_yaml.load(context.params.get("template"))
    except s_yaml.TemplateError:
        return []  # no names to offer; the command itself reports the error
    return [resource.name for resource in project.resources if resource.name.startswith(incomplete)]


def refuse_empty_names(
    _: click.Context, __: click.Parameter, names: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Return names as they were typed; a script whose variable is not set types an empty one.

    Raises:
        click.BadParameter: A name is empty.
    """
    if names == "" or (isinstance(names, tuple) and "" in names):
        raise click.BadParameter("must not be empty")
    return names


def flag(*names: str, **more: Any) -> Callable[[F], F]:
    """Add an option without a value, which is True if it is given.

    Args:
        names: The names of the option; one without dashes is the parameter's.
        more: What ``click.option`` takes, such as ``help``.
    """
    return click.option(*names, is_flag=True, **more)


def existing_file(*names: str, **more: Any) -> Callable[[F], F]:
    """Add an option with the name of a file that exists; ``more`` as for :func:`flag`."""
    kind = click.Path(exists=True, dir_okay=False)
    return click.option(*names, metavar="FILE", type=kind, **more)


def tasks_limit(default: int | None) -> Callable[[F], F]:
    """Add ``--limit`` for tasks with this default; None: all tasks."""
    explanation = "Largest number of tasks, newest first."
    shown = "all" if default is None else True
    return click.option(
        "--limit", type=click.IntRange(min=1), default=default, show_default=shown, help=explanation
    )


function_argument = click.argument(
    "function", shell_complete=_resources, callback=refuse_empty_names
)
"""``function: str``: a resource of the template, or the name of a function."""

optional_function_argument = click.argument(
    "function", required=False, shell_complete=_resources, callback=refuse_empty_names
)
"""``function: str | None``: likewise; None: all functions."""

resources_argument = click.argument(
    "resources", metavar="[RESOURCE]...", nargs=-1, shell_complete=_resources
)


def _allow_files(_: click.Context, __: click.Parameter, folder: str | None) -> None:
    from fc_async_plugin.s_yaml.files import FILE_ROOT

    if folder is not None:
        os.environ[FILE_ROOT] = folder


_file_root_option = click.option(
    "--file-root",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    callback=_allow_files,
    expose_value=False,
    help="Let ${file()} and extend read this folder, too.  [default: only the repository]",
)


def template_option(command: F) -> F:
    """Add ``template: str | None``: None means "the one in this folder"."""
    named = click.option(
        "-t",
        "--template",
        "template",
        metavar="FILE",
        help="The template.  [default: s.yaml, then s.yml]",
    )
    return named(_file_root_option(command))


def templates_option(command: F) -> F:
    """Add ``templates: tuple[str, ...]``, for commands that look at several together."""
    named = click.option(
        "-t",
        "--template",
        "templates",
        metavar="FILE",
        multiple=True,
        help="A template; may be given several times.  [default: s.yaml, then s.yml]",
    )
    return named(_file_root_option(command))


env_option = click.option(
    "--env", "environment", metavar="NAME", help="Environment of env.yaml to apply."
)

yes_option = flag("-y", "--yes", "--assume-yes", "yes", help="Do not ask before a change.")

format_option = click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format. With json, stdout has only JSON; notes go to stderr.",
)


def _pace(_: click.Context, __: click.Parameter, rate: str | None) -> Pace | None:
    from fc_async_sdk.pacing import Pace

    return None if rate is None else Pace("replay", rate)


rate_option = click.option(
    "--rate",
    "pace",
    metavar="RATE",
    callback=_pace,
    help="How fast the calls start, such as 25/s or 1/10s; the last one within an hour.",
)

raw_option = flag(
    "--raw", help="Write the output of the function unchanged, escape sequences included."
)

resource_option = click.option(
    "--resource",
    "resources",
    metavar="NAME",
    multiple=True,
    shell_complete=_resources,
    help="Only this resource of the template; may be given several times.",
)

with_functions_option = flag(
    "--with-functions",
    help="Include the functions: code, settings, triggers, concurrency, and missing aliases.",
)

prune_option = flag(
    "--prune", help="Also delete configuration and triggers that left the template."
)

create_missing_option = flag(
    "--create-missing",
    help="Create queues, topics and event buses that the template names and that do not exist.",
)

skip_validation_option = flag(
    "--skip-validation", help="Ignore errors in the template and destination cycles in the account."
)

cost_option = flag(
    "--cost",
    help="Show the worst case of one message to each function: (retries + 1) x timeout x memory.",
)

prices_option = existing_file(
    "--prices", help="Prices instead of those of the documentation, as JSON."
)
"""``prices: str | None``."""


class Group(click.Group):
    """A group of commands, listed with whole sentences; some moved since the release before.

    Args:
        moved: What is called instead, by the name that a command had.
    """

    def __init__(self, *args: Any, moved: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._moved = moved or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click would cut the end of what each does on a narrow terminal."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(1_000))
            for name, command in commands
            if command and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that is called instead of one that has moved."""
        if args[0] in self._moved:
            raise click.UsageError(
                f"{ctx.command_path} {args[0]} is now: fc-async {self._moved[args[0]]}", ctx
            )
        return super().resolve_command(ctx, args)


class Choice(click.Choice[str]):
    """A choice that names the nearest value for a typing mistake."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, or fail with the nearest one."""
        from fc_async_plugin.account import suggestions

        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            names = {str(choice).lower(): str(choice) for choice in self.choices}
            near = suggestions.nearest(str(value).lower(), names)
            if not near:
                raise
            text = f"{error.message} Did you mean {names[near]}?"
            raise click.BadParameter(text, ctx, param) from error


qualifier_option = click.option(
    "--qualifier", metavar="NAME", help="Version or alias.  [default: LATEST]"
)

endpoint_option = click.option(
    "--endpoint",
    metavar="URL",
    callback=refuse_empty_names,
    help="Talk to this endpoint, such as a local runtime's.  [env: FC_ASYNC_ENDPOINT; default: the "
    "local runtime that runs on this folder, else the account]",
)

_NOT_LOCAL: Final = "and talk to the account, not to a local runtime."

region_option = click.option(
    "--region",
    metavar="ID",
    callback=refuse_empty_names,
    help=f"Use this region, {_NOT_LOCAL}  [default: the template's]",
)

account_id_option = click.option(
    "--account-id",
    metavar="ID",
    callback=refuse_empty_names,
    help=f"Id of the account: use it, {_NOT_LOCAL}  [default: the access alias's]",
)

access_option = click.option(
    "-a",
    "--access",
    metavar="ALIAS",
    callback=refuse_empty_names,
    help=f"Use the keys of this access alias of s, {_NOT_LOCAL}  [default: the template's]",
)

ram_endpoint_option = click.option(
    "--ram-endpoint",
    metavar="URL",
    default="https://ram.aliyuncs.com",
    help="URL of RAM, from which roles are read.",
)

_READS_THE_ACCOUNT: Final = ("live", "counts")
"""Without one of these, a command that has one works without the account."""


def gathered(name: str, make: Callable[..., object], *decorators: Any) -> Callable[[F], F]:
    """Return a decorator that adds options; the command gets one object instead of their values.

    Args:
        name: Name by which the command gets it.
        make: Makes it; its parameters have the names of the options.
        decorators: Each adds one or more of the options.
    """
    names = inspect.signature(make).parameters

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def command(**parameters: Any) -> Any:
            group = make(**{option: parameters.pop(option) for option in names})
            return function(**parameters, **{name: group})

        decorated: Any = command
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _typed_account(
    endpoint: str | None, region: str | None, account_id: str | None, access: str | None
) -> Account:
    """Return what was typed, for a command that sends no request."""
    from fc_async_plugin.account.connection import Account

    return Account(endpoint or None, region, account_id, access)


def _account(
    endpoint: str | None, region: str | None, account_id: str | None, access: str | None
) -> Account:
    """Return where the command goes, and say so if it is an endpoint.

    Which account it is can depend on the template: it is told when a client is made.
    """
    from fc_async_plugin.account import target
    from fc_async_plugin.account.target import DecidedBy

    typed = target.Typed(endpoint, region, account_id, access)
    account = _typed_account(*typed)
    parameters = click.get_current_context().params
    switches = [parameters[name] for name in _READS_THE_ACCOUNT if name in parameters]
    if switches and not any(switches):
        return account._replace(tell=_telling_once())  # roles are read in any case
    running = _nothing_runs if parameters.get("from_plan") else _running_here
    endpoint, by = target.decide(typed, os.environ, running)
    if by is DecidedBy.FOLDER:
        note = f"Using the local runtime of this folder, {endpoint} (an account: -a, --region)"
        terminal.note(note)
    elif endpoint is not None:
        keys = f" with the keys of {access}" if access else ""
        terminal.note(f"Using {endpoint}{keys} ({by.value})")
    return account._replace(endpoint=endpoint, by=by, tell=_telling_once())


account_options: Final = gathered(
    "account", _account, endpoint_option, region_option, account_id_option, access_option
)
"""Adds ``--endpoint --region --account-id -a``; the command gets ``account: Account``."""

_typed_account_options: Final = gathered(
    "account", _typed_account, endpoint_option, region_option, account_id_option, access_option
)


def _telling_once() -> Callable[[str], None]:
    """Return what prints each sentence on stderr once: a command opens many clients."""
    return functools.cache(terminal.note)


def _running_here() -> str | None:
    """Return the URL of the local runtime that runs on this folder."""
    from fc_async_plugin.dev import runtime
    from fc_async_sdk import _project_folder

    try:
        running = runtime.find(_project_folder.RUNTIME)
    except _project_folder.ForeignFolder as error:
        # Without an error, the command would go to an account, where the user may mean a runtime.
        raise click.ClickException(f"{error}; or name an account with -a or --region") from error
    return running.fc if running else None


def _nothing_runs() -> None:
    """Look for no runtime: a plan names the place that it was made for."""


def confirm_target(account: Account, doing: str, *, yes: bool) -> None:
    """Ask before a write to a runtime that was found, if the write could go to an account, too.

    Raises:
        click.ClickException: The answer was no, or stdin is not a terminal.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.target import DecidedBy

    if account.by is DecidedBy.FOLDER and connection.has_keys():
        where = f"at {account.endpoint}, the local runtime of this folder, not in an account"
        terminal.confirm(f"{doing} {where}?", yes=yes)


def _where(
    qualifier: str | None, template: str | None, environment: str | None, account: Account
) -> Where:
    from fc_async_plugin.account.connection import Where

    return Where(qualifier, template, environment, account)


def _place(template: str | None, environment: str | None, account: Account) -> Where:
    return _where(None, template, environment, account)


_PLACE: Final = (template_option, env_option, account_options)
place_options: Final = gathered("where", _place, *_PLACE)
"""Adds ``-t --env`` and those of the account; the command gets ``where: Where``."""

where_options: Final = gathered("where", _where, qualifier_option, *_PLACE)
"""Adds ``--qualifier`` to them."""

typed_place_options: Final = gathered(
    "where", _place, template_option, env_option, _typed_account_options
)
"""As :data:`place_options`, for a command that sends no request."""


def read_json(file: str | Path) -> Any:
    """Return the JSON in a file.

    Raises:
        click.ClickException: The file is not valid JSON.
    """
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} is not valid JSON: {error}") from error


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


def lines_of(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines that are not empty, without ends and byte order mark; - is stdin."""
    source: AbstractContextManager[BinaryIO] = (
        nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")  # noqa: SIM115 -- closed by the with below
    )
    with source as opened:
        for number, line in enumerate(opened, 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, text.rstrip(b"\r\n")


def moment(text: str, now: int) -> int:
    """Return the moment that a person names, in milliseconds since the epoch.

    Raises:
        click.UsageError: It is neither a time nor a duration back from now.
    """
    from fc_async_plugin.operate import metrics

    try:
        return metrics.time_of(text, now)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def beginning(option: str, text: str, now: int, *, end: tuple[str, str | None] = ("", None)) -> int:
    """Return the moment that an option names as the beginning of a time, in milliseconds.

    Args:
        option: Name of the option.
        text: Its value.
        now: The present, milliseconds since the epoch.
        end: Name and value of the option for the end; without a value the time ends now.

    Raises:
        click.UsageError: A value is not a time, or the time ends before it begins.
    """
    begin, (name, last) = moment(text, now), end
    if begin > (now if last is None else moment(last, now)):
        raise click.UsageError(
            f"{option} {text} is later than {'now' if last is None else f'{name} {last}'}: "
            f"use an earlier {option} (5m is 5 minutes ago)"
        )
    return begin


def note_task_mode(client: Client, functions: Iterable[str], qualifier: str | None) -> bool:
    """Print on stderr for which functions the service does not know task ids.

    Returns:
        Whether it knows the task ids of all of them.
    """
    from fc_async_plugin.account import lists
    from fc_async_sdk.errors import FcAsyncError

    reason = "the service may not recognise what was sent before"
    all_known = True
    for name in sorted(filter(None, functions)):
        with suppress(FcAsyncError):  # a function that cannot be called is an error of its own
            if not lists.in_task_mode(client, name, qualifier):
                terminal.note(f"{name} is not in task mode: {reason}")
                all_known = False
    return all_known
