# SPDX-License-Identifier: MIT
"""Compares wanted with remote state, and returns what has to be sent. Pure.

A missing setting equals the service's default, an ARN without account names the function's own
account, and an empty list equals a missing one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig, Function
from fc_async_sdk.spec import arn, async_config, function_settings, triggers
from fc_async_sdk.spec.async_config import OUTCOMES

if TYPE_CHECKING:
    from fc_async_plugin.deploy.plan.model import UpdateFunction
    from fc_async_plugin.project.state import Place

Settings = dict[str, Any]
"""Settings of a function, a trigger or an asynchronous configuration, with the names of the API."""

DEFAULTS: Final[Settings] = {
    "asyncTask": False,
    **{name: allowed.default for name, allowed in async_config.RANGES.items()},
}
"""Settings of a configuration beside its destinations, and their defaults."""


def settings_of(config: AsyncConfig) -> Settings:
    """Return the settings that a configuration has, and its ARNs by the field of the outcome."""
    document = config.to_dict()
    settings = {name: document[name] for name in DEFAULTS if name in document}
    destinations = dict(config.destinations)
    for name, outcome in OUTCOMES:
        if outcome in destinations:
            settings[name] = destinations[outcome]
    return settings


def effective(config: AsyncConfig, *, region: str, account_id: str) -> Settings:
    """Fill in the service's defaults, and the region and account of ARNs.

    Args:
        config: The configuration.
        region: Region of the function.
        account_id: Account of the function, "" if unknown.

    Returns:
        All settings, and an ARN for each outcome, "" if it has none.
    """
    settings = dict(DEFAULTS)
    for name, _ in OUTCOMES:
        settings[name] = ""
    settings.update(settings_of(config))
    for name, _ in OUTCOMES:
        settings[name] = _resolved(settings[name], region, account_id)
    return settings


def _resolved(text: str, region: str, account_id: str) -> str:
    try:
        return str(arn.parse(text).resolve(region=region, account_id=account_id))
    except InvalidArn:
        # It was configured elsewhere. It is compared as text; validate reports it.
        return text


def account_of(config: AsyncConfig) -> str:
    """Return the account id in the ARN that the service set, "" if it set none."""
    parts = (config.function_arn or "").split(":")
    return parts[_ACCOUNT] if len(parts) > _ACCOUNT else ""


def config_to_put(
    desired: AsyncConfig, current: AsyncConfig | None, region: str
) -> AsyncConfig | None:
    """Return the configuration to send so that the account has the wanted one.

    Args:
        desired: From the template.
        current: From the account, None if there is none.
        region: Of the function.

    Returns:
        None if there is no difference. Otherwise a configuration that gives the same result
        whether the service replaces or merges: what the template leaves out but the account sets
        is sent as its default.
    """
    if current is None:
        return _sendable(desired, desired)
    account_id = account_of(current)
    want = effective(desired, region=region, account_id=account_id)
    have = effective(current, region=region, account_id=account_id)
    return None if want == have else _sendable(desired, current)


def _sendable(desired: AsyncConfig, current: AsyncConfig) -> AsyncConfig:
    # What only the account has is sent as its default: then it does not matter whether the service
    # replaces the document or merges into it (docs/decisions/plan-and-apply.md, 0016).
    names_in_account = settings_of(current)
    document = {name: value for name, value in DEFAULTS.items() if name in names_in_account}
    document |= settings_of(desired)
    destinations = {}
    for name, _ in OUTCOMES:
        if name in document:
            destinations[name] = {"destination": document.pop(name)}
    return msgspec.convert(document | {"destinationConfig": destinations}, AsyncConfig)


def trigger_to_put(desired: Settings, current: Settings | None, address: Place) -> Settings | None:
    """Return the trigger to send so that the account has the wanted one.

    Args:
        desired: From the template. A role or source that it does not name is not compared: ``s``
            and the service fill them in.
        current: From the account, None if there is none.
        address: The function.

    Returns:
        None if there is no difference.
    """
    if current is None:
        return desired
    role = current.get("invocationRole")
    source = current.get("sourceArn")
    want = {"invocationRole": role, "sourceArn": None} | desired
    # The service completes a source: without this every plan would delete and create the trigger.
    if want["sourceArn"] is None or _same_arn(want["sourceArn"], source, address):
        want["sourceArn"] = source
    same_role = _lower(want["invocationRole"]) == _lower(role)
    same_texts = all(want.get(name, "") == current.get(name, "") for name in _TRIGGER_TEXTS)
    same_config = _same_completely(want["triggerConfig"], current["triggerConfig"])
    if want["sourceArn"] == source and same_role and same_texts and same_config:
        return None
    return {name: value for name, value in want.items() if value is not None}


def _lower(role: str | None) -> str:
    """Return a role for a comparison: RAM ignores case, and ``s`` sends some in lower case."""
    # A template may have a value that is not a text: FCA016 says so, the comparison must not fail.
    return str(role or "").lower()


_TRIGGER_TEXTS: Final = ("triggerType", "qualifier", "description")


def _same_arn(desired: str, have: str | None, address: Place) -> bool:
    """Return whether two sources are the same; an empty region or account is the function's."""
    if not have:
        return desired == have
    wants = desired.split(":")
    haves = have.split(":")
    if len(wants) < _ARN_PARTS or len(haves) < _ARN_PARTS:
        return desired == have
    # An ARN without account names the function's own account, whose id may not be known here.
    if not wants[_ACCOUNT] or not haves[_ACCOUNT]:
        wants[_ACCOUNT] = haves[_ACCOUNT] = ""
    return _compared(wants, address) == _compared(haves, address)


