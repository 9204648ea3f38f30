# SPDX-License-Identifier: MIT
"""The names that ``runtime`` of a function may have, by kind.

Which of them run on one machine is decided by the local runtime, not here.
"""

from __future__ import annotations

from typing import Final

PYTHON: Final = frozenset({"python3", "python3.9", "python3.10", "python3.12"})
NODE: Final = frozenset({"nodejs12", "nodejs14", "nodejs16", "nodejs18", "nodejs20"})
CUSTOM: Final = frozenset({"custom", "custom.debian10", "custom.debian11", "custom.debian12"})
"""A web server that the function brings along."""
CONTAINER: Final = "custom-container"
OTHERS: Final = frozenset({"java8", "java11", "go1", "php7.2", "dotnetcore3.1"})
ALL: Final = PYTHON | NODE | CUSTOM | OTHERS | {CONTAINER}
"""All names that CreateFunction accepts."""
NEED_NO_HANDLER: Final = CUSTOM | {CONTAINER}
