# SPDX-License-Identifier: MIT
"""A selection of failures: by their ids, or by filters. Pure.

Invariants:

- Tasks, messages of queues and topics, dead events and tasks of a function that is a failure
  destination are selected by the same rules.
- A type of errors is compared whole, and a text is searched: types contain each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import re


class Candidate(Protocol):
    """A failure that may be selected: a task, or an event of a failure destination."""

    @property
    def id(self) -> str:
        """Id of the task, or request id of the event."""
        ...

    @property
    def function(self) -> str:
        """Name of the function that failed."""
        ...

    @property
    def condition(self) -> str:
        """Reason of the failure, as the service names it."""
        ...

    @property
    def time(self) -> int | None:
        """Milliseconds since the epoch; None if it is not known."""
        ...

    def error_type(self) -> str:
        """Return the type that the error document names, else the condition; "" without error."""
        ...

    def error_text(self) -> str:
        """Return what the failure says of its errors, a line for each."""
        ...

    def field(self, path: str) -> str | None:
        """Return the text of a field; None if it is not there."""
        ...


class Match(NamedTuple):
    """A condition on a field of a failure.

    Attributes:
        field: Name of the field.
        pattern: Is searched in the text of the value; a number is as it was written.
    """

    field: str
    pattern: re.Pattern[str]


class Selection(NamedTuple):
    """Failures that a replay sends: those with some ids, or those that filters admit.

    An empty filter does not filter.

    Attributes:
        ids: Ids of tasks or request ids; None: any.
        functions: Names of functions.
        conditions: Reasons of failures, as the service names them.
        error: Exactly the type of the error.
        error_text: A part of type or message of an error, in any case.
        since: Milliseconds since the epoch; failures without a time are left out then.
        matches: All must match.
    """

    ids: frozenset[str] | None = None
    functions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    error: str | None = None
    error_text: str | None = None
    since: int | None = None
    matches: tuple[Match, ...] = ()

    def admits(self, failure: Candidate) -> bool:
        """Return whether a failure is selected."""
        if self.ids is not None and failure.id not in self.ids:
            return False
        if self.functions and failure.function not in self.functions:
            return False
        if self.conditions and failure.condition not in self.conditions:
            return False
        if self.since is not None and (failure.time or 0) < self.since:
            return False
        # Last: to know its error, a task is read whole.
        return self._admits_error(failure) and self._matches(failure)

    def _admits_error(self, failure: Candidate) -> bool:
        if self.error is not None and self.error != failure.error_type():
            return False
        if self.error_text is None:
            return True
        return self.error_text.lower() in failure.error_text().lower()

    def _matches(self, failure: Candidate) -> bool:
        for match in self.matches:
            value = failure.field(match.field)
            if value is None or match.pattern.search(value) is None:
                return False
        return True
