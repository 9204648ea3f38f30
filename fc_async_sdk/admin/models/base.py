# SPDX-License-Identifier: MIT
"""Common parts of the answers and bodies of the admin API."""

from __future__ import annotations

from typing import Final, Literal

Encoding = Literal["", "base64"]

PREFIX: Final = "/_local"
"""Beginning of the paths of the admin API."""
