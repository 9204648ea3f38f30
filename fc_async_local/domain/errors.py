# SPDX-License-Identifier: MIT
"""The errors of the service: the refusal of a request, and the condition of an outcome.

The condition is ``requestContext.condition`` of a destination event. The samples are those
of the user guide ("Asynchronous invocation") and of the best practices for asynchronous tasks.

================================ ============================================ ================
what happened                    condition                                    source
================================ ============================================ ================
the function returned            ``""``                                       guide, sample
the function failed              its type                                     best practices,
                                 (:mod:`fc_async_sdk.spec.function_errors`)   API errors
over a concurrency limit         ``FunctionResourceExhausted``                guide, sample
lack of resources                ``FunctionResourceExhausted``                guide, sample
system error                     ``InternalServerError`` or the code reported API errors
function or qualifier is gone    the API's code, such as ``FunctionNotFound`` API errors
too old before it ran            ``AsyncEventAgeExceeded``                    ours
stopped on request               ``AsyncTaskStopped``                         ours
ended by the loop guard          ``RecursiveInvocation``                      ours
================================ ============================================ ================

The same text is the task's error and, for function errors, ``responseContext.functionError``.
"""

from __future__ import annotations

from typing import Final

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_sdk.spec import function_errors

_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


class Rejected(Exception):
    """The service would refuse the request.

    Attributes:
        status: HTTP status.
        code: Such as ``FunctionNotFound``.
        message: The value that is wrong, and what to do.
        retry_after: Seconds, with 429 and 503; None: unknown.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:
        """True if it may end by itself: 429 and 5xx."""
        return self.status == _TOO_MANY or self.status >= _SERVER_ERROR


EXHAUSTED: Final = "FunctionResourceExhausted"
INTERNAL: Final = "InternalServerError"
GONE: Final = "FunctionNotFound"
EXPIRED: Final = "AsyncEventAgeExceeded"
STOPPED: Final = "AsyncTaskStopped"
RECURSIVE: Final = "RecursiveInvocation"

_FIXED: Final = {
    OutcomeKind.SUCCESS: "",
    OutcomeKind.THROTTLED: EXHAUSTED,
    OutcomeKind.RESOURCE_EXHAUSTED: EXHAUSTED,
    OutcomeKind.INTERRUPTED: STOPPED,
}
_FALLBACK: Final = {
    OutcomeKind.FUNCTION_ERROR: function_errors.UNHANDLED,
    OutcomeKind.SYSTEM_ERROR: INTERNAL,
    OutcomeKind.INVALID: GONE,
}
_STATUS_CODES: Final = {
    OutcomeKind.SYSTEM_ERROR: 500,
    OutcomeKind.INVALID: 404,
}


def condition_of(outcome: Outcome) -> str:
    """Return the condition of the outcome of an attempt."""
    fixed = _FIXED.get(outcome.kind)
    return fixed if fixed is not None else outcome.error_type or _FALLBACK[outcome.kind]


def status_code(outcome: Outcome | None) -> int:
    """Return ``responseContext.statusCode``: not 200 for system errors and deleted functions.

    Throttling and lack of resources have 200, as in the sample of the user guide.
    """
    return 200 if outcome is None else _STATUS_CODES.get(outcome.kind, 200)
