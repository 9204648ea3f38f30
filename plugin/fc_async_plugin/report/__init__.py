# SPDX-License-Identifier: MIT
"""What commands show: findings, graphs, counts of a runtime, checks of a machine."""
