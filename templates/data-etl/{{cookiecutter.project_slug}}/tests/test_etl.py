"""What becomes of the rows of the source, and of the tasks that carry them."""

import asyncio
import json
from typing import Any, Literal

import pytest
from conftest import PROJECT, Warehouse
from fc_async_local.testing import FcLocal
from fc_async_sdk.models import TaskStatus

import transform

EXTRACT = "{{ cookiecutter.project_slug }}-extract"
TRANSFORM = "{{ cookiecutter.project_slug }}-transform"
TRANSFORM_ROW = "{{ cookiecutter.project_slug }}-transform-row"
LOAD = "{{ cookiecutter.project_slug }}-load"
FAILURES = "{{ cookiecutter.failure_queue }}"
ATTEMPTS = 1 + {{ cookiecutter.retries }}
DAY = 86_400


def extract(fc: FcLocal, task_id: str = "run") -> None:
    fc.client.invoke_async(EXTRACT, {}, task_id=task_id)
    fc.run_until_idle()


def tasks(fc: FcLocal, function: str, status: TaskStatus = "Succeeded") -> list[str]:
    listed = fc.client.list_async_tasks(function, status=status, limit=100).tasks
    return sorted(task.task_id for task in listed)


def results(fc: FcLocal, function: str) -> list[dict[str, Any]]:
    found = (fc.client.get_async_task(function, task) for task in tasks(fc, function))
    return [json.loads(task.return_payload or "") for task in found]


def test_all_rows_are_loaded_in_batches(deployed: FcLocal, warehouse: Warehouse) -> None:
    warehouse.sell(*["1.25"] * 1_200)
    extract(deployed)

    assert tasks(deployed, TRANSFORM) == ["orders-1-0", "orders-1-1", "orders-1-2"]
    assert sorted(result["rows"] for result in results(deployed, LOAD)) == [200, 500, 500]
    assert warehouse.sales() == dict.fromkeys(range(1, 1_201), 125)
    assert warehouse.rows("SELECT * FROM staging") == []
    assert deployed.receive(FAILURES) is None


def test_batches_are_transformed_at_the_same_time(fc_local: FcLocal, warehouse: Warehouse) -> None:
    running: list[bytes] = []
    all_run = asyncio.Event()

    async def wait_for_the_others(event: bytes, context: Any) -> Any:
        running.append(event)
        if len(running) == 3:
            all_run.set()
        await asyncio.wait_for(all_run.wait(), timeout=30)
        return transform.batch(event, context)

    fc_local.deploy_template(PROJECT / "s.yaml", handlers={"transform": wait_for_the_others})
    warehouse.sell(*["1.25"] * 1_200)
    extract(fc_local)
    assert len(warehouse.sales()) == 1_200


def test_a_bad_row_goes_to_the_failure_queue_with_the_reason_and_the_others_are_loaded(
    deployed: FcLocal, warehouse: Warehouse
) -> None:
    warehouse.sell("1", "two", "3")
    extract(deployed)

    assert warehouse.sales() == {1: 100, 3: 300}
    event = deployed.receive(FAILURES)
    assert event is not None
    assert event.function == TRANSFORM_ROW
    assert event.request.json() == {"run": 1, "order": 2}
    assert "order 2: the amount is not a number: 'two'" in event.response.text()
    assert event.attempts == 1
    assert deployed.receive(FAILURES) is None


def test_a_bad_row_is_loaded_by_a_replay_after_it_was_corrected(
    deployed: FcLocal, warehouse: Warehouse
) -> None:
    warehouse.sell("1", "two", "3")
    extract(deployed)
    warehouse.write([(2, "Ada", "2", 4)])
    deployed.client.task(TRANSFORM_ROW, "order-1-2").replay()
    deployed.run_until_idle()
    assert warehouse.sales() == {1: 100, 2: 200, 3: 300}

    # The correction is a change of the source: the next run finds it, and changes nothing.
    extract(deployed, "next")
    assert warehouse.sales() == {1: 100, 2: 200, 3: 300}


def test_a_batch_with_many_bad_rows_fails_as_a_whole_and_is_replayed(
    deployed: FcLocal, warehouse: Warehouse
) -> None:
    warehouse.sell("1", *["free"] * 21)
    extract(deployed)

    assert warehouse.sales() == {}
    event = deployed.receive(FAILURES)
    assert event is not None
    assert (event.function, event.attempts) == (TRANSFORM, ATTEMPTS)
    assert "21 rows are bad, such as order 2" in event.response.text()
    assert deployed.receive(FAILURES) is None

    warehouse.run("UPDATE orders SET amount = '1.00'")
    deployed.client.task(TRANSFORM, "orders-1-0").replay()
    deployed.run_until_idle()
    assert len(warehouse.sales()) == 22


@pytest.mark.parametrize(
    ("function", "how"),
    [(EXTRACT, "together"), (TRANSFORM, "redelivery"), (LOAD, "together"), (LOAD, "redelivery")],
)
def test_a_function_that_runs_twice_loads_each_row_once(
    function: str,
    how: Literal["together", "redelivery"],
    deployed: FcLocal,
    warehouse: Warehouse,
) -> None:
    warehouse.sell("1", "two", "3")
    deployed.duplicate(function, how)
    extract(deployed)

    assert tasks(deployed, TRANSFORM) == ["orders-1-0"]
    assert tasks(deployed, TRANSFORM_ROW, "Failed") == ["order-1-2"]
    assert len(tasks(deployed, LOAD)) == 1
    assert warehouse.sales() == {1: 100, 3: 300}


def test_a_run_that_broke_off_before_its_tasks_were_started_is_started_by_the_next(
    deployed: FcLocal, warehouse: Warehouse
) -> None:
    warehouse.sell("1", "2", "3")
    warehouse.run(
        "INSERT INTO batches (run, number, after_version, upto_version) VALUES (1, 0, 0, 2)"
    )
    extract(deployed)
    assert tasks(deployed, TRANSFORM) == ["orders-1-0", "orders-2-0"]
    assert warehouse.sales() == {1: 100, 2: 200, 3: 300}


def test_each_night_loads_what_is_new(deployed: FcLocal, warehouse: Warehouse) -> None:
    loaded = []
    for night in range(3):
        warehouse.sell("1", "2", first=1 + 2 * night)
        deployed.advance(DAY)
        loaded.append(len(warehouse.sales()))
    assert loaded == [2, 4, 6]
    assert [result["batches"] for result in results(deployed, EXTRACT)] == [1, 1, 1]
    assert [result["rows"] for result in results(deployed, LOAD)] == [2, 2, 2]
