# SPDX-License-Identifier: MIT
"""Reads destination events where they are, as lines of JSON, and chooses those to send again."""
