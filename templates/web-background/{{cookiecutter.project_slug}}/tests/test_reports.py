"""What a user sees, from the form to the report, and what happens behind it."""

import asyncio
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from fc_async_local.settings import Settings
from fc_async_local.testing import FcLocal

import reports
import summarize
from sheets import Report

SUMMARIZE = "{{ cookiecutter.project_slug }}-summarize"
FAILURES = "{{ cookiecutter.failure_queue }}"
GOOD = "item,price,count\napple,3.5,4\npear,2,10"
SHORT = "item,price\napple,3.5\npear"


class Page(NamedTuple):
    """What a browser shows. `url` is the one after a redirect."""

    status: int
    url: str
    html: str

    @property
    def text(self) -> str:
        body = self.html.partition("<main>")[2]
        return " ".join(unescape(re.sub("<[^>]+>", " ", body)).split())

    @property
    def reloads(self) -> bool:
        return 'http-equiv="refresh"' in self.html


class Site:
    """The web function, as browsers reach it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, url: str = "") -> Page:
        return page_of(requests.get(url or self.url, timeout=30))

    def send(self, headers: dict[str, str] | None = None, **fields: str) -> Page:
        """Send a form and return the answer, not the page to which it leads."""
        done = requests.post(
            self.url, data=fields, headers=headers, timeout=30, allow_redirects=False
        )
        target = requests.compat.urljoin(self.url, done.headers.get("location", ""))
        return page_of(done)._replace(url=target)


def page_of(answer: requests.Response) -> Page:
    return Page(answer.status_code, answer.url, answer.text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder of the test stand for the bucket."""
    for name in ("REPORTS", "LOCAL_REPORTS"):  # this process has handlers of tests
        monkeypatch.setenv(name, str(tmp_path / "reports"))


@pytest.fixture
def fc_local_settings() -> Settings:
    """Return the settings of an account that does not keep what tasks return."""
    return Settings.of(enforce_roles=True, keep_results=False)


@pytest.fixture
def site(deployed: FcLocal) -> Site:
    trigger = deployed.client.get_trigger("{{ cookiecutter.project_slug }}-web", "http")
    assert trigger.http_trigger is not None
    return Site(trigger.http_trigger["urlInternet"])


def work_with(deployed: FcLocal, handler: Callable[[bytes, Any], Any]) -> None:
    """Let a function of this test do the work."""
    deployed.deploy_template(handlers={"summarize": handler})


def test_a_form_is_answered_at_once_and_its_report_appears(deployed: FcLocal, site: Site) -> None:
    form = site.get()
    key = re.search('name="key" value="([^"]+)"', form.html)
    assert key is not None
    sent = site.send(key=key[1], title="Fruit <b>", csv=GOOD)
    assert sent.status == 303
    deployed.run_until_idle()

    report = site.get(sent.url)
    assert "Fruit <b> Succeeded 2 rows" in report.text
    assert "price 2 2 5.5 2 3.5 count 2 2 14 4 10" in report.text
    assert "<b>" not in report.html
    assert not report.reloads


def test_the_page_follows_the_task_and_reloads_itself(deployed: FcLocal, site: Site) -> None:
    started, finish = threading.Event(), threading.Event()

    async def slow(event: bytes, context: Any) -> Any:
        started.set()
        await asyncio.to_thread(finish.wait, 30)
        return summarize.handler(event, context)

    work_with(deployed, slow)
    deployed.fail_function(SUMMARIZE, times=1)
    sheet = {"title": "", "csv": GOOD, "name": "one"}
    deployed.client.invoke_async(SUMMARIZE, sheet, task_id="report-one", delay=60)
    url = f"{site.url}?report=one"
    assert "Enqueued, attempt 1" in site.get(url).text

    deployed.advance(60)
    assert "Retrying, attempt 1" in site.get(url).text
    later = threading.Thread(target=deployed.advance, args=[1])
    later.start()
    assert started.wait(30)
    assert "Running" in site.get(url).text
    assert site.get(url).reloads
    finish.set()
    later.join()
    assert "Succeeded" in site.get(url).text


