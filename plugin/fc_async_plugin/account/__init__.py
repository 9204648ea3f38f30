# SPDX-License-Identifier: MIT
"""The account: the operations that the plugin uses, one client per region, and what is there."""

from __future__ import annotations

from fc_async_plugin.account.service import Regions, Service

__all__ = ["Regions", "Service"]
