# SPDX-License-Identifier: MIT
"""Sends events of final outcomes to destinations: one adapter for each kind."""
