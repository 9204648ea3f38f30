# SPDX-License-Identifier: MIT
"""Tells a webhook that a condition has begun to hold, or has ended.

Invariant: the URL of a webhook is a secret, of which only the host is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
import requests

from fc_async_plugin import PluginError
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.check.conditions import Rule

_TIMEOUTS: Final = (5.0, 10.0)
_HOSTS: Final = {
    "oapi.dingtalk.com": "dingtalk",
    "qyapi.weixin.qq.com": "dingtalk",  # WeCom takes the same body
    "open.feishu.cn": "feishu",
}
FORMS: Final[dict[str, Callable[[AlarmChange], Any]]] = {
    "json": lambda change: change.as_data(),
    "dingtalk": lambda change: {"msgtype": "text", "text": {"content": change.text}},
    "feishu": lambda change: {"msg_type": "text", "content": {"text": change.text}},
}
"""Bodies of messages by the service that takes them; Slack takes the ``text`` of ``json``."""


class AlarmChange(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that has begun to hold, or has ended.

    Attributes:
        function: The function; None if it is a condition of a queue.
        queue: The queue; None if it is a condition of a function.
        metric: CloudMonitor's name; "" if it has none.
        alarm: True if it has begun to hold.
        value: The newest value.
        time: Milliseconds since the epoch.
        critical: Whether invocations are lost already.
    """

    function: str | None
    queue: str | None
    region: str
    condition: str
    metric: str
    alarm: bool
    value: float
    threshold: int
    reason: str
    time: int
    critical: bool

    @classmethod
    def of(cls, rule: Rule, *, alarm: bool, value: float, time: int) -> AlarmChange:
        """Return the change of a rule."""
        condition = rule.condition
        return cls(
            function=None if condition.is_of_queue else rule.subject,
            queue=rule.subject if condition.is_of_queue else None,
            region=rule.region,
            condition=condition.name,
            metric=condition.metric,
            alarm=alarm,
            value=value,
            threshold=rule.threshold,
            reason=rule.reason,
            time=time,
            critical=condition.critical,
        )

    @property
    def text(self) -> str:
        """The change in one line."""
        subject = self.function or f"queue {self.queue}"
        name = f"{subject} ({self.region}): {self.condition}"
        value = f"{self.metric} {self.value:g}" if self.metric else f"{self.value:g} s"
        if not self.alarm:
            return f"{name} is over: {value}, alarm at {self.threshold}"
        return f"{name}: {value}, alarm at {self.threshold}: {self.reason}"

    def as_data(self) -> dict[str, Any]:
        """Return the change as plain data for JSON."""
        return {**msgspec.to_builtins(self), "text": self.text}


prepare(list[AlarmChange])


class Webhook:
    """Sends changes to a URL.

    Args:
        url: The URL, which may have a key.
        form: Name of a form of :data:`FORMS`; None: by the host.

    Raises:
        PluginError: It is not a URL of HTTP.
    """

    def __init__(self, url: str, form: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PluginError("the webhook must be a URL that begins with https:// or http://")
        self.host = parts.hostname
        self._url = url
        self._body = FORMS[form or _HOSTS.get(self.host, "json")]

    def __call__(self, change: AlarmChange) -> None:
        """Send a change.

        Raises:
            PluginError: It was not taken.
        """
        try:
            answer = requests.post(
                self._url, json=self._body(change), timeout=_TIMEOUTS, allow_redirects=False
            )
        except requests.RequestException as error:
            # Its text has the URL.
            raise PluginError(f"the webhook at {self.host}: {type(error).__name__}") from None
        # Chat robots answer 200 to what they refuse, with a code in the body.
        code = _code(answer) if answer.ok else answer.status_code
        if code or not 200 <= answer.status_code < 300:  # noqa: PLR2004 -- statuses of success
            raise PluginError(f"the webhook at {self.host} answered {code or answer.status_code}")


def _code(answer: requests.Response) -> int:
    try:
        body = answer.json()
    except ValueError:
        return 0
    if not isinstance(body, dict):
        return 0
    code = body.get("errcode") or body.get("code")
    return code if isinstance(code, int) else 0
