# SPDX-License-Identifier: MIT
"""`validate --live` and `graph --live` see what the local runtime has and no template says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

QUEUE = "acs:mns:cn-hangzhou::/queues/dead/messages"


def arn(name: str) -> str:
    return f"acs:fc:cn-hangzhou::functions/{name}"


def config(success: str) -> dict[str, Any]:
    return {
        "destinationConfig": {
            "onSuccess": {"destination": success},
            "onFailure": {"destination": QUEUE},
        }
    }


@pytest.fixture
def write(project: Path) -> Callable[..., None]:
    """Writes s.yaml: the asynchronous configuration by function."""

    def write(**blocks: dict[str, Any]) -> None:
        functions = {name: {"asyncInvokeConfig": block} for name, block in blocks.items()}
        (project / "s.yaml").write_text(template(**functions))

    return write


def test_a_cycle_through_what_is_live_is_found(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(arn("b")), b=config(QUEUE))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    write(b=config(arn("a")))
    assert fc_async("validate", "--ignore", "FCA040").code == 0
    found = fc_async("validate", "--live")
    assert found.code == 1
    assert "live in the account" in found.out
    assert "← cycle" in fc_async("graph", "--live").out


def test_a_destination_that_exists_nowhere_is_an_error_with_live(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(arn("b")))
    assert fc_async("validate").code == 0
    found = fc_async("validate", "--live")
    assert found.code == 1
    assert "neither in a template nor in the account" in found.out


def test_a_qualifier_that_does_not_exist_is_an_error(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(QUEUE))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    write(a={"qualifier": "prod", **config(QUEUE)})
    assert "FCA043" in fc_async("validate", "--live").out
    version = fc_local.client.publish_function_version("a").version_id
    fc_local.client.create_alias("a", "prod", version_id=version)
    assert fc_async("validate", "--live").code == 0


def test_what_live_does_not_look_for_is_named(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(QUEUE))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    found = fc_async("validate", "--live")
    assert found.code == 0
    assert "Not looked for in the account: queue dead" in found.err
    assert "Not looked for" not in fc_async("validate").err