def test_a_failure_is_retried_shown_and_kept_until_it_is_mended(
    deployed: FcLocal, site: Site
) -> None:
    sent = site.send(csv=SHORT)
    deployed.run_until_idle()

    failed = site.get(sent.url)
    assert "Line 3 has 1 of 2 cells" in failed.text
    assert not failed.reloads
    event = deployed.receive(FAILURES)
    assert event is not None
    assert event.request.json()["csv"] == SHORT
    assert event.attempts == 1 + {{ cookiecutter.retries }}

    def mended(event: bytes, context: Any) -> None:
        reports.keep(json.loads(event)["name"], Report("", 2, []))

    work_with(deployed, mended)
    [task] = deployed.client.list_async_tasks(SUMMARIZE).tasks
    deployed.client.task(SUMMARIZE, task.task_id).replay(task_id="report-again")
    deployed.run_until_idle()
    assert "Succeeded 2 rows" in site.get(sent.url).text


def test_only_an_error_for_users_is_shown_to_them(deployed: FcLocal, site: Site) -> None:
    def broken(event: bytes, context: Any) -> None:
        raise ConnectionError("the password is 12345")

    work_with(deployed, broken)
    sent = site.send(csv=GOOD)
    deployed.run_until_idle()
    failed = site.get(sent.url)
    assert "could not be made" in failed.text
    assert "12345" not in failed.html


def test_a_report_is_shown_for_longer_than_its_task_is_known(deployed: FcLocal, site: Site) -> None:
    sent = site.send(csv=GOOD)
    deployed.advance(8 * 86_400)
    assert deployed.client.list_async_tasks(SUMMARIZE).tasks == ()
    assert "Succeeded 2 rows" in site.get(sent.url).text


def test_a_form_that_is_sent_twice_makes_one_report(deployed: FcLocal, site: Site) -> None:
    key = "0123456789abcdef"
    first, second = site.send(key=key, csv=GOOD), site.send(key=key, csv=GOOD)
    assert (first.status, second.status) == (303, 303)
    assert first.url == second.url
    changed = site.send(key=key, csv=f"{GOOD}\nplum,1,1")
    assert changed.url != first.url

    deployed.duplicate(SUMMARIZE, "redelivery", times=2)
    deployed.run_until_idle()
    tasks = deployed.client.list_async_tasks(SUMMARIZE).tasks
    assert [task.status for task in tasks] == ["Succeeded", "Succeeded"]
    assert "3 rows" in site.get(changed.url).text


def test_a_burst_of_users_is_answered_at_once_and_served_in_turn(
    deployed: FcLocal, site: Site
) -> None:
    finish, working = threading.Event(), [0]

    async def slow(event: bytes, context: Any) -> Any:
        working.append(working[-1] + 1)
        if not finish.is_set():
            await asyncio.to_thread(finish.wait, 30)
        working.append(working[-1] - 1)
        return summarize.handler(event, context)

    work_with(deployed, slow)
    deployed.client.put_concurrency_config(SUMMARIZE, reserved_concurrency=25)
    with ThreadPoolExecutor(20) as users:
        sent = list(users.map(lambda number: site.send(csv=f"n\n{number}"), range(200)))
    assert {answer.status for answer in sent} == {303}
    assert max(working) == working[-1] == 25  # and the others are answered nevertheless

    finish.set()
    deployed.run_until_idle()
    tasks = deployed.client.get_paginator("list_async_tasks").paginate(SUMMARIZE).items()
    assert [task.status for task in tasks] == ["Succeeded"] * 200
    assert max(working) == 25
    assert "Succeeded 1 rows" in site.get(sent[-1].url).text


def test_bad_forms_and_unknown_reports_are_refused(site: Site) -> None:
    assert site.send(csv=" ").status == 422
    assert site.send(csv="a", title="t" * 101).status == 422
    assert site.send(csv="a", key="../../other").status == 422
    assert site.send(csv="a" * 60_001).status == 413
    assert site.send(csv="a" * 1_000_000).status == 413
    assert site.send({"content-type": "text/plain"}, csv="a").status == 415
    assert site.send({"sec-fetch-site": "cross-site"}, csv="a").status == 403
    assert site.send({"sec-fetch-site": "same-origin"}, csv="a").status == 303
    kept = site.send(csv="<script>", key="short")
    assert "&lt;script&gt;</textarea>" in kept.html
    assert site.get(f"{site.url}?report=other").status == 404
    assert site.get(f"{site.url}?report=%3Cscript%3E").status == 404
