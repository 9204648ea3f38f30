# SPDX-License-Identifier: MIT
"""Tells handlers that return coroutines from others, for all that wrap or run handlers."""

from __future__ import annotations

import inspect


def is_coroutine_function(handler: object) -> bool:
    """Return whether a function, or an object with ``__call__``, returns coroutines."""
    # An object with an async __call__ is a handler, too; inspect says so of functions only.
    call = getattr(handler, "__call__", None)  # noqa: B004 -- not whether it can be called
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
