"""What happens to an order, from the invocation to its destination."""

import json

import pytest
from fc_async_local.testing import FcLocal
from pytest_httpserver import HTTPServer

import notify

PROCESS = "{{ cookiecutter.project_slug }}-process"
NOTIFY = "{{ cookiecutter.project_slug }}-notify"
FAILURES = "{{ cookiecutter.failure_queue }}"


def test_the_result_of_a_good_order_goes_to_notify(deployed: FcLocal) -> None:
    order = {"order": 7, "items": [{"price": 3, "count": 2}]}
    deployed.client.invoke_async(PROCESS, order, task_id="order-7")
    deployed.run_until_idle()

    assert deployed.client.get_async_task(PROCESS, "order-7").status == "Succeeded"
    [listed] = deployed.client.list_async_tasks(NOTIFY).tasks
    notified = deployed.client.get_async_task(NOTIFY, listed.task_id)
    assert json.loads(notified.return_payload or "") == {"message": "order 7 comes to 6"}


def test_a_bad_order_is_retried_and_ends_in_the_queue(deployed: FcLocal) -> None:
    deployed.client.invoke_async(PROCESS, {"order": 8}, task_id="order-8")
    deployed.run_until_idle()

    assert deployed.client.get_async_task(PROCESS, "order-8").status == "Failed"
    event = deployed.receive(FAILURES)
    assert event is not None
    assert event.request.json() == {"order": 8}
    assert event.attempts == 1 + {{ cookiecutter.retries }}


def test_a_delayed_order_waits(deployed: FcLocal) -> None:
    order = {"order": 9, "items": []}
    deployed.client.invoke_async(PROCESS, order, task_id="order-9", delay=600)

    deployed.advance(599)
    assert deployed.client.get_async_task(PROCESS, "order-9").status == "Enqueued"
    deployed.advance(2)
    assert deployed.client.get_async_task(PROCESS, "order-9").status == "Succeeded"


def test_a_notification_is_sent_again_until_the_other_side_takes_it(
    deployed: FcLocal, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third party is a server of this test; `notify` runs in this process to find it."""
    httpserver.expect_ordered_request("/orders", "POST").respond_with_data(status=503)
    body = {"message": "order 7 comes to 6"}
    httpserver.expect_ordered_request("/orders", "POST", json=body).respond_with_data()
    monkeypatch.setenv("NOTIFY_URL", httpserver.url_for("/orders"))
    deployed.deploy(NOTIFY, notify.handler, async_config={"asyncTask": True})

    order = {"order": 7, "items": [{"price": 3, "count": 2}]}
    deployed.client.invoke_async(PROCESS, order, task_id="order-7")
    deployed.run_until_idle()

    httpserver.check()
    [task] = deployed.client.list_async_tasks(NOTIFY).tasks
    assert (task.status, task.already_retried_times) == ("Succeeded", 1)
