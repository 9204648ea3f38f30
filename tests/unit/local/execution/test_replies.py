# SPDX-License-Identifier: MIT
"""Outcomes and documents that follow from how an execution ended."""

from __future__ import annotations

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.instances.replies import Ending, Reply, Run, outcome, refused
from fc_async_sdk.spec.function_errors import INITIALIZATION
from fc_async_tests import deployments

DEPLOYMENT = deployments.deployment(version_id="3")
EXITED = (
    b'{"errorMessage":"Process exited unexpectedly before completing request '
    b'(duration: 1234ms, maxMemoryUsage: 9MB)"}'
)
RUN = Run(DEPLOYMENT, "c-1", 1234, b"log")


@pytest.mark.parametrize(
    ("reply", "kind", "error_type", "payload"),
    [
        (Reply(Ending.RETURNED, b"ok"), OutcomeKind.SUCCESS, "", b"ok"),
        (
            Reply(Ending.FAILED, b"{}"),
            OutcomeKind.FUNCTION_ERROR,
            "UnhandledInvocationError",
            b"{}",
        ),
        (
            Reply(Ending.FAILED, b"{}", INITIALIZATION),
            OutcomeKind.FUNCTION_ERROR,
            "InitializationError",
            b"{}",
        ),
        (
            Reply(Ending.TIMED_OUT, peak_kb=8 * 1024),
            OutcomeKind.FUNCTION_ERROR,
            "InvocationError",
            b'{"errorMessage":"Function timed out after 60 seconds (maxMemoryUsage: 8MB)"}',
        ),
        *(
            (
                Reply(ending, peak_kb=8 * 1024 + 1),
                OutcomeKind.FUNCTION_ERROR,
                "UnhandledInvocationError",
                EXITED,
            )
            for ending in (Ending.EXITED, Ending.OUT_OF_MEMORY)
        ),
        (
            Reply(Ending.INTERRUPTED),
            OutcomeKind.INTERRUPTED,
            "UnhandledInvocationError",
            b'{"errorMessage":"The invocation was stopped on request"}',
        ),
    ],
)
def test_the_ending_of_a_worker_decides_the_outcome(
    reply: Reply, kind: OutcomeKind, error_type: str, payload: bytes
) -> None:
    result = outcome(reply, RUN)
    assert (result.kind, result.error_type, result.payload) == (kind, error_type, payload)
    assert (result.version_id, result.instance_id, result.log) == ("3", "c-1", b"log")


def test_a_throttled_call_says_which_limit_was_reached() -> None:
    result = refused(DEPLOYMENT, Ending.THROTTLED, "all 100 instances reserved for it are busy")
    assert result.kind is OutcomeKind.THROTTLED
    assert b"all 100 instances" in result.payload
