# SPDX-License-Identifier: MIT
"""The settings of the local runtime, grouped by the part that needs them.

Most settings exist because the documents of the service are silent or contradict each other. The
default is the interpretation of this project; docs/reference/local-runtime.md gives the reasons.
Documented limits are not settings, see :mod:`fc_async_sdk.spec.limits`. This module reads no
environment and no file. Durations are milliseconds unless the name says otherwise.

Invariants:
    The name of a setting is unique over all groups: users write names without the group.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from fc_async_local.domain.rules import Account, Ranged, Rules
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_YEAR_MS: Final = 365 * _DAY_MS
_MOST_ATTEMPTS: Final = 10_000
"""Ours: each running attempt is a process on this machine."""

Retention = Annotated[int, Meta(ge=_HOUR_MS, le=10 * _YEAR_MS)]
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


class EngineSettings(Ranged, frozen=True, kw_only=True):
    """The queue: claims, limits, retention.

    Attributes:
        config_applies: ``outcome``: a changed configuration applies to what is queued already;
            ``accept``: what was queued keeps the configuration of its accept. With both, that one
            applies when the configuration was deleted since.
        max_in_flight: Attempts that one node runs at a time.
        lease_ms: How long a claim is valid without a heartbeat.
        queue_limit: Waiting invocations at which accept answers 429 with Retry-After; 0: no limit.
        task_retention_ms: How long finished tasks are kept (API: 7 days).
        remembered_bytes: Memory for the latest steps of invocations: what a reader follows, and
            what lists show of invocations without task mode; 0: lists show none of these.
        metric_retention_ms: How long metrics are kept.
        code_retention_ms: How long unused code and uploaded archives are kept.
    """

    config_applies: Literal["outcome", "accept"] = "outcome"
    # The ranges refuse what went wrong in silence: with none in flight accepted calls never ran, a
    # lease of 0 used up a core, a huge one overflowed, and a negative limit refused every call.
    max_in_flight: Annotated[int, Meta(ge=1, le=_MOST_ATTEMPTS)] = limits.ACCOUNT_INSTANCES
    lease_ms: Annotated[int, Meta(ge=100, le=_DAY_MS)] = 30_000
    queue_limit: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    task_retention_ms: Annotated[int, Meta(ge=1_000, le=10 * _YEAR_MS)] = (
        limits.TASK_RETENTION_SECONDS * 1_000
    )
    remembered_bytes: Annotated[int, Meta(ge=0, le=1 << 30)] = 8 << 20
    metric_retention_ms: Retention = 30 * _DAY_MS
    code_retention_ms: Retention = _DAY_MS


class DestinationSettings(Ranged, frozen=True, kw_only=True):
    """Form of the events for destinations, and destinations that are refused.

    Attributes:
        mns_body: ``base64`` is what the official clients decode by default.
        eventbridge_success_type: As in the user guide's sample.
        eventbridge_failure_type: The obvious counterpart; no document names it.
        long_events: What happens to an event over its destination's limit that contains the event
            of an earlier function: ``shorten`` leaves out copies of earlier events, ``refuse``
            answers 4xx (user guide: over the limit is a 4xx).
        http_destinations: Whether a function with an HTTP trigger can be a destination. Pages about
            FC 2.0 say no; those about FC 3.0 do not mention it.
        create_missing: Make queues, topics and buses that a destination names, and buckets that an
            object is written to.
        enforce_roles: Refuse destinations that the function's role does not allow (403).
        roles: RAM policy documents by role name, for ``enforce_roles``. Without any, a function
            needs a role, and each role allows everything.
    """

    mns_body: Literal["base64", "raw"] = "base64"
    eventbridge_success_type: EventType = "fc:AsyncInvoke:succeeded"
    eventbridge_failure_type: EventType = "fc:AsyncInvoke:failed"
    long_events: Literal["shorten", "refuse"] = "shorten"
    http_destinations: Literal["accept", "refuse"] = "accept"
    create_missing: bool = False
    enforce_roles: bool = False
    roles: Roles = msgspec.field(default_factory=dict)


class ExecutionSettings(Ranged, frozen=True, kw_only=True):
    """The execution of functions.

    Attributes:
        account_instances: Instances of all functions together; above it, an attempt fails for lack
            of resources (CloudMonitor: FunctionResourceThrottles, 503; user guide: 100).
        freeze_instances: Stop the processes of an instance while it runs no call, as the service
            freezes it. ``fc-async local start`` sets it; tests with the fixture run without.
        strict_imports: Let the import of a module fail that a Python function has on this machine
            and would not have on the service; otherwise it is logged once.
        mount_paths: Show code and layers of Node functions and custom runtimes as ``/code`` and
            ``/opt``, by bubblewrap where it is installed. ``fc-async local start`` sets it.
        allow_cloud: Let functions connect to the real service. Otherwise connections to the hosts
            of Function Compute, MNS, EventBridge, RocketMQ (HTTP) and OSS lead to this runtime. Let
            subscriptions and rules push to other machines, too.
    """

    account_instances: Annotated[int, Meta(ge=1, le=_MOST_ATTEMPTS)] = limits.ACCOUNT_INSTANCES
    freeze_instances: bool = False
    strict_imports: bool = False
    mount_paths: bool = False
    allow_cloud: bool = False


class ServiceSettings(Ranged, frozen=True, kw_only=True):
    """The services beside Function Compute.

    Attributes:
        rocketmq_redelivery_ms: When a message that was not acknowledged is delivered again
            (RocketMQ: 5 minutes); tests may want less.
        rocketmq_ordered_redelivery_ms: The same for ordered consumers (RocketMQ: 1 minute).
        timer_grace_ms: How late a timer may fire. A later firing was missed, because the runtime
            was down or the machine slept, and is left out.
    """

    rocketmq_redelivery_ms: Annotated[int, Meta(ge=1, le=_DAY_MS)] = 300_000
    rocketmq_ordered_redelivery_ms: Annotated[int, Meta(ge=1, le=_DAY_MS)] = 60_000
    timer_grace_ms: Annotated[int, Meta(ge=0, le=_YEAR_MS)] = 10_000


class AuthSettings(Ranged, frozen=True, kw_only=True):
    """Signatures of requests.

    Attributes:
        strict_auth: Verify signatures against ``access_keys``; otherwise any key is accepted.
        access_keys: Secrets by access key id, for ``strict_auth``. A strict runtime accepts one
            more, which it makes at its start.
    """

    # The message about a wrong value would show the secrets.
    secret: ClassVar[frozenset[str]] = frozenset({"access_keys"})

    strict_auth: bool = False
    access_keys: AccessKeys = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        """Show the ids of the keys, not the secrets."""
        keys = sorted(self.access_keys)
        return f"AuthSettings(strict_auth={self.strict_auth}, access_keys={keys})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one runtime; :meth:`of` makes them from names without groups.

    Attributes:
        account: Region and account.
        rules: Retries, age, destinations of ends.
        engine: The queue.
        destinations: What destinations get.
        execution: The execution of functions.
        services: MNS, RocketMQ and EventBridge.
        auth: Signatures of requests.
    """

    account: Account = Account()
    rules: Rules = Rules()
    engine: EngineSettings = EngineSettings()
    destinations: DestinationSettings = DestinationSettings()
    execution: ExecutionSettings = ExecutionSettings()
    services: ServiceSettings = ServiceSettings()
    auth: AuthSettings = AuthSettings()

    @classmethod
    def of(cls, **values: object) -> Self:
        """Return settings with some values changed: ``Settings.of(max_repeats=5, region="cn")``.

        Raises:
            ValueError: A value is outside of its range; the message has name, range and value.
            TypeError: A setting does not exist.
        """
        chosen: dict[str, dict[str, object]] = {}
        for name, value in values.items():
            chosen.setdefault(group_of(name), {})[name] = value
        groups = {group: GROUPS[group](**options) for group, options in chosen.items()}
        return msgspec.structs.replace(cls(), **groups)

    def shown(self) -> Mapping[str, Any]:
        """Return the values of all settings by name, of access keys only the ids."""
        groups: dict[str, dict[str, Any]] = msgspec.to_builtins(self)
        values = {name: value for group in groups.values() for name, value in group.items()}
        return values | {"access_keys": sorted(self.auth.access_keys)}


GROUPS: Final[Mapping[str, type[Ranged]]] = {
    name: type(group) for name, group in msgspec.structs.asdict(Settings()).items()
}
NAMES: Final = {name: group for group in GROUPS for name in GROUPS[group].__struct_fields__}
"""The group of each setting by the setting's name."""

prepare(Settings)


def group_of(name: str) -> str:
    """Return the name of the group of a setting.

    Raises:
        TypeError: The setting does not exist.
    """
    group = NAMES.get(name)
    if group is None:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"there is no setting {name!r}{hint}")
    return group


def read(name: str, text: str) -> object:
    """Return the value of a setting that came as text: ``30000``, ``true``, ``raw``.

    Raises:
        ValueError: It is outside of its range; the message has name, range and value.
        TypeError: The setting does not exist.
    """
    return GROUPS[group_of(name)].read(name, text)
