# SPDX-License-Identifier: MIT
"""Operations on aliases, and what versions and aliases have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.functions import function_rules, refusals
from fc_async_local.functions.records import AliasRecord, VersionRecord
from fc_async_local.functions.snapshot import Resources
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import function_settings, limits
from fc_async_sdk.spec.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.functions.snapshot import Snapshot


class _Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """CreateAliasInput and UpdateAliasInput."""

    version_id: str | None = None
    description: str | None = None
    additional_version_weight: dict[str, float] | None = None


prepare(_Input)


class Aliases(Resources[AliasRecord]):
    """Create, read, update, delete and list aliases."""

    record = AliasRecord

    async def create(self, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """CreateAlias.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound or VersionNotFound, 409
                AliasAlreadyExists.
        """
        name = function_rules.check_name(
            body.get("aliasName"), "aliasName", limits.ALIAS_NAME_PATTERN
        )
        if name == limits.DEFAULT_QUALIFIER:
            raise refusals.invalid_argument(f"aliasName {name!r} is the unpublished code")
        fields = _check_input(body)
        if "version_id" not in fields:
            raise refusals.required("versionId")
        async with self._cache.writing:
            _check_versions(await self._cache.read(), function, fields)
            now = self._cache.now()
            record = AliasRecord(
                function=function,
                name=name,
                created_at=now,
                modified_at=now,
                **fields,
            )
            exists = refusals.exists("alias", function, name)
            await self._cache.write(record.stored("absent"), refused=exists)
        return self._describe(record)

    async def update(
        self,
        function: str,
        name: str,
        body: Mapping[str, Any],
    ) -> dict[str, Any]:
        """UpdateAlias: fields that the body leaves out are kept.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        fields = _check_input(body)
        async with self._cache.writing:
            before = await self._existing(function, name)
            _check_versions(await self._cache.read(), function, fields)
            record = msgspec.structs.replace(
                before,
                modified_at=self._cache.now(),
                **fields,
            )
            gone = AliasRecord.missing(function, name)
            await self._cache.write(record.stored("present"), refused=gone)
        return self._describe(record)

    async def delete(self, function: str, name: str) -> None:
        """DeleteAlias, with its asynchronous configuration.

        Raises:
            Rejected: 404 FunctionNotFound or AliasNotFound.
        """
        async with self._cache.writing:
            # With its configuration: a new alias of the name must not get the destinations of the
            # old one.
            changes = [(await self._existing(function, name)).deleted()]
            config = (await self._cache.read()).async_config(function, name)
            if config is not None:
                changes.append(config.deleted())
            await self._cache.write(*changes)

    def _describe(self, record: AliasRecord) -> dict[str, Any]:
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


def _check_versions(
    snapshot: Snapshot,
    function: str,
    fields: Mapping[str, Any],
) -> None:
    snapshot.function(function)
    version_ids = list(fields.get("weights", {}))
    if "version_id" in fields:
        version_ids.insert(0, fields["version_id"])
    for version_id in version_ids:
        snapshot.owned(VersionRecord, function, version_id)


def _check_input(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record that a create or update request sets, each checked by itself.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    request = refusals.convert(refusals.without_nulls(body), _Input)
    check_description(request.description)
    if request.version_id is not None and not limits.VERSION_ID_PATTERN.fullmatch(
        request.version_id
    ):
        raise refusals.invalid_argument(f"versionId {request.version_id!r} is not a version")
    _check_weights(request.additional_version_weight or {})
    fields = {
        "version_id": request.version_id,
        "description": request.description,
        "weights": request.additional_version_weight,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _check_weights(weights: Mapping[str, float]) -> None:
    for version_id, weight in weights.items():
        if not limits.VERSION_ID_PATTERN.fullmatch(version_id) or not 0 <= weight <= 1:
            raise refusals.invalid_argument(
                f"additionalVersionWeight {version_id!r}: {weight}: "
                "versions with weights between 0 and 1"
            )
    # What they leave goes to the main version of the alias.
    if sum(weights.values()) > 1:
        raise refusals.invalid_argument("additionalVersionWeight sums up to more than 1")


def check_description(text: object) -> str | None:
    """Return the description of a version or alias.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    for problem in function_settings.problems({"description": text}):
        raise refusals.invalid_argument(str(problem))
    return None if text is None else str(text)


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
