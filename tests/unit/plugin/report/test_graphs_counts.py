# SPDX-License-Identifier: MIT
"""Counts come from the runtime's admin API, or one clear error does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.report import graphs
from fc_async_plugin.report.graphs import Counted, Counts

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer

DESCRIBED = {"meaning": "", "unit": "count", "statistic": "Sum"}


def test_sums_become_counts_by_function(httpserver: HTTPServer) -> None:
    sums = [
        ("FunctionEnqueueCount", "a", 3),
        ("FunctionDestinationErrors", "a", 1),
        ("Other", "b", 2),
    ]
    httpserver.expect_request("/_local/metrics").respond_with_json(
        {
            "start": 0,
            "end": 1,
            "metrics": [{"metric": m, "function": f, "value": v, **DESCRIBED} for m, f, v in sums],
        }
    )
    edge = {
        "source": "a/prod",
        "target": "b/LATEST",
        "outcome": "success",
        "cyclic": False,
        "cut": False,
        "written": "",
        "destination": "",
        "delivered": 2,
        "lost": 1,
    }
    httpserver.expect_request("/_local/graph").respond_with_json(
        {"nodes": [], "edges": [edge], "scene": None}
    )
    assert graphs.read_counts(httpserver.url_for("/")) == Counted(
        {"a": Counts(accepted=3, delivered=2, lost=1)}, {("a", "prod", "success"): (2, 1)}
    )


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"metrics": 1}'])
def test_another_answer_is_no_runtime(httpserver: HTTPServer, body: str) -> None:
    httpserver.expect_request("/_local/metrics").respond_with_data(body)
    with pytest.raises(PluginError, match="no local runtime answers at"):
        graphs.read_counts(httpserver.url_for("/"))


def test_an_endpoint_is_needed() -> None:
    with pytest.raises(PluginError, match="--endpoint URL"):
        graphs.read_counts(None)
