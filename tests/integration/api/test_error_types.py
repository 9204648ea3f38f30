# SPDX-License-Identifier: MIT
"""The type of a function's error, for a synchronous caller and in the event of its failure."""

from __future__ import annotations

import pytest

CODE = """
import time

def fail(event, context):
    raise ValueError("no such order")

def hang(event, context):
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("handler", "kind"),
    [("index.hang", "InvocationError"), ("index.fail", "UnhandledInvocationError")],
)
def test_a_program_knows_a_failure_by_one_type_whichever_way_it_calls(
    fc_local, tmp_path, handler, kind
):
    queue = fc_local.create_queue("failed")
    config = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": queue}},
    }
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text(CODE)
    fc_local.deploy("f", code, handler=handler, timeout=1, async_config=config)
    assert fc_local.client.invoke("f").error_type == kind
    fc_local.client.invoke_async("f", task_id="t")
    fc_local.run_until_idle()
    assert fc_local.client.get_async_task("f", "t").task_error_message == kind
    event = fc_local.receive("failed")
    assert (event.condition, event.function_error) == (kind, kind)
