# SPDX-License-Identifier: MIT
"""This machine as functions see it: paths, interpreters, processes, ports, environment."""
