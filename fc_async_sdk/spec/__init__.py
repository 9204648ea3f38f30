# SPDX-License-Identifier: MIT
"""Facts of Function Compute and of the services next to it, as data and pure functions."""
