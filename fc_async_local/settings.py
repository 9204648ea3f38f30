# SPDX-License-Identifier: MIT
"""Every setting of the local runtime, with its default and the reason for it.

Most of these exist because the service's documents are silent or contradict each other: the
default is our reading, the setting is the way out. Limits that are documented are not settings,
they are in :mod:`fc_async_sdk.spec.limits`. This module reads no environment and no file.

Invariants:
    The annotation of a setting is the only place where its range is written. A ``Settings`` that
    exists holds no value outside of these ranges.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from fc_async_sdk.decoding import prepare
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_YEAR_MS: Final = 365 * _DAY_MS
_MOST_ATTEMPTS: Final = 10_000
"""Ours: each running attempt is a process on this machine."""

Wait = Annotated[int, Meta(ge=0, le=_DAY_MS)]
RegionId = Annotated[
    str, Meta(pattern=r"\A[a-z0-9-]{1,64}\Z", description="1 to 64 of a-z, 0-9 and -")
]
AccountId = Annotated[str, Meta(pattern=r"\A[0-9]{1,32}\Z", description="1 to 32 digits")]
EventType = Annotated[
    str,
    Meta(pattern=r"\A[\x21-\x7e]{1,64}\Z", description="1 to 64 ASCII characters without spaces"),
]
KeyText = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]+\Z")]
AccessKeys = Annotated[
    dict[KeyText, KeyText],
    Meta(description="access key ids and secrets, of ASCII characters without spaces, none empty"),
]
Roles = Annotated[
    dict[str, list[dict[str, Any]]], Meta(description="lists of RAM policy documents by role name")
]
_SECRET: Final = frozenset({"access_keys"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one runtime. Durations are milliseconds unless the name says otherwise.

    Raises:
        ValueError: A value is outside of its range; the message has name, value and range.

    Where the service is silent:

    Attributes:
        delay_counts_towards_age: The age runs from the trigger (guide), so a delay uses it up.
        function_retry_first_ms: Wait before the first retry of a function error; doubles.
        function_retry_max_ms: Longest wait between retries of a function error.
        config_applies: ``outcome``: a changed configuration holds for what is queued already;
            ``accept``: what was queued keeps the configuration it was accepted under. With
            both, that one applies when the configuration was deleted since.
        expiry_calls_destination: Whether an expired invocation goes to the failure destination.
        stop_calls_destination: Whether a stopped one does (best-practice page: yes).
        mns_body: ``base64`` is what the official clients decode by default.
        eventbridge_success_type: Sample of the guide.
        eventbridge_failure_type: The obvious counterpart; no document names it.
        long_events: What happens to an event over its destination's limit that holds the event
            of an earlier function: ``shorten`` leaves out copies of earlier events, ``refuse``
            answers 4xx (guide: over the limit is a 4xx).
        task_retention_ms: How long finished tasks stay (API: 7 days).

    Of the runtime itself:

    Attributes:
        region: Region that ARNs and functions see.
        account_id: Account that ARNs and functions see.
        strict_auth: Verify signatures against ``access_keys``; else any key is taken.
        access_keys: Access key id to secret, for ``strict_auth``.
        account_instances: Instances of all functions together; over it: lack of resources
            (CloudMonitor: FunctionResourceThrottles, 503; guide: 100).
        max_in_flight: Attempts that one node runs at a time.
        lease_ms: How long a claim holds without a sign of life.
        queue_limit: Waiting invocations at which accept answers 429 with Retry-After; 0: none.
        max_repeats: How often a function may run on one call path; then the loop guard ends the
            invocation. 0: no guard.
        metric_retention_ms: How long metrics are kept; 1 hour or more.
        code_retention_ms: How long code is kept that no function uses any more, and archives that
            were uploaded; 1 hour or more.
        create_missing: Make queues, topics and buses that a destination names.
        enforce_roles: Refuse destinations that the function's role doesn't allow (403).
        roles: RAM policy documents by role name, for ``enforce_roles``.
        rocketmq_redelivery_ms: When a message that a consumer did not acknowledge comes back
            (RocketMQ: 5 minutes); tests may want less.
        rocketmq_ordered_redelivery_ms: The same for ordered consumers (RocketMQ: 1 minute).
    """

    delay_counts_towards_age: bool = True
    function_retry_first_ms: Wait = 1_000
    function_retry_max_ms: Wait = 60_000
    config_applies: Literal["outcome", "accept"] = "outcome"
    expiry_calls_destination: bool = True
    stop_calls_destination: bool = True
    mns_body: Literal["base64", "raw"] = "base64"
    eventbridge_success_type: EventType = "fc:AsyncInvoke:succeeded"
    eventbridge_failure_type: EventType = "fc:AsyncInvoke:failed"
    long_events: Literal["shorten", "refuse"] = "shorten"
    task_retention_ms: Annotated[int, Meta(ge=1_000, le=10 * _YEAR_MS)] = (
        limits.TASK_RETENTION_SECONDS * 1_000
    )

    region: RegionId = "cn-hangzhou"
    account_id: AccountId = "1234567890123456"
    strict_auth: bool = False
    access_keys: AccessKeys = {}
    account_instances: Annotated[int, Meta(ge=1, le=_MOST_ATTEMPTS)] = limits.ACCOUNT_INSTANCES
    max_in_flight: Annotated[int, Meta(ge=1, le=_MOST_ATTEMPTS)] = limits.ACCOUNT_INSTANCES
    lease_ms: Annotated[int, Meta(ge=100, le=_DAY_MS)] = 30_000
    queue_limit: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    max_repeats: Annotated[int, Meta(ge=0, le=1_000)] = 3
    metric_retention_ms: Annotated[int, Meta(ge=_HOUR_MS, le=10 * _YEAR_MS)] = 30 * _DAY_MS
    code_retention_ms: Annotated[int, Meta(ge=_HOUR_MS, le=10 * _YEAR_MS)] = _DAY_MS
    create_missing: bool = False
    enforce_roles: bool = False
    roles: Roles = {}
    rocketmq_redelivery_ms: Annotated[int, Meta(ge=1, le=_DAY_MS)] = 300_000
    rocketmq_ordered_redelivery_ms: Annotated[int, Meta(ge=1, le=_DAY_MS)] = 60_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check(type(self), name, getattr(self, name))
        if self.strict_auth and not self.access_keys:
            raise ValueError(
                "strict_auth needs access_keys: without a key every request is refused"
            )

    def __repr__(self) -> str:
        """All settings but the secrets."""
        shown = msgspec.structs.asdict(self) | {"access_keys": sorted(self.access_keys)}
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


