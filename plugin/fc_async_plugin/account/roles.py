# SPDX-License-Identifier: MIT
"""Reads the policies of a role from RAM, through the official client.

Importing this module needs ``alibabacloud-ram20150501``, the extra ``ram``. A policy that cannot be
read is an error, because its permissions would be reported as missing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from fc_async_plugin import PluginError
from fc_async_sdk.spec.ram import VERSION

if TYPE_CHECKING:
    from fc_async_sdk.credentials import Credentials


class Roles:
    """The roles of one account.

    Args:
        credentials: Keys that may call ram:ListPoliciesForRole and ram:GetPolicy.
        endpoint: URL of RAM.
    """

    def __init__(self, credentials: Credentials, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise PluginError(f"{endpoint} is not a URL, such as https://ram.aliyuncs.com")
        config = Config(
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
            endpoint=parts.netloc,
            protocol=parts.scheme.upper(),
        )
        if credentials.security_token:
            config.security_token = credentials.security_token
        self._client: Any = Client(config)

    def policy_of(self, role: str) -> dict[str, Any]:
        """Return all policies that are attached to a role, as one document.

        Args:
            role: ARN or name of the role.

        Raises:
            PluginError: A policy cannot be read.
        """
        # RAM takes the name only; templates have the ARN, acs:ram::ACCOUNT:role/NAME.
        name = role.rpartition("/")[2]
        try:
            return self._read(name)
        except TeaException as error:
            reason = getattr(error, "message", None) or str(error)
            raise PluginError(f"the policies of role {name} cannot be read: {reason}") from error

    def _read(self, name: str) -> dict[str, Any]:
        listed = self._client.list_policies_for_role(
            models.ListPoliciesForRoleRequest(role_name=name)
        )
        statements: list[Any] = []
        policies = listed.body.policies
        for policy in (policies.policy if policies else None) or ():
            answer = self._client.get_policy(
                models.GetPolicyRequest(
                    policy_name=policy.policy_name, policy_type=policy.policy_type
                )
            )
            statements += _statements(
                policy.policy_name, answer.body.default_policy_version.policy_document
            )
        return {"Version": VERSION, "Statement": statements}


def _statements(name: str, text: str) -> list[Any]:
    try:
        document = json.loads(text)
        statements = document["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise PluginError(f"policy {name} is not a policy document: {error}") from error
    return list(statements)
