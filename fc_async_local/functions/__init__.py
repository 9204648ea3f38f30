# SPDX-License-Identifier: MIT
"""Functions and everything that is configured on them, as the FC API keeps it.

Rules are pure and have modules of their own (``*_rules``, :mod:`.snapshot`); the classes that
write put them between a request and a :class:`~fc_async_local.store.protocol.DocumentStore`.
Nothing here speaks HTTP or runs a function.
"""

from fc_async_local.functions.registry import FunctionRegistry

__all__ = ["FunctionRegistry"]
