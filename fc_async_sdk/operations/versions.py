# SPDX-License-Identifier: MIT
"""Versions and aliases: PublishFunctionVersion, CreateAlias and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import Alias, AliasPage, FunctionVersion, FunctionVersionPage
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import Call, delete_call, json_call, of_function, page
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["BACKWARD", "FORWARD"]

_DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)


def publish_function_version(
    function: str, *, description: str | None = None
) -> Call[FunctionVersion]:
    """Publish what LATEST is now as a version that never changes.

    Args:
        function: Name of the function.
        description: At most 256 characters (API).

    Raises:
        FunctionNotFound: No such function.
        OutcomeUnknown: It was sent and no answer came.
    """
    return json_call(
        "PublishFunctionVersion",
        "POST",
        of_function(function, "versions"),
        FunctionVersion,
        document={"description": description or ""},
        repeat="refused",
    )


def list_function_versions(
    function: str,
    *,
    direction: Direction | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Call[FunctionVersionPage]:
    """List the versions of a function, one page.

    Args:
        function: Name of the function.
        direction: ``BACKWARD`` (latest first, the default) or ``FORWARD``.
        limit: Versions per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.

    Raises:
        FunctionNotFound: No such function.
    """
    return json_call(
        "ListFunctionVersions",
        "GET",
        of_function(function, "versions"),
        FunctionVersionPage,
        parameters=page(
            limit, next_token, direction=checks.choice("direction", direction, _DIRECTIONS)
        ),
    )


def delete_function_version(function: str, version_id: str) -> Call[None]:
    """Delete a version.

    Args:
        function: Name of the function.
        version_id: The version, 1-10 digits.

    Raises:
        VersionNotFound: No such version.
    """
    return delete_call(
        "DeleteFunctionVersion",
        of_function(function, "versions", checks.version_id(version_id)),
    )


def create_alias(
    function: str,
    alias: str,
    *,
    version_id: str,
    description: str | None = None,
    additional_version_weight: Mapping[str, float] | None = None,
) -> Call[Alias]:
    """Give a version a name.

    Args:
        function: Name of the function.
        alias: The name, 1-128 characters (API); never all digits, that would be a version.
        version_id: The version it stands for.
        description: At most 256 characters (API).
        additional_version_weight: Further versions and the share (0 to 1) that each one gets.

    Raises:
        AliasAlreadyExists: There is one of this name.
        VersionNotFound: No such version.
        OutcomeUnknown: It was sent and no answer came.
    """
    document = Alias(
        alias_name=checks.new_name("alias", alias, limits.ALIAS_NAME_PATTERN),
        version_id=checks.version_id(version_id),
        description=description,
        additional_version_weight=_weights(additional_version_weight),
    )
    return json_call(
        "CreateAlias",
        "POST",
        of_function(function, "aliases"),
        Alias,
        document=document,
        repeat="refused",
    )


def update_alias(
    function: str,
    alias: str,
    *,
    version_id: str | None = None,
    description: str | None = None,
    additional_version_weight: Mapping[str, float] | None = None,
) -> Call[Alias]:
    """Change an alias; what isn't given stays.

    Args:
        function: Name of the function.
        alias: The alias.
        version_id: The version it stands for from now on.
        description: At most 256 characters (API).
        additional_version_weight: Further versions and the share (0 to 1) that each one gets.

    Raises:
        AliasNotFound: No such alias.
    """
    document = Alias(
        alias_name="",
        version_id=checks.version_id(version_id) if version_id is not None else None,
        description=description,
        additional_version_weight=_weights(additional_version_weight),
    ).to_dict()
    document.pop("aliasName")
    return json_call("UpdateAlias", "PUT", _alias(function, alias), Alias, document=document)


def get_alias(function: str, alias: str) -> Call[Alias]:
    """Read an alias.

    Args:
        function: Name of the function.
        alias: The alias.

    Raises:
        AliasNotFound: No such alias.
    """
    return json_call("GetAlias", "GET", _alias(function, alias), Alias)


def list_aliases(
    function: str,
    *,
    prefix: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Call[AliasPage]:
    """List the aliases of a function, one page.

    Args:
        function: Name of the function.
        prefix: Only those whose name begins with this.
        limit: Aliases per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.

    Raises:
        FunctionNotFound: No such function.
    """
    return json_call(
        "ListAliases",
        "GET",
        of_function(function, "aliases"),
        AliasPage,
        parameters=page(limit, next_token, prefix=prefix),
    )


def delete_alias(function: str, alias: str) -> Call[None]:
    """Delete an alias.

    Args:
        function: Name of the function.
        alias: The alias.

    Raises:
        AliasNotFound: No such alias.
    """
    return delete_call("DeleteAlias", _alias(function, alias))


def _alias(function: str, alias: str) -> str:
    return of_function(function, "aliases", checks.segment("alias", alias))


def _weights(value: Mapping[str, float] | None) -> dict[str, float] | None:
    if value is None:
        return None
    for version, weight in value.items():
        checks.version_id(version)
        if type(weight) not in {int, float} or not 0 <= weight <= 1:
            raise InvalidParameter(
                "additional_version_weight", value, "must map versions to shares from 0 to 1"
            )
    return dict(value)
