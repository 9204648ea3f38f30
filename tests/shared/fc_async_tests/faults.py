# SPDX-License-Identifier: MIT
"""Makes a part of the product fail for a time, as a disk, a network or a mistake of ours would."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def fail(
    patch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    error: BaseException,
    *,
    times: float = math.inf,
    when: Callable[..., bool] = lambda *_: True,
) -> list[tuple[Any, ...]]:
    """Let calls of a function or method raise an error, and return the arguments of those calls.

    Args:
        patch: Ends the fault: at the end of the test, or before it by ``undo()``.
        owner: The object, class or module whose function fails.
        name: Of the function.
        error: What it raises.
        times: How many calls fail; the calls after them do what they always do.
        when: Called with the arguments: whether this call fails.
    """
    usual = getattr(owner, name)
    failed: list[tuple[Any, ...]] = []

    def raise_if_due(arguments: tuple[Any, ...]) -> None:
        if len(failed) < times and when(*arguments):
            failed.append(arguments)
            raise error.with_traceback(None)

    async def call_later(*arguments: Any, **named: Any) -> Any:
        raise_if_due(arguments)
        return await usual(*arguments, **named)

    def call(*arguments: Any, **named: Any) -> Any:
        raise_if_due(arguments)
        return usual(*arguments, **named)

    patch.setattr(owner, name, call_later if inspect.iscoroutinefunction(usual) else call)
    return failed
