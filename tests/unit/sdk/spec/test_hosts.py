# SPDX-License-Identifier: MIT
"""Host names of the services."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec.hosts import service_of


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("123.cn-hangzhou.fc.aliyuncs.com", "fc"),
        ("123.cn-hangzhou-internal.fc.aliyuncs.com:443", "fc"),
        ("me-central-1.fc.aliyuncs.com", "fc"),
        ("fcv3.cn-hangzhou.aliyuncs.com", "fc"),
        ("fcv3.ap-southeast-5.aliyuncs.com\t", "fc"),
        ("fc.cn-hangzhou.aliyuncs.com", "fc"),
        ("FC-VPC.cn-hangzhou.aliyuncs.com.", "fc"),
        ("fc.aliyuncs.com", "fc"),
        ("123.mns.cn-hangzhou-internal-vpc.aliyuncs.com", "mns"),
        ("123.mqrest.cn-hangzhou.aliyuncs.com", "rocketmq"),
        ("123.eventbridge.cn-hangzhou-vpc.aliyuncs.com", "eventbridge"),
        ("eventbridge.cn-hangzhou.aliyuncs.com", "eventbridge"),
        ("eventbridge-console.cn-hangzhou.aliyuncs.com", "eventbridge"),
        ("orders-abcdefghij.cn-hangzhou.fcapp.run", "function_url"),
        ("oss-cn-hangzhou-internal.aliyuncs.com", "oss"),
        ("bucket.oss-cn-hangzhou.aliyuncs.com:443", "oss"),
        ("bucket.vpc100-oss-cn-hangzhou.aliyuncs.com", "oss"),
        ("two.parts.oss-cn-hangzhou.aliyuncs.com", ""),
        ("sts.aliyuncs.com", ""),
        ("fc.aliyuncs.com.example.org", ""),
        ("notfc.aliyuncs.com.", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_a_host_belongs_to_the_service_that_answers_it(host: str, service: str) -> None:
    assert service_of(host) == service
