# SPDX-License-Identifier: MIT
"""The official Node.js client of OSS, with both versions of signatures, which are verified."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings

KEYS = ("testid", "testsecret")
ROUND = Path(__file__).with_name("oss_round.mjs")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_node_client_does_the_whole_round(node_packages, tmp_path, version, host):
    modules = node_packages("ali-oss-6.23.0", "ali-oss@6.23.0")
    settings = Settings.of(strict_auth=True, access_keys=dict([KEYS]))
    with LocalRuntime(data=tmp_path, port=0, store="memory", settings=settings) as runtime:
        done = subprocess.run(
            [
                *("node", str(ROUND)),
                runtime.addresses.oss.replace("127.0.0.1", host),
                *KEYS,
                version,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | {"MODULES": str(modules)},  # with its clock
        )
    assert done.returncode == 0, done.stderr
    url = {"url": "hello"} if host == "localhost" else {}
    assert json.loads(done.stdout) == url | {
        "buckets": [f"node-{version}"],
        "class": "IA",
        "content": "hello",
        "type": "text/x",
        "meta": {"k": "v"},
        "range": "el",
        "missing": "NoSuchKey",
        "forbidden": "FileAlreadyExists",
        "position": "6",
        "parts": 250_000,
        "listed": ["copy", "in/ü b+.txt", "log", "parts"],
        "second": ["in/"],
        "acl": "default",
        "deleted": 4,
        "cors": ["GET", "PUT"],
    }
