# SPDX-License-Identifier: MIT
"""The public and internal host names of the services that the local runtime also has.

The patterns are read by Python and by JavaScript, so they use what both understand.
"""

from __future__ import annotations

import functools
import re
from typing import Final

FUNCTION_URL: Final = "function_url"
"""A URL of an HTTP trigger: it contains an id that only the service knows."""

PATTERNS: Final = {
    "fc": r"(?:.+\.)?fc\.aliyuncs\.com|fc(?:v3)?(?:-[a-z]+)?(?:\.[a-z0-9-]+)?\.aliyuncs\.com",
    "mns": r"[0-9]+\.mns\.[a-z0-9-]+\.aliyuncs\.com",
    "rocketmq": r"[0-9]+\.mqrest\.[a-z0-9-]+\.aliyuncs\.com",
    "eventbridge": r"(?:[0-9]+\.)?eventbridge(?:-[a-z]+)?\.[a-z0-9-]+\.aliyuncs\.com",
    "oss": r"(?:[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\.)?(?:vpc100-)?oss-[a-z0-9-]+\.aliyuncs\.com",
    FUNCTION_URL: r".+\.fcapp\.run",
}
"""Host names of each service (docs/reference/sources.md; the maps of the official clients). Names
for a VPC differ in one label: ``cn-hangzhou-internal``, ``cn-hangzhou-vpc``, ``fcv3-vpc``."""

_ANY: Final = re.compile("|".join(f"(?P<{name}>{text})" for name, text in PATTERNS.items()))


@functools.lru_cache(maxsize=256)
def service_of(host: str) -> str:
    """Return which service a host name belongs to, a key of :data:`PATTERNS`; "" if none.

    Args:
        host: With or without a port.
    """
    match = _ANY.fullmatch(host.partition(":")[0].strip().rstrip(".").lower())
    return match.lastgroup or "" if match else ""
