# SPDX-License-Identifier: MIT
"""``fc-async local``: runs the local runtime in the foreground; saves, replaces or clears its data.

stdout of ``start`` has only the addresses (with ``--format json`` exactly one line); logs go to
stderr. The runtime itself is in :mod:`fc_async_local.embedded`. The state of a runtime that runs is
replaced through its admin API, that of another one in its file.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli._options.runtime import (
    assigned,
    clock_option,
    data_option,
    moved,
    port_option,
    services,
    settings_option,
)
from fc_async_plugin.report import terminal
from fc_async_plugin.report.safe_text import safe
from fc_async_sdk import _project_folder
from fc_async_sdk.spec.times import rfc3339_millis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.report import Format
    from fc_async_sdk.admin.models import Addresses

_STORE: Final = "FC_ASYNC_STORE"
_LONGEST_STORE: Final = 8 * 1024
_LEVELS: Final = ("debug", "info", "warning", "error")
_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
)
"""Attributes of every record; the others are the fields that the caller added."""


@click.group("local", cls=options.Group)
def command() -> None:
    """Run Function Compute's asynchronous invocation on this machine, with no account.

    \b
    Examples:
      fc-async local start
      fc-async local start --port 0 --format json
      fc-async local export state.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command()
@port_option
@data_option
@click.option(
    "--store",
    metavar="STORE",
    default="sqlite",
    envvar=_STORE,
    show_envvar=True,
    help="sqlite (a file in the data folder), memory (nothing is kept) or postgresql://… "
    "(shared by several nodes).",
)
@click.option(
    "--store-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the STORE, which only you can read: other users see the password of a command "
    "line in the list of processes.",
)
@clock_option
@click.option("--region", metavar="ID", help="Region to emulate.  [default: cn-hangzhou]")
@click.option("--account-id", metavar="ID", help="Account to emulate.")
@options.flag(
    "--strict-auth",
    help="Verify signatures, with the key that fc-async local env prints, and with those of "
    "--access-keys or of ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET. By "
    "default any key is accepted.",
)
@click.option(
    "--access-keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of access key ids and secrets for --strict-auth.",
)
@click.option(
    "--enforce-roles",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Refuse destinations that a function's role doesn't allow. FILE is JSON: role name to "
    "RAM policy document, or to a list of them; or what fc-async policy --format json prints.",
)
@options.flag("--create-missing", help="Make queues, topics and buses that a destination names.")
@settings_option
@options.format_option
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="info",
    help="How much to log, on stderr.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one object a line; attempts have the fields of FC's request metrics.",
)
def start(
    *,
    port: int | None,
    data: Path,
    store: str,
    store_file: Path | None,
    clock: Literal["real", "virtual"],
    access_keys: Path | None,
    enforce_roles: Path | None,
    assignments: tuple[str, ...],
    output: Format,
    log_level: str,
    log_format: Format,
    **runtime_settings: Any,
) -> None:
    """Start the local runtime and run until Ctrl-C or SIGTERM.

    Prints where it listens when it is ready, with -o json on one line.
    """
    from fc_async_local import embedded
    from fc_async_local.bootstrap.options import Options
    from fc_async_local.settings import Settings

    if access_keys is not None and not runtime_settings["strict_auth"]:
        raise click.UsageError("--access-keys goes with --strict-auth: without it any key is taken")
    runtime_settings |= {
        "enforce_roles": True if enforce_roles else None,
        "roles": _roles(enforce_roles) if enforce_roles else None,
        "access_keys": _access_keys(access_keys) if runtime_settings["strict_auth"] else None,
    }
    chosen = {name: value for name, value in runtime_settings.items() if value is not None}
    try:
        settings = Settings.of(
            **{"freeze_instances": True, "mount_paths": True, **assigned(assignments), **chosen}
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen_store = _store(store, store_file)
    options = Options(data=data, port=port, clock=clock, store=chosen_store, settings=settings)
    _configure_logging(log_level, log_format)
    with _store_errors_shown(ValueError):  # an unknown store
        embedded.run(
            options,
            ready=lambda addresses: _announce(addresses, output, moved=moved(port, addresses.fc)),
        )


def _store(store: str, file: Path | None) -> str:
    """Return the store, and remove the variable that may have its password.

    Raises:
        click.UsageError: It was named twice, or others can read the file.
    """
    os.environ.pop(_STORE, None)  # functions and builds get the environment of this process
    source = click.get_current_context().get_parameter_source("store")
    is_typed = source is click.core.ParameterSource.COMMANDLINE
    if file is None:
        if is_typed and urlsplit(store).password:
            terminal.note(
                "Note: other users can see the password of --store in the list of processes: use "
                f"--store-file or {_STORE}."
            )
        return store
    if is_typed:
        raise click.UsageError("--store and --store-file exclude each other")
    with file.open("rb") as stream:
        if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
            raise click.UsageError(f"others can read {file}: chmod 600 {file}")
        content = stream.read(_LONGEST_STORE)
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8") from None


def _configure_logging(level: str, form: Format) -> None:
    logging.basicConfig(level=level.upper(), format=_LOG_FORMAT)
    # Its warnings are of requests that ask for HTTP/2, as Java's client does, and get HTTP/1.1.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    if form == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())


class JsonLines(logging.Formatter):
    """A formatter: ``time``, ``level``, ``logger``, ``message``, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as one line."""
        line: dict[str, object] = {
            "time": rfc3339_millis(int(record.created * 1_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        added = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line |= {name: value for name, value in added.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _access_keys(file: Path | None) -> dict[str, str]:
    if file is not None:
        keys = options.read_json(file)
        if not isinstance(keys, dict) or not all(isinstance(v, str) for v in keys.values()):
            raise click.ClickException(f'{file} must look like {{"access key id": "secret"}}')
        if not keys or not all(key and secret for key, secret in keys.items()):
            raise click.ClickException(
                f"{file}: give at least one key, and neither an empty id nor an empty secret"
            )
        return keys
    key_id = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    secret = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    return {key_id: secret} if key_id and secret else {}


def _roles(file: Path) -> dict[str, list[Any]]:
    roles = options.read_json(file)
    if isinstance(roles, dict) and isinstance(roles.get("roles"), list):
        roles = _printed_roles(roles["roles"])
    listed = {
        name: policies if isinstance(policies, list) else [policies]
        for name, policies in (roles.items() if isinstance(roles, dict) else ())
    }
    if not listed or not all(isinstance(p, dict) for each in listed.values() for p in each):
        raise click.ClickException(
            f'{file} must look like {{"role name": {{"Statement": [...]}}}}, or be what fc-async'
            " policy --format json prints"
        )
    return listed


def _printed_roles(roles: list[Any]) -> dict[str, Any]:
    """Return the policies by role name in the output of ``fc-async policy --format json``."""
    return {
        str(role["role"]).rpartition("/")[2]: role.get("policy")
        for role in roles
        if isinstance(role, dict) and role.get("role")
    }


def _announce(addresses: Addresses, output: Format, *, moved: str) -> None:
    import msgspec

    from fc_async_plugin.account import runtime

    if output == "json":
        document = msgspec.to_builtins(addresses)
        document["accountId"] = document.pop("account_id")
        document["token"] = runtime.token_of(addresses)
        click.echo(msgspec.json.encode(document).decode())
        return
    if moved:
        click.echo(f"{moved.capitalize()}.", err=True)
    click.echo(f"FC API   {addresses.fc}  (account {addresses.account_id}, {addresses.region})")
    click.echo(f"TLS      on the same ports; certificate authority: {_authority(addresses)}")
    for line in services(addresses):
        click.echo(line)
    click.echo(f"Data     {addresses.data}")
    click.echo("Stop it with Ctrl-C.")


def _authority(addresses: Addresses) -> Path:
    from fc_async_local.http.tls import Authority

    return Authority.of(Path(addresses.data)).ca_file


# --- the token ----------------------------------------------------------------------------------


def _running(data: Path) -> Addresses:
    """Return the addresses of the runtime on a data folder.

    Raises:
        click.ClickException: None runs there, or another user's does.
    """
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev.runtime import find

    addresses = find(data)
    if addresses is None:
        raise click.ClickException(f"no local runtime of yours runs on {data}; {runtime.START}")
    return addresses


@command.command("console")
@data_option
@options.format_option
def console(*, data: Path, output: Format) -> None:
    """Print the address that lets a browser into the console.

    It has the token of the runtime, which leaves the address bar at once: a cookie follows. A
    runtime that was started again has another token.
    """
    from fc_async_plugin.account import runtime

    address = runtime.console_of(_running(data))
    terminal.answer(output, {"console": address}, address)


@command.command("env")
@data_option
@options.format_option
def env(*, data: Path, output: Format) -> None:
    """Print the variables by which programs elsewhere use the runtime, as lines for a shell.

    \b
    Examples:
      eval "$(fc-async local env)"
      curl -H "Authorization: Bearer $FC_ASYNC_TOKEN" "$FC_ASYNC_ENDPOINT/_local/stats"

    Programs of the same user need FC_ASYNC_ENDPOINT only. FC_ASYNC_TOKEN is for other users,
    containers and machines. A runtime with --strict-auth has an access key, too.
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    import shlex

    from fc_async_plugin.account import runtime

    variables = runtime.environment_of(_running(data))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    terminal.answer(output, variables, "\n".join(lines))


# --- export, import, clear ----------------------------------------------------------------------


@contextlib.contextmanager
def _store_errors_shown(*also: type[Exception]) -> Iterator[None]:
    """Show errors of the store, and further ones, as those of a command."""
    from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable

    shown: tuple[type[Exception], ...] = (StoreUnavailable, StoreUnusable, *also)
    try:
        yield
    except shown as error:
        raise click.ClickException(str(error)) from error


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@options.format_option
@_store_errors_shown()
def export(*, file: Path, data: Path, output: Format) -> None:
    """Save functions, tasks, messages and metrics of a runtime to FILE.

    The runtime may run meanwhile: the file has the state of one moment. Objects of OSS and large
    payloads are not in it: they are the folders oss and payloads of the data folder.
    """
    from fc_async_local.bootstrap.state import export_file

    export_file(data, file)
    size = file.stat().st_size
    facts = {"file": str(file), "bytes": size}
    terminal.answer(output, facts, f"Exported {size:,} bytes to {file}.")
    for name in filter(lambda name: (data / name).exists(), ("oss", _project_folder.PAYLOADS)):
        terminal.note(f"not in it: the files below {data / name}")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
@options.yes_option
@options.format_option
@_store_errors_shown()
def import_(*, file: Path, data: Path, yes: bool, output: Format) -> None:
    """Put FILE, an exported state, in the place of what a runtime keeps but objects of OSS."""
    from fc_async_local.bootstrap.state import check_file

    check_file(file)
    terminal.confirm(f"Replace everything in {data} with {file}?", yes=yes)
    _replace(data, file.read_bytes(), file.name)
    terminal.answer(output, {"file": str(file), "data": str(data)}, f"Imported {file}.")


@command.command("clear")
@data_option
@options.yes_option
@options.format_option
@_store_errors_shown()
def clear(*, data: Path, yes: bool, output: Format) -> None:
    """Delete everything that a runtime keeps: functions, tasks, objects and so on."""
    from fc_async_local.bootstrap.state import check_exists

    check_exists(data)
    terminal.confirm(f"Delete everything in {data}?", yes=yes)
    _replace(data, None, "")
    terminal.answer(output, {"data": str(data)}, f"Cleared {data}.")


# --- trust --------------------------------------------------------------------------------------

_MEANS: Final = {
    "runtime/fc-async.db": "functions, and invocations that the next start runs",
    f"runtime/{_project_folder.ADDRESSES}": "where a local runtime listens",
    "runtime/code": "code of functions",
    "runtime/tls": "a certificate authority: its maker can read what its users send",
    "builds/allowed": "answers of fc-async dev",
    "deploy": "deployments that were interrupted",
    "layers": "packages that functions load",
    "events": "events that a replay could not send",
}
"""Uses of the folders and files below ``.fc-async``, for the user who is asked."""


@command.command("trust")
@click.argument(
    "folder", type=click.Path(path_type=Path), default=_project_folder.NAME, required=False
)
@options.yes_option
@options.format_option
def trust(*, folder: Path, yes: bool, output: Format) -> None:
    """Take FOLDER, by default .fc-async, as yours: it was moved, or is of an earlier version.

    Shows what is in it and asks. Until then, nothing in a folder that was not made here is read or
    run. Do not trust a folder that came with a repository: remove it.
    """
    top = _project_folder.top_of(folder)
    if top.name != _project_folder.NAME or not os.path.lexists(top):
        raise click.UsageError(
            f"{folder} is not a folder {_project_folder.NAME}: only such a folder has a mark"
        )
    with contextlib.suppress(_project_folder.ForeignFolder):
        _project_folder.check(top)
        terminal.answer(
            output, {"folder": str(top), "changed": False}, f"{folder} is yours already."
        )
        return
    for line in _content(top):
        terminal.note(line)
    terminal.confirm(f"Read and run what is in {folder}?", yes=yes)
    _project_folder.trust(top)
    terminal.answer(output, {"folder": str(top), "changed": True}, f"{folder} is yours.")


def _content(top: Path) -> Iterator[str]:
    """Yield what a folder has, two levels of it, without reading a file."""
    for path in sorted([*top.glob("*"), *top.glob("*/*")]):
        status = path.lstat()
        name = path.relative_to(top).as_posix()
        time = rfc3339_millis(int(status.st_mtime * 1_000))
        size = "" if path.is_dir() else f"  {status.st_size:,} bytes"
        means = f"  {_MEANS[name]}" if name in _MEANS else ""
        yield f"  {time}  {safe(name, line=True)}{size}{means}"


def _replace(data: Path, snapshot: bytes | None, name: str) -> None:
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev.runtime import find

    running = find(data)
    if running is not None:
        runtime.replace_state(running.fc, snapshot)
        return
    from fc_async_local.bootstrap.state import replace_file

    replace_file(data, snapshot, name)
