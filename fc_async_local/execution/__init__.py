# SPDX-License-Identifier: MIT
"""Runs functions: the only place where the user's code is executed."""
