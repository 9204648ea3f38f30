# SPDX-License-Identifier: MIT
"""`validate --live` and `graph --live` see what the local runtime has and no template says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mns.queue import QueueMeta

from fc_async_plugin.account.channels import Channels
from fc_async_sdk.errors import AccessDenied
from fc_async_tests.nodes import mns
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

QUEUE = "acs:mns:cn-hangzhou::/queues/dead/messages"
TOPIC = "acs:mns:cn-hangzhou::/topics/news/messages"


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
    write(a=config(TOPIC))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    found = fc_async("validate", "--live")
    assert found.code == 0
    assert "Not looked for in the account: topic news" in found.err
    assert "Not looked for" not in fc_async("validate").err


def test_a_failure_queue_that_does_not_exist_is_named(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(TOPIC))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    assert "Not in the account: queue dead" in fc_async("validate", "--live").err
    assert fc_async("deploy", "-y", "--create-missing").code == 0
    assert "queue dead" not in fc_async("validate", "--live").err


def test_a_failure_queue_that_drops_its_messages_after_four_days_is_found(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    """The payloads of a long weekend were gone, and no command had said so."""
    with mns(fc_local.mns_endpoint) as account:
        account.get_queue("dead").create(QueueMeta())
    write(a=config(TOPIC))
    assert fc_async("deploy", "-y", "--with-functions").code == 0
    found = fc_async("validate", "--live")
    assert "FCA058" in found.out
    assert "queue dead keeps a failure for 4 days" in found.out
    assert "FCA058" not in fc_async("validate").out


def test_the_queue_that_a_deployment_makes_keeps_failures_for_the_longest_time(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(a=config(TOPIC))
    assert fc_async("deploy", "-y", "--with-functions", "--create-missing").code == 0
    assert "FCA058" not in fc_async("validate", "--live").out


def test_a_queue_that_cannot_be_read_is_named_and_the_rest_is_checked(
    fc_async: Callable[..., Ran],
    write: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keys of a pipeline may read functions and no queues."""

    def refuse(*_: object) -> None:
        raise AccessDenied("AccessDenied", "not allowed", http_status=403)

    monkeypatch.setattr(Channels, "retention", refuse)
    write(a=config(arn("b")))
    found = fc_async("validate", "--live")
    assert "neither in a template nor in the account" in found.out
    assert "Not looked for in the account: queue dead" in found.err
