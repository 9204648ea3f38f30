# SPDX-License-Identifier: MIT
"""Ends the process that reads JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.prepare import syntax

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def leave_no_checker() -> Iterator[None]:
    """End the process that reads JavaScript: other tests count the children of this process."""
    yield
    syntax.end_checker()
