# SPDX-License-Identifier: MIT
"""Queues, topics and buses: their messages as events and raw; send, look, purge."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.sync_api import expect

from fc_async_local.services.mns.model import Draft

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow


class Channel(NamedTuple):
    kind: str
    title: str
    body: str = '{"id": 1.10}'
    tag: str = ""
    keys: str = ""


CHANNELS = [
    Channel("queue", "queue"),
    Channel("topic", "topic", tag="paid"),
    Channel("rocketmq", "RocketMQ topic", tag="paid", keys="order-7"),
    Channel("bus", "event bus", '{"source": "my.app", "type": "order:Paid", "data": {"id": 1.10}}'),
]
each_kind = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.kind)


def create(fc_local: FcLocal, kind: str, name: str) -> str:
    """Make a queue, topic or bus; returns its ARN."""
    if kind == "rocketmq":
        return fc_local.create_rocketmq_topic("MQ_INST_1", name)
    make = {"queue": fc_local.create_queue, "topic": fc_local.create_topic}
    return make.get(kind, fc_local.create_bus)(name)


def messages(admin: Admin, channel: Channel, name: str) -> list[dict[str, Any]]:
    instance = "MQ_INST_1" if channel.kind == "rocketmq" else ""
    query = urllib.parse.urlencode({"name": name, "instance": instance})
    found: list[dict[str, Any]] = admin("GET", f"/channels/{channel.kind}/messages?{query}")[
        "messages"
    ]
    return found


def show(page: Page, name: str) -> None:
    page.goto("/console#/destinations")
    page.get_by_role("link", name=name).click()
    page.get_by_role("form", name="Send a message").wait_for()


def opened(page: Page, text: str) -> Locator:
    """Open the message whose headline has this text."""
    message = page.locator("details", has=page.locator("summary", has_text=text))
    message.locator("summary").click()
    return message


@each_kind
def test_a_message_is_sent_looked_at_and_purged(
    page: Page, fc_local: FcLocal, admin: Admin, channel: Channel
) -> None:
    create(fc_local, channel.kind, "orders")
    create(fc_local, channel.kind, "others")
    show(page, "orders")
    page.get_by_text("No messages.").wait_for()
    form = page.get_by_role("form", name="Send a message")
    form.get_by_role("textbox").first.fill(channel.body)
    for field, value in (("Tag", channel.tag), ("Keys", channel.keys)):
        assert form.get_by_label(field).count() == bool(value)
        if value:
            form.get_by_label(field).fill(value)
    form.get_by_role("button", name="Send").click()
    page.get_by_text("Sent: ").wait_for()

    (sent,) = messages(admin, channel, "orders")
    assert "1.10" in sent["body"]
    assert sent["attributes"].get("tag", "") == channel.tag
    assert f"KEYS:{channel.keys}|" == sent["attributes"].get("properties", "KEYS:|")
    headline = "my.app · order:Paid" if channel.kind == "bus" else sent["id"]
    message = opened(page, headline)
    expect(message.get_by_role("region", name="Raw body").locator("pre")).to_contain_text("1.10")
    for value in (channel.tag, channel.keys):
        message.locator("dd").filter(has_text=value).first.wait_for()
    assert len(messages(admin, channel, "orders")) == 1

    page.get_by_role("button", name="Purge…").click()
    page.get_by_role("dialog", name="Purge orders").get_by_role("button", name="Cancel").click()
    assert len(messages(admin, channel, "orders")) == 1
    page.get_by_role("button", name="Purge…").click()
    page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True).click()
    page.get_by_text("1 message purged.").wait_for()
    page.get_by_text("No messages.").wait_for()
    assert messages(admin, channel, "orders") == []


@each_kind
def test_the_event_of_a_destination_is_shown_as_event_and_raw(
    page: Page, fc_local: FcLocal, channel: Channel
) -> None:
    arn = create(fc_local, channel.kind, "results")
    fc_local.deploy(
        "orders",
        lambda *_: {"id": 12345678901234567890},
        async_config={"destinationConfig": {"onSuccess": {"destination": arn}}},
    )
    fc_local.client.invoke_async("orders", b"{}")
    fc_local.run_until_idle()
    show(page, "results")
    page.get_by_role("row", name="results").get_by_text(channel.title).wait_for()
    message = opened(page, "orders · success")
    event = message.get_by_role("region").filter(has_text="12345678901234567890").first
    event.get_by_text('"functionArn"').wait_for()
    # The body of a queue or a topic of MNS is base64, which is what a consumer gets.
    raw = message.get_by_role("region", name="Raw body").locator("pre").inner_text()
    assert raw.startswith("{") == (channel.kind in ("rocketmq", "bus"))
    for fact in ("function", "outcome", "attempts", "Message id"):
        message.get_by_text(fact, exact=True).first.wait_for()


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [("bus", "[]", "InvalidEvent"), ("bus", "no JSON", "InvalidEvent"), ("queue", "\ufffe", "")],
)
def test_a_message_that_is_refused_is_not_sent_and_the_reason_is_shown(
    page: Page, fc_local: FcLocal, admin: Admin, kind: str, body: str, error: str
) -> None:
    create(fc_local, kind, "orders")
    show(page, "orders")
    form = page.get_by_role("form", name="Send a message")
    form.get_by_role("textbox").first.fill(body)
    form.get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text(error).wait_for()
    expect(form.get_by_role("textbox").first).to_have_value(body)
    assert messages(admin, Channel(kind, ""), "orders") == []


def test_a_runtime_without_queues_says_how_they_are_made(page: Page) -> None:
    page.goto("/console#/destinations")
    page.get_by_text("No queues, topics or buses yet.").wait_for()


def test_messages_that_are_held_or_delayed_are_counted_apart(page: Page, fc_local: FcLocal) -> None:
    fc_local.create_queue("orders")
    mns = fc_local.runtime.services.mns
    drafts = [Draft(message_id=f"M{delay}", body="x", delay_seconds=delay) for delay in (0, 0, 60)]
    fc_local.runtime.call(mns.send("orders", drafts))
    fc_local.runtime.call(mns.receive("orders", limit=1))
    page.goto("/console#/destinations")
    row = page.get_by_role("row", name="orders")
    row.get_by_text("received 1 · delayed 1").wait_for()
    row.get_by_role("cell", name="3", exact=True).wait_for()


@each_kind
def test_failed_events_are_replayed_once_asked(
    page: Page, fc_local: FcLocal, admin: Admin, channel: Channel
) -> None:
    seen: list[bytes] = []

    def handler(event: bytes, _: object) -> None:
        seen.append(event)
        if len(seen) == 1:
            raise ValueError("not yet")

    to = {"destination": create(fc_local, channel.kind, "failures")}
    config = {"asyncTask": True, "maxAsyncRetryAttempts": 0, "destinationConfig": {"onFailure": to}}
    fc_local.deploy("orders", handler, async_config=config)
    show(page, "failures")
    page.get_by_text("No messages.").wait_for()
    expect(page.get_by_role("button", name="Replay failed…")).to_have_count(0)
    fc_local.client.invoke_async("orders", b"\x89")
    fc_local.run_until_idle()
    page.get_by_role("button", name="Replay failed…").click()
    page.get_by_role("dialog", name="Replay failed events of failures").get_by_role(
        "button", name="Replay", exact=True
    ).click()
    page.get_by_text("1 accepted, 0 of them before.").wait_for()
    fc_local.run_until_idle()
    assert seen == [b"\x89", b"\x89"]
    assert len(messages(admin, channel, "failures")) == (0 if channel.kind == "queue" else 1)
