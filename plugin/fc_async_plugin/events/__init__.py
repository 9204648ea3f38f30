# SPDX-License-Identifier: MIT
"""Destination events that a queue has received, for ``fc-async events``."""
