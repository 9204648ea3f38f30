# SPDX-License-Identifier: MIT
"""What can be wrong with a template: one rule, one id, one message, one page of documentation."""

from __future__ import annotations

from fc_async_plugin.rules.catalog import RULES, check, choose
from fc_async_plugin.rules.context import Context
from fc_async_plugin.rules.rule import Finding, Related, Rule, Severity

__all__ = ["RULES", "Context", "Finding", "Related", "Rule", "Severity", "check", "choose"]
