# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the main functions of the product from end to end on one machine.

It uses only the interfaces that users have: command line, HTTP API, SDK, official MNS client. Every
step checks what it shows, and raises :class:`~fc_async_plugin.demo.steps.DemoFailed` if a check
fails.
"""
