# SPDX-License-Identifier: MIT
"""A redrive has an id and a record: it is listed, shown, paused, resumed and stopped."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from fc_async_plugin.account import lists
from fc_async_plugin.operate.redrives import ledger, paces
from fc_async_plugin.operate.redrives.record import Chosen, Source
from fc_async_sdk.errors import ConnectFailed
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

    Command = Callable[..., Any]

CONFIG: Final[Any] = {"asyncTask": True, "maxAsyncRetryAttempts": 0}


class Partner:
    """A function whose partner is down until it is mended, and what it was called with."""

    def __init__(self, runtime: FcLocal) -> None:
        self.called: list[bytes] = []
        self.is_down = True
        self._runtime = runtime
        runtime.deploy("orders", self, async_config=CONFIG)

    def __call__(self, event: bytes, _: object) -> None:
        self.called.append(event)
        if self.is_down:
            raise ConnectionError("partner is down")

    def fail(self, number: int) -> None:
        """Let orders fail, and mend the partner."""
        list(self._runtime.client.fan_out("orders", list(range(number)), task_ids="order"))
        self._runtime.run_until_idle()
        self.called.clear()
        self.is_down = False


@pytest.fixture
def partner(fc_local: FcLocal) -> Partner:
    return Partner(fc_local)


def shown(fc_async: Command, *arguments: str) -> dict[str, Any]:
    redrive: dict[str, Any] = json.loads(fc_async("redrives", "show", *arguments, "-o", "json").out)
    return redrive


def wait_until_accepted(number: int) -> None:
    """Wait until a redrive that runs has sent so many; output of commands would mix."""
    records = ledger.of_folder()
    while not records.ids() or records.head(None).counts.accepted < number:
        pass


def test_a_redrive_says_what_became_of_its_failures(
    fc_async: Command, fc_local: FcLocal, partner: Partner
) -> None:
    """The list was the same before and after a cure."""
    partner.fail(3)
    done = fc_async("replay", "--failed", "orders", "-y", "-o", "json")
    redrive = json.loads(done.out)["redrive"]
    before = shown(fc_async)
    assert (before["redrive"], before["accepted"], before["left"]) == (redrive, 3, 0)
    fc_local.run_until_idle()
    after = shown(fc_async, redrive)
    assert (after["state"], after["succeededAgain"], after["failedAgain"]) == ("ended", 3, 0)
    text = fc_async("redrives", "show").out
    assert "Accepted: 3 of 3.\nOf these: 3 succeeded, 0 failed again, 0 not ended" in text
    assert redrive in fc_async("redrives", "list").out


def test_cured_failures_fold_away_and_are_counted(
    fc_async: Command, fc_local: FcLocal, partner: Partner
) -> None:
    """The same failures were shown after each of them had been sent again and succeeded."""
    partner.fail(3)
    assert fc_async("tasks", "replay", "orders", "order-0", "order-2", "-y").code == 0
    fc_local.run_until_idle()
    report = json.loads(fc_async("failures", "orders", "-o", "json").out)
    assert (report["cured"], [group["ids"] for group in report["failures"]]) == (2, [["order-1"]])
    assert "Cured: 2 failures, sent again and succeeded." in fc_async("failures", "orders").out
    task = fc_async("tasks", "get", "orders", "order-0").out
    assert re.search(r"^sent again .* → Succeeded  order-0-replay-1$", task, re.MULTILINE)
    fc_async("replay", "--failed", "orders", "-y")
    fc_local.run_until_idle()
    text = fc_async("failures", "orders").out
    assert text.startswith("No other failure was found since 1d.\n\nCured: 3 failures")


def test_a_failure_that_was_sent_again_and_failed_says_so(
    fc_async: Command, fc_local: FcLocal, partner: Partner
) -> None:
    partner.fail(1)
    partner.is_down = True
    fc_async("replay", "--failed", "orders", "-y")
    fc_local.run_until_idle()
    report = json.loads(fc_async("failures", "orders", "-o", "json").out)
    (group,) = report["failures"]
    assert (report["cured"], group["count"]) == (0, 2)
    assert group["sentAgain"]["taskId"] == "order-0-replay-1"
    assert group["sentAgain"]["status"] == "Failed"
    assert re.search(r"^  sent again  .* → Failed$", fc_async("failures").out, re.MULTILINE)


def test_what_fails_again_is_counted(
    fc_async: Command, fc_local: FcLocal, partner: Partner
) -> None:
    partner.fail(2)
    partner.is_down = True
    fc_async("replay", "--failed", "orders", "-y")
    fc_local.run_until_idle()
    after = shown(fc_async)
    assert (after["succeededAgain"], after["failedAgain"]) == (0, 2)


def test_failures_beyond_the_largest_number_are_said_and_are_no_success(
    fc_async: Command, fc_local: FcLocal, partner: Partner
) -> None:
    """10,000 of 20,000 were sent, with exit code 0."""
    partner.fail(3)
    done = fc_async("replay", "--failed", "orders", "--max", "2", "-y")
    assert (done.code, done.out.splitlines()[-1]) == (3, "Accepted: 2 of 2.")
    assert "There are more: 1 failure beyond --max." in done.err
    fc_local.run_until_idle()
    assert len(partner.called) == 2


def test_a_replay_that_could_not_read_the_failures_is_no_success(
    fc_async: Command, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script took "no answer in time" for "nothing has failed"."""
    partner.fail(1)

    def away(*_: object) -> None:
        raise ConnectFailed("no answer in time")

    monkeypatch.setattr(lists, "configs", away)
    done = fc_async("replay", "--failed", "orders", "-y")
    assert (done.code, "tasks of orders: no answer in time" in done.err) == (3, True)


