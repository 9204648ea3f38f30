# SPDX-License-Identifier: MIT
"""Payloads that travelled as claims, for the console."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fc_async_local.api.operation import Octets, Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk import payloads
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from starlette.requests import Request

_HEADERS: Final = {"content-disposition": "attachment"}


class ClaimQuery(Query, frozen=True, kw_only=True):
    """A claim."""

    claim: str = ""


class PayloadAdmin:
    """Payloads in folders; buckets are not read."""

    @local("GET", "/payloads")
    async def content(self, request: Request, query: ClaimQuery) -> Octets:
        """Return the payload in a folder that a claim stands for.

        For HEAD, only whether it is there.
        """
        return await asyncio.to_thread(
            _read, query.claim.encode(), content=request.method != "HEAD"
        )


def _read(claim: bytes, *, content: bool) -> Octets:
    try:
        found = payloads.find(claim)
        if found is None:
            raise refusals.invalid_argument("claim must be what travels in place of a payload")
        if not found.store.startswith("file:"):
            raise refusals.invalid_argument(f"the payload is in {found.store}, which is not read")
        store = payloads.store_at(found.store)
        if not store.exists(found.key):
            raise Rejected(404, "PayloadNotFound", f"{found.store} does not have it any more")
        data = payloads.fetch(claim, store) if content else b""
    except (FcAsyncError, OSError, ValueError) as error:
        raise refusals.invalid_argument(str(error)) from None
    return Octets(data, headers=_HEADERS)
