# SPDX-License-Identifier: MIT
"""The verdict of a storm: an event that is on its way at the end is not counted as lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fc_async_local.bootstrap.stores import SQLITE
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    import pytest

    from fc_async_local.bootstrap.runtime import Runtime


def fail_the_first_delivery(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the queue of the destinations be away once: the delivery is tried again after a wait."""
    send, failures = runtime.services.mns.send, iter([StoreUnavailable("no connection in 3 s")])

    async def fail_first(*arguments: Any) -> Any:
        for failure in failures:
            raise failure
        return await send(*arguments)

    monkeypatch.setattr(runtime.services.mns, "send", fail_first)


def test_an_event_whose_delivery_is_tried_again_is_not_counted_as_untold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads of an idle runtime are no snapshot: a task may pass between them."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import host
    import storm_load

    async def idle(_: Runtime) -> bool:
        return True

    async def storm() -> dict[str, Any]:
        place = host.Place(SQLITE, tmp_path, tmp_path)
        runtime = await storm_load.open_runtime(place, "verdict", host.RETRIES)
        try:
            since = await storm_load.deploy(runtime)
            fail_the_first_delivery(runtime, monkeypatch)
            accepted = await runtime.engine.invoke_async(InvokeRequest("call", b"0"))
            # As if each read had seen the moment before the task, or the one after its settlement.
            monkeypatch.setattr(storm_load, "is_idle", idle)
            promised = {("call", accepted.request_id)}
            return await storm_load.conclude(runtime, tmp_path, promised, since)
        finally:
            await runtime.aclose()

    found = asyncio.run(storm())
    assert (found["lost"], found["stuck"], found["untold"]) == (0, 0, 0), found["silent"]
    assert found["finished"]
