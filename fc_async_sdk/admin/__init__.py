# SPDX-License-Identifier: MIT
"""The admin API of the local runtime, below ``/_local/``: its answers and its operations.

:mod:`fc_async_sdk.admin.models` has the answers, which the runtime returns as these structs.
:mod:`fc_async_sdk.admin.operations` has the operations as calls, for ``client.send``. Nothing here
does I/O.
"""
