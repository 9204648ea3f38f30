# SPDX-License-Identifier: MIT
"""A template of 10,000 functions is checked as a whole; benchmarks/validate.py measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = 10_000

SETTINGS = """
    timeout: 60
    environmentVariables: {{A: "1", B: "${{vars.b}}"}}
    asyncInvokeConfig:
      maxAsyncEventAgeInSeconds: 3600
      maxAsyncRetryAttempts: 3
      destinationConfig:
        onSuccess: {{destination: "acs:fc:cn-hangzhou:123456:functions/fn{following}"}}
        onFailure: {{destination: "acs:mns:cn-hangzhou:123456:/queues/dead/messages"}}
"""


@pytest.mark.slow
def test_a_cycle_of_ten_thousand_functions_is_one_finding_that_names_all(tmp_path: Path) -> None:
    functions = {
        f"fn{number}": SETTINGS.format(following=(number + 1) % FUNCTIONS)
        for number in range(FUNCTIONS)
    }
    (tmp_path / "s.yaml").write_text(template("vars: {b: '2'}", **functions))
    project = s_yaml.load(tmp_path, environ={})
    found = rules.check(rules.Context([project]), ignore=["FCA054", "FCA060"])
    assert [finding.rule for finding in found] == ["FCA031"]
    assert len(found[0].related) == FUNCTIONS
