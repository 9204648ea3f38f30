# SPDX-License-Identifier: MIT
"""The page about idempotent handlers: its files pass as they stand, its other blocks run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from fc_async_sdk import idempotency

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "idempotency.md").read_text("utf-8")
FILES = re.findall(
    r"^```\{code-block\} python\n:caption: (\S+)\n\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_payment_charges_twice_without_the_decorator_and_once_with_it(tmp_path: Path) -> None:
    assert [name for name, _ in FILES] == ["payments.py", "test_payments.py"]
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_the_effect_is_performed_once_and_the_receipt_is_repeated() -> None:
    names: dict[str, object] = {}
    exec(BLOCKS[0], names)  # noqa: S102 -- running our own page is the test
    function = SimpleNamespace(name="pay", timeout=60)
    event = b'{"order": {"id": 7, "amount": 12}}'
    pay = names["pay"]
    assert callable(pay)
    for request_id in ("r-1", "r-2"):
        context = SimpleNamespace(request_id=request_id, retry_count=0, function=function)
        assert pay(event, context) == {"receipt": "receipt-7"}


def test_every_other_block_runs() -> None:
    assert len(BLOCKS) == 2
    exec(BLOCKS[1], {})  # noqa: S102 -- running our own page is the test


def test_every_public_name_is_on_the_page() -> None:
    reference = PAGE.partition("## Reference")[2]
    assert [name for name in idempotency.__all__ if f".{name}\n" not in reference] == []


def test_every_option_is_on_the_page() -> None:
    options = [*idempotency.handler.RuleFields.__annotations__, "key", "compare", "scope"]
    assert [name for name in options if name not in PAGE.partition("## Reference")[0]] == []
