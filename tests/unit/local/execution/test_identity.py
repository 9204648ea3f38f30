# SPDX-License-Identifier: MIT
"""The account, region and keys that functions see."""

from __future__ import annotations

from fc_async_local.execution.machine.identity import Identity


def test_the_keys_are_in_no_repr() -> None:
    identity = Identity(access_key_id="my-id", access_key_secret="my-secret", security_token="tok")
    assert "my-" not in repr(identity)
    assert "tok" not in repr(identity)
