# SPDX-License-Identifier: MIT
"""One cache of mypy for all projects, which import the same packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let each mypy of a project go on where that of another one ended."""
    with pytest.MonkeyPatch.context() as environment:
        shared = tmp_path_factory.getbasetemp().parent / "mypy"  # of all workers
        environment.setenv("MYPY_CACHE_DIR", str(shared))
        yield
