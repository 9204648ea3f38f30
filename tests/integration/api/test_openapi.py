# SPDX-License-Identifier: MIT
"""The OpenAPI documents describe what is served: each route, each status, the form of answers.

Schemathesis makes requests from the documents, valid and invalid ones, and compares each answer
with its description. It is imported by the tests that use it: its import takes seconds.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fc_async_local.api.openapi import admin, fc
from fc_async_local.bootstrap.options import Options
from fc_async_local.bootstrap.runtime import Runtime
from fc_async_local.embedded import LocalRuntime
from fc_async_sdk.spec import limits
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import schemathesis

    from fc_async_local.api.openapi.document import Operation

EXAMPLES: Final = 3
"""Requests for each operation and kind: with more, both documents take over a minute."""

_PARAMETER: Final = re.compile(r"\{(\w+)(:\w+)?\}")
_OTHERS: Final = {
    ("GET", "/2016-08-15/tempBucketToken"): "the upload protocol of fc3, not of this API version",
    ("PUT", "/{account:number}/{name}"): "an object of OSS",
    ("GET", "/"): "leads to the console",
    ("GET", "/console"): "the console",
    ("GET", "/console/{name}"): "the console",
}
DESCRIBED: Final = {"admin": admin, "fc": fc}


@pytest.fixture
def routes(tmp_path: Path) -> set[tuple[str, str]]:
    """Method and path of what a runtime serves."""

    async def served() -> set[tuple[str, str]]:
        runtime = await Runtime.open(Options(data=tmp_path, port=0, store="memory"))
        try:
            found = runtime.api().routes
        finally:
            await runtime.aclose()
        return {
            (method, route.path)
            for route in found
            for method in getattr(route, "methods", ()) or ()
            if method != "HEAD"
        }

    return asyncio.run(served())


def test_each_route_is_described(routes) -> None:
    rows = {(row.method, row.path) for module in DESCRIBED.values() for row in module.OPERATIONS}
    missing = sorted(routes - rows - _OTHERS.keys())
    assert not missing, (
        f"{missing} have no description: name the class of their handlers in "
        "fc_async_local/api/admin/__init__.py, or in _OWNERS of fc_async_local/api/openapi/fc.py"
    )


def test_each_described_operation_has_a_route(routes) -> None:
    rows = {(row.method, row.path) for module in DESCRIBED.values() for row in module.OPERATIONS}
    gone = sorted(rows - routes - {("POST", fc.INVOKE)})
    assert not gone, (
        f"{gone} are described but not served: add what has their handlers to Runtime.api, or "
        "correct method and path there"
    )


def test_the_documents_are_served(fc_local) -> None:
    for path, module in (("openapi.json", admin), ("openapi/fc.json", fc)):
        answer = requests.get(f"{fc_local.endpoint}/_local/{path}", timeout=10)
        assert answer.json() == json.loads(json.dumps(module.document()))


# --- schemathesis -----------------------------------------------------------------------------


_KNOWN: Final = {
    "name": "orders",
    "function": "orders",
    "functionName": "orders",
    "task_id": "t1",
    "alias": "prod",
    "version": "1",
    "trigger": "nightly",
    "qualifier": "LATEST",
    "kind": "queue",
}


def _bounded(document: dict[str, Any], *, known: bool) -> dict[str, Any]:
    """Return a document whose requests end soon; with ``known``, they name things that exist."""
    document = copy.deepcopy(document)
    # The session has the token: without it all answers were the same.
    document.pop("security", None)
    document["components"].pop("securitySchemes", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if known and parameter["name"] in _KNOWN:
                    names = [_KNOWN[parameter["name"]], "missing"]
                    parameter["schema"] = {"type": "string", "enum": names}
                if parameter["name"] == "wait":  # a long poll
                    parameter["schema"] = {"type": "integer", "enum": [0]}
    advance = document["components"]["schemas"].get("Advance")
    if advance is not None:
        # Ten years are many firings of a trigger.
        advance["properties"]["seconds"]["maximum"] = 3_600
    return document


Mode = Literal["positive", "negative"]
_MODES: Final[tuple[Mode, ...]] = ("positive", "negative")
_REQUESTS: Final = [
    pytest.param(name, row, mode, id=f"{mode} {row.method} {row.path}")
    for name, module in DESCRIBED.items()
    for row in module.OPERATIONS
    for mode in _MODES
    # Without parameters and body there is nothing to make invalid.
    if mode == "positive" or row.parameters or row.body
]
_CHECKS: Final = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
}


@cache
def _schema(api: str, mode: Mode) -> schemathesis.schemas.BaseSchema:
    import schemathesis

    document = DESCRIBED[api].document()
    return schemathesis.openapi.from_dict(_bounded(document, known=mode == "positive"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A runtime with a function, an alias, a task and a trigger; its URL."""
    folder = tmp_path_factory.mktemp("runtime")
    with LocalRuntime(
        data=folder, port=0, store="memory", clock="virtual", handlers={"orders": _echo}
    ) as local:
        _fill(local.endpoint)
        yield local.endpoint


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Keeps its connections."""
    with requests.Session() as one:
        yield one


def _make_whole(url: str, session: requests.Session) -> None:
    """Bring back what requests of the tests before have deleted or disabled."""
    function = f"{url}/{limits.API_VERSION}/functions/orders"
    if session.post(f"{function}/invoke/enable", json={}, timeout=10).status_code == 404:
        _fill(url)


def _echo(event: bytes, _: object) -> bytes:
    return event


def _fill(url: str) -> None:
    root = f"{url}/{limits.API_VERSION}/functions"
    code = base64.b64encode(archive()).decode()
    function = {"functionName": "orders", "runtime": "python3.10", "handler": "index.handler"}
    config = '{"cronExpression": "0 0 4 * * *", "enable": true}'
    trigger = {"triggerName": "nightly", "triggerType": "timer", "triggerConfig": config}
    for method, path, body in (
        ("POST", "", {**function, "code": {"zipFile": code}}),
        ("PUT", "/orders/async-invoke-config", {"asyncTask": True}),
        ("POST", "/orders/versions", {}),
        ("POST", "/orders/aliases", {"aliasName": "prod", "versionId": "1"}),
        ("POST", "/orders/triggers", trigger),
    ):
        requests.request(method, root + path, json=body, timeout=10).raise_for_status()
    invoke = {"taskId": "t1", "delay": 3_000}
    admin_url = f"{url}/_local/functions/orders/invoke"
    # The tasks of a function that was deleted are kept.
    assert requests.post(admin_url, json=invoke, timeout=10).status_code in (200, 409)


@pytest.mark.parametrize(("api", "row", "mode"), _REQUESTS)
def test_an_operation_answers_as_it_is_described(
    served: str, session: requests.Session, api: str, row: Operation, mode: Mode
) -> None:
    import schemathesis
    from schemathesis.checks import CHECKS

    _make_whole(served, session)
    operation = _schema(api, mode)[_PARAMETER.sub(r"{\1}", row.path)][row.method]
    # Those of OpenAPI are registered when a document has been read.
    checks = [check for check in CHECKS.get_all() if check.__name__ in _CHECKS]
    assert len(checks) == len(_CHECKS)

    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=served, session=session, checks=checks, timeout=30)

    ask()
