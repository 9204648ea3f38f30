# SPDX-License-Identifier: MIT
"""Pages of lists that the protocols of the services return."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
