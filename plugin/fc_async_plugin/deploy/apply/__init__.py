# SPDX-License-Identifier: MIT
"""Carries out plans: steps in parallel, all undone on failure, with a journal on disk."""
