# SPDX-License-Identifier: MIT
"""Shared parts of the protocols of the services: errors, ids, pages, and messages.

Messages, with their bodies and receipts, have the same form in MNS and RocketMQ.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections import deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, ClassVar, Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from fc_async_local.domain.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fc_async_sdk.spec.limits import Range

T = TypeVar("T")

# A generator of this process is faster than the kernel's, and ids protect nothing.
_RANDOM: Final = random.Random(os.urandom(16))  # noqa: S311 -- not secret
_HANDLE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9A-F]+)", re.ASCII)
_PLAIN: Final = re.compile(r"[^\s\x00-\x20\x7f]+")
_RECENT: Final = 100
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ProtocolError(Rejected):
    """A request that one of the services refuses, with the code of its protocol.

    Attributes:
        codes: The codes of each HTTP status, with spaces between them.
    """

    codes: ClassVar[Mapping[int, str]] = {}

    def __init__(self, code: str, message: str) -> None:
        # A code that no status has is a fault of this program, which a test must see.
        (status,) = [number for number, codes in self.codes.items() if code in codes.split()]
        super().__init__(status, code, message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Recent(Generic[T]):
    """The latest messages of each topic or bus that keeps none, for a person who looks.

    In memory, of this node, since its start.
    """

    def __init__(self) -> None:
        self._latest: dict[str, deque[T]] = {}

    def add(self, name: str, message: T) -> None:
        """Keep a message in place of the oldest."""
        # A hundred: for a person who looks, not for a consumer.
        self._latest.setdefault(name, deque(maxlen=_RECENT)).append(message)

    def of(self, name: str) -> list[T]:
        """Return the messages of a topic or bus, the latest first."""
        return list(reversed(self._latest.get(name, ())))

    def forget(self, name: str) -> int:
        """Drop the messages of a topic or bus, and return how many there were."""
        return len(self._latest.pop(name, ()))


def is_http_url(text: str) -> bool:
    """Return whether a text is an http(s) URL with a host, and with a port from 0 to 65535 or none.

    ``http://[::1`` is not one, and neither is one with a space.
    """
    try:
        # Reading the port checks it: urlsplit takes any text.
        parts = urlsplit(text)
        _ = parts.port  # raises
    except ValueError:
        return False
    is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_http and _PLAIN.fullmatch(text) is not None


def message_id() -> str:
    """Return an id of a message: 32 upper-case hex digits, as in MNS and RocketMQ."""
    return f"{_RANDOM.getrandbits(128):032X}"


def request_id() -> str:
    """Return an id of a request: 24 upper-case hex digits, as in all services."""
    return f"{_RANDOM.getrandbits(96):024X}"


def page(
    keys: Iterable[str],
    *,
    prefix: str = "",
    after: str = "",
    limit: int,
) -> tuple[Sequence[str], str]:
    """Return a page of sorted keys and the marker of the next page.

    Args:
        keys: All keys.
        prefix: What the keys of the list begin with.
        after: Marker of the page: it begins behind this key.
        limit: Most keys in the page.

    Returns:
        The keys, and the last one of them as marker; "" if the list ends here.
    """
    with_prefix = sorted(key for key in keys if key.startswith(prefix))
    following = [key for key in with_prefix if key > after]
    shown = following[:limit]
    if len(following) <= limit:
        return shown, ""
    return shown, shown[-1]


def seconds_of(date: str | None) -> int | None:
    """Return a date of HTTP in seconds since the epoch; None if it cannot be read."""
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def read_integer(
    parameters: Mapping[str, str],
    name: str,
    error: Callable[[str, str], ProtocolError],
    code: str,
) -> int | None:
    """Return a parameter of a query as a number; None if it is absent.

    Raises:
        ProtocolError: With the code: it is not a number.
    """
    value = parameters.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise error(code, f"{name}={value!r} is not an integer") from None


def check_range(
    name: str,
    value: int,
    allowed: Range,
    error: Callable[[str, str], ProtocolError],
) -> None:
    """Check that a number is in its range.

    Raises:
        ProtocolError: InvalidArgument.
    """
    if value not in allowed:
        raise error("InvalidArgument", f"{name}={value}: {allowed.low} to {allowed.high}")


class Receipt(NamedTuple):
    """Allows to delete one received message, or to change how long it is hidden.

    Attributes:
        sequence: Of the message in its store.
        claims: How often the message had been received or hidden; only the last receipt is valid.
        message_id: Of the message.
    """

    sequence: int
    claims: int
    message_id: str

    @property
    def handle(self) -> str:
        """Return the receipt handle for clients, which is safe in a URL."""
        return f"{self.sequence}-{self.claims}-{self.message_id}"


def read_handle(handle: str) -> Receipt | None:
    """Read a receipt handle; return None if it does not have the form of one."""
    match = _HANDLE.fullmatch(handle)
    if match is None:
        return None
    sequence, claims, message_id = match.groups()
    return Receipt(int(sequence), int(claims), message_id)


def body_digest(body: str) -> str:
    """Return MessageBodyMD5: the digest of the body as transmitted, in upper-case hex."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest().upper()


def check_body(
    body: str,
    largest: int,
    error: Callable[[str, str], ProtocolError],
    *,
    envelope_bytes: int = 0,
) -> None:
    """Check size and characters of the body of a message.

    Args:
        body: The body.
        largest: Allowed bytes.
        error: Makes the error of the protocol from code and message.
        envelope_bytes: Bytes of the body that do not count.

    Raises:
        ProtocolError: InvalidArgument: the body is empty, too large or not valid in XML 1.0.
    """
    size = len(body.encode("utf-8", "surrogatepass")) - envelope_bytes
    if not 0 < size <= largest:
        raise error("InvalidArgument", f"MessageBody has {size} bytes: 1 to {largest} are allowed")
    invalid = _NOT_IN_XML.search(body)
    if invalid is not None:
        raise error(
            "InvalidArgument",
            f"MessageBody contains {invalid[0]!r}, which is not valid in XML 1.0: send base64",
        )
