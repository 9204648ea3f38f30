# SPDX-License-Identifier: MIT
"""Keys of FC 2.0 in a template of edition 3.0.0 count where functions run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import template
from fc_async_plugin.plan import attached

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.template.names import Purpose

TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  api:
    component: fc3
    props:
      region: cn-hangzhou
      function: {name: orders, runtime: nodejs20, handler: index.handler, timeout: 9}
      codeUri: ./api
      timeout: 5
"""


def test_keys_of_fc2_are_read_as_what_they_mean_and_named(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    project = template.load(tmp_path / "s.yaml", purpose="run")
    [one] = project.resources
    assert one.function_name == "orders"
    wanted = {"runtime": "nodejs20", "handler": "index.handler", "timeout": 5, "code": "./api"}
    assert wanted.items() <= one.props.items()
    assert [*attached.omitted(project, (), here=True)] == [
        "api: function of FC 2.0 is read here; s deploy ignores it",
        "api: codeUri of FC 2.0 is read here; s deploy ignores it",
    ]


@pytest.mark.parametrize("purpose", ["deploy", "show"])
def test_elsewhere_they_stay_as_they_are(tmp_path: Path, purpose: Purpose) -> None:
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    [one] = template.load(tmp_path / "s.yaml", purpose=purpose).resources
    assert "code" not in one.props
