# SPDX-License-Identifier: MIT
"""Tokens of local runtimes: a runtime writes its own, programs of the same user find it.

A runtime has a token from its start to its end. It is in a file in its data folder, beside the
addresses. The folder of the user's state says which data folder belongs to an address, so that a
program that knows only the address finds the token.

Invariants:
    Only the owner can read a token, and a file of another owner or behind a link is not read.
    A token is used for the address that its own data folder names, and for no other. A request is
    signed with it; the token itself is not sent.
    No token is in a log, a ``repr`` or an error.
    A killed runtime leaves its files. What listens on its port next cannot prove that it is
    that runtime. The next start of a runtime removes the entry from the user's state.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from fc_async_sdk import _project_folder, _user_key
from fc_async_sdk.credentials import LOCAL, Credentials, from_environment
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_sdk._endpoint import Endpoint

VARIABLE: Final = "FC_ASYNC_TOKEN"
"""The environment variable with the token of a runtime of another machine, container or user."""
KEY_ID: Final = "fc-async-runtime"
"""The access key id of requests that are signed with a token."""
ACCESS_KEY_ID: Final = "fc-async-local"
"""The access key id that a strict runtime accepts besides those that it was given."""
FILE: Final = "token"
"""The file of the token in the data folder of a runtime."""
_KEY_FILE: Final = "access-key"
"""The file of the access key's secret there, if the runtime is strict."""
_KNOWN: Final = "runtimes"
"""The folder, in that of the user's state, with a file for each runtime that runs."""
_TOKEN_BYTES: Final = 12
"""96 bits: too many to try, and the address of the console fits into a terminal of 80 columns."""
_LARGEST_FILE: Final = 64 * 1024
_CONNECT_SECONDS: Final = 0.2


def new_token() -> str:
    """Return a token that cannot be guessed: 16 characters that are safe in a URL."""
    return base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).decode()


def derived(token: str, purpose: str) -> str:
    """Return a secret for one purpose, from which the token cannot be computed."""
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def proof(token: str) -> str:
    """Return what a runtime answers to show that it has the token; it is the same in each answer.

    Process id and data folder do not show that: other users see them.
    """
    return derived(token, "health")


def access_key(token: str) -> tuple[str, str]:
    """Return the id and the secret of the access key that a strict runtime accepts."""
    return ACCESS_KEY_ID, derived(token, "access key")


def console_address(url: str, token: str) -> str:
    """Return the address of the console that lets a browser in."""
    return f"{url}?token={token}" if token else url


# --- what a runtime writes ----------------------------------------------------------------------


def keep(data: Path, token: str, *, strict: bool) -> None:
    """Write the token into a data folder, and the secret of the access key of a strict runtime.

    Raises:
        OSError: They cannot be written.
    """
    secrets = {FILE: token}
    if strict:
        _, secrets[_KEY_FILE] = access_key(token)
    else:
        (data / _KEY_FILE).unlink(missing_ok=True)
    for name, secret in secrets.items():
        _project_folder.remove_unfinished(data / name)  # of a start that was killed
        with _project_folder.replacing(data / name, durable=False) as file:
            file.write_text(secret, encoding="ascii")


def announce(data: Path, url: str) -> None:
    """Let programs of this user find the data folder by the address of the runtime.

    Raises:
        OSError: The folder of the user's state cannot be written.
        ConfigurationError: The user has no home folder.
    """
    file = _known(urlsplit(url).port)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_stale(file.parent)
    with _project_folder.replacing(file, durable=False) as draft:
        draft.write_bytes(msgspec.json.encode({"data": str(data.resolve())}))


def withdraw(data: Path, url: str) -> None:
    """Remove what :func:`keep` and :func:`announce` wrote."""
    for name in (FILE, _KEY_FILE):
        (data / name).unlink(missing_ok=True)
    try:
        file = _known(urlsplit(url).port)
    except ConfigurationError:
        return  # the user has no home folder, so nothing was announced
    # Another runtime may have the port by now.
    if _member(file, "data") == str(data.resolve()):
        file.unlink(missing_ok=True)


def _remove_stale(folder: Path) -> None:
    """Remove the entries of runtimes of this machine that were killed: nothing has their ports.

    A runtime listens before it writes its entry, so none that is starting is taken for one of them.
    """
    of_this_machine = quote(f"{socket.gethostname()}.", safe="")
    for entry in list(folder.glob("*.json")):
        port = entry.stem.removeprefix(of_this_machine)
        if entry.name.startswith(of_this_machine) and port.isdecimal():
            with contextlib.suppress(OSError):
                before = entry.stat()
                # Between the two looks, a new runtime may have got the port and written its entry.
                if _is_free(int(port)) and entry.stat().st_ino == before.st_ino:
                    entry.unlink()