def test_a_redrive_is_paused_while_it_runs_and_resumed(
    fc_async: Command, fresh_process: Command, fc_local: FcLocal, partner: Partner
) -> None:
    """It waits for the slots of 1/min: the pause ends its process before the third is sent."""
    partner.fail(4)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(fc_async, "replay", "--failed", "orders", "--rate", "1/60s", "-y")
        wait_until_accepted(2)
        assert fresh_process("redrives", "pause").code == 0
        paused = running.result()
    assert paused.code == 3
    assert "it was paused. Go on with: fc-async redrives resume rd-" in paused.err
    middle = shown(fc_async)
    assert (middle["state"], middle["chosen"]) == ("paused", middle["accepted"] + middle["left"])
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(fc_async, "redrives", "resume", "-y")
        while not running.done():
            fc_local.advance(30)
        resumed = running.result()
    assert (resumed.code, resumed.out) == (0, "Accepted: 4 of 4.\n")
    fc_local.advance(3_600)
    assert sorted(partner.called) == [b"0", b"1", b"2", b"3"]


def test_a_stopped_redrive_is_not_resumed(fc_async: Command, partner: Partner) -> None:
    partner.fail(1)
    fc_async("replay", "--failed", "orders", "-y")
    assert fc_async("redrives", "stop").code == 0
    done = fc_async("redrives", "resume", "-y")
    assert (done.code, "was stopped: begin another one" in done.err) == (1, True)


@pytest.mark.parametrize("verb", ["show", "pause", "stop", "resume"])
def test_without_a_redrive_the_way_to_begin_one_is_said(
    fc_async: Command, partner: Partner, verb: str
) -> None:
    del partner
    done = fc_async("redrives", verb)
    assert (done.code, "fc-async replay begins one" in done.err) == (1, True)
    unknown = fc_async("redrives", verb, "rd-00000000")
    assert "there is no redrive rd-00000000; the newest first: none" in unknown.err
    assert not Path(".fc-async", "redrives").exists(), "a command that looks makes no files"


def test_a_redrive_of_another_place_is_refused(fc_async: Command, partner: Partner) -> None:
    """Its ids would be sent with the keys of another account."""
    partner.fail(1)
    ledger.of_folder().begin(
        [Chosen(0, "orders", None, ["order-0"])],
        [Source(region="cn-hangzhou", name="tasks")],
        target="account 111",
        pacing=None,
        reader=None,
    )
    done = fc_async("redrives", "resume", "-y")
    assert (done.code, partner.called) == (1, [])
    assert "is of account 111, and this command goes to http://127.0.0.1:" in done.err


def test_a_second_process_takes_a_redrive_over(
    fc_async: Command, fresh_process: Command, fc_local: FcLocal, partner: Partner
) -> None:
    partner.fail(4)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(fc_async, "replay", "--failed", "orders", "--rate", "1/60s", "-y")
        wait_until_accepted(2)
        resume = ["redrives", "resume", "--rate", "1000/s", "--endpoint", fc_local.endpoint, "-y"]
        second = fresh_process(*resume)
        taken = first.result()
    # By the time at which the first looks, the second may have sent the rest.
    assert taken.code in {0, 3}, taken.err
    assert (second.code, second.out) == (0, "Accepted: 4 of 4.\n"), second.err
    fc_local.advance(3_600)
    assert sorted(partner.called) == [b"0", b"1", b"2", b"3"]


