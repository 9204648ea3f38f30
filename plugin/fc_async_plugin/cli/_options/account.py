# SPDX-License-Identifier: MIT
"""Options that choose where a command goes: an account, or the endpoint of a runtime."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli._options.building import gathered, refuse_empty_names
from fc_async_plugin.cli._options.project import env_option, template_option
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.account.connection import Account, Where

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

source_endpoint_option = click.option(
    "--source-endpoint",
    metavar="URL",
    help="URL of MNS or RocketMQ.  [default: that of the local runtime, or the service's]",
)

_READS_THE_ACCOUNT: Final = ("live", "counts", "history")
"""Without one of these, a command that has one works without the account."""


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
    # A saved plan names where it goes: a runtime of this folder is not looked for.
    running = _nothing_runs if parameters.get("from_plan") else _running_here
    # What is typed outranks the environment, or the two are an error. A variable that a tutorial
    # had exported once made deploy -y -a orders deploy to the laptop.
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


def _where(
    qualifier: str | None, template: str | None, environment: str | None, account: Account
) -> Where:
    from fc_async_plugin.account.connection import Where

    return Where(qualifier, template, environment, account)


def _where_without_qualifier(
    template: str | None, environment: str | None, account: Account
) -> Where:
    return _where(None, template, environment, account)


_ACCOUNT_OF_TEMPLATE: Final = (template_option, env_option, account_options)
place_options: Final = gathered("where", _where_without_qualifier, *_ACCOUNT_OF_TEMPLATE)
"""Adds ``-t --env`` and those of the account; the command gets ``where: Where``."""

where_options: Final = gathered("where", _where, qualifier_option, *_ACCOUNT_OF_TEMPLATE)
"""Adds ``--qualifier`` to them."""
