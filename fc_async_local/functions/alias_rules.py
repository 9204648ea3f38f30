# SPDX-License-Identifier: MIT
"""Validates versions and aliases as the service does, and describes them as its API does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.functions import refusals
from fc_async_local.functions.records import rfc3339
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.functions.records import AliasRecord, VersionRecord

_DESCRIPTION_LENGTH: Final = 256


class AliasInput(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """CreateAliasInput and UpdateAliasInput."""

    alias_name: str | None = None
    version_id: str | None = None
    description: str | None = None
    additional_version_weight: dict[str, float] | None = None


prepare(AliasInput)


def check_alias(body: Mapping[str, Any]) -> AliasInput:
    """Return the fields of a create or update request, each checked by itself.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    try:
        given = msgspec.convert({k: v for k, v in body.items() if v is not None}, AliasInput)
    except msgspec.ValidationError as error:
        raise refusals.invalid_argument(str(error)) from None
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


def check_alias_name(name: str | None) -> str:
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


def describe_alias(record: AliasRecord) -> dict[str, Any]:
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
