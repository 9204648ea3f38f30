# SPDX-License-Identifier: MIT
"""The tag by which a function of an account is known to be paused, and what it was before. Pure.

An account has one brake for asynchronous calls: a reserved concurrency of 0. The tag keeps the
value that it replaced, so that each machine can restore it, and a deployment leaves it alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY: Final = "fc-async-paused"
_VALUE: Final = re.compile(r"(none|[0-9]{1,9})\.([0-9]{1,15})")
_NONE: Final = "none"


class Pause(NamedTuple):
    """A pause of a function.

    Attributes:
        reserved: The reserved concurrency that it had before; None: it had none.
        since: When it was paused, in milliseconds since the epoch.
    """

    reserved: int | None
    since: int

    @property
    def tag(self) -> str:
        """The value of the tag."""
        return f"{_NONE if self.reserved is None else self.reserved}.{self.since}"


def read(tags: Iterable[Mapping[str, str]] | None) -> Pause | None:
    """Return the pause that the tags of a function name; None: there is none, or it is not ours."""
    for tag in tags or ():
        match = _VALUE.fullmatch(tag.get("Value", "")) if tag.get("Key") == KEY else None
        if match is not None:
            reserved = None if match[1] == _NONE else int(match[1])
            return Pause(reserved, int(match[2]))
    return None
