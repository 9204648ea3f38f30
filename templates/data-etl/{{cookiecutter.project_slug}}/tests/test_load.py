"""What `load` does to the target, whatever happens to it half way and in which order it runs."""

import pytest
from conftest import Warehouse
from fc_async_sdk import DestinationEvent
from fc_async_sdk.testing import success_event

import load


def staged(part: str) -> DestinationEvent:
    """Return the event that `load` gets when rows are staged."""
    return success_event(response={"part": part})


def test_a_load_that_breaks_off_half_way_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.stage("part", (1, "Ada", 100, 1), (2, "Alan", 200, 2))
    # Rows of this view can be read, and so be inserted into sales, but they cannot be deleted.
    warehouse.run("ALTER TABLE staging RENAME TO staging_rows")
    warehouse.run("CREATE VIEW staging AS SELECT DISTINCT * FROM staging_rows")
    with pytest.raises(Exception, match="view"):
        load.handler(staged("part"), None)
    assert warehouse.sales() == {}

    warehouse.run("DROP VIEW staging")
    warehouse.run("ALTER TABLE staging_rows RENAME TO staging")
    assert load.handler(staged("part"), None) == {"part": "part", "rows": 2}
    assert warehouse.sales() == {1: 100, 2: 200}


def test_a_repeated_load_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.stage("part", (1, "Ada", 100, 1))
    assert load.handler(staged("part"), None) == {"part": "part", "rows": 1}
    assert load.handler(staged("part"), None) == {"part": "part", "rows": 0}
    assert warehouse.sales() == {1: 100}


def test_an_older_state_of_an_order_does_not_replace_a_newer_one(warehouse: Warehouse) -> None:
    warehouse.stage("newer", (1, "Ada", 200, 8))
    warehouse.stage("older", (1, "Ada", 100, 7))
    load.handler(staged("newer"), None)
    load.handler(staged("older"), None)
    assert warehouse.sales() == {1: 200}
