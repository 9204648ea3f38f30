# SPDX-License-Identifier: MIT
"""The version of the distribution, for the user agent and ``fc_async_sdk.__version__``."""

from typing import Final

__version__: Final[str] = "0.2.0"
