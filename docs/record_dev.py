# SPDX-License-Identifier: MIT
"""Records a session of ``fc-async dev`` in a terminal of 80 columns, for the page about it.

Run it after a change to what the loop prints: ``python docs/record_dev.py``. A test compares the
page with what this makes, apart from times, ports and ids.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

import fc_async_sdk

ROOT: Final = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "shared"))

from fc_async_tests.terminal import Terminal  # noqa: E402 -- after the path

COLUMNS: Final = 80
PAGE: Final = ROOT / "docs" / "how-to" / "dev.md"
_RECORDING: Final = re.compile(
    r"(?<=^```text\n)\$ fc-async dev\n.*?(?=^```$)", re.MULTILINE | re.DOTALL
)
_QUEUES: Final = "acs:mns:cn-hangzhou:1234567890123456:/queues"
_TEMPLATE: Final = f"""\
edition: 3.0.0
name: shop
access: default
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      role: acs:ram::1234567890123456:role/shop
      runtime: python3.10
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        asyncTask: true
        maxAsyncRetryAttempts: 1
        destinationConfig:
          onSuccess: {{destination: "{_QUEUES}/done/messages"}}
          onFailure: {{destination: "{_QUEUES}/failed/messages"}}
"""
_CODE: Final = """\
import json


def handler(event, context):
    order = json.loads(event)
    print("order", order["id"], "of", order["customer"], "with", len(order["items"]), "items")
    if not order["items"]:
        raise ValueError("an order has at least one item, this one has none: it is refused")
    return {"accepted": order["id"]}
"""
_OTHER_PYTHON: Final = re.compile(
    r"^\S+ +python\S+ functions run on[^\n]*\n(?: +[^\n]*\n)*", re.MULTILINE
)
"""That the version of Python is not that of the runtime, which depends on the machine."""
_TOKEN: Final = re.compile(r"(token=[\w-]{4})[\w-]+")
"""A page shows no whole token, so that none is copied."""
_ORDER: Final = {"id": 7, "customer": "Zhang Wei", "items": ["tea"]}


def recorded() -> str:
    """Return the session that the page shows."""
    found = _RECORDING.search(PAGE.read_text("utf-8"))
    assert found is not None
    return found[0]


def record() -> str:
    """Return what a session prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code").mkdir()
        (folder / "code" / "index.py").write_text(_CODE)
        (folder / "s.yaml").write_text(_TEMPLATE)
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
        environment = {key: os.environ[key] for key in kept if key in os.environ}
        command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0"]
        terminal = Terminal(command, folder, {**environment, "TZ": "UTC"}, columns=COLUMNS)
        try:
            _play(terminal, folder)
            seen = _OTHER_PYTHON.sub("", terminal.seen)
            return "$ fc-async dev\n" + _TOKEN.sub(r"\1…", seen)
        finally:
            terminal.close()


def _play(terminal: Terminal, folder: Path) -> None:
    index, template = folder / "code" / "index.py", folder / "s.yaml"
    url = terminal.expect(r"FC API\s+http://127\.0\.0\.1:\d+").split()[-1]
    terminal.expect("Watching")
    with fc_async_sdk.client(endpoint_url=url) as client:
        client.invoke_async("orders", _ORDER, task_id="order-7")
        terminal.expect("success event")
        _save(index, _CODE.replace("handler(event", "handler(:event"))
        terminal.expect("last good code stays")
        _save(index, _CODE)
        terminal.expect("can be read again")
        _save(template, _TEMPLATE.replace("Attempts: 1", "Attempts: 11"))
        terminal.expect("last good state stays")
        _save(template, _TEMPLATE.replace("Attempts: 1", "Attempts: 0"))
        terminal.expect("async config")
        client.invoke_async("orders", {**_ORDER, "id": 8, "items": []}, task_id="order-8")
        terminal.expect("failure event")
    terminal.press("\x03")
    terminal.wait()


def _save(file: Path, text: str) -> None:
    """Save a file whole, as many editors do: two saves within milliseconds are never seen half."""
    draft = file.with_name(f"{file.name}~")
    draft.write_text(text)
    draft.replace(file)


def main() -> None:
    """Write the session into the page."""
    PAGE.write_text(PAGE.read_text("utf-8").replace(recorded(), record()), "utf-8")


if __name__ == "__main__":
    main()
