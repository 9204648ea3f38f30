# SPDX-License-Identifier: MIT
"""The code that runs in the processes of functions.

Python modules here import the standard library and each other only. ``__main__`` is started by
path and loads the folder under a private package name, so that neither the project nor its
dependencies are loaded where user code runs. The runtime's side imports :mod:`.context`,
:mod:`.errors`, :mod:`.frames`, :mod:`.imports` and :mod:`.linux`, too.
"""
