# SPDX-License-Identifier: MIT
"""Regions and their features. Regions are added often: a list is as good as its date."""

from __future__ import annotations

from typing import Final

UNSCOPED: Final = frozenset(
    {"me-central-1", "cn-shanghai-finance-1", "cn-heyuan-acdr-1", "cn-hangzhou-finance"}
)
"""Regions that have no ``fcv3`` host, of :data:`ALL`."""

ALL_AS_OF: Final = "2026-11-28"
"""The date on which :data:`ALL` was read."""

ALL: Final = UNSCOPED | {
    *("cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou"),
    *("cn-huhehaote", "cn-wulanchabu", "cn-shenzhen", "cn-chengdu", "cn-hongkong"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7"),
    *("ap-northeast-1", "ap-northeast-2", "ap-south-1"),
    *("eu-west-1", "eu-central-1", "us-west-1", "us-east-1"),
}
"""Regions with Function Compute 3.0.

Source: the endpoint map of the official SDK, alibabacloud_fc20230330 4.8.3
(https://pypi.org/project/alibabacloud-fc20230330/4.8.3/, ``client.py``).
"""


def doubt(region: str) -> str:
    """Return why a region may be mistyped, with the nearest one; "" if it is known."""
    if region in ALL:
        return ""
    near = nearest(region)
    hint = f"; did you mean {near}?" if near else ""
    return f"region {region!r} is not known to have Function Compute, as of {ALL_AS_OF}{hint}"


def nearest(region: str) -> str:
    """Return the region that a mistyped one most likely means, "" if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 -- few regions are mistyped

    near = get_close_matches(region, sorted(ALL), n=1)
    return near[0] if near else ""


TASK_MODE_AS_OF: Final = "2026-08-09"
"""The date of the page that :data:`TASK_MODE` was read from."""

TASK_MODE: Final = frozenset(
    {
        *("cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou"),
        *("cn-wulanchabu", "cn-shenzhen", "cn-chengdu", "cn-hongkong"),
        *("ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7"),
        *("ap-northeast-1", "ap-northeast-2"),
        *("eu-west-1", "eu-central-1", "us-west-1", "us-east-1"),
    }
)
"""Regions with asynchronous tasks.

Source: "Asynchronous tasks" of the user guide (docs/reference/sources.md).
"""
