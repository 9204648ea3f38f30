# SPDX-License-Identifier: MIT
"""Operations on aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.functions import alias_rules, paging, refusals
from fc_async_local.functions.records import AliasRecord
from fc_async_local.store.protocol import ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.functions.alias_rules import AliasInput
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache


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
        given = alias_rules.check_alias(body)
        name = alias_rules.check_alias_name(given.alias_name)
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
        return alias_rules.describe_alias(record)

    async def update(self, function: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateAlias: fields that the body leaves out are kept.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        given = alias_rules.check_alias(body)
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
        return alias_rules.describe_alias(record)

    async def get(self, function: str, name: str) -> dict[str, Any]:
        """GetAlias.

        Raises:
            Rejected: 404 FunctionNotFound or AliasNotFound.
        """
        return alias_rules.describe_alias((await self._cache.read()).alias(function, name))

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
        snapshot = await self._cache.read()
        snapshot.function(function)
        found = [a for a in snapshot.all(AliasRecord, function) if a.name.startswith(prefix)]
        chosen, token = paging.cut(found, page, lambda alias: alias.name, of="aliases")
        return [alias_rules.describe_alias(alias) for alias in chosen], token


def _check_versions(snapshot: Snapshot, function: str, given: AliasInput) -> None:
    snapshot.function(function)
    named = [given.version_id] if given.version_id is not None else []
    for version_id in [*named, *(given.additional_version_weight or {})]:
        snapshot.version(function, version_id)
