# SPDX-License-Identifier: MIT
"""Tags of functions: TagResources, UntagResources and ListTagResources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.functions import function_rules, paging, refusals
from fc_async_local.functions.records import FunctionRecord
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import SnapshotCache

_FUNCTION = "function"
_TYPES = frozenset({"function", "aliyun::fc::function"})
"""API, structures TagResource and TagResourcesInput: the type in full, and its short form."""


def check_type(kind: object) -> None:
    """Refuse a resource type other than a function; a missing type means a function.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if kind is not None and (not isinstance(kind, str) or kind.lower() not in _TYPES):
        raise refusals.invalid_argument(
            f"ResourceType must be function or ALIYUN::FC::FUNCTION, got {shorten(kind)}"
        )


class Tags:
    """Add, remove and list tags."""

    def __init__(self, cache: SnapshotCache, place: Place) -> None:
        self._cache = cache
        self._arn = place.function_arn

    async def add(self, body: Mapping[str, Any]) -> None:
        """TagResources.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        check_type(body.get("ResourceType"))
        tags = function_rules.check_tags(body.get("Tag"))
        await self._change(_names(body.get("ResourceId")), lambda before: {**before, **tags})

    async def remove(self, resources: object, keys: Sequence[str], *, every: bool) -> None:
        """UntagResources.

        Args:
            resources: Function names or ARNs.
            keys: Which tags.
            every: Remove all tags, whatever ``keys`` says.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        await self._change(
            _names(resources),
            lambda before: {} if every else {k: v for k, v in before.items() if k not in keys},
        )

    async def _change(self, names: Sequence[str], change: Any) -> None:
        async with self._cache.writing:
            snapshot = await self._cache.read()
            functions = [snapshot.function(name) for name in names]
            await self._cache.write(
                *(
                    msgspec.structs.replace(f, tags=change(f.tags)).stored("present")
                    for f in functions
                )
            )

    async def listing(
        self, resources: object, wanted: Mapping[str, str], page: Page
    ) -> tuple[list[dict[str, str]], str]:
        """ListTagResources, by function and key.

        Args:
            resources: Function names or ARNs; None: all functions.
            wanted: Tags that a function must have, by key; "" matches any value.
            page: The requested page.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        functions = (
            snapshot.all(FunctionRecord)
            if resources is None
            else [snapshot.function(name) for name in _names(resources)]
        )
        found = [
            {
                "ResourceId": self._arn(function.name),
                "ResourceType": _FUNCTION,
                "TagKey": key,
                "TagValue": value,
            }
            for function in functions
            if all(value in {"", function.tags.get(key)} for key, value in wanted.items())
            and wanted.keys() <= function.tags.keys()
            for key, value in sorted(function.tags.items())
        ]
        found.sort(key=_position)
        return paging.cut(found, page, _position, of="tags")


def _position(tag: Mapping[str, str]) -> str:
    return f"{tag['ResourceId']}\n{tag['TagKey']}"


def _names(resources: object) -> list[str]:
    if not isinstance(resources, list) or not all(isinstance(r, str) for r in resources):
        raise refusals.invalid_argument("ResourceId must be a list of function ARNs")
    return [resource.rpartition("functions/")[2] for resource in resources]
