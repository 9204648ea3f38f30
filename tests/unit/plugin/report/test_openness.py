# SPDX-License-Identifier: MIT
"""What the doctor says is open."""

from __future__ import annotations

import pytest

from fc_async_plugin.report.openness import open_ways
from fc_async_sdk.admin.models import Addresses, OpenSettings

ADDRESSES = Addresses(
    fc="http://127.0.0.1:9900",
    console="http://127.0.0.1:9900/console/",
    mns="http://127.0.0.1:9901",
    rocketmq="http://127.0.0.1:9902",
    eventbridge="http://127.0.0.1:9903",
    oss="http://127.0.0.1:9904",
    account_id="1",
    region="cn-hangzhou",
    data="/data",
    pid=1,
)


def ways(*, strict: bool = False, roles: bool = False, cloud: bool = False) -> dict[str, str]:
    settings = OpenSettings(strict_auth=strict, enforce_roles=roles, allow_cloud=cloud)
    return {way.what: way.state for way in open_ways(ADDRESSES, settings)}


@pytest.mark.parametrize(
    ("what", "default", "changed"),
    [
        (
            "who may call and create functions",
            "every program of every user of this machine",
            "programs that sign with one of its keys",
        ),
        ("roles of functions", "each destination is allowed", "need a role that allows them"),
        ("other machines", "pushed to this machine", "pushed to any machine"),
    ],
)
def test_each_setting_that_opens_something_is_said(what: str, default: str, changed: str) -> None:
    assert default in ways()[what]
    assert changed in ways(strict=True, roles=True, cloud=True)[what]


def test_all_addresses_are_listed() -> None:
    listed = ways()["listens on"]
    assert listed == ", ".join(f"127.0.0.1:{port}" for port in range(9900, 9905))


def test_the_token_is_what_lets_programs_into_admin_api_and_console() -> None:
    assert "can read its token" in ways()["who may use admin API and console"]
