# SPDX-License-Identifier: MIT
"""The command ``fc-async``, and the deploy plugin of Serverless Devs.

Validates, plans and applies the asynchronous configuration in ``s.yaml``.
"""

from __future__ import annotations

from fc_async_sdk.errors import FcAsyncError

__all__ = ["PluginError"]


class PluginError(FcAsyncError):
    """A command of the plugin cannot do what was asked. The message says what to do about it."""
