# SPDX-License-Identifier: MIT
"""Watches files of templates and folders of code, each in a thread of its own."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfiles import DefaultFilter, watch

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from watchfiles import Change

_STEP_MS: Final = 15
"""Changes that follow each other within this time are one: an editor renames, a tool writes many
files."""
_DEBOUNCE_MS: Final = 400
"""Changes that go on for longer are handled in between."""
_IGNORED: Final = frozenset(DefaultFilter.ignore_dirs) - {"node_modules"}
"""Modules of Node belong to the code of a function."""


class Watcher:
    """Watches until it is told to watch something else, or to end.

    Args:
        changed: Called with the files that were changed, made or deleted, from other threads.
        watching: Called from another thread when all places are watched, with an event that is set
            once that watch has ended. Changes before that are not reported: what was read earlier
            must be read again.
    """

    def __init__(
        self,
        changed: Callable[[frozenset[Path]], None],
        watching: Callable[[threading.Event], None],
    ) -> None:
        self._changed = changed
        self._watching = watching
        self._watched: tuple[frozenset[Path], frozenset[Path]] = (frozenset(), frozenset())
        self._ended = threading.Event()

    def watch(self, *, files: Collection[Path], folders: Collection[Path]) -> None:
        """Watch files, which may not exist yet, and folders with all that is below them."""
        wanted = frozenset(files), frozenset(folders)
        if wanted == self._watched:
            return
        self.end()
        self._watched, self._ended = wanted, (ended := threading.Event())
        chosen = frozenset(files)
        watches = [
            ({file.parent for file in files if file.parent.is_dir()}, chosen.__contains__, False),
            (set(folders), is_code, True),
        ]
        watches = [one for one in watches if one[0]]
        waiting = set(range(len(watches)))

        def ready(number: int) -> None:
            waiting.discard(number)
            if not waiting:
                self._watching(ended)

        for number, (places, of_us, recursive) in enumerate(watches):
            self._start(places, of_us, functools.partial(ready, number), recursive=recursive)

    def end(self) -> None:
        """Watch nothing any more."""
        self._ended.set()

    def _start(
        self,
        places: set[Path],
        wanted: Callable[[Path], bool],
        ready: Callable[[], None],
        *,
        recursive: bool,
    ) -> None:
        ended = self._ended

        def chosen(_: Change, path: str) -> bool:
            return wanted(Path(path))

        def run() -> None:
            changes = watch(
                *places,
                watch_filter=chosen,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=ended,
                rust_timeout=_STEP_MS * 10,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=recursive,
                ignore_permission_denied=True,
            )
            # Until its first round it is not known whether the operating system reports changes.
            for number, found in enumerate(changes):
                if number == 0 and not ended.is_set():
                    ready()
                if found and not ended.is_set():
                    self._changed(frozenset(Path(path) for _, path in found))

        threading.Thread(target=run, name="watch", daemon=True).start()


def is_code(path: Path) -> bool:
    """Return whether a file can be part of a function: no cache, no draft of an editor."""
    parts = set(path.parts)
    if parts & (_IGNORED | {_project_folder.NAME}):
        return False
    name = path.name
    return not name.endswith(("~", ".swp", ".swx", ".pyc", ".pyo", ".tmp")) and name not in {
        "4913",  # made and deleted by vim to find out whether it may write
        ".DS_Store",
    }
