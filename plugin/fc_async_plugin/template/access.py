# SPDX-License-Identifier: MIT
"""The values of the access alias that ``${config(…)}`` shows, and the account id.

Only looks where ``s`` looks, in its order. Finding nothing is not an error here: a template
can be judged without an account. Secrets pass through and are never shown.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_sdk.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRIPLE: Final = ("AccountID", "AccessKeyID", "AccessKeySecret")


def lazily(
    alias: str, environ: Mapping[str, str], *, asked: bool
) -> Callable[[], Mapping[str, str]]:
    """A function that looks the alias up when it is called for the first time.

    Args:
        alias: The alias; "" for the default one.
        environ: Environment variables.
        asked: Whether the alias was asked for on the command line; if not, the environment
            variables of ``s`` win over it.
    """
    return functools.cache(lambda: _values(alias, environ, asked=asked))


def _values(alias: str, environ: Mapping[str, str], *, asked: bool) -> dict[str, str]:
    if not asked and all(environ.get(name) for name in _TRIPLE):
        return {name: environ[name] for name in _TRIPLE}
    from fc_async_sdk import serverless_devs  # noqa: PLC0415 -- most templates need no alias

    home = environ.get("HOME")
    try:
        found = serverless_devs.find(environ, Path(home) if home else None, alias or None)
    except CredentialsError:
        return {}
    if found is None:
        return {}
    values = {
        "AccountID": found.account_id,
        "AccessKeyID": found.access_key_id,
        "AccessKeySecret": found.access_key_secret,
        "SecurityToken": found.security_token,
    }
    return {name: value for name, value in values.items() if value}
