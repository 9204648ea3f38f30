# SPDX-License-Identifier: MIT
"""pytest of an environment that has fc-async, and not what our own tests need."""

from __future__ import annotations

import sys
from typing import Final

# Imported in each process of pytest, they take most of the time of a short test.
_OURS: Final = ("anyio", "hypothesispytest", "pytest_cov", "pytest_httpserver", "schemathesis")

PYTEST: Final = [
    *(sys.executable, "-m", "pytest", "-q"),
    *(part for name in ("cacheprovider", *_OURS) for part in ("-p", f"no:{name}")),
]
"""The command, to which files and options are added."""
