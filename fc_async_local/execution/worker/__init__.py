# SPDX-License-Identifier: MIT
"""What runs in the processes of functions. Standard library only, imports nothing of the project.

The folder is started by path (see ``__main__``) under a private package name, so neither the
project nor anything it depends on is loaded where user code runs. The runtime's side imports
:mod:`.context`, :mod:`.errors`, :mod:`.frames` and :mod:`.linux`, too.
"""
