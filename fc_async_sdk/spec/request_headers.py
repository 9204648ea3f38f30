# SPDX-License-Identifier: MIT
"""The headers of the service in a request that calls a function, of both generations of SDKs.

Invariants:
    Each of them is read, or named here as ignored with the reason, for both kinds of calls.
    A header of a call that begins with ``x-fc-`` and is not here is unknown.

Sources: the header models of the official clients ``alibabacloud_fc20230330`` (3.0) and
``alibabacloud_fc_open20210406`` (2.0), and ``aliyun-fc2``; "Asynchronous invocation" and "Tracing"
(docs/reference/sources.md).
"""

from __future__ import annotations

from typing import Final, NamedTuple

OWN: Final = "x-fc-"
"""The beginning of the names of headers of the service. Neither side of a call over an HTTP trigger
can pass on its own."""

TYPE: Final = "x-fc-invocation-type"
LOG_TYPE: Final = "x-fc-log-type"
TASK_ID: Final = "x-fc-async-task-id"
DELAY: Final = "x-fc-async-delay"
REQUEST_ID: Final = "x-fc-request-id"
TRACE_ID: Final = "x-fc-trace-id"
STATEFUL_ID: Final = "x-fc-stateful-async-invocation-id"
STATEFUL: Final = "x-fc-stateful-async-invocation-enable"
BAGGAGE: Final = "x-fc-tracing-opentracing-span-context-baggage-"
"""The beginning of the names of headers with the baggage of a trace."""

_SIGNED: Final = "read with the signature"
_ASYNC_ONLY: Final = "ignored: nothing waits"
_ONE_ACCOUNT: Final = "ignored: there is one account"
_NO_TRACING: Final = "ignored: there is no tracing service"
_NO_CODE: Final = "ignored: a call sends no code"
_SECOND: Final = f"as `{REQUEST_ID}`, if that is absent"


class CallHeader(NamedTuple):
    """A header of a call.

    Attributes:
        name: In lower case.
        clients: Generations of SDKs that have it, or that send it as a further header.
        synchronous: What the local runtime does with it in a synchronous call.
        asynchronous: The same for an asynchronous call.
    """

    name: str
    clients: str
    synchronous: str
    asynchronous: str


_REQUEST_ID_READ: Final = "read: the request id"
_ALSO_TASK_ID: Final = "read: the request id, and the task id if none is given"

CALL_HEADERS: Final = (
    CallHeader(TYPE, "2.0, 3.0", "read", "read"),
    CallHeader(LOG_TYPE, "2.0, 3.0", "read", "ignored: the answer comes before the log"),
    CallHeader(TASK_ID, "3.0", _ASYNC_ONLY, "read"),
    CallHeader(DELAY, "2.0, 3.0", _ASYNC_ONLY, "read"),
    CallHeader(REQUEST_ID, "3.0", _REQUEST_ID_READ, _ALSO_TASK_ID),
    CallHeader(TRACE_ID, "2.0, 3.0", _SECOND, _SECOND),
    CallHeader(STATEFUL_ID, "2.0", _ASYNC_ONLY, "read: the task id"),
    CallHeader(STATEFUL, "2.0", _ASYNC_ONLY, "read: this invocation is a task"),
    CallHeader("x-fc-date", "2.0", _SIGNED, _SIGNED),
    CallHeader("x-fc-security-token", "2.0", _SIGNED, _SIGNED),
    CallHeader("x-fc-account-id", "2.0", _ONE_ACCOUNT, _ONE_ACCOUNT),
    CallHeader("x-fc-code-checksum", "2.0", _NO_CODE, _NO_CODE),
    CallHeader("x-fc-tracing-opentracing-span-context", "2.0, 3.0", _NO_TRACING, _NO_TRACING),
    CallHeader(f"{BAGGAGE}*", "2.0, 3.0", _NO_TRACING, _NO_TRACING),
)
"""All of them."""

OF_OLDER_CLIENTS: Final = frozenset({STATEFUL_ID, STATEFUL})
"""Headers that the paths of FC 3.0 do not have, though they would change what a call does."""

_KNOWN: Final = frozenset(header.name for header in CALL_HEADERS)


def is_known(name: str) -> bool:
    """Return whether a header of a call is the service's and known, or not the service's.

    Args:
        name: In lower case.
    """
    return not name.startswith(OWN) or name in _KNOWN or name.startswith(BAGGAGE)
