# SPDX-License-Identifier: MIT
"""The blocks of the page about ways in run as they stand, on free ports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from fc_async_local.testing import FcLocal

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ways-in.md"


def block(language: str) -> str:
    [found] = re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    text: str = found
    return text


def test_the_commands_call_a_function(
    fc_local: FcLocal, tmp_path: Path, cannot_run: Callable[[str], NoReturn]
) -> None:
    seen: list[str] = []

    def orders(event: bytes, _: object) -> dict[str, Any]:
        seen.append(json.loads(event)["requestContext"]["http"]["method"])
        return {"statusCode": 200, "body": "an order\n"}

    fc_local.deploy("orders", orders)
    config = {"authType": "anonymous", "methods": ["GET", "POST"]}
    fc_local.client.create_trigger("orders", "web", trigger_type="http", trigger_config=config)
    commands = block("bash").replace("http://127.0.0.1:9900", fc_local.endpoint)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "FC_ASYNC_ENDPOINT": fc_local.endpoint},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except FileNotFoundError:
        cannot_run("there is no bash")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("an order\n") == 3
    assert "x-fc-async-task-id: order-7" in done.stdout
    assert ", task order-8\n" in done.stdout
    fc_local.run_until_idle()
    assert sorted(seen) == ["GET", "GET", "POST", "POST", "POST"]


def test_the_test_of_the_page_passes(fc_local: FcLocal) -> None:
    names: dict[str, Any] = {}
    exec(compile(block("python"), str(PAGE), "exec"), names)  # noqa: S102 -- running our own page is the test
    names["test_an_order_is_answered_over_http"](fc_local)
