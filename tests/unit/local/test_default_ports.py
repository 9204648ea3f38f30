# SPDX-License-Identifier: MIT
"""The ports of a local runtime that was started without options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fc_async_local import DEFAULT_PORT
from fc_async_local.bootstrap.services import NAMES
from fc_async_sdk.spec import limits

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in ROOT.joinpath("docs").rglob("*.md")
        if not {"decisions", "_build"} & set(page.parts)
    ),
    *ROOT.joinpath("templates").rglob("*.md"),
]
ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):(\d{4})\b")


def test_the_default_ports_leave_the_port_of_custom_runtimes_free() -> None:
    ports = range(DEFAULT_PORT, DEFAULT_PORT + 1 + len(NAMES))
    assert limits.CUSTOM_RUNTIME_PORT not in ports


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_the_default_ports_and_no_others(page: Path) -> None:
    ports = range(DEFAULT_PORT, DEFAULT_PORT + 1 + len(NAMES))
    assert {int(port) for port in ADDRESS.findall(page.read_text())} <= set(ports)
