# SPDX-License-Identifier: MIT
"""Deliveries to a function."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.destinations.function import FunctionDestination
from fc_async_local.domain.errors import Rejected
from fc_async_local.engine.ports import Accepted
from fc_async_local.settings import DestinationSettings
from fc_async_tests.invocations import a_delivery

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import InvokeRequest

PATH = ("acs:fc:cn-hangzhou:1:functions/a",)


class Invoker:
    """Keeps what it was asked for, or refuses it."""

    def __init__(self, refusal=None) -> None:
        self.calls = []
        self.refusal = refusal

    async def invoke_async(self, request: InvokeRequest) -> Accepted:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append((request.function, request.qualifier, request.payload, request.call_path))
        return Accepted("r2", "r2")


def deliver(invoker, document=b"{}", target="b", **settings) -> Any:
    delivery = a_delivery(
        destination=f"acs:fc:cn-hangzhou:1:functions/{target}", document=document, call_path=PATH
    )

    async def has_http(function) -> Any:
        return function == "web"

    return asyncio.run(
        FunctionDestination(invoker, has_http, DestinationSettings(**settings)).deliver(
            delivery, now=0
        )
    )


@pytest.mark.parametrize(
    ("target", "qualifier"), [("b", "LATEST"), ("b/prod", "prod"), ("b/3", "3")]
)
def test_the_function_gets_the_document_and_the_trail(target, qualifier) -> None:
    invoker = Invoker()
    assert deliver(invoker, b'{"a":1}', target) == DeliveryResult(202, reference="r2")
    assert invoker.calls == [("b", qualifier, b'{"a":1}', PATH)]


@pytest.mark.parametrize(("size", "status"), [(131_072, 202), (131_073, 413)])
def test_the_limit_is_that_of_an_asynchronous_payload(size, status) -> None:
    invoker = Invoker()
    assert deliver(invoker, b"x" * size).status == status
    assert len(invoker.calls) == (status == 202)


@pytest.mark.parametrize(
    "refusal",
    [
        Rejected(404, "FunctionNotFound", "no function b"),
        Rejected(429, "ResourceThrottled", "the queue is full"),
        Rejected(503, "ServiceUnavailable", "the store is away"),
    ],
)
def test_a_refusal_is_reported_as_it_is(refusal) -> None:
    result = deliver(Invoker(refusal))
    assert result == DeliveryResult(refusal.status, refusal.code, refusal.message)


def test_a_function_with_an_http_trigger_gets_the_document_unless_a_setting_refuses_it() -> None:
    invoker = Invoker()
    assert deliver(invoker, target="web").status == 202
    assert len(invoker.calls) == 1


def test_a_function_with_an_http_trigger_is_refused_when_the_setting_says_so() -> None:
    invoker = Invoker()
    result = deliver(invoker, target="web", http_destinations="refuse")
    assert (result.status, result.code) == (400, "InvalidDestinationResources")
    assert invoker.calls == []
