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


DEFAULTS: Final[dict[str, Any]] = {
    "asyncTask": False,
    **{name: allowed.default for name, allowed in async_config.RANGES.items()},
}
"""Settings of a configuration beside its destinations, and their defaults."""


def settings_of(config: AsyncConfig) -> dict[str, Any]:
    """Return the settings that a configuration has, and its ARNs by the field of the outcome."""
    written = config.to_dict()
    ends = dict(config.destinations)
    return {name: written[name] for name in DEFAULTS if name in written} | {
        name: ends[outcome] for name, outcome in OUTCOMES if outcome in ends
    }


def effective(config: AsyncConfig, *, region: str, account_id: str) -> dict[str, Any]:
    """Fill in the service's defaults, and the region and account of ARNs.

    Args:
        config: The configuration.
        region: Region of the function.
        account_id: Account of the function, "" if unknown.

    Returns:
        All settings, and an ARN for each outcome, "" if it has none.
    """
    found = {**DEFAULTS, **dict.fromkeys(dict(OUTCOMES), ""), **settings_of(config)}
    return found | {name: _resolved(found[name], region, account_id) for name, _ in OUTCOMES}


def _resolved(text: str, region: str, account_id: str) -> str:
    try:
        return str(arn.parse(text).resolve(region=region, account_id=account_id))
    except InvalidArn:
        # It was configured elsewhere. It is compared as text; validate reports it.
        return text


def account_of(config: AsyncConfig) -> str:
    """Return the account id in the ARN that the service set, "" if it set none."""
    parts = (config.function_arn or "").split(":")
    return parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 -- acs:fc:{region}:{account}:...


def config_to_put(
    wanted: AsyncConfig, there: AsyncConfig | None, region: str
) -> AsyncConfig | None:
    """Return the configuration to send so that the account has the wanted one.

    Args:
        wanted: From the template.
        there: From the account, None if there is none.
        region: Of the function.

    Returns:
        None if there is no difference. Otherwise a configuration that gives the same result
        whether the service replaces or merges: what the template leaves out but the account sets
        is sent as its default.
    """
    if there is None:
        return _sendable(wanted, wanted)
    account_id = account_of(there)
    want = effective(wanted, region=region, account_id=account_id)
    have = effective(there, region=region, account_id=account_id)
    return None if want == have else _sendable(wanted, there)


def _sendable(wanted: AsyncConfig, there: AsyncConfig) -> AsyncConfig:
    current = settings_of(there)
    sent = {name: DEFAULTS[name] for name in DEFAULTS if name in current} | settings_of(wanted)
    ends = {name: {"destination": sent.pop(name)} for name, _ in OUTCOMES if name in sent}
    return msgspec.convert(sent | {"destinationConfig": ends}, AsyncConfig)


def trigger_to_put(
    wanted: dict[str, Any], there: dict[str, Any] | None, place: Place
) -> dict[str, Any] | None:
    """Return the trigger to send so that the account has the wanted one.

    Args:
        wanted: From the template. A role or source that it does not name is not compared: ``s``
            and the service fill them in.
        there: From the account, None if there is none.
        place: The function.

    Returns:
        None if there is no difference.
    """
    if there is None:
        return wanted
    want = {"invocationRole": there.get("invocationRole"), "sourceArn": None} | wanted
    if want["sourceArn"] is None or _same_arn(want["sourceArn"], there.get("sourceArn"), place):
        want["sourceArn"] = there.get("sourceArn")
    equal = (
        want["sourceArn"] == there.get("sourceArn")
        and _lower(want["invocationRole"]) == _lower(there.get("invocationRole"))
        and all(want.get(name, "") == there.get(name, "") for name in _TRIGGER_TEXTS)
        and _same_completely(want["triggerConfig"], there["triggerConfig"])
    )
    return None if equal else {name: one for name, one in want.items() if one is not None}


def _lower(role: str | None) -> str:
    """Return a role for a comparison: RAM ignores case, and ``s`` sends some in lower case."""
    return (role or "").lower()


_TRIGGER_TEXTS: Final = ("triggerType", "qualifier", "description")


def _same_arn(wanted: str, have: str | None, place: Place) -> bool:
    """Return whether two sources are the same; an empty region or account is the function's."""
    if wanted == have or not have:
        return wanted == have
    wants, haves = wanted.split(":"), have.split(":")
    if len(wants) < _ARN_PARTS or len(haves) < _ARN_PARTS:
        return False
    wants[2], haves[2] = wants[2] or place.region, haves[2] or place.region
    if not wants[3] or not haves[3]:
        wants[3] = haves[3] = ""
    return [part.lstrip("/") for part in wants] == [part.lstrip("/") for part in haves]


