# SPDX-License-Identifier: MIT
"""Sends a :class:`~fc_async_sdk.operations.Call`, over requests or on an event loop.

What is signed, what is repeated and what a failure means is the same for all transports; those
modules do no I/O.
"""
