# SPDX-License-Identifier: MIT
"""Which callers may use the runtime."""

from __future__ import annotations

import pytest

from fc_async_local.http import origin


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:9900", "localhost:9900", "LOCALHOST", "[::1]:9900", "fc.localhost"],
)
def test_loopback_names_may_call(host: str) -> None:
    assert origin.refusal(host, "") == ""
    assert origin.refusal(host, f"http://{host}") == ""
