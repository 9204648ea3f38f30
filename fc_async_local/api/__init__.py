# SPDX-License-Identifier: MIT
"""The FC HTTP API of version 2023-03-30 and the admin API of this runtime.

Translates HTTP to calls of the registry, the engine and the store, and back. Decides nothing about
invocations: the registry and the engine refuse what has to be refused.
"""

from fc_async_local.api.service import Api

__all__ = ["Api"]
