# SPDX-License-Identifier: MIT
"""Functions and everything that is configured on them, as the FC API keeps it.

Pure rules are in ``*_rules``. A method that implements an operation of the API has the name of the
operation as its docstring. No module here uses HTTP or runs a function.
"""

from fc_async_local.functions.registry import FunctionRegistry

__all__ = ["FunctionRegistry"]
