# SPDX-License-Identifier: MIT
"""Deployments: what differs (``plan``, pure), and how it is done and undone (``apply``)."""
