# SPDX-License-Identifier: MIT
"""``fc-async demo``: the main job from end to end, on one machine, with nothing made up.

It uses the product only through its interfaces (command line, HTTP API, SDK, official MNS client),
so that what it shows is what a user gets. Every step checks what it shows and raises
:class:`~fc_async_plugin.demo.steps.DemoFailed` if it isn't so.
"""
