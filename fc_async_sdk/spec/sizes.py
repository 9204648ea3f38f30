# SPDX-License-Identifier: MIT
"""Sizes of an instance that go together. Pure; the ranges are those of :mod:`.limits`."""

from __future__ import annotations

from typing import Final

from fc_async_sdk.spec import limits

_GB_PER_CPU: Final = (1, 4)
_MB_PER_GB: Final = 1024


def wrong_cpu(cpu: float, memory_mb: int | None) -> tuple[str, str] | None:
    """Return what is wrong with the vCPU of a function without a GPU and what to write, or None.

    Args:
        cpu: Number of vCPU.
        memory_mb: Memory in MB; None: unknown, and not checked.
    """
    low, high = limits.CPU
    allowed = round(min(high, max(low, cpu)) / limits.CPU_STEP) * limits.CPU_STEP
    if not abs(cpu - allowed) < 1e-6:  # noqa: PLR2004 -- rounding; NaN is not below it either
        wrong = f"cpu must be a multiple of {limits.CPU_STEP} from {low} to {high}, got {cpu}"
        return wrong, f"write {allowed:.2f}".rstrip("0").rstrip(".")
    least, most = _GB_PER_CPU
    # 0.35 vCPU and 512 MB are 1.43 GB for each: the ratio is of GB, a little rounding allowed.
    if memory_mb is None or least <= round(memory_mb / _MB_PER_GB / cpu, 2) <= most:
        return None
    step = limits.MEMORY_STEP_MB
    mb = cpu * _MB_PER_GB
    least_mb = max(limits.MEMORY_MB.low, int(-(-mb * least // step) * step))
    most_mb = min(limits.MEMORY_MB.high, int(mb * most // step) * step)
    ratio = f"{least} to {most} GB of memory for each vCPU"
    wrong = f"cpu {cpu} must have {ratio}, got memorySize {memory_mb}"
    return wrong, f"write cpu: {cpu} with a memorySize from {least_mb} to {most_mb}"
