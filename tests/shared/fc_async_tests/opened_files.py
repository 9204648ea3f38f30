# SPDX-License-Identifier: MIT
"""The files that are opened meanwhile, as the interpreter reports them: work done, not time."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_recorders: list[set[Path]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        for recorder in _recorders:
            recorder.add(Path(os.fsdecode(arguments[0])))


sys.addaudithook(_note)  # no hook can be removed


@contextlib.contextmanager
def opened_below(folder: Path) -> Iterator[set[str]]:
    """Yield a set that has, in the end, the files that were opened, relative to a folder."""
    recorder: set[Path] = set()
    names: set[str] = set()
    _recorders.append(recorder)
    try:
        yield names
    finally:
        _recorders.remove(recorder)
    names.update(
        path.relative_to(folder).as_posix() for path in recorder if path.is_relative_to(folder)
    )
