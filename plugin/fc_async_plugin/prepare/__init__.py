# SPDX-License-Identifier: MIT
"""The state of this machine before functions run: answers, builds, packages, programs, checks."""