def _compared(parts: list[str], address: Place) -> list[str]:
    """Return the parts of an ARN with the function's region in place of an empty one."""
    region = parts[_REGION] or address.region
    filled = [*parts[:_REGION], region, *parts[_REGION + 1 :]]
    return [part.lstrip("/") for part in filled]


_ARN_PARTS: Final = 5  # acs:fc:{region}:{account}:...
_REGION: Final = 2
_ACCOUNT: Final = 3


def _same_completely(desired: Any, have: Any) -> bool:
    """Return whether two trigger configurations mean the same.

    A key that only one of them has counts, unless its value is empty or the service's default.
    """
    if isinstance(desired, dict) and isinstance(have, dict):
        for key in {*desired, *have}:
            default = triggers.DEFAULTS.get(key)
            if not _same_completely(desired.get(key, default), have.get(key, default)):
                return False
        return True
    if _is_list(desired) and _is_list(have):
        return len(desired) == len(have) and all(map(_same_completely, desired, have))
    if desired in _OFF and have in _OFF:
        return True
    return same(desired, have)


def settings_to_send(desired: Settings, function: Function) -> tuple[Settings, Settings]:
    """Return the settings of a function that differ.

    Args:
        desired: Settings with the names of CreateFunction. Missing ones are not changed.
        function: From the account.

    Returns:
        The current values, and the new values of the same settings.
    """
    current = function.to_dict()
    before: Settings = {}
    after: Settings = {}
    for name, value in desired.items():
        have = current.get(name)
        if not _same_setting(name, value, have):
            before[name] = have
            after[name] = value
    return before, after


def _same_setting(name: str, desired: Any, have: Any) -> bool:
    match name:
        case "environmentVariables":  # the service adds none: one that left the template counts
            return _equal(desired, have)
        case "layers":
            return same(desired, _layer_arns(have))
        case "role":
            return _lower(desired) == _lower(have)
        case _:
            return same(desired, have)


def settings_to_restore(step: UpdateFunction, function: Function) -> Settings:
    """Return the settings to send so that a function has its settings before an update.

    UpdateFunction does not change settings that the body leaves out, and cannot unset a setting: a
    string, map or list is sent empty, for the others the service's default is sent. A setting
    without a default is left out; :func:`settings_that_stay` reports it.

    Args:
        step: The update.
        function: The function as it is now.
    """
    current = _current(function)
    before = _before(step)
    changed = [name for name in before if not _equal(before[name], current.get(name))]
    return {name: before[name] for name in changed if before[name] is not None}


def settings_that_stay(step: UpdateFunction, function: Function) -> list[str]:
    """Return which settings are not as before an update, one sentence each.

    Args:
        step: The update that was undone.
        function: The function as it is now.
    """
    current = _current(function)
    sentences = []
    for name, value in _before(step).items():
        have = current.get(name)
        if _equal(value, have):
            continue
        hidden = name in function_settings.SECRET
        shown = "" if hidden else f" {msgspec.json.encode(have).decode()}"
        # UpdateFunction keeps what its body leaves out, so that a setting cannot be unset by it.
        if step.before[name] is None:
            sentences.append(
                f"{name} stays{shown}: it was not set before, and UpdateFunction cannot unset it"
            )
        else:
            sentences.append(
                f"{name} stays{shown}: the service took the earlier value and ignored it"
            )
    return sentences


def _before(step: UpdateFunction) -> Settings:
    """Return the settings before an update, with the value of "unset" for those not set."""
    return {
        name: _unset(name, step.after.get(name)) if value is None else value
        for name, value in step.before.items()
    }


def _unset(name: str, value: Any) -> Any:
    if name in function_settings.DEFAULTS:
        return function_settings.DEFAULTS[name]
    # An empty value of the same type is the nearest to "not set" that UpdateFunction takes.
    return type(value)() if isinstance(value, str | dict | list) else None


def _current(function: Function) -> Settings:
    current = function.to_dict()
    return current | {"layers": _layer_arns(current.get("layers"))}


def _equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal, with no further keys in either."""
    return same(value, other) and same(other, value)


def _layer_arns(layers: Any) -> Any:
    """Return layers as ARNs: the service takes ARNs and returns objects."""
    return [layer.get("arn") if isinstance(layer, dict) else layer for layer in layers or ()]


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, ())
_OFF: Final[tuple[Any, ...]] = (*_EMPTY, False)
"""Values of a trigger's configuration that mean the same as a missing key."""


def same(desired: Any, have: Any) -> bool:
    """Return whether a value is as wanted. Maps are compared by the wanted keys only."""
    if desired in _EMPTY and have in _EMPTY:
        return True
    if isinstance(desired, dict) and isinstance(have, dict):
        return all(same(value, have.get(key)) for key, value in desired.items())
    if _is_list(desired) and _is_list(have):
        return len(desired) == len(have) and all(map(same, desired, have))
    return bool(desired == have)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
