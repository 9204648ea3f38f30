# SPDX-License-Identifier: MIT
"""What type checkers make of the pytest fixture ``fc_local``. Never run, like ``sdk.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal


def deploying(fc_local: FcLocal) -> None:
    fc_local.deploy("f", Path("code"), timeout=5, environment_variables={"A": "b"})
    fc_local.deploy("f", lambda event, _: event, async_config={"maxAsyncRetryAttempts": 0})


def mistakes(fc_local: FcLocal) -> None:
    fc_local.deploy("f", Path("code"), timout=5)  # type: ignore[call-arg]
    fc_local.deploy("f", Path("code"), timeout="5")  # type: ignore[arg-type]
    fc_local.deploy("f", Path("code"), async_config={"asyncTasks": True})  # type: ignore[arg-type]
    fc_local.deploy("f", Path("code"), custom_runtime_config=[])  # type: ignore[arg-type]
