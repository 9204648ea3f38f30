# SPDX-License-Identifier: MIT
"""``fc-async clean`` removes what ``dev`` has left, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

KEPT = ("builds/allowed", "deploy/x/journal", "runtime/queue.db")
LEFT = (
    "layers/ab/python/six.py",
    "builds/01.log",
    "runtime/code/x/index.py",
    "runtime/dev/y/z.zip",
)


@pytest.fixture
def left(project: Path) -> Path:
    """The folder ``.fc-async`` of a project in which ``dev`` has run."""
    folder = project / _project_folder.NAME
    for name in (*KEPT, *LEFT):
        _project_folder.make_private((folder / name).parent)
        (folder / name).write_text("x")
    return folder


def there(folder: Path) -> set[str]:
    return {name for name in (*KEPT, *LEFT) if (folder / name).exists()}


def test_what_can_be_made_again_is_removed_and_the_queue_stays(
    left: Path, fresh_process: Callable[..., Any]
) -> None:
    done = fresh_process("clean", "-y")
    assert done.code == 0
    assert there(left) == set(KEPT)
    for text in ("layers", "01.log", "copies of code"):
        assert text in done.err
    assert "queue" not in done.err
    assert "Nothing to remove." in fresh_process("clean", "-y").out


def test_the_data_of_the_runtime_is_removed_only_when_it_was_said(
    left: Path, fresh_process: Callable[..., Any]
) -> None:
    done = fresh_process("clean", "--data", "-y")
    assert "data of the local runtime: queue, results, copies of code" in done.err
    assert there(left) == {"builds/allowed", "deploy/x/journal"}


def test_nothing_is_removed_without_an_answer(
    left: Path, fresh_process: Callable[..., Any]
) -> None:
    done = fresh_process("clean")
    assert done.code != 0
    assert there(left) == {*KEPT, *LEFT}


def test_nothing_is_removed_from_a_folder_that_came_with_a_repository(
    project: Path, fresh_process: Callable[..., Any]
) -> None:
    file = project / ".fc-async" / "layers" / "x"
    file.parent.mkdir(parents=True)
    file.touch()
    assert fresh_process("clean", "-y").code != 0
    assert file.exists()
