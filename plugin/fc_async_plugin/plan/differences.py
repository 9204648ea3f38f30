# SPDX-License-Identifier: MIT
"""What is really different between what is wanted and what is there.

Pure comparison, shared by ``plan`` and ``deploy`` so that they cannot disagree. It invents no
drift: a setting that was left out means the service's default, an ARN without account means the
function's own, an empty list is an absent one. What it returns is what has to be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig, Function
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from fc_async_plugin.plan.steps import UpdateFunction


class Effective(NamedTuple):
    """A configuration as the service acts on it: nothing is unset."""

    async_task: bool
    retries: int
    age_seconds: int
    on_success: str
    on_failure: str


def effective(config: AsyncConfig, *, region: str, account_id: str) -> Effective:
    """Fill in the service's defaults and "mine" in ARNs.

    Args:
        config: As written, or as read.
        region: Of the function.
        account_id: Of the function; "" if unknown.
    """
    retries = config.max_async_retry_attempts
    age = config.max_async_event_age_in_seconds
    return Effective(
        bool(config.async_task),
        limits.RETRY_ATTEMPTS.default if retries is None else retries,
        limits.EVENT_AGE_SECONDS.default if age is None else age,
        _resolved(config.on_success, region, account_id),
        _resolved(config.on_failure, region, account_id),
    )


def _resolved(text: str | None, region: str, account_id: str) -> str:
    if not text:
        return ""
    try:
        return str(arn.parse(text).resolve(region=region, account_id=account_id))
    except InvalidArn:
        # It was configured elsewhere; compared as text, and validate has said so.
        return text


def account_of(config: AsyncConfig) -> str:
    """The account id in the ARN that the service set, "" if it set none."""
    parts = (config.function_arn or "").split(":")
    return parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 -- acs:fc:{region}:{account}:...


def config_to_put(
    wanted: AsyncConfig, there: AsyncConfig | None, region: str
) -> AsyncConfig | None:
    """What to send so that the account has what is wanted.

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
    def explicit(value: Any, current: Any, default: Any) -> Any:
        return default if value is None and current is not None else value

    on_success = Destination(destination=wanted.on_success) if wanted.on_success else None
    on_failure = Destination(destination=wanted.on_failure) if wanted.on_failure else None
    return AsyncConfig(
        async_task=explicit(wanted.async_task, there.async_task, False),
        max_async_retry_attempts=explicit(
            wanted.max_async_retry_attempts,
            there.max_async_retry_attempts,
            limits.RETRY_ATTEMPTS.default,
        ),
        max_async_event_age_in_seconds=explicit(
            wanted.max_async_event_age_in_seconds,
            there.max_async_event_age_in_seconds,
            limits.EVENT_AGE_SECONDS.default,
        ),
        destination_config=DestinationConfig(on_success=on_success, on_failure=on_failure),
    )


def settings_to_send(
    wanted: dict[str, Any], there: Function
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of a function that differ.

    Args:
        wanted: As CreateFunction spells them. What is left out is not ours to change.
        there: From the account.

    Returns:
        The same keys twice: as they are, and as they shall be.
    """
    current = there.to_dict()
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, value in wanted.items():
        have = current.get(name)
        if not same(value, _layer_arns(have) if name == "layers" else have):
            before[name], after[name] = have, value
    return before, after


def settings_to_restore(step: UpdateFunction, there: Function) -> dict[str, Any]:
    """The settings to send so that a function has again what it had before an update.

    UpdateFunction leaves alone what the body leaves out and has no way to unset a setting: a text,
    map or list is sent empty, for the others the service's default is sent. A setting without a
    default is left out; :func:`settings_that_stay` reports it.

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
    """What is not as it was before an update, one sentence for each setting.

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
        hidden = name in SECRET_SETTINGS
        shown = "" if hidden else f" {msgspec.json.encode(have).decode()}"
        if step.before[name] is None:
            found.append(
                f"{name} stays{shown}: it was not set before, and UpdateFunction cannot unset it"
            )
        else:
            found.append(f"{name} stays{shown}: the service took the earlier value and ignored it")
    return found


def _before(step: UpdateFunction) -> dict[str, Any]:
    """The settings before an update, with what counts as unset for those that were not set."""
    return {
        name: _unset(name, step.after.get(name)) if value is None else value
        for name, value in step.before.items()
    }


_DEFAULTS: Final[dict[str, Any]] = {
    "disableOndemand": False,
    "diskSize": 512,
    "instanceConcurrency": 1,
    "instanceIsolationMode": "SHARE",
    "internetAccess": True,
    "memorySize": limits.MEMORY_MB.default,
    "sessionAffinity": "NONE",
    "timeout": limits.FUNCTION_TIMEOUT_SECONDS.default,
}
"""What the service uses when a setting is not given (API reference 2023-03-30, CreateFunctionInput;
fc3's component sends and ignores the same values). ``cpu`` and ``idleTimeout`` have none."""
SECRET_SETTINGS: Final = frozenset({"environmentVariables", "customContainerConfig"})
"""Settings whose values are not shown in messages."""


def _unset(name: str, value: Any) -> Any:
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    return type(value)() if isinstance(value, str | dict | list) else None


def _current(there: Function) -> dict[str, Any]:
    current = there.to_dict()
    return current | {"layers": _layer_arns(current.get("layers"))}


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same, with nothing more in either of them."""
    return same(one, other) and same(other, one)


def _layer_arns(layers: Any) -> Any:
    """The service takes layers as ARNs and returns them as objects."""
    return [layer.get("arn") if isinstance(layer, dict) else layer for layer in layers or ()]


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, ())


def same(wanted: Any, have: Any) -> bool:
    """Whether a value is already so. Maps are compared by the keys that are wanted."""
    if isinstance(wanted, msgspec.Struct):
        wanted = msgspec.to_builtins(wanted)
    if wanted in _EMPTY and have in _EMPTY:
        return True
    if isinstance(wanted, dict) and isinstance(have, dict):
        return all(same(value, have.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(have, list | tuple):
        return len(wanted) == len(have) and all(map(same, wanted, have))
    return bool(wanted == have)
