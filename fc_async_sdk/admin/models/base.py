# SPDX-License-Identifier: MIT
"""What the answers and bodies of the admin API share."""

from __future__ import annotations

from typing import Final, Literal

Encoding = Literal["", "base64"]

PREFIX: Final = "/_local"
"""Beginning of the paths of the admin API."""
