# SPDX-License-Identifier: MIT
"""An embedded Function Compute: the asynchronous half of FC 3.0 on one machine.

Entry points: :class:`fc_async_local.embedded.LocalRuntime`, and the pytest plugin
:mod:`fc_async_local.testing`.
"""

from typing import Final

DEFAULT_PORT: Final = 9900
"""Port of the FC API; MNS, RocketMQ and EventBridge take the three after it.

Not 9000: custom runtimes listen there unless configured otherwise
(:data:`fc_async_sdk.spec.limits.CUSTOM_RUNTIME_PORT`), and they run on the same machine.
"""
