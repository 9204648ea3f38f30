# SPDX-License-Identifier: MIT
"""Which callers may use the runtime."""

from __future__ import annotations

import pytest

from fc_async_local.http.edge import origin_refusal


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:9900", "localhost:9900", "LOCALHOST", "[::1]:9900", "fc.localhost"],
)
def test_loopback_names_may_call(host: str) -> None:
    assert origin_refusal(host, "") == ""
    assert origin_refusal(host, f"http://{host}") == ""
