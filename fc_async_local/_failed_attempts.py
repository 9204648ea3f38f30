# SPDX-License-Identifier: MIT
"""Notes the attempts that failed in one test, and shows them as tracebacks for its report."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_sdk.events.error_documents import error_lines

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.protocol import Attempt

_KEPT: Final = 20
"""A test that retries for hours has thousands; the newest ones explain it."""


class _Failure(NamedTuple):
    function: str
    request_id: str
    number: int
    payload: bytes


class FailedAttempts:
    """The attempts of one runtime that ended with an error of their function."""

    def __init__(self) -> None:
        self._newest: deque[_Failure] = deque(maxlen=_KEPT)
        self._count = 0

    def note(self, attempt: Attempt, outcome: Outcome) -> None:
        """Note an attempt if its function failed."""
        if outcome.kind is OutcomeKind.FUNCTION_ERROR:
            self._count += 1
            failure = _Failure(
                attempt.deployment.function, attempt.request_id, attempt.number, outcome.payload
            )
            self._newest.append(failure)

    def report(self) -> str:
        """Return one paragraph for each failed attempt, "" if there is none.

        Equal errors of several attempts of one invocation are shown once.
        """
        paragraphs: dict[tuple[str, str, bytes], list[_Failure]] = {}
        for one in self._newest:
            paragraphs.setdefault((one.function, one.request_id, one.payload), []).append(one)
        shown = [_paragraph(failures) for failures in paragraphs.values()]
        left_out = self._count - len(self._newest)
        if left_out:
            shown.insert(0, f"({left_out} earlier failures are not shown)")
        return "\n\n".join(shown)


def _paragraph(failures: list[_Failure]) -> str:
    first, last = failures[0], failures[-1]
    attempts = (
        f"attempt {first.number + 1}"
        if first is last
        else f"attempts {first.number + 1} to {last.number + 1}"
    )
    # A custom runtime answers what it likes.
    lines = error_lines(first.payload) or [first.payload.decode(errors="replace")]
    text = "\n".join(lines)
    return f"{first.function}, request {first.request_id}, {attempts}:\n{text}"
