# SPDX-License-Identifier: MIT
"""The headers of a call: each is documented, and unknown ones are told from those of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from fc_async_sdk.spec import request_headers

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "api-coverage.md"


@pytest.mark.lint
@pytest.mark.parametrize("header", request_headers.CALL_HEADERS, ids=lambda header: header.name)
def test_a_reader_finds_what_happens_to_each_header_of_a_call(header):
    cells = (f"`{header.name}`", header.clients, header.synchronous, header.asynchronous)
    assert f"| {' | '.join(cells)} |\n" in PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("x-fc-async-delay", True),
        ("x-fc-trace-id", True),
        ("x-fc-tracing-opentracing-span-context-baggage-user", True),
        ("traceparent", True),
        ("x-acs-date", True),
        ("x-fc-async-dely", False),
        ("x-fc-tracing", False),
    ],
)
def test_a_misspelled_header_is_unknown_and_those_of_others_are_not(name, known):
    assert request_headers.is_known(name) is known
