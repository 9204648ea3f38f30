# SPDX-License-Identifier: MIT
"""The error that the protocols of MNS, RocketMQ and EventBridge have in common."""

from __future__ import annotations

from fc_async_local.domain.rejection import Rejected


class ProtocolError(Rejected):
    """A request that one of the services refuses, with the code of its protocol."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
