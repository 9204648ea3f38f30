# SPDX-License-Identifier: MIT
"""Every pair of policies of one handler does what both promise, on virtual time."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.events import handler
from fc_async_sdk.idempotency import by_field, idempotent
from fc_async_sdk.ordering import Concurrency, Debounce
from fc_async_sdk.pacing import Pace
from fc_async_sdk.payloads import FolderStore
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.ordering.conftest import Runs

POLICIES = ("debounce", "concurrency", "pace", "idempotent", "large")


class Message(msgspec.Struct):
    order: int
    text: str


def policies(names: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Return the options of a handler, over one store."""
    store = MemoryStore()
    options: dict[str, Any] = {
        "debounce": Debounce("newest", 3, store=store),
        "concurrency": Concurrency("single", 1, store=store, order=True),
        "pace": Pace("slow", "1/10s", store=store),
        "idempotent": idempotent(store, key=by_field("order")),
        "large": FolderStore(folder),
    }
    return {name: options[name] for name in names}


def send(fc_local: FcLocal, options: dict[str, Any], text: str) -> list[Any]:
    """Send three messages, of which the second is the first again; return their handles."""
    of_sender = {name: value for name, value in options.items() if name != "idempotent"}
    if "debounce" in options:
        of_sender.pop("pace", None)  # the handler books the slot
    reply = fc_local.client.function("reply", payload=Message, **of_sender)
    return [reply.spawn(Message(order, text)) for order in (1, 1, 2)]


def promised(names: tuple[str, ...]) -> list[int]:
    """Return the orders that run."""
    if "debounce" in names:
        return [2]
    return [1, 2] if "idempotent" in names else [1, 1, 2]


@pytest.mark.parametrize("names", [*combinations(POLICIES, 2), POLICIES], ids="+".join)
def test_each_policy_keeps_its_promise_beside_the_others(
    names: tuple[str, ...],
    fc_local: FcLocal,
    deploy: Callable[..., None],
    runs: Runs,
    tmp_path: Path,
) -> None:
    runs.seconds = 1
    options = policies(names, tmp_path)
    deploy(handler(Message, **options)(runs))
    text = "x" * (120_000 if "large" in names else 10)
    tasks = send(fc_local, options, text)
    fc_local.run_until_idle()
    assert {message.text for message in runs.payloads} == {text}
    orders = [message.order for message in runs.payloads]
    assert sorted(orders) == promised(names)
    if "concurrency" in names:
        assert (runs.most, orders) == (1, promised(names))
    if "pace" in names:
        assert all(later - earlier >= 9 for earlier, later in pairwise(runs.starts))
    results = [task.result()["order"] for task in tasks]
    assert results == ([2, 2, 2] if "debounce" in names else [1, 1, 2])


def test_what_is_not_a_policy_is_refused_where_the_handler_is_made() -> None:
    for name in POLICIES:
        with pytest.raises(InvalidParameter, match=name):
            handler(Message, **{name: 3})  # type: ignore[call-overload]
