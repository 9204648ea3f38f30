# SPDX-License-Identifier: MIT
"""Compares a template with the account, and plans the steps that make the account match.

Invariants:

- No module sends a request to an account.
- All modules are pure but ``wanted``, which reads code folders, and ``saved``, which reads and
  writes plan files.
"""

from __future__ import annotations

from fc_async_plugin.deploy.plan.planner import Obstacle, Plan, plan_changes, plan_removal

__all__ = ["Obstacle", "Plan", "plan_changes", "plan_removal"]
