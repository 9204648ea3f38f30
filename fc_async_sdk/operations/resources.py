# SPDX-License-Identifier: MIT
"""Versions, aliases and triggers: PublishFunctionVersion, CreateAlias, CreateTrigger and others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from fc_async_sdk._payloads import values
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import (
    Alias,
    AliasPage,
    FunctionVersion,
    FunctionVersionPage,
    Trigger,
    TriggerPage,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import (
    Call,
    create_call,
    delete_call,
    get_call,
    of_function,
    page,
    put_call,
)
from fc_async_sdk.spec import limits

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
    document = {"description": checks.some_text("description", description) or ""}
    at = of_function(function, "versions")
    return create_call("PublishFunctionVersion", at, FunctionVersion, document)


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
    return get_call(
        "ListFunctionVersions",
        of_function(function, "versions"),
        FunctionVersionPage,
        page(limit, next_token, direction=checks.choice("direction", direction, _DIRECTIONS)),
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
        "DeleteFunctionVersion", of_function(function, "versions", checks.version_id(version_id))
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
        description=checks.some_text("description", description),
        additional_version_weight=_weights(additional_version_weight),
    )
    return create_call("CreateAlias", of_function(function, "aliases"), Alias, document)


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
        # The name is in the path. The model needs one, so it is taken out of the document below.
        alias_name="",
        version_id=checks.version_id(version_id) if version_id is not None else None,
        description=checks.some_text("description", description),
        additional_version_weight=_weights(additional_version_weight),
    ).to_dict()
    document.pop("aliasName")
    return put_call("UpdateAlias", _alias(function, alias), Alias, document)


def get_alias(function: str, alias: str) -> Call[Alias]:
    """Read an alias.

    Args:
        function: Name of the function.
        alias: The alias.

    Raises:
        AliasNotFound: No such alias.
    """
    return get_call("GetAlias", _alias(function, alias), Alias)


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
    return get_call(
        "ListAliases",
        of_function(function, "aliases"),
        AliasPage,
        page(limit, next_token, prefix=prefix),
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


def _weights(value: object) -> dict[str, float] | None:
    if value is None:
        return None
    name = "additional_version_weight"
    shares: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"": None}
    # By type and not by isinstance: True is an int for Python.
    if not all(type(share) in {int, float} and 0 <= share <= 1 for share in shares.values()):
        raise InvalidParameter(name, value, "must map versions to shares from 0 to 1")
    return {checks.version_id(version, name): share for version, share in shares.items()}


# --- triggers: what calls a function besides the API --------------------------------------------


def create_trigger(
    function: str,
    trigger: str,
    *,
    trigger_type: str,
    trigger_config: str | Mapping[str, Any],
    source_arn: str | None = None,
    invocation_role: str | None = None,
    qualifier: str | None = None,
    description: str | None = None,
) -> Call[Trigger]:
    """Create a trigger.

    Args:
        function: Name of the function.
        trigger: Its name: a letter or ``_``, then letters, digits, ``_`` and ``-``, at most 128
            characters (API).
        trigger_type: Such as ``timer``, ``http``, ``oss``, ``mns_topic`` or ``eventbridge``.
        trigger_config: Its configuration, as a mapping or as the JSON text that goes out.
        source_arn: ARN of what triggers.
        invocation_role: ARN of the role that calls the function.
        qualifier: Version or alias that is called; None is LATEST.
        description: At most 256 characters (API).

    Raises:
        TriggerAlreadyExists: There is one of this name.
        OutcomeUnknown: It was sent and no answer came.
    """
    document = Trigger(
        trigger_name=checks.new_name("trigger", trigger, limits.TRIGGER_NAME_PATTERN),
        trigger_type=checks.segment("trigger_type", trigger_type),
        trigger_config=_config(trigger_config),
        source_arn=checks.some_text("source_arn", source_arn),
        invocation_role=checks.some_text("invocation_role", invocation_role),
        qualifier=checks.qualifier(qualifier),
        description=checks.some_text("description", description),
    )
    return create_call("CreateTrigger", of_function(function, "triggers"), Trigger, document)


def update_trigger(
    function: str,
    trigger: str,
    *,
    trigger_config: str | Mapping[str, Any] | None = None,
    invocation_role: str | None = None,
    qualifier: str | None = None,
    description: str | None = None,
) -> Call[Trigger]:
    """Change a trigger; what isn't given stays.

    Args:
        function: Name of the function.
        trigger: The trigger.
        trigger_config: Its configuration, as a mapping or as the JSON text that goes out.
        invocation_role: ARN of the role that calls the function.
        qualifier: Version or alias that is called.
        description: At most 256 characters (API).

    Raises:
        TriggerNotFound: No such trigger.
    """
    document = Trigger(
        trigger_name="",
        trigger_config=_config(trigger_config) if trigger_config is not None else None,
        invocation_role=checks.some_text("invocation_role", invocation_role),
        qualifier=checks.qualifier(qualifier),
        description=checks.some_text("description", description),
    ).to_dict()
    document.pop("triggerName")
    return put_call("UpdateTrigger", _trigger(function, trigger), Trigger, document)


def get_trigger(function: str, trigger: str) -> Call[Trigger]:
    """Read a trigger.

    Args:
        function: Name of the function.
        trigger: The trigger.

    Raises:
        TriggerNotFound: No such trigger.
    """
    return get_call("GetTrigger", _trigger(function, trigger), Trigger)


def list_triggers(
    function: str,
    *,
    prefix: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Call[TriggerPage]:
    """List the triggers of a function, one page.

    Args:
        function: Name of the function.
        prefix: Only those whose name begins with this.
        limit: Triggers per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.

    Raises:
        FunctionNotFound: No such function.
    """
    return get_call(
        "ListTriggers",
        of_function(function, "triggers"),
        TriggerPage,
        page(limit, next_token, prefix=prefix),
    )


def delete_trigger(function: str, trigger: str) -> Call[None]:
    """Delete a trigger.

    Args:
        function: Name of the function.
        trigger: The trigger.

    Raises:
        TriggerNotFound: No such trigger.
    """
    return delete_call("DeleteTrigger", _trigger(function, trigger))


def _trigger(function: str, trigger: str) -> str:
    return of_function(function, "triggers", checks.segment("trigger", trigger))


def _config(value: str | Mapping[str, Any]) -> str:
    if isinstance(value, str):
        return checks.text("trigger_config", value)
    return values.to_json("trigger_config", value).decode()
