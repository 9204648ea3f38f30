# SPDX-License-Identifier: MIT
"""Whatever stands in a template, plan and deploy answer with a plan or with one clear message."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fc_async_plugin.cli.group import run
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

ODD = st.sampled_from(
    [
        None, True, False, 0, -1, 9, 2.5, 10**30, "", "x", "auto", "LATEST", "${vars.x}", "${",
        "acs:fc:::functions/f", "acs:fc:cn-hangzhou::functions/g/prod", "\u0000", "ä" * 600,
        [], [1], {}, {"a": 1}, {"destination": 5}, {"ossObjectName": 5}, {"src": []}, [{}],
    ]
)  # fmt: skip
PLACES: list[tuple[str, ...]] = [
    ("region",),
    ("functionName",),
    ("runtime",),
    ("handler",),
    ("code",),
    ("role",),
    ("environmentVariables",),
    ("layers",),
    ("timeout",),
    ("logConfig",),
    ("customRuntimeConfig",),
    ("asyncInvokeConfig",),
    ("asyncInvokeConfig", "qualifier"),
    ("asyncInvokeConfig", "asyncTask"),
    ("asyncInvokeConfig", "maxAsyncRetryAttempts"),
    ("asyncInvokeConfig", "destinationConfig"),
    ("asyncInvokeConfig", "destinationConfig", "onSuccess"),
    ("asyncInvokeConfig", "destinationConfig", "onFailure", "destination"),
]
GOOD: dict[str, Any] = {
    "region": "cn-hangzhou",
    "functionName": "f",
    "runtime": "python3.12",
    "handler": "index.handler",
    "code": "./code",
    "asyncInvokeConfig": {
        "asyncTask": True,
        "destinationConfig": {
            "onSuccess": {"destination": "acs:fc:cn-hangzhou::functions/g"},
            "onFailure": {"destination": "acs:mns:cn-hangzhou::/queues/q/messages"},
        },
    },
}


@pytest.fixture
def project(workdir: Path, account) -> Path:
    (workdir / "code").mkdir()
    (workdir / "code" / "index.py").write_text("")
    account.add_function("f")
    return workdir


def changed(changes: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    props: dict[str, Any] = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        node: Any = props
        for key in path[:-1]:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[path[-1]] = copy.deepcopy(value)
    return props


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(PLACES), ODD, min_size=1, max_size=3))
def test_no_value_breaks_a_command(
    project: Path,
    account,
    capsys: pytest.CaptureFixture[str],
    changes: dict[tuple[str, ...], Any],
) -> None:
    props = changed(changes)
    (project / "s.yaml").write_text(template(f=props))
    for command in (
        ["plan"],
        ["plan", "--with-functions", "--format", "json"],
        ["deploy", "-y", "--with-functions", "--skip-validation"],
        ["policy"],
        ["import", "-y"],
        ["remove", "-y"],
    ):
        code = run(command)
        said = capsys.readouterr()
        assert code in {0, 1, 2}
        assert "internal error" not in said.err, said.err
        assert code != 1 or said.err
