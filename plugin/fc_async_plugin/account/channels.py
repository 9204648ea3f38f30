# SPDX-License-Identifier: MIT
"""Looks for queues, topics and event buses of an account, creates and deletes them.

MNS takes XML (API 2015-06-06), EventBridge takes RPC requests (API 2020-04-01).

Invariant: what cannot be read does not count as missing.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import requests

from fc_async_plugin.account.runtime import service_url
from fc_async_sdk import _signing, errors
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.project.state import Channel
    from fc_async_sdk.credentials import Credentials

_TIMEOUTS: Final = (5.0, 30.0)
_MNS: Final = {
    record.label: (f"{name}s", name.capitalize())
    for record in KINDS.values()
    if record.service == "mns"
    for name in record.names
}
"""The folder in paths and the element of XML for each kind of MNS."""
_NAMESPACE: Final = "http://mns.aliyuncs.com/doc/v1/"
_RETENTION: Final = "MessageRetentionPeriod"
_ATTRIBUTES: Final = {
    "Queue": f"<{_RETENTION}>{limits.QUEUE_RETENTION_SECONDS.high}</{_RETENTION}>"
}
"""XML of what is created, by its element: the default of MNS drops a failure after four days."""
_EXISTS: Final = frozenset({"QueueAlreadyExist", "TopicAlreadyExist", "EventBusAlreadyExist"})
_CREATED: Final = 201
_REFUSED: Final = 300
_NOT_FOUND: Final = 404


class _Answer(NamedTuple):
    """An answer that was accepted; ``code`` is that of an accepted error, or ""."""

    status: int
    code: str
    text: str


class Channels:
    """The queues, topics and event buses of one account.

    Args:
        fc_endpoint: Endpoint of the local runtime; None: the account.
        account_id: Id of the account.
        credentials: Returns its keys.
    """

    def __init__(
        self, fc_endpoint: str | None, account_id: str, credentials: Callable[[], Credentials]
    ) -> None:
        self._fc_endpoint = fc_endpoint
        self._account_id = account_id
        self._credentials = credentials

    def exists(self, channel: Channel) -> bool:
        """Return whether there is one of this name.

        Raises:
            FcAsyncError: It cannot be read.
        """
        answer = self._send("GET", "GetEventBus", channel, accepted={_NOT_FOUND})
        return answer.status != _NOT_FOUND

    def retention(self, queue: Channel) -> int | None:
        """Return for how many seconds a queue of MNS keeps a message; None if there is no queue.

        Raises:
            FcAsyncError: It cannot be read.
        """
        answer = self._send("GET", "", queue, accepted={_NOT_FOUND})
        match = re.search(rf"<{_RETENTION}>(\d+)</{_RETENTION}>", answer.text)
        return int(match[1]) if match else None

    def create(self, channel: Channel) -> bool:
        """Create one; return whether there was none. A queue keeps its messages as long as it can.

        Raises:
            FcAsyncError: It was refused.
        """
        status, code, _ = self._send("PUT", "CreateEventBus", channel, accepted={409})
        if code and code not in _EXISTS:
            raise errors.service_error_class(code, status)(code, channel.name, http_status=status)
        # MNS answers 201 to what it created and 204 to what exists with the same attributes.
        # Undoing deletes only what was created.
        return not code and (channel.of not in _MNS or status == _CREATED)

    def delete(self, channel: Channel) -> None:
        """Delete one, if there is one.

        Raises:
            FcAsyncError: It was refused.
        """
        self._send("DELETE", "DeleteEventBus", channel, accepted={_NOT_FOUND})

    def _send(self, method: str, action: str, channel: Channel, *, accepted: set[int]) -> _Answer:
        """Send a request.

        Raises:
            FcAsyncError: It was refused with another status than the accepted ones.
        """
        of, _, name = channel
        url, headers, body = self._request(method, action, channel)
        try:
            answer = requests.request(
                method if of in _MNS else "POST", url, headers=headers, data=body, timeout=_TIMEOUTS
            )
        # Before Timeout: a ConnectTimeout is both, and nothing was sent then, so that the outcome
        # is known.
        except requests.ConnectionError as error:
            raise errors.ConnectFailed(f"{of} {name}: {error}") from error
        except requests.Timeout as error:
            raise errors.TimedOut(f"{of} {name}: {error}") from error
        if answer.status_code < _REFUSED:
            return _Answer(answer.status_code, "", answer.text)
        match = re.search(r"<Code>(\w+)|\"Code\": ?\"(\w+)", answer.text)
        code = next(filter(None, match.groups()), "") if match else ""
        # A status without a code of the service is the answer of a gateway: it proves nothing.
        if answer.status_code in accepted and code:
            return _Answer(answer.status_code, code, answer.text)
        kind = errors.service_error_class(code, answer.status_code)
        text = answer.text[:200]
        raise kind(code or "Unknown", f"{of} {name}: {text}", http_status=answer.status_code)

    def _request(
        self, method: str, action: str, channel: Channel
    ) -> tuple[str, dict[str, str], bytes]:
        of, region, name = channel
        if of not in _MNS:
            return self._rpc(action, region, {"EventBusName": name})
        folder, element = _MNS[of]
        path = f"/{folder}/{quote(name, safe='')}"
        body = b""
        if method == "PUT":
            attributes = _ATTRIBUTES.get(element, "")
            body = f'<{element} xmlns="{_NAMESPACE}">{attributes}</{element}>'.encode()
        keys = self._credentials()
        kind = "text/xml"
        date = formatdate(time.time(), usegmt=True)
        text = f"{method}\n\n{kind}\n{date}\nx-mns-version:2015-06-06\n{path}"
        signed = hmac.digest(keys.access_key_secret.encode(), text.encode(), "sha1")
        headers = {
            "Content-Type": kind,
            "Date": date,
            "x-mns-version": "2015-06-06",
            "Authorization": f"MNS {keys.access_key_id}:{base64.b64encode(signed).decode()}",
        }
        if keys.security_token:
            headers["security-token"] = keys.security_token
        return self._url("mns", region) + path, headers, body

    def _rpc(
        self, action: str, region: str, parameters: dict[str, str]
    ) -> tuple[str, dict[str, str], bytes]:
        url = self._url("eventbridge", region)
        body = urlencode(parameters).encode()
        headers = {
            "host": urlsplit(url).netloc,
            "content-type": "application/x-www-form-urlencoded",
            "x-acs-action": action,
            "x-acs-version": "2020-04-01",
        }
        unsigned = _signing.Unsigned("POST", "/", "", headers, body)
        nonce = secrets.token_hex(16)
        signed = _signing.sign(unsigned, self._credentials(), now=time.time(), nonce=nonce)
        return f"{url}/", signed, body

    def _url(self, service: Literal["mns", "eventbridge"], region: str) -> str:
        return service_url(
            service,
            self._fc_endpoint,
            account_id=self._account_id,
            region=region,
            otherwise="create queues, topics and buses in another way, and leave out "
            "--create-missing",
        )
