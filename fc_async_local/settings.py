# SPDX-License-Identifier: MIT
"""Every setting of the local runtime, with its default and the reason for it.

Most of these exist because the service's documents are silent or contradict each other: the
default is our reading, the setting is the way out. Limits that are documented are not settings,
they are in :mod:`fc_async_sdk.limits`. This module reads no environment and no file.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fc_async_sdk import limits
from fc_async_sdk.decoding import prepare


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one runtime. Durations are milliseconds unless the name says otherwise.

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
        account_instances: Instances of all functions together; over it: throttled (guide: 100).
        max_in_flight: Attempts that one node runs at a time.
        lease_ms: How long a claim holds without a sign of life.
        queue_limit: Waiting invocations at which accept answers 429 with Retry-After; 0: none.
        max_repeats: How often a function may run on one call path; then the loop guard ends the
            invocation. 0: no guard.
        create_missing: Make queues, topics and buses that a destination names.
        enforce_roles: Refuse destinations that the function's role doesn't allow (403).
        roles: RAM policy documents by role name, for ``enforce_roles``.
        rocketmq_redelivery_ms: When a message that a consumer did not acknowledge comes back
            (RocketMQ: 5 minutes); tests may want less.
        rocketmq_ordered_redelivery_ms: The same for ordered consumers (RocketMQ: 1 minute).
    """

    delay_counts_towards_age: bool = True
    function_retry_first_ms: int = 1_000
    function_retry_max_ms: int = 60_000
    config_applies: Literal["outcome", "accept"] = "outcome"
    expiry_calls_destination: bool = True
    stop_calls_destination: bool = True
    mns_body: Literal["base64", "raw"] = "base64"
    eventbridge_success_type: str = "fc:AsyncInvoke:succeeded"
    eventbridge_failure_type: str = "fc:AsyncInvoke:failed"
    long_events: Literal["shorten", "refuse"] = "shorten"
    task_retention_ms: int = limits.TASK_RETENTION_SECONDS * 1_000

    region: str = "cn-hangzhou"
    account_id: str = "1234567890123456"
    strict_auth: bool = False
    access_keys: dict[str, str] = {}
    account_instances: int = limits.ACCOUNT_INSTANCES
    max_in_flight: int = limits.ACCOUNT_INSTANCES
    lease_ms: int = 30_000
    queue_limit: int = 0
    max_repeats: int = 3
    create_missing: bool = False
    enforce_roles: bool = False
    roles: dict[str, list[dict[str, Any]]] = {}
    rocketmq_redelivery_ms: int = 300_000
    rocketmq_ordered_redelivery_ms: int = 60_000

    def __repr__(self) -> str:
        """All settings but the secrets."""
        shown = msgspec.structs.asdict(self) | {"access_keys": sorted(self.access_keys)}
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


prepare(Settings)
