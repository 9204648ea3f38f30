# SPDX-License-Identifier: MIT
"""Redrives: failures that are sent again as one operation with an id and a state that is kept."""
