# SPDX-License-Identifier: MIT
"""Checks templates. Each rule has one id, one message and one page of documentation."""

from __future__ import annotations

from fc_async_plugin.check.rules.catalog import RULES, check, choose, named
from fc_async_plugin.check.rules.context import Context
from fc_async_plugin.check.rules.rule import Finding, Related, Rule, Severity

__all__ = ["RULES", "Context", "Finding", "Related", "Rule", "Severity", "check", "choose", "named"]
