# SPDX-License-Identifier: MIT
"""triggers list and triggers fire, against the local runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_tests.commands import notes
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

Seen = list[bytes]


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Seen:
    """What ``orders`` got; it has a timer and an OSS trigger."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    got: Seen = []
    fc_local.deploy("orders", lambda event, _: got.append(event))
    fc_local.client.create_trigger(
        "orders",
        "nightly",
        trigger_type="timer",
        trigger_config={"cronExpression": "0 0 4 * * *", "enable": True, "payload": "go"},
    )
    fc_local.client.create_trigger(
        "orders",
        "upload",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:123:uploads",
        trigger_config={
            "events": ["oss:ObjectCreated:*"],
            "filter": {"key": {"prefix": "in/", "suffix": ".zip"}},
        },
    )
    return got


def test_triggers_are_listed_with_the_next_firing_of_a_timer(
    seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["triggers", "list"]) == 0
    heading, nightly, upload = capsys.readouterr().out.splitlines()
    assert heading.split() == ["function", "trigger", "type", "next", "fired", "state", "source"]
    assert nightly.split()[:3] == ["orders", "nightly", "timer"]
    assert nightly.endswith("0  active  0 0 4 * * *")
    assert upload.split()[:6] == ["orders", "upload", "oss", "-", "0", "active"]
    assert upload.endswith("bucket uploads, in/*.zip")


def test_triggers_are_listed_as_json(seen: Seen, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["triggers", "list", "orders", "-o", "json"]) == 0
    nightly, upload = json.loads(capsys.readouterr().out)["triggers"]
    assert len(nightly["nextFirings"]) == 3
    assert (upload["triggerName"], upload["nextFirings"]) == ("upload", [])


def test_a_function_without_triggers_is_said_to_have_none(
    seen: Seen, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    fc_local.deploy("other", lambda *_: None)
    assert run(["triggers", "list", "other"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, notes(captured.err)) == ("", "other has no triggers\n")


@pytest.mark.parametrize("command", [["triggers", "list", "order"], ["metrics", "order"]])
def test_of_a_function_that_does_not_exist_no_number_is_claimed(
    seen: Seen, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 1
    error = capsys.readouterr().err
    assert "function 'order' does not exist" in error
    assert "Did you mean orders?" in error


def test_a_function_is_named_by_its_resource_too(
    seen: Seen, fc_local: FcLocal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.yaml").write_text(template(sale="functionName: orders"))
    assert run(["triggers", "list", "sale"]) == 0
    assert "nightly" in capsys.readouterr().out
    assert run(["triggers", "fire", "sale", "nightly"]) == 0
    assert "fired orders/nightly" in capsys.readouterr().out
    fc_local.run_until_idle()
    assert len(seen) == 1


def test_a_trigger_is_fired_with_its_own_event_or_with_another(
    seen: Seen, fc_local: FcLocal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "event").write_bytes(b"\xff from a file")
    for arguments in ([], ["-e", "mine"], ["-f", "event"]):
        assert run(["triggers", "fire", "orders", "nightly", *arguments]) == 0
        fc_local.advance(1)
    assert capsys.readouterr().out.startswith("fired orders/nightly: request 1-")
    assert json.loads(seen[0])["payload"] == "go"
    assert seen[1:] == [b"mine", b"\xff from a file"]


def test_an_event_of_an_object_fires_the_triggers_that_match(
    seen: Seen, fc_local: FcLocal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.zip").write_bytes(b"content")
    sent = ["triggers", "fire", "--oss-object", "oss://uploads/in/a.zip"]
    assert run([*sent, "--oss-file", "a.zip"]) == 0
    fc_local.advance(1)
    (element,) = json.loads(seen[0])["events"]
    described = element["oss"]["object"]
    assert (described["key"], described["size"]) == ("in/a.zip", 7)
    assert described["eTag"] == "9A0364B9E99BB480DD25E1F0284C8555"
    assert "upload" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["oss://uploads/out/a.zip"], "no OSS trigger matches"),
        (["oss://other/in/a.zip"], "in bucket other"),
        (["oss://uploads//in/a.zip"], "key '/in/a.zip' is invalid"),
        (
            ["oss://uploads/in/a.zip", "--oss-event", "Written"],
            "event 'Written' does not exist",
        ),
        (["uploads/in/a.zip"], "--oss-object must be oss://BUCKET/KEY, got 'uploads/in/a.zip'"),
        (["oss://uploads/in/a.zip", "orders", "nightly"], "name a function and its trigger, or"),
    ],
)
def test_an_event_that_fires_no_trigger_is_an_error(
    seen: Seen, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["triggers", "fire", "--oss-object", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert seen == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fire", "orders", "missing"], "TriggerNotFound"),
        (["fire", "missing", "nightly"], "TriggerNotFound"),
        (["fire", "orders", "nightly", "-e", "a", "-f", "b"], "with -e or with -f"),
        (["list", "--endpoint", "https://fcv3.cn-hangzhou.aliyuncs.com"], "only a local runtime"),
    ],
)
def test_what_cannot_be_fired_or_shown_is_an_error(
    seen: Seen, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["triggers", *arguments]) == 1
    assert message in capsys.readouterr().err
