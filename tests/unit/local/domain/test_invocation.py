# SPDX-License-Identifier: MIT
"""The records of the runtime."""

from __future__ import annotations

import msgspec

from fc_async_local.domain.invocation import HttpHead, Invocation

HEAD = HttpHead(method="POST", target="/orders?x=1", headers=(("authorization", "secret"),))


def test_the_headers_of_a_request_are_not_shown() -> None:
    assert repr(HEAD) == "HttpHead(POST /orders?x=1)"


def test_an_invocation_gives_back_the_request_that_it_keeps() -> None:
    kept = Invocation(
        request_id="r",
        task_id="t",
        function="f",
        qualifier="LATEST",
        payload=b"",
        accepted_at=0,
        due_at=0,
        task_mode=True,
        http=msgspec.json.encode(HEAD),
    )
    assert kept.http_head == HEAD
    assert msgspec.structs.replace(kept, http=None).http_head is None
