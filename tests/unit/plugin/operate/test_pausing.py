# SPDX-License-Identifier: MIT
"""Pausing a function of an account, against the protocol of the service; not tried on one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.operate import pausing
from fc_async_plugin.project import paused
from fc_async_plugin.project.paused import Pause
from fc_async_sdk.errors import FunctionNotFound, ServiceError

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal
    from fc_async_sdk import Client


class Refusing:
    """A client for which the service refuses some operations, or ends the command before them.

    Attributes:
        refused: Names of methods; what the service answers or what is raised instead.
    """

    def __init__(self, client: Client, **refused: Exception) -> None:
        self._client = client
        self.refused = refused

    def __getattr__(self, name: str) -> Any:
        if name in self.refused:

            def refuse(*_: Any, **__: Any) -> None:
                raise self.refused[name]

            return refuse
        return getattr(self._client, name)


class Killed(BaseException):
    """The process ends."""


def forbidden() -> ServiceError:
    return ServiceError(
        code="AccessDenied",
        message="not allowed",
        http_status=403,
        request_id="R",
        operation="",
    )


@pytest.fixture
def client(fc_local: FcLocal) -> Client:
    fc_local.deploy("orders", lambda *_: "paid")
    return fc_local.client


def reserved(client: Client) -> int | None:
    return pausing.reserved_of("orders", client)


def tags(client: Client) -> Pause | None:
    return paused.read(client.get_function("orders").tags)


def yes(_: str) -> None:
    """Agree."""


@pytest.mark.parametrize("before", [None, 31])
def test_the_reservation_becomes_0_and_what_it_was_again(
    client: Client, before: int | None
) -> None:
    if before is not None:
        client.put_concurrency_config("orders", reserved_concurrency=before)
    began = pausing.pause_in_account("orders", client, yes)
    assert (began.before, began.reserved_concurrency, reserved(client)) == (False, before, 0)
    ended = pausing.resume_in_account("orders", client, 0)
    assert (ended.was_paused, ended.reserved_concurrency, reserved(client)) == (
        True,
        before,
        before,
    )
    assert tags(client) is None


def test_it_says_before_what_happens_to_waiting_calls_and_does_nothing_after_a_no(
    client: Client,
) -> None:
    said: list[str] = []

    def no(text: str) -> None:
        said.append(text)
        raise PluginError("nothing was changed")

    with pytest.raises(PluginError):
        pausing.pause_in_account("orders", client, no)
    assert "throttled and retried" in said[0]
    assert "5 hours or their maximum age" in said[0]
    assert (reserved(client), tags(client)) == (None, None)


def test_a_second_pause_keeps_what_the_first_has_noted(client: Client) -> None:
    client.put_concurrency_config("orders", reserved_concurrency=31)
    first = pausing.pause_in_account("orders", client, yes)
    second = pausing.pause_in_account("orders", client, yes)
    assert (second.before, second.since, second.reserved_concurrency) == (True, first.since, 31)


def test_a_refused_reservation_leaves_nothing_behind(client: Client) -> None:
    refusing: Any = Refusing(client, put_concurrency_config=forbidden())
    with pytest.raises(ServiceError, match="not allowed"):
        pausing.pause_in_account("orders", refusing, yes)
    assert (reserved(client), tags(client)) == (None, None)


def test_a_refused_tag_changes_nothing(client: Client) -> None:
    refusing: Any = Refusing(client, send=forbidden())
    with pytest.raises(ServiceError, match="not allowed"):
        pausing.pause_in_account("orders", refusing, yes)
    assert (reserved(client), tags(client)) == (None, None)


def test_a_refused_resume_keeps_the_pause_and_what_it_restores(client: Client) -> None:
    client.put_concurrency_config("orders", reserved_concurrency=31)
    pausing.pause_in_account("orders", client, yes)
    refusing: Any = Refusing(client, put_concurrency_config=forbidden())
    with pytest.raises(ServiceError, match="not allowed"):
        pausing.resume_in_account("orders", refusing, 0)
    pausing.resume_in_account("orders", client, 0)
    assert reserved(client) == 31


def test_a_pause_that_was_killed_in_between_is_completed_by_the_next(client: Client) -> None:
    client.put_concurrency_config("orders", reserved_concurrency=31)
    killed: Any = Refusing(client, put_concurrency_config=Killed())
    with pytest.raises(Killed):
        pausing.pause_in_account("orders", killed, yes)
    assert reserved(client) == 31
    pausing.pause_in_account("orders", client, yes)
    assert reserved(client) == 0
    pausing.resume_in_account("orders", client, 0)
    assert reserved(client) == 31


def test_a_resume_that_was_killed_in_between_is_completed_by_the_next(client: Client) -> None:
    client.put_concurrency_config("orders", reserved_concurrency=31)
    pausing.pause_in_account("orders", client, yes)
    killed: Any = Refusing(client, send=Killed())
    with pytest.raises(Killed):
        pausing.resume_in_account("orders", killed, 0)
    pausing.resume_in_account("orders", client, 0)
    assert (reserved(client), tags(client)) == (31, None)


def test_a_reservation_of_0_that_is_not_a_pause_is_left_alone(client: Client) -> None:
    client.put_concurrency_config("orders", reserved_concurrency=0)
    for attempt in (
        lambda: pausing.pause_in_account("orders", client, yes),
        lambda: pausing.resume_in_account("orders", client, 0),
    ):
        with pytest.raises(PluginError, match="no tag fc-async-paused"):
            attempt()
    assert reserved(client) == 0


def test_a_rate_is_refused_with_the_reason(client: Client) -> None:
    pausing.pause_in_account("orders", client, yes)
    with pytest.raises(PluginError, match="--at cannot be kept in an account"):
        pausing.resume_in_account("orders", client, 40_000)
    assert reserved(client) == 0


def test_what_is_not_paused_is_not_resumed(client: Client) -> None:
    assert not pausing.resume_in_account("orders", client, 0).was_paused


def test_a_function_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(FunctionNotFound):
        pausing.pause_in_account("order", client, yes)


def test_tags_of_others_are_not_believed() -> None:
    assert paused.read([{"Key": "fc-async-paused", "Value": "5; drop"}]) is None
    assert paused.read([{"Key": "team", "Value": "5.1"}]) is None
    assert paused.read(None) is None
    assert paused.read([{"Key": "fc-async-paused", "Value": "none.17"}]) == Pause(None, 17)
