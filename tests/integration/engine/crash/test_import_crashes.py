# SPDX-License-Identifier: MIT
"""kill -9 at each system call with which a runtime opens another state, see ``imports.py``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("imports.py")
OLD = {"counts": {"old": 300}, "payload": True}
NEW = {"counts": {"new": 40}, "payload": True}
EMPTY: dict[str, Any] = {"counts": {}, "payload": False}
FILES = {".gitignore", "fc-async.db", "fc-async.db.lock", "payloads"}

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="kills with strace")


def states_after_kills(folder: Path, how: str, *calls: str) -> list[dict[str, Any]]:
    """Return what each start found that followed a kill."""
    command = [sys.executable, str(SCRIPT), str(folder), how, *calls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if "strace cannot attach here" in done.stderr:
        pytest.skip("this system does not let strace attach")
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def check(found: list[dict[str, Any]], *allowed: dict[str, Any]) -> None:
    wrong = [
        state
        for state in found
        if {name: state[name] for name in OLD} not in allowed or not set(state["left"]) <= FILES
    ]
    assert wrong == []


def test_a_kill_while_an_imported_state_is_opened_leaves_it_whole(tmp_path: Path) -> None:
    found = states_after_kills(tmp_path, "import", "fdatasync", "fsync")
    assert sum(state["killed"] for state in found) >= 2
    check(found, NEW)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "allowed"),
    [("import", [NEW]), ("clear", [EMPTY]), ("refused", [OLD, NEW])],
    ids=["import", "clear", "refused"],
)
def test_a_kill_at_any_system_call_of_a_start_leaves_the_old_or_the_new_state_whole(
    tmp_path: Path, how: str, allowed: list[dict[str, Any]]
) -> None:
    found = states_after_kills(tmp_path, how)
    assert sum(state["killed"] for state in found) > 50
    check(found, *allowed)
