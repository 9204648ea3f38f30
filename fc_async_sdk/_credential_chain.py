# SPDX-License-Identifier: MIT
"""Look for credentials in the environment, in the files of ``s`` and in the official chain.

The order is that of :mod:`fc_async_sdk.credentials`.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk import _serverless_devs
from fc_async_sdk.credentials import Credentials, Missing, Refreshing, Static, from_environment
from fc_async_sdk.errors import NoCredentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fc_async_sdk.credentials import Provider

_OFFICIAL_SECONDS: Final = 60.0
_NONE: Final = (
    "no credentials found: give access_key_id and access_key_secret, or run s config add,\n"
    "or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.\n"
    "A local runtime needs none: give endpoint_url, or set FC_ASYNC_ENDPOINT."
)

_log = logging.getLogger("fc_async_sdk")


def _is_debugged(_: logging.LogRecord) -> bool:
    """Return whether what the official chain logs is shown."""
    return _log.isEnabledFor(logging.DEBUG)


def official_chain() -> Provider | None:
    """Return the default chain of ``alibabacloud_credentials``; None if that is not installed.

    It is asked when the first request is signed and then once a minute; it renews what expires.
    """
    if importlib.util.find_spec("alibabacloud_credentials") is None:
        return None
    # It writes tracebacks of places without credentials to standard error, with its own handler.
    logging.getLogger("credentials").addFilter(_is_debugged)
    chain: list[Any] = []

    def fetch() -> Credentials:
        try:
            # At the first request: a client with a stub never needs it.
            if not chain:
                chain.append(importlib.import_module("alibabacloud_credentials.client").Client())
            credential = chain[0].get_credential()
        except Exception as error:  # noqa: BLE001 -- for the caller it is one: no credentials
            _log.debug("alibabacloud_credentials: %s", error)
            raise NoCredentials(_NONE) from None
        return Credentials(
            access_key_id=credential.get_access_key_id() or "",
            access_key_secret=credential.get_access_key_secret() or "",
            security_token=credential.get_security_token() or "",
            expires_at=time.time() + _OFFICIAL_SECONDS,
            source="alibabacloud_credentials",
        )

    return Refreshing(fetch, margin=0.0)


def find(
    environ: Mapping[str, str],
    *,
    home: Path,
    access: str | None = None,
    official: Callable[[], Provider | None] = official_chain,
) -> Provider:
    """Return the first of the chain that has credentials.

    If none has, the provider that is returned raises CredentialsError when it is asked. The
    message lists what was looked for.

    Args:
        environ: The environment.
        home: The home directory, where ``s`` keeps its own unless the environment names another
            folder for it.
        access: An alias of ``s``: then nothing else is asked.
        official: Makes the last of the chain.

    Raises:
        CredentialsError: There is no such alias, or a file of ``s`` cannot be read.
    """
    credentials = _serverless_devs.find(environ, home, access) or from_environment(environ)
    if credentials is not None:
        return Static(credentials)
    last = official()
    if last is not None:
        return last
    return Missing(_NONE)
