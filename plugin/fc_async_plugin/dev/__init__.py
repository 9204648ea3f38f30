# SPDX-License-Identifier: MIT
"""``fc-async dev``: saves are deployed to a local runtime, what happens is shown in the terminal.

Invariants:
    Only the main thread prints, and only it changes the runtime. The threads that watch files, read
    keys and follow the runtime put what they found into one queue.
    What cannot be deployed is a message; the runtime keeps the last state that could be.
"""
