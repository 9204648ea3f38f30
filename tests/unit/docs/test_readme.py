# SPDX-License-Identifier: MIT
"""The first command of the README does what the README says of it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from fc_async_plugin import demo

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
STEPS = {
    "refuses a cycle": "a destination cycle is refused",
    "deploys": "planned and deployed",
    "delays a call": "an invocation with a delay",
    "lets one fail": "a function that always raises",
    "survives kill -9": "kill -9 while accepted work waits",
}
"""What the README says, and the heading of the demo's step."""


def test_the_readme_promises_the_steps_that_the_demo_has_and_no_others() -> None:
    """It said that the demo sends a request again, which it does not."""
    text = (ROOT / "README.md").read_text("utf-8")
    line = re.search(r"^make demo +# (.*)$", text, re.MULTILINE)
    assert line is not None
    assert line[1].split(", ") == list(STEPS)
    headings = re.findall(r'_heading\(console, \d, "(.*)"\)', inspect.getsource(demo))
    assert [each for each in STEPS.values() if not any(each in one for one in headings)] == []
