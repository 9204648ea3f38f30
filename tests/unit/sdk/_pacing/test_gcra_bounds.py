# SPDX-License-Identifier: MIT
"""Bounds of a pace over many messages: what the delays of senders add up to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import client
from fc_async_sdk._pacing import gcra, hop
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import SqliteStore
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_sdk.stores import Store

NOW = 1_790_000_000_000_000
RATE = 25


class Sender:
    """A producer with a pace and a clock of its own; starts are in microseconds from NOW."""

    def __init__(self, store: Store, *, smooth: bool, begins: int = 0) -> None:
        self.now = NOW + begins
        self.starts: list[int] = []
        self.pace = Pace(
            "crm", RATE, store=store, smooth=smooth, clock=lambda: self.now / gcra.SECOND
        )

    def send(self, count: int) -> None:
        with client(endpoint_url="http://127.0.0.1:9") as made:
            vars(made)["_perform"] = self._accept
            assert made.fan_out("crm", range(count), pace=self.pace).run().failures == []

    def _accept(self, _: object, __: object, arguments: dict[str, Any], **___: object) -> Any:
        found = hop.read(arguments["payload"])
        wait = (arguments["delay"] or 0) * gcra.SECOND + (found.part if found else 0)
        self.starts.append(self.now + wait - NOW)
        return AcceptedInvocation(request_id="r")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = SqliteStore(tmp_path / "paces.db")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("count", "producers", "smooth"),
    [
        (2_000, 4, False),
        (2_000, 4, True),
        *(
            pytest.param(10_000, producers, smooth, marks=pytest.mark.slow)
            for producers in (1, 4)
            for smooth in (False, True)
        ),
    ],
)
def test_no_window_has_more_starts_than_the_documentation_says(
    store: Store, count: int, producers: int, smooth: bool
) -> None:
    senders = [Sender(store, smooth=smooth, begins=number * 237_111) for number in range(producers)]
    forecast = senders[0].pace.forecast(count)
    for sender in senders:
        sender.send(count // producers)
    starts = [start for sender in senders for start in sender.starts]
    assert len(starts) == count
    for seconds in range(1, 61):
        most = RATE * seconds + 1 if smooth else RATE * (seconds + 1)
        assert most_in_a_window(starts, seconds * gcra.SECOND) <= most
    assert max(starts) / gcra.SECOND == pytest.approx(forecast.seconds, rel=0.01)


def test_a_night_of_thirty_hours_keeps_every_slot_and_has_no_wave() -> None:
    pace = Pace("crm", "1/10s", max_hops=31, clock=lambda: NOW / gcra.SECOND)
    slots = pace.book(10_800)
    arrivals: Counter[int] = Counter()
    starts = []
    for index in range(slots.size):
        now = NOW
        seconds = gcra.whole_seconds(slots.at(index), now)
        spread = slots.at(index) // slots.interval
        delay, event = hop.first(b"7", seconds=seconds, part=0, spread=spread, task="night-7")
        now += delay * gcra.SECOND
        message = hop.read(event)
        while message is not None and (left := hop.remaining(message, now / gcra.SECOND)):
            arrivals[(now - NOW) // (60 * gcra.SECOND)] += 1
            delay, message = hop.onward(message, left, now / gcra.SECOND)
            now += delay * gcra.SECOND
        assert message is None or message.count <= 31
        starts.append(now)
    assert starts == [slots.at(index) for index in range(slots.size)]
    assert len(set(starts)) == 10_800
    # 10,800 messages that are delivered once an hour at least are 180 a minute.
    assert max(arrivals.values()) <= 180 * 1.25
