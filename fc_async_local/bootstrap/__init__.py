# SPDX-License-Identifier: MIT
"""The composition root: the only package where ports meet their implementations."""
