# SPDX-License-Identifier: MIT
"""Prices of executions: the factors of compute units (CU), and the price of one CU.

Prices change and differ between accounts (regions, discounts, resource plans), so the table has a
date, and callers take another one instead.
"""

from __future__ import annotations

import msgspec

from fc_async_sdk._decoding import prepare


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices of one day; by default list prices of mainland China without discounts.

    Source: docs/reference/sources.md, "Billing".

    Attributes:
        date: Day from which they hold.
        currency: Of ``unit``.
        unit: Price of one CU, in the tier that is the dearest.
        memory: CU for each GB and second.
        vcpu: CU for each vCPU and second in which the function runs.
        gpu: CU for each GB of a GPU's memory and second in which the function runs; by default
            those of the Tesla series.
        execution: CU for each execution.
    """

    date: str = "2024-08-27"
    currency: str = "CNY"
    unit: float = 0.00011
    memory: float = 0.15
    vcpu: float = 1.0
    gpu: float = 2.1
    execution: float = 0.0075


prepare(Prices)
