# SPDX-License-Identifier: MIT
"""Downloads the code of a function from the URL that the service returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests

from fc_async_sdk import _endpoint
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from fc_async_sdk import Client

MAX_BYTES: Final = 512 * 1024 * 1024
"""The service's largest code package is 500 MB (quota)."""
_TIMEOUTS: Final = (5.0, 60.0)
_CHUNK: Final = 1 << 20


def download(client: Client, function: str) -> bytes | None:
    """Return the zip of a function's code; None if it cannot be had."""
    try:
        return _bytes_at(client.get_function_code(function).url or "")
    except (FcAsyncError, requests.RequestException, ValueError):
        return None


def _bytes_at(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.scheme != "https" and not _endpoint.is_loopback(parts.hostname or ""):
        raise ValueError("code is downloaded over https only")
    with requests.get(url, stream=True, timeout=_TIMEOUTS) as answer:
        answer.raise_for_status()
        data = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            data += chunk
            if len(data) > MAX_BYTES:
                raise ValueError("larger than any code package")
    return bytes(data)
