# SPDX-License-Identifier: MIT
"""States and records of invocations, and decisions on retries, expiry, loops and settlement.

Pure: no I/O, no clock, no randomness. Time is an argument, in milliseconds since the epoch.
"""
