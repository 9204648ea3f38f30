# SPDX-License-Identifier: MIT
"""The official Node SDK does the whole round, signatures verified: chunked bodies, its own quirks.

Installed from npm on first use, into a cache of its own. Without npm the test is skipped; in CI it
fails.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.code import archive

KEY, SECRET = "LTAI5tExampleExampleKey1", "ExampleSecretExampleSecret0001"
PACKAGES = (
    "@alicloud/fc20230330@4.7.6",
    "@alicloud/openapi-core@1.0.8",
    "@alicloud/tea-util@1.4.11",
)
ROUND = Path(__file__).with_name("round.mjs")


@pytest.fixture(scope="module")
def modules(node_packages) -> Path:
    return node_packages("node-sdk-4.7.6", *PACKAGES)


@pytest.mark.slow
def test_the_node_sdk_does_the_whole_round(modules, tmp_path):
    settings = Settings.of(strict_auth=True, access_keys={KEY: SECRET})
    with LocalRuntime(data=tmp_path, port=0, store="memory", settings=settings) as runtime:
        authority = runtime.endpoint.removeprefix("http://")
        done = subprocess.run(
            ["node", str(ROUND), authority, KEY, SECRET, base64.b64encode(archive()).decode()],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | {"MODULES": str(modules)},  # with its clock
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "arn": "acs:fc:cn-hangzhou:1234567890123456:functions/node",
        "config": [True, 0],
        "accepted": [202, "n-1"],
        "answered": [200, "now", True],
        "listed": [["n-1", "Enqueued", "later"]],
        "stopped": 204,
        "task": "Stopped",
        "error": "FunctionNotFound",
        "deleted": 204,
    }
