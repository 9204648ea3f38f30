# SPDX-License-Identifier: MIT
"""Warnings that are logged once in the life of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging

_SAID: Final[set[tuple[str, str]]] = set()


def warn_once(log: logging.Logger, text: str, key: str = "") -> None:
    """Log a warning unless one with the same key was logged.

    Args:
        log: The logger; each has keys of its own.
        text: What to log.
        key: What the warning is about; "": the text itself.
    """
    warning = (log.name, key or text)
    if warning not in _SAID:
        _SAID.add(warning)
        log.warning("%s", text)
