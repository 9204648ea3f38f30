# SPDX-License-Identifier: MIT
"""The settings that the domain decides by: the rules of an account, and its place."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from fc_async_local.domain.ranges import Ranged
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.arn import FunctionArn

_DAY_MS: Final = 86_400_000

Wait = Annotated[int, Meta(ge=0, le=_DAY_MS)]
RegionId = Annotated[
    str, Meta(pattern=r"\A[a-z0-9-]{1,64}\Z", description="1 to 64 of a-z, 0-9 and -")
]
AccountId = Annotated[str, Meta(pattern=r"\A[0-9]{1,32}\Z", description="1 to 32 digits")]


class Place(Ranged, frozen=True, kw_only=True):
    """The region and account that the runtime emulates.

    Attributes:
        region: Region in ARNs and in the context of functions.
        account_id: Account in ARNs and in the context of functions.
    """

    region: RegionId = "cn-hangzhou"
    account_id: AccountId = "1234567890123456"

    def function_arn(self, name: str, qualifier: str = limits.DEFAULT_QUALIFIER) -> str:
        """Return the ARN of a function of this region and account."""
        return str(
            FunctionArn(
                region=self.region, account_id=self.account_id, function=name, qualifier=qualifier
            )
        )


class Rules(Ranged, frozen=True, kw_only=True):
    """Rules for retries, age and destinations where the service's documents are silent.

    Attributes:
        delay_counts_towards_age: Whether a delay uses up the age. The age counts from the trigger
            (user guide).
        function_retry_first_ms: Wait before the first retry of a function error; doubles.
        function_retry_max_ms: Longest wait between retries of a function error.
        expiry_calls_destination: Whether an expired invocation goes to the failure destination.
        stop_calls_destination: Whether a stopped invocation goes to the failure destination
            (best-practice page: yes).
        max_repeats: How often a function may run on one call path; then the loop guard ends the
            invocation. 0: no guard.
    """

    delay_counts_towards_age: bool = True
    function_retry_first_ms: Wait = 1_000
    function_retry_max_ms: Wait = 60_000
    expiry_calls_destination: bool = True
    stop_calls_destination: bool = True
    max_repeats: Annotated[int, Meta(ge=0, le=1_000)] = 3
