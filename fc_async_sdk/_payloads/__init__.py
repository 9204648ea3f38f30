# SPDX-License-Identifier: MIT
"""Forms of payloads: typed values as JSON, claims, envelopes, and schemas.

This package is the lower floor of payloads: operations and handlers read and write what is here.
:mod:`fc_async_sdk.payloads` is the upper floor, which users import. It cannot be the same package:
its :class:`~fc_async_sdk.payloads.DefaultStore` asks a runtime by an operation, and operations
need the claims of this package.
"""
