# SPDX-License-Identifier: MIT
"""Starts a local runtime for the loop, or finds the one that runs on the same data."""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account.runtime import health_of
from fc_async_sdk import _endpoint, _project_folder, _runtimes
from fc_async_sdk.admin.models import Addresses
from fc_async_sdk.errors import (
    ConfigurationError,
    ConnectFailed,
    FcAsyncError,
    InvalidResponse,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fc_async_sdk.admin.models import Health

_GRACE_MS: Final = 500
"""Running attempts are given back to the queue at the end, and run after the next start."""
_START_SECONDS: Final = 15.0
"""Seconds in which a runtime that has the data folder must answer."""
_LOOK_SECONDS: Final = 0.1
_NONE_THERE: Final = (ConnectFailed, InvalidResponse)
"""Errors where a runtime has listened before."""
_IN_THE_FEED: Final = ("fc_async_local.engine", "fc_async_local.store.job_runner")
"""Loggers whose lines are steps as well."""


class Choices(NamedTuple):
    """Options of the start of a runtime.

    Attributes:
        port: Port of the API; 0: any; None: the default, or the next free one.
        data: Its data folder.
        clock: ``virtual`` stands still until it is moved.
        region: Region to emulate, "" for the default.
        account_id: Account to emulate, "" for the default.
        settings: Further settings of the runtime by name.
    """

    port: int | None
    data: Path
    clock: Literal["real", "virtual"]
    region: str = ""
    account_id: str = ""
    settings: Mapping[str, object] = MappingProxyType({})


class Running(NamedTuple):
    """A runtime that answers requests.

    Attributes:
        addresses: Where it listens.
        attached: Whether another process runs it.
    """

    addresses: Addresses
    attached: bool


@contextlib.contextmanager
def opened(choices: Choices, warn: Callable[[str, str], None]) -> Iterator[Running]:
    """Use the runtime on the data folder: the one that runs, or a new one that ends with the block.

    One that another process is starting is waited for.

    Args:
        choices: How to start it.
        warn: Is told what a new runtime warns of and the style of the line, from other threads.

    Raises:
        PluginError: It cannot be started, or one runs on another port than the one that is wanted.
    """
    with contextlib.ExitStack() as closing:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            listening = find(choices.data)
            if listening is not None:
                _check_port(choices, listening)
                running = Running(listening, attached=True)
                break
            try:
                addresses = closing.enter_context(_started(choices, warn))
            except _InUse:
                # The process that has the folder may not listen yet: it is found soon.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                running = Running(addresses, attached=False)
                break
        yield running


def _check_port(choices: Choices, addresses: Addresses) -> None:
    if choices.port and not addresses.fc.endswith(f":{choices.port}"):
        raise PluginError(
            f"a runtime on {choices.data} listens at {addresses.fc} (process {addresses.pid}), "
            f"not on port {choices.port}: stop it, give another --data, or leave out --port"
        )


class _InUse(PluginError):
    """Another runtime has the data folder."""


def find(data: Path) -> Addresses | None:
    """Return where a runtime listens that runs on a data folder; None if none does.

    Raises:
        PluginError: One may run, but does not answer. Without it, a command would go to an account.
        ForeignFolder: The folder says that one runs, and is not this user's.
    """
    file = data / _project_folder.ADDRESSES
    if not os.path.lexists(file):
        return None
    # A file that came with a repository could name a server that gets requests signed with the
    # user's keys.
    _project_folder.check(data)
    try:
        recorded = msgspec.json.decode(_project_folder.read_private(file), type=Addresses)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    except OSError as error:
        raise PluginError(f"{file} cannot be read: {error.strerror}") from error
    if not _is_here(recorded):
        return None
    try:
        alive = health_of(recorded.fc)
    except FcAsyncError as error:
        # A runtime that was stopped with Ctrl-Z, or that was ending, once counted as gone: deploy
        # -y went to the account without a word.
        reason = error.__cause__
        if isinstance(reason, TransportError) and not isinstance(reason, _NONE_THERE):
            raise PluginError(
                f"the local runtime of {data} does not answer at {recorded.fc} "
                f"(process {recorded.pid}): let it go on, end it, or name an account with -a or "
                "--region"
            ) from error
        return None  # a runtime left the file that was killed
    # Another runtime may have got the port of one that was killed.
    is_recorded = (alive.pid, alive.data) == (recorded.pid, recorded.data)
    if not is_recorded or not _is_here(alive):
        return None
    if not _has_token(alive, data):
        # It is an error, because the next place for the command would be an account.
        raise PluginError(
            f"{recorded.fc} says that it is the local runtime of {data} (process {recorded.pid}), "
            f"but does not know its token: end it if it is one of an earlier version, else remove "
            f"{file}"
        )
    return msgspec.structs.replace(alive, proof=msgspec.UNSET)


def _has_token(alive: Health, data: Path) -> bool:
    """Return whether what answers has the token of a data folder.

    A server of another user that took the port of a killed runtime can know all its addresses and
    its process id, but cannot read its files.
    """
    port = _endpoint.parse(alive.fc).port
    # In a container, the same folder may have another path.
    for folder in (data, Path(alive.data)):
        token = _runtimes.token_in(folder, port)
        if token:
            proof = alive.proof or ""
            return hmac.compare_digest(proof.encode(), _runtimes.proof(token).encode())
    return False


def _is_here(addresses: Addresses) -> bool:
    """Return whether all addresses are of this machine: no runtime listens elsewhere."""
    services = (
        addresses.console,
        addresses.mns,
        addresses.rocketmq,
        addresses.eventbridge,
        addresses.oss,
    )
    try:
        if not _endpoint.parse(addresses.fc).loopback:
            return False
        return all(_endpoint.is_loopback(urlsplit(url).hostname or "") for url in services)
    except (ConfigurationError, ValueError):
        return False


def trust(data: Path) -> dict[str, str]:
    """Return the variables by which clients trust the TLS of the runtime on a data folder."""
    from fc_async_local.http.tls import Authority  # noqa: PLC0415 -- an extra, as in _started

    return Authority.of(data).ensure().environment()


@contextlib.contextmanager
def _started(choices: Choices, warn: Callable[[str, str], None]) -> Iterator[Addresses]:
    # The local runtime is an extra; no other command loads it in this process.
    from fc_async_local.embedded import LocalRuntime  # noqa: PLC0415 -- see above
    from fc_async_local.http.server import NoFreePort  # noqa: PLC0415 -- see above
    from fc_async_local.settings import Settings  # noqa: PLC0415 -- see above
    from fc_async_local.store.protocol import (  # noqa: PLC0415 -- see above
        StoreInUse,
        StoreUnavailable,
        StoreUnusable,
    )

    options: dict[str, object] = {
        "freeze_instances": True,
        "mount_paths": True,
        "create_missing": True,
        **choices.settings,
    }
    if choices.region:
        options["region"] = choices.region
    if choices.account_id:
        options["account_id"] = choices.account_id
    try:
        settings = Settings.of(**options)
        runtime = LocalRuntime(
            data=choices.data,
            port=choices.port,
            clock=choices.clock,
            settings=settings,
            grace_ms=_GRACE_MS,
        )
        with _warnings(warn):
            runtime.start()
            try:
                yield runtime.addresses
            finally:
                runtime.stop()
    except StoreInUse as error:
        raise _InUse(str(error)) from error
    except (StoreUnavailable, StoreUnusable, ValueError) as error:
        raise PluginError(str(error)) from error
    except NoFreePort as error:
        raise PluginError(error.strerror or str(error)) from error


class _Warnings(logging.Handler):
    """Passes warnings of the runtime on, without those that its steps tell as well."""

    def __init__(self, warn: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_IN_THE_FEED):
            style = "bad" if record.levelno >= logging.ERROR else "note"
            self._warn(record.getMessage(), style)


@contextlib.contextmanager
def _warnings(warn: Callable[[str, str], None]) -> Iterator[None]:
    logger = logging.getLogger("fc_async_local")
    handler = _Warnings(warn)
    propagate = logger.propagate
    # Otherwise a handler of the root logger would print among the lines of the loop.
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
