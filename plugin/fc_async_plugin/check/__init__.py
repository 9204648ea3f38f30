# SPDX-License-Identifier: MIT
"""Findings of templates: rules, the graph of destinations, permissions, conditions of alarms."""
