"""What pages show, and what they do not show. No runtime is needed."""

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
    html = pages.failed(AsyncTask(task_id="report-1", request_id="1-a", status=status), "")
    assert pages.ENDS[status] in html
    assert "1-a" in html
    assert 'http-equiv="refresh"' not in html


def test_each_status_of_a_task_has_a_page() -> None:
    assert {*pages.STEPS, *pages.ENDS} == set(get_args(TaskStatus))


def test_the_reason_is_shown_as_text() -> None:
    html = pages.failed(AsyncTask(task_id="report-1", status="Failed"), "Line <b>3</b> is short")
    assert "Line &lt;b&gt;3&lt;/b&gt; is short" in html
