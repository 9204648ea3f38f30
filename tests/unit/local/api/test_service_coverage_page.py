# SPDX-License-Identifier: MIT
"""docs/reference/api-coverage.md names each operation that the official client has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from alibabacloud_fc20230330.client import Client

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "api-coverage.md").read_text()
TABLE = PAGE.partition("## Operations")[2].partition("## How it answers")[0]
OPERATION = re.compile(
    r"action = '(\w+)',.*?pathname = f?'([^\n]*)',\s+method = '(\w+)'", re.DOTALL
)
OPERATIONS = sorted(set(OPERATION.findall(inspect.getsource(Client))))


def test_the_client_was_read():
    assert len(OPERATIONS) > 50


@pytest.mark.parametrize(
    ("name", "path", "method"), OPERATIONS, ids=[name for name, _, _ in OPERATIONS]
)
def test_the_page_says_of_an_operation_whether_it_is_there(world, name, path, method):
    answer = world.call(method, re.sub(r"\{[^}]+\}", "x", path))
    served = answer.status < 400 or answer.json["Code"] != "PathNotSupported"
    assert served is (name in TABLE), f"{method} {path}: {answer.status}"
