# SPDX-License-Identifier: MIT
"""The HTTP edge: server, limits on requests, and which callers are let in."""
