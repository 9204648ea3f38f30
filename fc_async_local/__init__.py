# SPDX-License-Identifier: MIT
"""An embedded Function Compute: the asynchronous half of FC 3.0 on one machine.

Entry points: :mod:`fc_async_local.bootstrap.runtime` and :mod:`fc_async_local.testing` (pytest).
"""

from typing import Final

DEFAULT_PORT: Final = 9900
"""Port of the FC API; MNS, RocketMQ and EventBridge take the three after it.

Not 9000: that is where custom runtimes listen unless configured otherwise
(:data:`fc_async_sdk.spec.limits.CUSTOM_RUNTIME_PORT`), and on this machine they share the ports.
"""