_ARN_PARTS: Final = 5


def _same_completely(wanted: Any, have: Any) -> bool:
    """Return whether two trigger configurations mean the same.

    A key that only one of them has counts, unless its value is empty or the service's default.
    """
    if isinstance(wanted, dict) and isinstance(have, dict):
        return all(
            _same_completely(
                wanted.get(key, triggers.DEFAULTS.get(key)),
                have.get(key, triggers.DEFAULTS.get(key)),
            )
            for key in {*wanted, *have}
        )
    if isinstance(wanted, list | tuple) and isinstance(have, list | tuple):
        return len(wanted) == len(have) and all(map(_same_completely, wanted, have))
    return same(wanted, have) or (wanted in (*_EMPTY, False) and have in (*_EMPTY, False))


def settings_to_send(
    wanted: dict[str, Any], there: Function
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a function that differ.

    Args:
        wanted: Settings with the names of CreateFunction. Missing ones are not changed.
        there: From the account.

    Returns:
        The current values, and the new values of the same settings.
    """
    current = there.to_dict()
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, value in wanted.items():
        have = current.get(name)
        if not _same_setting(name, value, have):
            before[name], after[name] = have, value
    return before, after


def _same_setting(name: str, wanted: Any, have: Any) -> bool:
    match name:
        case "environmentVariables":  # the service adds none: one that left the template counts
            return _equal(wanted, have)
        case "layers":
            return same(wanted, _layer_arns(have))
        case "role":
            return _lower(wanted) == _lower(have)
        case _:
            return same(wanted, have)


def settings_to_restore(step: UpdateFunction, there: Function) -> dict[str, Any]:
    """Return the settings to send so that a function has its settings before an update.

    UpdateFunction does not change settings that the body leaves out, and cannot unset a setting: a
    string, map or list is sent empty, for the others the service's default is sent. A setting
    without a default is left out; :func:`settings_that_stay` reports it.

    Args:
        step: The update.
        there: The function as it is now.
    """
    current = _current(there)
    return {
        name: value
        for name, value in _before(step).items()
        if value is not None and not _equal(value, current.get(name))
    }


def settings_that_stay(step: UpdateFunction, there: Function) -> list[str]:
    """Return which settings are not as before an update, one sentence each.

    Args:
        step: The update that was undone.
        there: The function as it is now.
    """
    current = _current(there)
    found = []
    for name, value in _before(step).items():
        have = current.get(name)
        if _equal(value, have):
            continue
        hidden = name in function_settings.SECRET
        shown = "" if hidden else f" {msgspec.json.encode(have).decode()}"
        if step.before[name] is None:
            found.append(
                f"{name} stays{shown}: it was not set before, and UpdateFunction cannot unset it"
            )
        else:
            found.append(f"{name} stays{shown}: the service took the earlier value and ignored it")
    return found


def _before(step: UpdateFunction) -> dict[str, Any]:
    """Return the settings before an update, with the value of "unset" for those not set."""
    return {
        name: _unset(name, step.after.get(name)) if value is None else value
        for name, value in step.before.items()
    }


def _unset(name: str, value: Any) -> Any:
    if name in function_settings.DEFAULTS:
        return function_settings.DEFAULTS[name]
    return type(value)() if isinstance(value, str | dict | list) else None


def _current(there: Function) -> dict[str, Any]:
    current = there.to_dict()
    return current | {"layers": _layer_arns(current.get("layers"))}


def _equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal, with no further keys in either."""
    return same(one, other) and same(other, one)


def _layer_arns(layers: Any) -> Any:
    """Return layers as ARNs: the service takes ARNs and returns objects."""
    return [layer.get("arn") if isinstance(layer, dict) else layer for layer in layers or ()]


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, ())


def same(wanted: Any, have: Any) -> bool:
    """Return whether a value is as wanted. Maps are compared by the wanted keys only."""
    if wanted in _EMPTY and have in _EMPTY:
        return True
    if isinstance(wanted, dict) and isinstance(have, dict):
        return all(same(value, have.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(have, list | tuple):
        return len(wanted) == len(have) and all(map(same, wanted, have))
    return bool(wanted == have)
