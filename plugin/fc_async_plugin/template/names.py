# SPDX-License-Identifier: MIT
"""Names in templates that several passes spell."""

from __future__ import annotations

from typing import Final, Literal

EDITION: Final = "3.0.0"
"""The edition that is read, and deployed."""

BLOCK: Final = "asyncInvokeConfig"
"""The key under ``props``."""

FC2: Final = "fc2"
"""The component of a function that was read from a template of edition 1.0.0."""

Purpose = Literal["deploy", "run", "show"]
"""Purpose of reading a template; see :func:`fc_async_plugin.template.load`."""
