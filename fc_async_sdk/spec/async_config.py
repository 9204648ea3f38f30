# SPDX-License-Identifier: MIT
"""The asynchronous invoke configuration of a function: its fields, and what each may hold.

The SDK checks with it before it sends, the local registry before it stores, and ``fc-async
validate`` before anything is deployed. Each words its own errors around the same reasons.

Invariants:

- Names are those of PutAsyncInvokeConfig (docs/reference/sources.md), in camel case.
- A value that is None counts as not set.
- The grammar of a destination is :mod:`.arn`'s, and is not checked here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

Outcome = Literal["success", "failure"]
"""The outcome of an invocation that has a destination."""

OUTCOMES: Final[tuple[tuple[str, Outcome], ...]] = (
    ("onSuccess", "success"),
    ("onFailure", "failure"),
)
"""The field of ``destinationConfig`` for each outcome."""

RANGES: Final[Mapping[str, limits.Range]] = {
    "maxAsyncRetryAttempts": limits.RETRY_ATTEMPTS,
    "maxAsyncEventAgeInSeconds": limits.EVENT_AGE_SECONDS,
}
FIELDS: Final = ("asyncTask", *RANGES, "destinationConfig")

What = Literal["unknown-key", "wrong-type", "out-of-range", "no-destination"]

_EXPECTED: Final = {
    "asyncTask": "true or false",
    **{name: f"a whole number from {low} to {high}" for name, (low, high, _) in RANGES.items()},
    "destinationConfig": f"a mapping with {' and '.join(name for name, _ in OUTCOMES)}",
    **{name: "a mapping with destination" for name, _ in OUTCOMES},
    "destination": "an ARN as a string",
}


class Violation(NamedTuple):
    """One value that the service refuses.

    Attributes:
        path: Names from the configuration down to the value, or to the unknown key.
        what: The kind of violation.
        value: The value.
        expected: What the service takes, such as ``a whole number from 0 to 8``.
        known: The names that are known in the place of an unknown key.
    """

    path: tuple[str, ...]
    what: What
    value: object
    expected: str
    known: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The violation in one sentence, such as ``asyncTask must be true or false, got 1``."""
        name = ".".join(self.path) or "the configuration"
        if self.what == "no-destination":
            return f"{name} can't be empty"
        return f"{name} must be {self.expected}, got {shorten(self.value)}"


def check(config: Mapping[str, object]) -> Iterator[Violation]:
    """Yield what the service refuses about a configuration, in the order of its fields.

    Args:
        config: As the API spells it.
    """
    yield from _entries((), config, FIELDS)
    task = config.get("asyncTask")
    if task is not None and not isinstance(task, bool):
        yield _violation(("asyncTask",), "wrong-type", task)
    for name, allowed in RANGES.items():
        value = config.get(name)
        if value is not None and value not in allowed:
            what: What = "out-of-range" if type(value) is int else "wrong-type"
            yield _violation((name,), what, value)
    names = tuple(name for name, _ in OUTCOMES)
    found = yield from _entries(("destinationConfig",), config.get("destinationConfig"), names)
    for name in names:
        path = ("destinationConfig", name)
        entry = yield from _entries(path, (found or {}).get(name), ("destination",))
        if entry is None:
            continue
        destination = entry.get("destination")
        if destination is None or destination == "":
            yield _violation((*path, "destination"), "no-destination", destination)
        elif not isinstance(destination, str):
            yield _violation((*path, "destination"), "wrong-type", destination)


def _entries(
    path: tuple[str, ...], value: object, known: tuple[str, ...]
) -> Generator[Violation, None, Mapping[str, object] | None]:
    """Yield what is wrong with a value as a mapping; return it, None if it is not set or none."""
    if not isinstance(value, Mapping):
        if value is not None:
            yield _violation(path, "wrong-type", value)
        return None
    for name, each in value.items():
        if name not in known:
            expected = f"one of {', '.join(known)}"
            yield Violation((*path, str(name)), "unknown-key", each, expected, known)
    return value


def _violation(path: tuple[str, ...], what: What, value: object) -> Violation:
    return Violation(path, what, value, _EXPECTED[path[-1]])
