# SPDX-License-Identifier: MIT
"""What the import of the package costs in a function."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ["aiohttp", "asyncio", "psycopg", "redis", "requests", "sqlite3", "tablestore", "urllib3"]


def test_neither_asyncio_nor_a_client_of_a_store_is_imported() -> None:
    code = (
        "import json, sys, fc_async_sdk.idempotency; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
