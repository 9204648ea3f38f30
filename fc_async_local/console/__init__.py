# SPDX-License-Identifier: MIT
"""The web page of the runtime: files that are served as they are.

The page calls the admin API of its own origin only. There is no build step. The content security
policy lets the browser load nothing from other origins.
"""

from fc_async_local.console.files import routes

__all__ = ["routes"]
