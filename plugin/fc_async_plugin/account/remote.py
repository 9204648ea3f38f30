# SPDX-License-Identifier: MIT
"""Reads what an account has of the functions in a template, their code included.

Invariant: a function is missing only if the service answers FunctionNotFound. Any other failure (no
permission, no network, a gateway's 404) ends the reading, because a plan from a part of the state
would change or delete what was not read.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests

from fc_async_plugin.account import WORKERS, lists
from fc_async_plugin.project.archive import contents_of
from fc_async_plugin.project.state import Place, RemoteFunction, trigger_document
from fc_async_sdk import _endpoint
from fc_async_sdk.errors import FcAsyncError, FunctionNotFound
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_plugin.account import Regions
    from fc_async_plugin.project.state import Documents, Remote, Wanted, WantedFunction
    from fc_async_sdk import Client
    from fc_async_sdk.models import AsyncConfig, Function

MANY: Final = 50
"""From this number of functions in a region on, listing the region takes fewer requests."""


def read(regions: Regions, desired: Wanted, *, everything: bool = False) -> Remote:
    """Read the state of every wanted function.

    Args:
        regions: The account.
        desired: The functions; settings and aliases are read only where they are needed.
        everything: Read all that belongs to the functions, because they are deleted.

    Raises:
        FcAsyncError: A function cannot be read.
    """
    by_region: dict[str, list[Place]] = {}
    for address in desired:
        by_region.setdefault(address.region, []).append(address)
    remote: Remote = {}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="read") as pool:
        for region, addresses in sorted(by_region.items()):
            client = regions[region]
            listed = _Listing(client) if len(addresses) >= MANY else None
            reader = _FunctionReader(client, listed, everything)
            wants = [desired[address] for address in addresses]
            functions = pool.map(reader, addresses, wants)
            remote.update(zip(addresses, functions, strict=True))
    return remote


class _Listing:
    """All functions and configurations of a region, in a few requests."""

    def __init__(self, client: Client) -> None:
        self.functions: dict[str, Function] = {
            function.function_name: function for function in lists.functions(client)
        }
        self.configs = lists.all_configs(client)


@dataclass(frozen=True)
class _FunctionReader:
    client: Client
    listed: _Listing | None
    everything: bool

    def __call__(self, address: Place, want: WantedFunction) -> RemoteFunction:
        client = self.client
        name = address.function
        function = self._function(name, want)
        if function is None:
            return RemoteFunction()
        named = set(want.qualifiers) - {limits.DEFAULT_QUALIFIER}
        whole = self.everything or want.settings is not None
        with_aliases = self.everything or bool(named)
        # A qualifier of digits is a version; any other one is an alias.
        with_versions = self.everything or any(map(str.isdigit, named))
        return RemoteFunction(
            function=function,
            contents=self._contents(function, want),
            configs=self._configs(name),
            aliases=lists.aliases(client, name) if with_aliases else None,
            versions=lists.versions(client, name) if with_versions else None,
            triggers=self._triggers(name) if whole else None,
            concurrency=self._concurrency(name) if whole else None,
        )

    def _configs(self, name: str) -> dict[str, AsyncConfig]:
        if self.listed:
            return self.listed.configs.get(name, {})
        return lists.configs(self.client, name)

    def _contents(self, function: Function, want: WantedFunction) -> str | None:
        """Return a digest of the code, if its checksum alone does not tell that it is the same."""
        checksum = want.code.checksum if want.code is not None else None
        # The zip that s makes of the same files has another checksum: only then the code is needed.
        if checksum is None or function.code_checksum in {None, checksum}:
            return None
        data = download(self.client, function.function_name)
        return contents_of(data) if data is not None else None

    def _triggers(self, name: str) -> Documents:
        return {
            trigger.trigger_name: trigger_document(trigger)
            for trigger in lists.triggers(self.client, name)
        }

    def _concurrency(self, name: str) -> Documents:
        count = lists.concurrency(self.client, name)
        return {} if count is None else {"": {"reservedConcurrency": count}}

    def _function(self, name: str, want: WantedFunction) -> Function | None:
        if self.listed and (name not in self.listed.functions or want.settings is None):
            return self.listed.functions.get(name)
        try:
            return self.client.get_function(name)
        except FunctionNotFound:
            return None


MAX_BYTES: Final = 512 * 1024 * 1024
"""The service's largest code package is 500 MB (quota)."""
_TIMEOUTS: Final = (5.0, 60.0)
_CHUNK: Final = 1 << 20


def download(client: Client, function: str) -> bytes | None:
    """Return the zip of a function's code; None if it cannot be had."""
    try:
        return _bytes_at(client.get_function_code(function).url or "")
    # The code is compared or kept for undoing. Both do without it, so no error of it ends a
    # deployment.
    except (FcAsyncError, requests.RequestException, ValueError):
        return None


def _bytes_at(url: str) -> bytes:
    parts = urlsplit(url)
    # Over plain http the code could be replaced on its way, and undoing would deploy that.
    if parts.scheme != "https" and not _endpoint.is_loopback(parts.hostname or ""):
        raise ValueError("code is downloaded over https only")
    with requests.get(url, stream=True, timeout=_TIMEOUTS) as answer:
        answer.raise_for_status()
        data = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            data += chunk
            # Counted while it is read: a header with the length may be missing or wrong.
            if len(data) > MAX_BYTES:
                raise ValueError("larger than any code package")
    return bytes(data)
