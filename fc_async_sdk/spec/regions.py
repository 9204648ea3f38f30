# SPDX-License-Identifier: MIT
"""Which regions offer what. Regions are added often: a list is as good as its date."""

from __future__ import annotations

from typing import Final

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
