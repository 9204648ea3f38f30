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

ViolationKind = Literal["unknown-key", "wrong-type", "out-of-range", "no-destination"]

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
        kind: The kind of violation.
        value: The value.
        expected: What the service takes, such as ``a whole number from 0 to 8``.
        names: The names that exist where the path has an unknown key.
    """

    path: tuple[str, ...]
    kind: ViolationKind
    value: object
    expected: str
    names: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The violation in one sentence, such as ``asyncTask must be true or false, got 1``."""
        name = ".".join(self.path) or "the configuration"
        if self.kind == "no-destination":
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
        if value is None or value in allowed:
            continue
        # Not isinstance: True is an int for Python, and the service refuses it as a type.
        is_whole = type(value) is int
        yield _violation((name,), "out-of-range" if is_whole else "wrong-type", value)
    yield from _check_destinations(config.get("destinationConfig"))


def _check_destinations(value: object) -> Iterator[Violation]:
    """Yield what the service refuses about a ``destinationConfig``."""
    outcomes = tuple(name for name, _ in OUTCOMES)
    config = yield from _entries(("destinationConfig",), value, outcomes)
    if config is None:
        return
    for outcome in outcomes:
        path = ("destinationConfig", outcome)
        entry = yield from _entries(path, config.get(outcome), ("destination",))
        if entry is None:
            continue
        destination = entry.get("destination")
        if destination is None or destination == "":
            yield _violation((*path, "destination"), "no-destination", destination)
        elif not isinstance(destination, str):
            yield _violation((*path, "destination"), "wrong-type", destination)


def _entries(
    path: tuple[str, ...], value: object, names: tuple[str, ...]
) -> Generator[Violation, None, Mapping[str, object] | None]:
    """Yield what is wrong with a value as a mapping; return it, None if it is not set or none."""
    if not isinstance(value, Mapping):
        if value is not None:
            yield _violation(path, "wrong-type", value)
        return None
    for name, entry in value.items():
        if name not in names:
            expected = f"one of {', '.join(names)}"
            yield Violation((*path, str(name)), "unknown-key", entry, expected, names)
    return value


def _violation(path: tuple[str, ...], kind: ViolationKind, value: object) -> Violation:
    return Violation(path, kind, value, _EXPECTED[path[-1]])
