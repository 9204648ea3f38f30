# SPDX-License-Identifier: MIT
"""Accepts invocations, runs and retries them when they are due, settles and delivers outcomes.

Uses ports only: no HTTP, no SQL, no process.
"""