def _is_free(port: int) -> bool:
    """Return whether nothing listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except (OSError, OverflowError):  # it may be busy, or there is no such port
        return False
    return False


# --- what a program reads -----------------------------------------------------------------------


def own_credentials(endpoint: Endpoint) -> Credentials:
    """Return what requests to a runtime's own API are signed with.

    Without a token these are made-up keys: the user's own are never sent to a runtime.
    """
    token = token_at(endpoint)
    if not token:
        return LOCAL
    return Credentials(
        access_key_id=KEY_ID,
        access_key_secret=token,
        source="the local runtime",
    )


def credentials(endpoint: Endpoint, environ: Mapping[str, str]) -> Credentials:
    """Return the keys for the APIs of the service on this machine.

    A strict runtime accepts the access key that it made for its user and for its functions, which
    have it in their environment. Any other runtime accepts any key, so these are made up. Keys of
    an account are not used.

    Args:
        endpoint: An endpoint on this machine.
        environ: The environment.
    """
    if environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID") == ACCESS_KEY_ID:
        return from_environment(environ) or LOCAL
    own = _found_at(endpoint, _KEY_FILE)
    if own is None:
        return LOCAL
    return Credentials(
        access_key_id=ACCESS_KEY_ID,
        access_key_secret=own.secret,
        source="the local runtime",
    )


def token_at(endpoint: Endpoint) -> str:
    """Return the token of the runtime at an address, "" if none is known.

    That of a runtime of this user comes before the one that the environment names, which may be
    another runtime's, unless the runtime of this user was killed.
    """
    own = _found_at(endpoint, FILE)
    theirs = os.environ.get(VARIABLE, "")
    if own is None:
        return theirs
    if theirs and _has_ended(own.data):
        return theirs
    return own.secret


def token_in(data: Path, port: int) -> str:
    """Return the token of the runtime on a data folder, "" unless it listens on a port."""
    return _secret_in(data, port, FILE)


def access_key_in(data: Path, port: int) -> str:
    """Return the secret of :data:`ACCESS_KEY_ID`, "" unless a strict runtime has the folder."""
    return _secret_in(data, port, _KEY_FILE)


class _Found(NamedTuple):
    """A secret of a runtime.

    Attributes:
        data: The data folder that it is in.
        secret: It.
    """

    data: Path
    secret: str

    def __repr__(self) -> str:
        return f"_Found({self.data})"


def _found_at(endpoint: Endpoint, name: str) -> _Found | None:
    """Return the content of a file of the runtime at an address; None if there is none."""
    if endpoint.loopback:
        for data in _folders(endpoint.port):
            secret = _secret_in(data, endpoint.port, name)
            if secret:
                return _Found(data, secret)
    return None


def _has_ended(data: Path) -> bool:
    """Return whether no process has the number of the one that wrote into a data folder.

    A runtime in a container looks like that, too, and a number may be another process's by now.
    """
    pid = _document(data / _project_folder.ADDRESSES).get("pid")
    # On Windows, os.kill ends a process.
    if not isinstance(pid, int) or pid <= 0 or sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # another user's process, or no such number
        return False
    return False


def _secret_in(data: Path, port: int, name: str) -> str:
    url = _member(data / _project_folder.ADDRESSES, "fc")
    try:
        listens = urlsplit(url).port == port
    except ValueError:
        return ""
    return _read(data / name).decode("ascii", "replace").strip() if listens else ""


def _folders(port: int) -> Iterator[Path]:
    """Yield the data folders of the runtime that may listen on a port."""
    with contextlib.suppress(ConfigurationError):  # the user has no home folder
        data = _member(_known(port), "data")
        if data:
            yield Path(data)
    with contextlib.suppress(ConfigurationError):  # the folder came with a repository
        _project_folder.check(_project_folder.RUNTIME)
        yield _project_folder.RUNTIME


def _known(port: int | None) -> Path:
    # Containers that share a home folder have ports of their own.
    name = quote(f"{socket.gethostname()}.{port}", safe="")
    return _user_key.user_state() / _KNOWN / f"{name}.json"


def _member(file: Path, name: str) -> str:
    """Return a text of a JSON object in a file; "" if there is none."""
    value = _document(file).get(name)
    return value if isinstance(value, str) else ""


def _document(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if there is none."""
    try:
        document: Any = msgspec.json.decode(_read(file) or b"{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _read(file: Path) -> bytes:
    """Return the content of a small file of this user, b"" if it cannot be read or is not."""
    try:
        return _project_folder.read_private(file, _LARGEST_FILE)
    except (OSError, ConfigurationError):
        return b""
