# SPDX-License-Identifier: MIT
"""Decides where a command goes: to a local runtime, to another endpoint, or to an account.

Invariants:

- The decision is pure: it depends on the options, the environment, and the runtime of the folder.
- An option outranks a variable, or the two are an error that names both.
- A region or an account id in the environment fills in what is not known; it never decides.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin import PluginError
from fc_async_sdk import _endpoint
from fc_async_sdk.spec import regions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENDPOINT_VARIABLE: Final = "FC_ASYNC_ENDPOINT"
MNS_VARIABLE: Final = "FC_ASYNC_MNS_ENDPOINT"
ACCOUNT_VARIABLE: Final = "FC_ASYNC_ACCOUNT_ID"
REGION_VARIABLE: Final = "FC_ASYNC_REGION"
ALIAS_VARIABLE: Final = "serverless_devs_access_cicd_alias_name"
"""The variable from which ``s`` takes the name of the alias in a pipeline."""
_SERVICE: Final = ".aliyuncs.com"


class TargetConflict(PluginError):
    """An option names another place than a variable or another option."""


class DecidedBy(Enum):
    """The reason why a command goes where it goes."""

    OPTION = "--endpoint"
    VARIABLE = ENDPOINT_VARIABLE
    PLAN = "the plan"
    FOLDER = "the local runtime of this folder"
    ACCOUNT = "the account"


class Typed(NamedTuple):
    """The options about the target, as they were typed; None is not typed.

    Attributes:
        endpoint: ``--endpoint``.
        region: ``--region``.
        account_id: ``--account-id``.
        access: ``-a``.
    """

    endpoint: str | None = None
    region: str | None = None
    account_id: str | None = None
    access: str | None = None

    @property
    def of_account(self) -> str:
        """The first option that names an account, with its value; "" if none does."""
        options = {"-a": self.access, "--region": self.region, "--account-id": self.account_id}
        return next((f"{name} {value}" for name, value in options.items() if value), "")


class Decision(NamedTuple):
    """The place that a command goes to.

    Attributes:
        endpoint: URL of an endpoint; None: the account, in the region's own endpoint.
        by: What decided.
    """

    endpoint: str | None
    by: DecidedBy


def decide(typed: Typed, environ: Mapping[str, str], running: Callable[[], str | None]) -> Decision:
    """Return the place that a command goes to.

    Args:
        typed: The options.
        environ: The environment.
        running: Returns the URL of the local runtime of the folder, None if none runs. It is
            called only if neither an option nor a variable decides.

    Raises:
        TargetConflict: An option names another place than a variable or another option.
        ConfigurationError: The endpoint is not a URL.
    """
    _check_alias(typed, environ)
    variable = environ.get(ENDPOINT_VARIABLE, "").strip()
    if typed.endpoint:
        _check_service(f"--endpoint {typed.endpoint}", typed.endpoint, typed)
        return Decision(typed.endpoint, DecidedBy.OPTION)
    if variable:
        check_variable(ENDPOINT_VARIABLE, variable, typed)
        return Decision(variable, DecidedBy.VARIABLE)
    # What is typed outranks what was found in the folder.
    if typed.of_account:
        return Decision(None, DecidedBy.ACCOUNT)
    runtime = running()
    if runtime is not None:
        return Decision(runtime, DecidedBy.FOLDER)
    return Decision(None, DecidedBy.ACCOUNT)


def check_variable(name: str, url: str, typed: Typed) -> None:
    """Check that the options and a variable with an endpoint name the same place.

    Args:
        name: The variable.
        url: Its value.
        typed: The options, without ``--endpoint``.

    Raises:
        TargetConflict: The endpoint is on this machine and an option names an account, or it is
            the service's endpoint of another region or account.
    """
    # The options were ignored in silence while the variable was set, and failures -a NAME showed
    # the failures of the laptop as those of the account.
    if typed.of_account and _endpoint.parse(url, allow_plain_http=True).loopback:
        raise TargetConflict(
            f"{name}={url} is set, and {typed.of_account} names an account\n"
            f"For the account, unset {name}; for the runtime on this machine, leave out "
            f"{typed.of_account.split()[0]}, or name it with --endpoint."
        )
    _check_service(f"{name}={url}", url, typed)


def _check_service(source: str, url: str, typed: Typed) -> None:
    """Check that the service's endpoint is not that of another region or account.

    The host alone decides where a request goes: the option would be ignored in silence.

    Args:
        source: The option or the variable with its value, for the error.
        url: The endpoint.
        typed: The options.
    """
    host = _endpoint.parse(url, allow_plain_http=True).host
    if not host.endswith(_SERVICE):
        return
    labels = [label.removesuffix("-internal").removesuffix("-vpc") for label in host.split(".")]
    region = next((label for label in labels if label in regions.ALL), None)
    _check_same(f"{source} is an endpoint of ", region, "--region", typed.region)
    account = labels[0] if labels[0].isdigit() else None
    _check_same(f"{source} is an endpoint of account ", account, "--account-id", typed.account_id)


def _check_same(beginning: str, actual: str | None, option: str, typed: str | None) -> None:
    """Check that the endpoint has what an option names, as far as both say something."""
    if typed and actual and actual != typed:
        raise TargetConflict(f"{beginning}{actual}, not of {option} {typed}")


def _check_alias(typed: Typed, environ: Mapping[str, str]) -> None:
    """Check that the alias of a pipeline, which ``s`` prefers, is the one that was typed."""
    # In a pipeline s takes the alias of its variable, not the one of -a: fc-async would look at
    # another account than s deploys to.
    alias = environ.get(ALIAS_VARIABLE)
    if alias and typed.access and alias != typed.access:
        raise TargetConflict(
            f"{ALIAS_VARIABLE}={alias} is set, and -a names {typed.access}\n"
            "Unset the variable, or leave out -a."
        )
