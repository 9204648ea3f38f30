# SPDX-License-Identifier: MIT
"""Handlers in the process of the runtime."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fc_async_local.clock import RealClock
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_tests import deployments

if TYPE_CHECKING:
    from fc_async_local.execution.protocol import Attempt


def handler(event: bytes, _: Attempt) -> None:
    raise ValueError(event.decode())


def test_the_trace_of_a_handler_in_a_thread_begins_in_the_handler() -> None:
    attempt = deployments.attempt("resize", payload=b"no stock")
    with ThreadPoolExecutor(1) as thread:
        runner = InProcessRunner({"resize": handler}, RealClock(), thread)
        outcome = asyncio.run(runner.run(attempt))
    (only,) = json.loads(outcome.payload)["stackTrace"]
    assert only[0] == f'File "{__file__}"'
