# SPDX-License-Identifier: MIT
"""Commands of an operator for a key whose handler is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fc_async_sdk.idempotency import states
from fc_async_sdk.idempotency.states import Record, keep
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store


def forget(store: Store, key: str) -> bool:
    """Delete the record of a key, so that its work can run again.

    Args:
        store: The store of the handler.
        key: As in the error or in ``current_key()``.

    Returns:
        Whether there was a record.
    """
    probe = _probe(key)
    found = store.create(probe)
    removed = store.remove(key, probe.token if found is None else found.token)
    return found is not None and removed


def resolve(store: Store, key: str, *, happened: bool, result: object = None) -> bool:
    """State whether the effects in doubt have happened, so that retries of the key can go on.

    Args:
        store: The store of the handler.
        key: As in :class:`~fc_async_sdk.errors.EffectInDoubt`.
        happened: True: the handler runs and gets ``result`` from the effect. False: it runs and
            performs the effect again.
        result: What the effect would have returned, as a JSON value or bytes.

    Returns:
        False if the key has no effect in doubt, or its record changed meanwhile.
    """
    probe = _probe(key)
    found = store.create(probe)
    if found is None or not found.begun:
        if found is None:
            store.remove(key, probe.token)
        return False
    kept = keep(result)
    changed = replace(found, token=probe.token, state="free")
    for effect in found.begun:
        changed = (
            states.end_effect(changed, effect, kept, probe.token)
            if happened
            else states.cancel_effect(changed, effect, probe.token)
        )
    return store.replace(changed, found.token)


def _probe(key: str) -> Record:
    """Return a record whose create() reads the stored one."""
    return Record(key=key, token=new_token(), state="free", written=0, until=0, expires=60_000)
