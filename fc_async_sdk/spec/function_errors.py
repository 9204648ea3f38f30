# SPDX-License-Identifier: MIT
"""Types of the errors of functions.

The type is ``x-fc-error-type`` of a synchronous answer, and ``condition`` and ``functionError`` of
the event of an asynchronous invocation: one execution has one type for both kinds of calls.

Source: the event of a function that timed out in "Best practices for asynchronous tasks", the only
published event of a real function (``InvocationError``). Older pages count a timeout among the
unhandled errors (docs/reference/sources.md).
"""

from __future__ import annotations

from typing import Final

UNHANDLED: Final = "UnhandledInvocationError"
"""An exception, a lack of memory, or the end of the process."""
HANDLED: Final = "HandledInvocationError"
"""A Node handler gave an error to its callback."""
TIMED_OUT: Final = "InvocationError"
"""The function ran into its time limit."""
MARKED: Final = "InvocationError"
"""A custom runtime answered with ``x-fc-status: 404``."""
INITIALIZATION: Final = "InitializationError"
"""The initializer failed, or ran into its own time limit."""