prepare(Settings)


@functools.cache
def _hints(owner: type) -> dict[str, Any]:
    return get_type_hints(owner, include_extras=True)


def expected(owner: type, name: str) -> str:
    """Return in words which values a field takes.

    Args:
        owner: :class:`Settings`, or another struct with annotated fields.
        name: The field.
    """
    hint = _hints(owner)[name]
    if hint is bool:
        return "true or false"
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    if type(None) in get_args(hint):
        hint = get_args(hint)[0]
    meta: Meta = hint.__metadata__[0]
    return meta.description or f"an integer from {meta.ge} to {meta.le}"


def check(owner: type, name: str, value: object) -> None:
    """Refuse a value that a field does not take.

    Raises:
        ValueError: With name, value and range; without the value if it may hold a secret.
    """
    try:
        msgspec.convert(value, _hints(owner)[name])
    except msgspec.ValidationError:
        raise _outside(owner, name, value) from None


def read(name: str, text: str) -> Any:
    """Return the value of a setting that came as text.

    Args:
        name: A field of :class:`Settings`.
        text: As a command line has it: ``30000``, ``true``, ``raw``.

    Raises:
        ValueError: As :func:`check` does.
    """
    try:
        return msgspec.convert(text, _hints(Settings)[name], strict=False)
    except msgspec.ValidationError:
        raise _outside(Settings, name, text) from None


def _outside(owner: type, name: str, value: object) -> ValueError:
    got = "" if name in _SECRET else f", got {shorten(value)}"
    return ValueError(f"{name} must be {expected(owner, name)}{got}")
