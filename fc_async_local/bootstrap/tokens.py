# SPDX-License-Identifier: MIT
"""Part of the composition root: the token of a runtime, and what is derived from it.

The nodes on one PostgreSQL database have one token, which the first of them wrote there. Any other
runtime makes one at its start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.store.protocol import Change, ChangeRefused
from fc_async_sdk import _runtimes
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.bootstrap.stores import Stores
    from fc_async_local.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_KIND: Final = "runtime"
_KEY: Final = "token"


async def token_of(stores: Stores) -> str:
    """Return the token of all nodes on a shared store, or else a new one.

    Raises:
        StoreUnavailable: The store cannot be read or written now.
    """
    if not stores.wakeups.shared:
        return _runtimes.new_token()
    documents = stores.documents
    await documents.refresh()
    stored = documents.get(_KIND, _KEY)
    if stored is None:
        stored = _runtimes.new_token().encode()
        try:
            await documents.write(Change(_KIND, _KEY, stored, "absent"))
        except ChangeRefused:  # another node was first, and the cache has what it wrote
            stored = documents.get(_KIND, _KEY) or stored
    return stored.decode()


def with_access_key(settings: Settings, token: str) -> Settings:
    """Return settings of a strict runtime with the access key that ``local env`` prints."""
    if not settings.auth.strict_auth:
        return settings
    key_id, secret = _runtimes.access_key(token)
    keys = {**settings.auth.access_keys, key_id: secret}
    return msgspec.structs.replace(
        settings, auth=msgspec.structs.replace(settings.auth, access_keys=keys)
    )


def publish(
    data: Path,
    url: str,
    token: str,
    *,
    strict: bool,
) -> None:
    """Let programs of this user find the token, by the data folder and by the address.

    Raises:
        OSError: The data folder cannot be written.
    """
    _runtimes.keep(data, token, strict=strict)
    try:
        _runtimes.announce(data, url)
    except (OSError, ConfigurationError) as error:
        _LOG.warning(
            "commands in other folders will not find the token of this runtime (%s): they need %s, "
            "which fc-async local env prints",
            error,
            _runtimes.VARIABLE,
        )
