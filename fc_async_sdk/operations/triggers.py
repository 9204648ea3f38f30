# SPDX-License-Identifier: MIT
"""Triggers: what calls a function besides the API. CreateTrigger and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_sdk import _payloads
from fc_async_sdk.models import Trigger, TriggerPage
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import Call, delete_call, json_call, of_function, page
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        source_arn=source_arn,
        invocation_role=invocation_role,
        qualifier=checks.qualifier(qualifier),
        description=description,
    )
    return json_call(
        "CreateTrigger",
        "POST",
        of_function(function, "triggers"),
        Trigger,
        document=document,
        repeat="refused",
    )


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
        invocation_role=invocation_role,
        qualifier=checks.qualifier(qualifier),
        description=description,
    ).to_dict()
    document.pop("triggerName")
    return json_call(
        "UpdateTrigger", "PUT", _trigger(function, trigger), Trigger, document=document
    )


def get_trigger(function: str, trigger: str) -> Call[Trigger]:
    """Read a trigger.

    Args:
        function: Name of the function.
        trigger: The trigger.

    Raises:
        TriggerNotFound: No such trigger.
    """
    return json_call("GetTrigger", "GET", _trigger(function, trigger), Trigger)


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
    return json_call(
        "ListTriggers",
        "GET",
        of_function(function, "triggers"),
        TriggerPage,
        parameters=page(limit, next_token, prefix=prefix),
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
        return value
    return _payloads.to_json("trigger_config", value).decode()
