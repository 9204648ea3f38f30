# SPDX-License-Identifier: MIT
"""The default store: one SQLite file, one writer thread, group commit.

Must be imported through its modules.
"""
