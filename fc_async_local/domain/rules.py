# SPDX-License-Identifier: MIT
"""The settings that the domain decides by: the rules of an account, and its place.

Invariants:
    A struct with ranges that exists holds no value outside of them. The annotation of a field is
    the only place where its range is written.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.arn import FunctionArn


class Ranged(msgspec.Struct, frozen=True, kw_only=True):
    """Base of structs that check their fields when they are created.

    Attributes:
        secret: Names of the fields whose values no message may show.

    Raises:
        ValueError: A value is outside of its range; the message has name, range and value.
    """

    secret: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            self.check(name, getattr(self, name))

    @classmethod
    def check(cls, name: str, value: object) -> None:
        """Refuse a value that a field does not take.

        Raises:
            ValueError: With name and range; without the value if it may hold a secret.
        """
        cls._convert(name, value, strict=True)

    @classmethod
    def read(cls, name: str, text: str) -> object:
        """Return the value of a field that came as text: ``30000``, ``true``, ``raw``.

        Raises:
            ValueError: As :meth:`check` does.
        """
        return cls._convert(name, text, strict=False)

    @classmethod
    def _convert(cls, name: str, value: object, *, strict: bool) -> object:
        hint = _hints(cls)[name]
        return converted(
            name,
            value,
            hint,
            strict=strict,
            secret=name in cls.secret,
        )


def converted(
    name: str,
    value: object,
    hint: Any,
    *,
    strict: bool = False,
    secret: bool = False,
) -> Any:
    """Return a value as a type.

    Args:
        name: Precedes the message.
        value: Of the type, or as text.
        hint: The type, with its range.
        strict: A text is not converted to a number.
        secret: The message must not show the value.

    Raises:
        ValueError: With name and range.
    """
    try:
        return msgspec.convert(value, hint, strict=strict)
    except msgspec.ValidationError:
        got = "" if secret else f", got {shorten(value)}"
        raise ValueError(f"{name} must be {expected(hint)}{got}") from None


def expected(hint: Any) -> str:
    """Return in words which values a type takes."""
    if hint is bool:
        return "true or false"
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if type(None) in get_args(hint):
        hint = get_args(hint)[0]
    meta: Meta = hint.__metadata__[0]
    return meta.description or f"an integer from {meta.ge} to {meta.le}"


@functools.cache
def _hints(owner: type) -> dict[str, Any]:
    """Return the annotations of a struct; evaluating them takes a millisecond."""
    return get_type_hints(owner, include_extras=True)


_DAY_MS: Final = 86_400_000

Wait = Annotated[int, Meta(ge=0, le=_DAY_MS)]
RegionId = Annotated[
    str, Meta(pattern=r"\A[a-z0-9-]{1,64}\Z", description="1 to 64 of a-z, 0-9 and -")
]
AccountId = Annotated[str, Meta(pattern=r"\A[0-9]{1,32}\Z", description="1 to 32 digits")]


class Account(Ranged, frozen=True, kw_only=True):
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
                region=self.region,
                account_id=self.account_id,
                function=name,
                qualifier=qualifier,
            )
        )


class Rules(Ranged, frozen=True, kw_only=True):
    """Rules for retries, age, destinations and results where the service's documents are silent.

    Attributes:
        delay_counts_towards_age: Whether a delay uses up the age. The age counts from the trigger
            (user guide).
        function_retry_first_ms: Wait before the first retry of a function error; doubles.
        function_retry_max_ms: Longest wait between retries of a function error.
        expiry_calls_destination: Whether an expired invocation goes to the failure destination.
        stop_calls_destination: Whether a stopped invocation goes to the failure destination
            (best-practice page: yes).
        keep_results: Whether a task keeps what it returned; the service does where this was
            switched on for the account.
        max_repeats: How often a function may run on one call path; then the loop guard ends the
            invocation. 0: no guard.
    """

    delay_counts_towards_age: bool = True
    function_retry_first_ms: Wait = 1_000
    function_retry_max_ms: Wait = 60_000
    expiry_calls_destination: bool = True
    stop_calls_destination: bool = True
    keep_results: bool = True
    max_repeats: Annotated[int, Meta(ge=0, le=1_000)] = 3
