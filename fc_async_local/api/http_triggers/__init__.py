# SPDX-License-Identifier: MIT
"""HTTP triggers: requests to their URLs, checked, run and answered.

The facts are in :mod:`fc_async_sdk.spec.http_trigger`, the event of a built-in runtime is in
:mod:`fc_async_sdk.events.http`. Which triggers may be created is decided where all triggers are
(:mod:`fc_async_local.functions.triggers`), and a web function gets its request as every other call
(:mod:`fc_async_local.execution.machine.forwarding`).
"""
