# SPDX-License-Identifier: MIT
"""Reads an account with the SDK, one client per region."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk import Client


WORKERS: Final = 8
"""Requests at a time; the pool of connections holds as many. The API's own limit per account is in
the hundreds per second."""


class Regions:
    """One client per region of one account, made at the first request. Thread-safe.

    Args:
        connect: Makes the client of a region.
        connect_once: Makes a client that sends every request once; None: as ``connect``.

    Attributes:
        once: The same regions, for a caller that repeats requests itself.
    """

    def __init__(
        self,
        connect: Callable[[str], Client],
        connect_once: Callable[[str], Client] | None = None,
    ) -> None:
        self.once = Regions(connect_once) if connect_once else self
        self._connect = connect
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()

    def __getitem__(self, region: str) -> Client:
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._connect(region)
            return self._clients[region]

    def close(self) -> None:
        """Close the connections of all regions."""
        if self.once is not self:
            self.once.close()
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
