# SPDX-License-Identifier: MIT
"""A package without the built console, as an environment without npm installs it, still runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fc_async_local
from fc_async_tests import runtime_requests as requests

pytestmark = pytest.mark.slow


@pytest.fixture
def unbuilt(tmp_path: Path) -> Path:
    """A folder with the package, which comes first on the path of modules."""
    package = Path(fc_async_local.__file__).parent
    leave_out = shutil.ignore_patterns("static", "__pycache__")
    shutil.copytree(package, tmp_path / "modules" / package.name, ignore=leave_out)
    return tmp_path / "modules"


def test_the_runtime_starts_and_its_page_says_how_to_build_the_console(
    tmp_path: Path, unbuilt: Path
) -> None:
    command = [sys.executable, "-m", "fc_async_plugin", "local", "start", "--format", "json"]
    with subprocess.Popen(
        [*command, "--port", "0", "--data", str(tmp_path / "data")],
        cwd=tmp_path,  # python -m looks there before PYTHONPATH
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(unbuilt)},
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            console = f"{addresses['console']}?token={addresses['token']}"
            page = requests.get(console, timeout=10)
            assert page.status_code == 200
            assert "The console is not built" in page.text
            assert "make setup" in page.text
            assert (
                requests.get(f"{addresses['fc']}/console/console.js", timeout=10).status_code == 404
            )
            health = requests.get(f"{addresses['fc']}/_local/health", timeout=10)
            assert health.status_code == 200
        finally:
            process.kill()
