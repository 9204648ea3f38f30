# SPDX-License-Identifier: MIT
"""Reads an account: the operations of the API that the plugin uses, one client per region."""

from __future__ import annotations

from fc_async_plugin.account.service import Regions, Service

__all__ = ["Regions", "Service"]
