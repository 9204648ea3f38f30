# SPDX-License-Identifier: MIT
"""EventBridge: custom buses, rules with patterns and transforms, pushes to their targets."""
