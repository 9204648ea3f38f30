"""What becomes of a batch: through all stages, or into the queue with the stage that failed."""

import json

from fc_async_local.testing import FcLocal

EXTRACT = "{{ cookiecutter.project_slug }}-extract"
TRANSFORM = "{{ cookiecutter.project_slug }}-transform"
LOAD = "{{ cookiecutter.project_slug }}-load"
FAILURES = "{{ cookiecutter.failure_queue }}"


def test_a_batch_goes_through_all_stages(deployed: FcLocal) -> None:
    batch = {"batch": "monday", "lines": ["a,1 ", "b,2"]}
    deployed.client.invoke_async(EXTRACT, batch, task_id="monday")
    deployed.run_until_idle()

    [listed] = deployed.client.list_async_tasks(LOAD).tasks
    task = deployed.client.get_async_task(LOAD, listed.task_id)
    assert task.status == "Succeeded"
    assert json.loads(task.return_payload or "") == {"batch": "monday", "rows": 2, "total": 3}
    assert deployed.receive(FAILURES) is None


def test_a_stage_that_fails_is_tried_again_without_the_stages_before_it(deployed: FcLocal) -> None:
    batch = {"batch": "tuesday", "lines": ["a,1", "no number"]}
    deployed.client.invoke_async(EXTRACT, batch, task_id="tuesday")
    deployed.run_until_idle()

    event = deployed.receive(FAILURES)
    assert event is not None
    assert event.function == TRANSFORM
    assert event.attempts == 1 + {{ cookiecutter.retries }}
    assert deployed.client.get_async_task(EXTRACT, "tuesday").status == "Succeeded"
    assert deployed.client.list_async_tasks(LOAD).tasks == ()


def test_many_batches_do_not_mix(deployed: FcLocal) -> None:
    batches = [{"batch": str(number), "lines": [f"x,{number}"]} for number in range(20)]
    run = deployed.client.fan_out(EXTRACT, batches, task_ids="night")
    assert all(outcome.succeeded for outcome in run)
    deployed.run_until_idle()

    tasks = deployed.client.list_async_tasks(LOAD, limit=100).tasks
    results = [
        json.loads(deployed.client.get_async_task(LOAD, task.task_id).return_payload or "")
        for task in tasks
    ]
    assert sorted(result["total"] for result in results) == list(range(20))
