# SPDX-License-Identifier: MIT
"""What the protocols of MNS, RocketMQ and EventBridge have in common: errors, ids and pages."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.rejection import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A generator of this process is faster than the kernel's, and ids protect nothing.
_RANDOM: Final = random.Random(os.urandom(16))  # noqa: S311 -- not secret


class ProtocolError(Rejected):
    """A request that one of the services refuses, with the code of its protocol."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def message_id() -> str:
    """Return an id of a message: 32 upper-case hex digits, as in MNS and RocketMQ."""
    return f"{_RANDOM.getrandbits(128):032X}"


def request_id() -> str:
    """Return an id of a request: 24 upper-case hex digits, as in all services."""
    return f"{_RANDOM.getrandbits(96):024X}"


def page(
    keys: Iterable[str], *, prefix: str = "", after: str = "", limit: int
) -> tuple[Sequence[str], str]:
    """Return a page of sorted keys and the marker of the next page.

    Args:
        keys: All keys.
        prefix: What the keys of the list begin with.
        after: Marker of the page: it begins behind this key.
        limit: Most keys in the page.

    Returns:
        The keys, and the last one of them as marker; "" if the list ends here.
    """
    wanted = [key for key in sorted(keys) if key.startswith(prefix) and key > after]
    shown = wanted[:limit]
    return shown, shown[-1] if len(wanted) > limit else ""