def test_a_redrive_shares_the_pace_of_production(
    fc_async: Command, fc_local: FcLocal, partner: Partner, tmp_path: Path
) -> None:
    """Beside a redrive with a pace of its own, the partner gets twice what it can take."""
    partner.fail(10)
    store = tmp_path / "paces.db"
    production = Pace("partner", "1/s", store=SqliteStore(store))
    arguments = ["--pace", "partner", "--rate", "1/s", "--store", f"sqlite:///{store}"]
    counts = [0]

    def advance() -> None:
        fc_local.advance(1)
        counts.append(len(partner.called))

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(fc_async, "replay", "--failed", "orders", *arguments, "-y")
        for number in range(10):
            fc_local.client.invoke_async("orders", f"new-{number}", pace=production)
            advance()
        while not running.done():
            advance()
    for _ in range(30):
        advance()
    assert running.result().code == 0, running.result().err
    assert counts[-1] == 20
    # One more at the edge of a span: the service delays by whole seconds.
    spans = zip(counts, counts[10:], strict=False)
    assert max(later - earlier for earlier, later in spans) <= 11
    assert "redrives" not in {path.name for path in tmp_path.glob(".fc-async/*")}
    listed = fc_async("redrives", "list", "--store", f"sqlite:///{store}").out
    assert "ended" in listed


class Shop:
    """Production: five orders a second to a partner that takes fifteen.

    The incident is at a scale of 1:200: four minutes at 5/s stand for forty at 100/s.
    """

    def __init__(self, runtime: FcLocal, partner: Partner, store: Path) -> None:
        self.counts = [0]
        self.orders: list[bytes] = []
        self._runtime = runtime
        self._partner = partner
        self._pace = Pace("partner", "15/s", store=SqliteStore(store))

    def live(self, seconds: int) -> None:
        """Let a time pass."""
        for _ in range(seconds):
            first = len(self.orders)
            new = [b"%d" % number for number in range(first, first + 5)]
            list(self._runtime.client.fan_out("orders", new, pace=self._pace))
            self.orders += new
            self._runtime.advance(1)
            self.counts.append(len(self._partner.called))


@pytest.mark.slow
def test_an_incident_from_the_first_failure_to_the_last_cure(
    fc_async: Command, fc_local: FcLocal, partner: Partner, tmp_path: Path
) -> None:
    """A partner is down; its failures are sent again beside production, at the pace of both."""
    store = tmp_path / "paces.db"
    shop = Shop(fc_local, partner, store)
    shop.live(240)
    fc_local.run_until_idle()
    failed = len(shop.orders)
    report = json.loads(fc_async("failures", "orders", "-o", "json").out)
    assert [(group["count"], group["error"]) for group in report["failures"]] == [
        (failed, "ConnectionError")
    ]
    partner.is_down = False
    partner.called.clear()
    shop.counts = [0]
    shared = ["--pace", "partner", "--rate", "15/s", "--store", f"sqlite:///{store}"]
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(fc_async, "replay", "--failed", "orders", *shared, "-y")
        while not running.done():
            shop.live(1)
    sent = running.result()
    assert (sent.code, sent.out.splitlines()[-1]) == (0, f"Accepted: {failed:,} of {failed:,}.")
    shop.live(20)
    fc_local.advance(60)
    # In ten seconds the partner got what it takes, and one second of it at the edges.
    spans = zip(shop.counts, shop.counts[10:], strict=False)
    assert max(later - earlier for earlier, later in spans) <= 11 * 15
    assert sorted(partner.called) == sorted(shop.orders), "each order once, nothing else"
    show = ["redrives", "show", "--store", f"sqlite:///{store}"]
    assert f"Of these: {failed:,} succeeded, 0 failed again" in fc_async(*show).out
    after = fc_async("failures", "orders").out
    assert f"Cured: {failed:,} failures, sent again and succeeded." in after


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pace", "partner"], "--pace NAME needs --rate"),
        (["--pace", "partner", "--rate", "1/s"], "--pace NAME needs --store"),
        (["--store", "ftp://host"], "--store must be sqlite:///FILE"),
        (["--rate", "often"], "must be a number of messages a second"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_sent(
    fc_async: Command, fc_local: FcLocal, partner: Partner, arguments: list[str], said: str
) -> None:
    partner.fail(1)
    done = fc_async("replay", "--failed", "orders", *arguments, "-y")
    fc_local.run_until_idle()
    assert (done.code, partner.called) == (1, [])
    assert said in done.err


def test_a_store_does_not_show_its_password() -> None:
    with pytest.raises(Exception, match="--store must be") as error:
        paces.store_of("ftp://user:secret@host/path")
    assert "secret" not in str(error.value)
