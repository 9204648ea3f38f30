# SPDX-License-Identifier: MIT
"""Watches files of templates and folders of code, each in a thread of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from watchfiles import DefaultFilter, watch

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

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
        watched = frozenset(files), frozenset(folders)
        if watched == self._watched:
            return
        self.end()
        self._watched = watched
        # Each watch has its own event: threads of the former one may still be in their last round.
        self._ended = threading.Event()
        views: list[_View] = []
        # A template is watched by its folder: editors replace files, and some do not exist yet.
        parents = {file.parent for file in files if file.parent.is_dir()}
        if parents:
            views.append(_View(parents, frozenset(files).__contains__, recursive=False))
        if folders:
            views.append(_View(set(folders), is_code, recursive=True))
        self._start(views)

    def end(self) -> None:
        """Watch nothing any more."""
        self._ended.set()

    def _start(self, views: Sequence[_View]) -> None:
        """Watch each view in a thread; tell when the last one has begun."""
        ended = self._ended
        waiting = set(range(len(views)))

        def ready(number: int) -> None:
            waiting.discard(number)
            if not waiting:
                self._watching(ended)

        def run(number: int) -> None:
            # Until its first round it is not known whether the operating system reports changes.
            is_first_round = True
            for changes in _rounds(views[number], ended):
                # A watch that was replaced may end a round late: the next one reports that, too.
                if ended.is_set():
                    continue
                if is_first_round:
                    is_first_round = False
                    ready(number)
                if changes:
                    self._changed(frozenset(Path(path) for _, path in changes))

        for number in range(len(views)):
            threading.Thread(target=run, args=(number,), name="watch", daemon=True).start()


class _View(NamedTuple):
    """Folders that one thread watches.

    Attributes:
        folders: The folders.
        shows: Returns whether a file below them counts.
        recursive: Whether files in folders below count.
    """

    folders: set[Path]
    shows: Callable[[Path], bool]
    recursive: bool


def _rounds(view: _View, ended: threading.Event) -> Iterator[set[tuple[Change, str]]]:
    """Yield the changes of each round, also none, until the event is set."""

    def shows(_: Change, path: str) -> bool:
        return view.shows(Path(path))

    return watch(
        *view.folders,
        watch_filter=shows,
        debounce=_DEBOUNCE_MS,
        step=_STEP_MS,
        stop_event=ended,
        rust_timeout=_STEP_MS * 10,
        yield_on_timeout=True,
        raise_interrupt=False,
        recursive=view.recursive,
        ignore_permission_denied=True,
    )


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
