# SPDX-License-Identifier: MIT
"""Containers of functions: the engine that runs them, what they are made of, their end."""
