# SPDX-License-Identifier: MIT
"""Runs functions: the only package where the user's code is executed.

The fork server starts the processes of Python, Node and custom runtimes. Handlers of tests run in
the runtime's own process.
"""
