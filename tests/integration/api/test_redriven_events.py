# SPDX-License-Identifier: MIT
"""An event that is sent again is counted once: as delivered, or as lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.report import graphs
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

QUEUE = "acs:mns:::/queues/missing/messages"


def lose(fc_local: FcLocal, events: int) -> None:
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": QUEUE}}}
    fc_local.deploy("orders", lambda *_: None, async_config=config)
    for _ in range(events):
        fc_local.client.invoke_async("orders", b"{}")
    fc_local.run_until_idle()


def send_again(fc_local: FcLocal) -> None:
    url = f"{fc_local.endpoint}/_local/deliveries/dead/redrive"
    requests.post(url, timeout=5).raise_for_status()
    fc_local.run_until_idle()


def counted(fc_local: FcLocal) -> tuple[int, int]:
    """Return the delivered and the lost events of the only edge."""
    (edge,) = requests.get(f"{fc_local.endpoint}/_local/graph", timeout=5).json()["edges"]
    return edge["delivered"], edge["lost"]


def test_an_event_that_is_given_up_twice_is_lost_once(fc_local: FcLocal) -> None:
    lose(fc_local, 8)
    for _ in range(2):
        send_again(fc_local)
        assert counted(fc_local) == (0, 8)
    shown = graphs.read_counts(fc_local.endpoint).functions["orders"]
    assert (shown.accepted, shown.delivered, shown.lost) == (8, 0, 8)


def test_an_event_that_arrives_when_it_is_sent_again_is_not_lost(fc_local: FcLocal) -> None:
    lose(fc_local, 3)
    fc_local.create_queue("missing")
    send_again(fc_local)
    assert counted(fc_local) == (3, 0)
    shown = graphs.read_counts(fc_local.endpoint).functions["orders"]
    assert (shown.delivered, shown.lost) == (3, 0)


def test_an_event_whose_destination_is_away_again_is_counted_when_that_is_over(
    fc_local: FcLocal,
) -> None:
    lose(fc_local, 1)
    fc_local.create_queue("missing")
    fc_local.fail_destination(QUEUE, status=503, times=2)
    send_again(fc_local)
    assert counted(fc_local) == (1, 0)
