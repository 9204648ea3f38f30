# SPDX-License-Identifier: MIT
"""A payment handler whose events run twice: it charges twice, and once if it is idempotent."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_sdk.idempotency import MemoryStore, by_field, idempotent, once, once_async

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.execution.instances.duplicates import How
    from fc_async_local.testing import FcLocal

    Handler = Callable[[bytes, object], object]

KINDS = ["together", "crash", "redelivery"]
ORDER = {"order": {"id": 7, "amount": 12}}


class Payments:
    """A provider that does not recognise repeats."""

    def __init__(self) -> None:
        self.charges: list[int] = []

    def charge(self, amount: int) -> str:
        self.charges.append(amount)
        return f"receipt-{len(self.charges)}"

    def handler(self, event: bytes, _: object) -> str:
        return self.charge(json.loads(event)["order"]["amount"])


@pytest.fixture
def payments() -> Payments:
    return Payments()


def run(fc_local: FcLocal, handler: Handler, how: How) -> str:
    """Run one event twice; return what its success destination gets."""
    queue = fc_local.create_queue("receipts")
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": queue}}}
    fc_local.deploy("pay", handler, async_config=config)
    fc_local.duplicate("pay", how)
    fc_local.client.invoke_async("pay", ORDER)
    fc_local.run_until_idle()
    event = fc_local.receive("receipts")
    assert event is not None
    assert fc_local.receive("receipts") is None
    return event.response.text()


@pytest.mark.parametrize("how", KINDS)
def test_a_plain_handler_charges_twice(fc_local: FcLocal, payments: Payments, how: How) -> None:
    run(fc_local, payments.handler, how)
    assert payments.charges == [12, 12]


@pytest.mark.parametrize("how", KINDS)
def test_an_idempotent_handler_charges_once_and_the_receipt_arrives(
    fc_local: FcLocal, payments: Payments, how: How
) -> None:
    receipt = run(fc_local, idempotent(MemoryStore())(payments.handler), how)
    assert payments.charges == [12]
    assert receipt == "receipt-1"


@pytest.mark.parametrize("how", KINDS)
def test_an_idempotent_coroutine_handler_charges_once(
    fc_local: FcLocal, payments: Payments, how: How
) -> None:
    async def charge(amount: int) -> str:
        await asyncio.sleep(0)
        return payments.charge(amount)

    @idempotent(MemoryStore(), key=by_field("order.id"))
    async def handler(event: bytes, context: object) -> str:
        return await once_async("charge", charge, json.loads(event)["order"]["amount"])

    assert run(fc_local, handler, how) == "receipt-1"
    assert payments.charges == [12]


def test_a_duplicate_beside_a_long_run_is_refused_and_the_event_succeeds(
    fc_local: FcLocal, payments: Payments
) -> None:
    began = threading.Semaphore(0)
    refused = threading.Semaphore(0)

    @idempotent(MemoryStore())
    def handler(event: bytes, context: object) -> str:
        began.release()
        assert refused.acquire(timeout=60)
        return once("charge", payments.charge, 12)

    def delivered(event: bytes, context: object) -> object:
        try:
            return handler(event, context)
        finally:
            refused.release()

    assert run(fc_local, delivered, "together") == "receipt-1"
    assert payments.charges == [12]
    assert began.acquire(blocking=False)
    assert not began.acquire(blocking=False)


def test_a_function_in_a_folder_runs_twice_in_two_processes(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "requirements.txt").write_text("fc-async")
    log = tmp_path / "charges"
    (folder / "index.py").write_text(
        f"import os, sys\nsys.path[:0] = {sys.path!r}\n"
        "from fc_async_sdk.idempotency import SqliteStore, idempotent\n"
        f"@idempotent(SqliteStore({str(tmp_path / 'records.db')!r}), wait=30)\n"
        "def handler(event, context):\n"
        f"    with open({str(log)!r}, 'a') as charges:\n"
        "        charges.write(f'{os.getpid()}\\n')\n"
        "    return os.getpid()\n"
    )
    fc_local.deploy("pay", folder, timeout=60)
    for how in KINDS:
        fc_local.duplicate("pay", how)
        fc_local.client.invoke_async("pay", {"how": how}, task_id=how)
        fc_local.run_until_idle()
        assert fc_local.client.get_async_task("pay", how).status == "Succeeded"
    assert len(log.read_text().splitlines()) == len(KINDS)


def test_a_misspelled_function_is_refused(fc_local: FcLocal) -> None:
    with pytest.raises(Rejected, match="404 FunctionNotFound"):
        fc_local.duplicate("pya")


def test_an_unknown_kind_is_refused(fc_local: FcLocal, payments: Payments) -> None:
    fc_local.deploy("pay", payments.handler)
    with pytest.raises(Rejected, match="400 InvalidArgument: how must be one of together, crash"):
        fc_local.duplicate("pay", "twice")  # type: ignore[arg-type]
