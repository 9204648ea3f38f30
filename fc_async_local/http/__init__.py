# SPDX-License-Identifier: MIT
"""The HTTP edge: server, limits on requests, which callers are accepted, form of errors."""
