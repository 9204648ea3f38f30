# SPDX-License-Identifier: MIT
"""Operations on aliases, and what versions and aliases have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.functions import paging, refusals
from fc_async_local.functions.records import AliasRecord, rfc3339
from fc_async_local.store.protocol import ChangeRefused
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.records import VersionRecord
    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache

_DESCRIPTION_LENGTH: Final = 256


class _Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """CreateAliasInput and UpdateAliasInput."""

    alias_name: str | None = None
    version_id: str | None = None
    description: str | None = None
    additional_version_weight: dict[str, float] | None = None


prepare(_Input)


class Aliases:
    """Create, read, update, delete and list aliases.

    Args:
        cache: The configuration of the runtime.
        clock: For created and modified times.
    """

    def __init__(self, cache: SnapshotCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    async def create(self, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """CreateAlias.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound or VersionNotFound, 409
                AliasAlreadyExists.
        """
        given = _check_input(body)
        name = _check_name(given.alias_name)
        if given.version_id is None:
            raise refusals.required("versionId")
        async with self._cache.writing:
            snapshot = await self._cache.read()
            _check_versions(snapshot, function, given)
            now = self._clock.now()
            record = AliasRecord(
                function=function,
                name=name,
                version_id=given.version_id,
                description=given.description,
                weights=given.additional_version_weight,
                created_at=now,
                modified_at=now,
            )
            try:
                await self._cache.write([record.stored("absent")])
            except ChangeRefused:
                raise refusals.alias_exists(function, name) from None
        return _describe(record)

    async def update(self, function: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateAlias: fields that the body leaves out are kept.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        given = _check_input(body)
        async with self._cache.writing:
            snapshot = await self._cache.read()
            before = snapshot.alias(function, name)
            _check_versions(snapshot, function, given)
            weights = given.additional_version_weight
            record = AliasRecord(
                function=function,
                name=name,
                version_id=given.version_id or before.version_id,
                description=(
                    before.description if given.description is None else given.description
                ),
                weights=before.weights if weights is None else weights,
                created_at=before.created_at,
                modified_at=self._clock.now(),
            )
            try:
                await self._cache.write([record.stored("present")])
            except ChangeRefused:
                raise refusals.alias_not_found(function, name) from None
        return _describe(record)

    async def get(self, function: str, name: str) -> dict[str, Any]:
        """GetAlias.

        Raises:
            Rejected: 404 FunctionNotFound or AliasNotFound.
        """
        return _describe((await self._cache.read()).alias(function, name))

    async def delete(self, function: str, name: str) -> None:
        """DeleteAlias, with its asynchronous configuration.

        Raises:
            Rejected: 404 FunctionNotFound or AliasNotFound.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            changes = [snapshot.alias(function, name).deleted()]
            config = snapshot.async_config(function, name)
            if config is not None:
                changes.append(config.deleted())
            await self._cache.write(changes)

    async def listing(
        self, function: str, page: Page, *, prefix: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """ListAliases, by name.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        found = (await self._cache.read()).named(AliasRecord, function, prefix)
        chosen, token = paging.cut(found, page, lambda alias: alias.name, of="aliases")
        return [_describe(alias) for alias in chosen], token


def _check_versions(snapshot: Snapshot, function: str, given: _Input) -> None:
    snapshot.function(function)
    named = [given.version_id] if given.version_id is not None else []
    for version_id in [*named, *(given.additional_version_weight or {})]:
        snapshot.version(function, version_id)


def _check_input(body: Mapping[str, Any]) -> _Input:
    """Return the fields of a create or update request, each checked by itself.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    given = refusals.convert({k: v for k, v in body.items() if v is not None}, _Input)
    check_description(given.description)
    if given.version_id is not None and not limits.VERSION_ID_PATTERN.fullmatch(given.version_id):
        raise refusals.invalid_argument(f"versionId {given.version_id!r} is not a version")
    _check_weights(given.additional_version_weight or {})
    return given


def _check_weights(weights: Mapping[str, float]) -> None:
    for version_id, weight in weights.items():
        if not limits.VERSION_ID_PATTERN.fullmatch(version_id) or not 0 <= weight <= 1:
            raise refusals.invalid_argument(
                f"additionalVersionWeight {version_id!r}: {weight}: "
                "versions with weights between 0 and 1"
            )
    if sum(weights.values()) > 1:
        raise refusals.invalid_argument("additionalVersionWeight sums up to more than 1")


def _check_name(name: str | None) -> str:
    """Return the name of a new alias; it must not look like a version or like LATEST.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if name is None:
        raise refusals.required("aliasName")
    if name == limits.DEFAULT_QUALIFIER or not limits.ALIAS_NAME_PATTERN.fullmatch(name):
        raise refusals.invalid_argument(
            f"aliasName {name!r} is invalid: 1 to 128 letters, digits, '_' and '-', not "
            "beginning with a digit or '-', and not LATEST"
        )
    return name


def check_description(text: object) -> str | None:
    """Return the description of a version or alias.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > _DESCRIPTION_LENGTH:
        raise refusals.invalid_argument(
            f"description must be a string of at most {_DESCRIPTION_LENGTH} characters"
        )
    return text


def _describe(record: AliasRecord) -> dict[str, Any]:
    """Return an alias in the form of the API."""
    answer: dict[str, Any] = {
        "aliasName": record.name,
        "versionId": record.version_id,
        "createdTime": rfc3339(record.created_at),
        "lastModifiedTime": rfc3339(record.modified_at),
    }
    if record.description is not None:
        answer["description"] = record.description
    if record.weights is not None:
        answer["additionalVersionWeight"] = record.weights
    return answer


def describe_version(record: VersionRecord) -> dict[str, Any]:
    """Return a version in the form of the API."""
    answer: dict[str, Any] = {
        "versionId": record.version_id,
        "createdTime": rfc3339(record.created_at),
        "lastModifiedTime": rfc3339(record.created_at),
    }
    if record.description is not None:
        answer["description"] = record.description
    return answer
