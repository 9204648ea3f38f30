# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import sys

import pytest

from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import StoreUnusable


def test_a_missing_driver_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fc_async_local.store.postgres.database", None)
    with pytest.raises(StoreUnusable, match=r"driver .*\[postgres\]"):
        asyncio.run(open_stores("postgresql://127.0.0.1/queue"))
