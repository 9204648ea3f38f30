# SPDX-License-Identifier: MIT
"""pytest of an environment that has fc-async, and not what our own tests need."""

from __future__ import annotations

import sys
from typing import Final

# Imported in each process of pytest, they take most of the time of a short test.
_OURS: Final = ("anyio", "hypothesispytest", "pytest_cov", "pytest_httpserver", "schemathesis")

_WITHOUT: Final = [part for name in ("cacheprovider", *_OURS) for part in ("-p", f"no:{name}")]

PYTEST: Final = [sys.executable, "-m", "pytest", "-q", *_WITHOUT]
"""The command, to which files and options are added."""

ENVIRONMENT: Final = {"PYTEST_ADDOPTS": " ".join([*_WITHOUT, "-p", "pytest_httpserver"])}
"""Variables with which any ``pytest`` has, of our plugins, only what templates and pages name."""
