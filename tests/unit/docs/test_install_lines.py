# SPDX-License-Identifier: MIT
"""No page and no message installs fc-async from a package index that does not have it yet."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
INSTALL_PAGE = "docs/how-to/install.md"
AFTER_A_RELEASE = "## After a release"
BY_NAME = re.compile(
    r"""(?:pip3?|pipx|uv|uv\ pip|uv\ tool)\ (?:install|add)\ (?:-\S+\ )*['"]?fc-async\b
      | uvx\ (?:--from[ =])?['"]?fc-async\b""",
    re.VERBOSE,
)


def texts() -> dict[str, str]:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [ROOT / name for name in done.stdout.rstrip("\0").split("\0")]
    kinds = {".md", ".py", ".yml", ".yaml", ".toml", ".json", ".sh", ".txt", ".js", ".tsx", ".po"}
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in paths
        if path.is_file() and (path.suffix in kinds or path.name == "Makefile")
    }


def test_only_the_note_on_releases_installs_fc_async_by_its_name() -> None:
    found = []
    for name, text in texts().items():
        if name == Path(__file__).relative_to(ROOT).as_posix() or name.endswith("/install.po"):
            continue
        shown = text.partition(AFTER_A_RELEASE)[0] if name == INSTALL_PAGE else text
        found += [f"{name}: {line[0]}" for line in BY_NAME.finditer(shown)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install fc-async",
        "pip install --upgrade 'fc-async[cli]'",
        "uvx fc-async demo",
        "uvx --from 'fc-async[cli]' fc-async",
        "pipx install fc-async",
        "uv add fc-async",
    ],
)
def test_lines_that_need_a_release_are_recognized(line: str) -> None:
    assert BY_NAME.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "pip install '/path/to/fc-async[cli,local]'",
        "pip install --editable '/path/to/fc-async[cli]'",
        "uvx --from 'dist/fc_async-0.2.0-py3-none-any.whl[cli]' fc-async --version",
        "pip install --find-links wheels -r requirements-dev.txt",
    ],
)
def test_lines_that_work_today_are_not_taken_for_them(line: str) -> None:
    assert not BY_NAME.search(line)
