# SPDX-License-Identifier: MIT
"""Processes that run calls: one class for each kind of runtime, the pool, and the runner."""
