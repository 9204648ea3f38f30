# SPDX-License-Identifier: MIT
"""``fc-async local start``: runs the local runtime in the foreground.

stdout has only the addresses (with ``--format json`` exactly one line); logs go to stderr. The
runtime itself is in :mod:`fc_async_local.embedded`.
"""

from __future__ import annotations

import os
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
from fc_async_plugin.cli.local.errors import store_errors_shown
from fc_async_plugin.cli.local.log_lines import LEVELS, configure
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from fc_async_plugin.report import Format
    from fc_async_sdk.admin.models import Addresses

_STORE: Final = "FC_ASYNC_STORE"


@click.command("start")
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
    type=click.Choice(LEVELS),
    default="info",
    help="How much to log, on stderr.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one object a line; attempts have the fields of FC's request metrics.",
)
def command(
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

    \b
    Examples:
      fc-async local start
      fc-async local start --create-missing
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_local import embedded
    from fc_async_local.bootstrap.options import Options
    from fc_async_local.settings import Settings

    if access_keys is not None and not runtime_settings["strict_auth"]:
        raise click.UsageError("--access-keys goes with --strict-auth: without it any key is taken")
    roles = _roles(enforce_roles) if enforce_roles else None
    # Without --strict-auth no signature is verified, so no key is read.
    keys = _access_keys(access_keys) if runtime_settings["strict_auth"] else None
    runtime_settings |= {
        "enforce_roles": True if enforce_roles else None,
        "roles": roles,
        "access_keys": keys,
    }
    chosen = {name: value for name, value in runtime_settings.items() if value is not None}
    # As in the service; both are off in a runtime that a test embeds.
    defaults = {"freeze_instances": True, "mount_paths": True}
    try:
        settings = Settings.of(**{**defaults, **assigned(assignments), **chosen})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen_store = _store(store, store_file)
    runtime_options = Options(
        data=data, port=port, clock=clock, store=chosen_store, settings=settings
    )
    configure(log_level, log_format)
    with store_errors_shown(ValueError):  # an unknown store
        embedded.run(
            runtime_options,
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
    return options.read_private_line(file)


def _access_keys(file: Path | None) -> dict[str, str]:
    """Return secrets by access key id: those of a file, else the pair of the environment.

    Raises:
        click.ClickException: The file has another form, or an empty id or secret.
    """
    if file is None:
        key_id = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
        secret = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
        return {key_id: secret} if key_id and secret else {}
    keys = options.read_json(file)
    is_pairs = isinstance(keys, dict) and all(isinstance(value, str) for value in keys.values())
    if not is_pairs:
        raise click.ClickException(f'{file} must look like {{"access key id": "secret"}}')
    # With an empty secret, knowing the id would be enough to sign.
    is_complete = all(key_id and secret for key_id, secret in keys.items())
    if not keys or not is_complete:
        raise click.ClickException(
            f"{file}: give at least one key, and neither an empty id nor an empty secret"
        )
    pairs: dict[str, str] = keys
    return pairs


def _roles(file: Path) -> dict[str, list[Any]]:
    """Return lists of policy documents by role name.

    Raises:
        click.ClickException: The file is not JSON, or has another form.
    """
    document = options.read_json(file)
    roles = document if isinstance(document, dict) else {}
    if isinstance(roles.get("roles"), list):
        roles = _printed_roles(roles["roles"])
    policies_of = {}
    for name, policies in roles.items():
        policies_of[name] = policies if isinstance(policies, list) else [policies]
    policies = [policy for listed in policies_of.values() for policy in listed]
    is_documents = all(isinstance(policy, dict) for policy in policies)
    if not policies_of or not is_documents:
        raise click.ClickException(
            f'{file} must look like {{"role name": {{"Statement": [...]}}}}, or be what fc-async'
            " policy --format json prints"
        )
    return policies_of


def _printed_roles(roles: list[Any]) -> dict[str, Any]:
    """Return the policies by role name in the output of ``fc-async policy --format json``."""
    policies: dict[str, Any] = {}
    for role in roles:
        if isinstance(role, dict) and role.get("role"):
            name = str(role["role"]).rpartition("/")[2]  # of the ARN
            policies[name] = role.get("policy")
    return policies


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
