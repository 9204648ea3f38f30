# SPDX-License-Identifier: MIT
"""Repeats on the call path of an invocation: what the loop guard counts.

A call path holds the ARNs of the functions that led to an invocation through destinations and
triggers, oldest first. Two qualifiers of a function are the same function here: a loop through an
alias and a version is a loop.

Pure; :mod:`fc_async_local.domain.policy` decides by these counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_local.domain.invocation import CallPath


def repeats(path: CallPath, function: str) -> int:
    """Return how often a function stands on a call path.

    Args:
        path: ARNs of functions.
        function: Function name.
    """
    return sum(_name(text) == function for text in path) if path else 0


def closest(paths: Iterable[CallPath], function: str) -> CallPath:
    """Return the call path that is nearest to the limit of the loop guard.

    Several messages can become one invocation, which has one call path. The path with the most
    repeats of the function is taken; of equal ones the longest.

    Args:
        paths: One call path for each message, at least one.
        function: Name of the function that the messages are for.
    """
    return max(paths, key=lambda path: (repeats(path, function), len(path)))


def shown(path: CallPath) -> str:
    """Return a call path as text for messages."""
    return " -> ".join(path)


def _name(text: str) -> str:
    """Return the function in ``acs:fc:{region}:{account}:functions/{function}[/{qualifier}]``."""
    return text.partition(":functions/")[2].partition("/")[0]
