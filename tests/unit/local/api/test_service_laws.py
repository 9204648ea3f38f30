# SPDX-License-Identifier: MIT
"""Whatever comes in, what goes out is this API's: JSON errors, and never a fault of our own."""

from __future__ import annotations

import json
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = (
    *("functions", "orders", "versions", "aliases", "async-invoke-config", "async-tasks"),
    *("async-invoke-configs", "triggers", "concurrency", "provision-config", "scaling-config"),
    *("vpc-bindings", "tags-v2", "invocations", "code", "stop", "1", "prod", "t1"),
)
KEYS = (
    *("functionName", "runtime", "handler", "code", "timeout", "memorySize", "cpu", "layers"),
    *("environmentVariables", "instanceLifecycleConfig", "customRuntimeConfig", "tags"),
    *("asyncTask", "maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds", "destinationConfig"),
    *("onSuccess", "onFailure", "destination", "aliasName", "versionId", "description"),
    *("additionalVersionWeight", "triggerName", "triggerType", "triggerConfig", "vpcId"),
    *("reservedConcurrency", "target", "minInstances", "ResourceId", "Tag", "Key", "zipFile"),
)
QUERY = (
    *("qualifier", "limit", "nextToken", "prefix", "status", "tags", "includePayload", "direction"),
    *("startedTimeBegin", "sortOrderByTime", "functionName", "ResourceId", "TagKey", "Limit"),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["orders", "python3.10", "index.handler", "UEs=", "acs:fc:::functions/f"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), values, max_size=6).map(
        lambda v: json.dumps(v).encode()
    ),
    st.binary(max_size=40),
)
segments = st.one_of(st.sampled_from(WORDS), st.text(min_size=1, max_size=8))
paths = st.one_of(
    st.lists(segments, min_size=1, max_size=5).map(
        lambda parts: "/2023-03-30/" + "/".join(quote(part, safe="") for part in parts)
    ),
    st.lists(segments, max_size=3).map(
        lambda parts: "/_local/" + "/".join(quote(part, safe="") for part in parts)
    ),
)
queries = st.dictionaries(st.sampled_from(QUERY), st.text(max_size=10), max_size=3).map(
    lambda pairs: "&".join(f"{k}={quote(v, safe='')}" for k, v in pairs.items())
)
headers = st.dictionaries(
    st.sampled_from(["x-fc-invocation-type", "x-fc-async-delay", "x-fc-log-type", "authorization"]),
    st.sampled_from(["Async", "Sync", "Tail", "10", "-1", "9" * 30, "\xff", ""]),
    max_size=3,
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    path=paths,
    query=queries,
    body=bodies,
    headers=headers,
)
def test_is_answered_in_the_services_form(world, method, path, query, body, headers):
    answer = world.call(method, f"{path}?{query}" if query else path, body, headers)
    assert answer.headers["x-fc-request-id"]
    if answer.status >= 400:
        assert answer.status != 500, (method, path, query, body)
        assert answer.json.keys() == {"Code", "Message", "RequestId"}
