# SPDX-License-Identifier: MIT
"""Payloads that came as claims: where they are, and their content if it may be read.

Invariants:

- A store is asked only if it is a folder, or the one that ``FCASYNC_PAYLOADS`` names: a command
  that shows a claim does not send requests to another bucket.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from fc_async_sdk import payloads
from fc_async_sdk._payloads.claims import VARIABLE
from fc_async_sdk.errors import FcAsyncError, UnreadableClaim
from fc_async_sdk.spec import limits


class Stored(NamedTuple):
    """A payload in a store.

    Attributes:
        note: Its size and place, and why its content is not shown.
        content: None if it is not known, or larger than what the service takes without a store.
        gone: Whether the store does not have it any more.
    """

    note: str
    content: bytes | None = None
    gone: bool = False


def look_up(payload: bytes) -> Stored | None:
    """Return what a payload that is a claim stands for; None for other payloads."""
    try:
        claim = payloads.find(payload)
    except UnreadableClaim as error:
        return Stored(str(error))
    if claim is None:
        return None
    note = f"{claim.size:,} bytes in {claim.store}/{claim.key}"
    # The claim is part of a payload that another user may have sent: it must not choose the store
    # that the keys of this user are sent to.
    if not claim.store.startswith("file:") and claim.store != os.environ.get(VARIABLE):
        return Stored(f"{note} (not read: set {VARIABLE}={claim.store})")
    try:
        folder = claim.store.startswith("file:")
        store = payloads.store_at(claim.store) if folder else payloads.DefaultStore()
        if not store.exists(claim.key):
            return Stored(f"{note} (not found any more)", gone=True)
        shown = claim.size <= limits.ASYNC_PAYLOAD_GRANTED_BYTES
        return Stored(note, payloads.fetch(payload, store) if shown else None)
    except (FcAsyncError, OSError) as error:
        return Stored(f"{note} (not read: {error})")
