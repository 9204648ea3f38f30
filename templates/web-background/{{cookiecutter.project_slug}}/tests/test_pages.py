"""What pages show, and what they do not show. No runtime is needed."""

import json
from typing import get_args

import pytest
from fc_async_sdk.models import AsyncTask, TaskStatus

import pages


@pytest.mark.parametrize("status", sorted(pages.STEPS))
def test_a_page_reloads_itself_until_the_task_has_ended(status: TaskStatus) -> None:
    html = pages.waiting(AsyncTask(task_id="report-1", status=status))
    assert pages.STEPS[status] in html
    assert 'http-equiv="refresh"' in html


@pytest.mark.parametrize("status", sorted(pages.ENDS))
def test_a_task_without_a_report_has_a_last_page(status: TaskStatus) -> None:
    html = pages.failed(AsyncTask(task_id="report-1", request_id="1-a", status=status))
    assert pages.ENDS[status] in html
    assert "1-a" in html
    assert 'http-equiv="refresh"' not in html


def test_each_status_of_a_task_has_a_page() -> None:
    assert {*pages.STEPS, *pages.ENDS, "Succeeded"} == set(get_args(TaskStatus))


@pytest.mark.parametrize(("error", "shown"), [("BadSheet", True), ("OperationalError", False)])
def test_only_an_error_for_users_is_shown_to_them(error: str, shown: bool) -> None:
    told = json.dumps({"errorType": error, "errorMessage": "<password> is 12345"})
    html = pages.failed(AsyncTask(task_id="report-1", status="Failed", return_payload=told))
    assert ("&lt;password&gt; is 12345" in html) is shown
    assert "<password>" not in html
