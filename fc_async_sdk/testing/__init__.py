# SPDX-License-Identifier: MIT
"""For your tests: a stub in place of the service, and destination events of every kind.

::

    with Stubber(client) as stub:
        stub.add_response("invoke_async", AcceptedInvocation(request_id="r"), {"function": "f"})
        code_under_test(client)

    event = failure_event(payload={"n": 1}, attempts=4)

A stubbed client sends nothing. For a whole service on your machine there is the local runtime and
its pytest plugin; the same test runs against either by changing the endpoint.
"""

from fc_async_sdk.testing.builders import (
    EventFields,
    Message,
    eventbridge_event,
    expired_event,
    failure_event,
    mns_message,
    oss_event,
    rocketmq_message,
    stopped_event,
    success_event,
    system_error_event,
    timer_event,
)
from fc_async_sdk.testing.stub import ANY, Stubber, StubError

__all__ = [
    "ANY",
    "EventFields",
    "Message",
    "StubError",
    "Stubber",
    "eventbridge_event",
    "expired_event",
    "failure_event",
    "mns_message",
    "oss_event",
    "rocketmq_message",
    "stopped_event",
    "success_event",
    "system_error_event",
    "timer_event",
]
