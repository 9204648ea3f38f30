# SPDX-License-Identifier: MIT
"""What tests of several files make and play with: one module for each idea.

Fixtures are in the ``conftest.py`` of the folders; here is what is called by its name.
"""
