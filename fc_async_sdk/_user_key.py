# SPDX-License-Identifier: MIT
"""The secret key of this user on this machine, and what it signs.

It is outside of all projects, in the user's state folder (``$XDG_STATE_HOME``,
https://specifications.freedesktop.org/basedir-spec/latest/; ``%LOCALAPPDATA%`` on Windows), so that
neither git nor an archive of a project holds both the key and what was signed with it.

Invariants:
    The key is made once. Only its owner can read it, and a key of another user is not used.
"""

from __future__ import annotations

import base64
import hmac
import os
import stat
import sys
from pathlib import Path

from fc_async_sdk.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def user_state() -> Path:
    """Return the folder for what belongs to this user and to no project, whether it exists or not.

    Raises:
        ConfigurationError: The user has no home folder, as in a container with any user id.
    """
    windows = sys.platform == "win32"
    base = os.environ.get("LOCALAPPDATA" if windows else "XDG_STATE_HOME", "")
    if not base:
        try:
            base = str(Path.home() / ("AppData/Local" if windows else ".local/state"))
        except RuntimeError as error:
            raise ConfigurationError(
                "there is no home folder for the files of this user: set XDG_STATE_HOME to a "
                "folder of yours that can be written"
            ) from error
    return Path(base) / "fc-async"


def key_path() -> Path:
    """Return the path of the key, whether it exists or not.

    Raises:
        ConfigurationError: As :func:`user_state`.
    """
    return user_state() / "journal.key"


def key() -> bytes:
    """Return the key, 32 random bytes in URL-safe base64; it is made when it is first needed.

    Raises:
        ConfigurationError: It cannot be read or written, or others may know it.
    """
    path = key_path()
    try:
        if not path.exists():
            _make(path)
        _check(path)
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the key of this user cannot be kept in {path}: {error.strerror}. "
            "Set XDG_STATE_HOME to a folder of yours that can be written"
        ) from error


def signature(purpose: str, *parts: object) -> str:
    """Return what only a program with the key of this user can compute, in hexadecimal.

    Args:
        purpose: What it is for: a signature of one purpose is none of another.
        parts: What is signed.

    Raises:
        ConfigurationError: As :func:`key`.
    """
    text = "\0".join([purpose, *map(str, parts)])
    return hmac.digest(key(), text.encode("utf-8", "surrogateescape"), "sha256").hex()


def _check(path: Path) -> None:
    status = path.stat()
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to user {status.st_uid}, not to you ({os.geteuid()}): run the command "
            "as that user, or set XDG_STATE_HOME to a folder of yours"
        )
    if status.st_mode & _OTHERS:
        raise ConfigurationError(
            f"other users can read {path}: remove it, and a new one is made; where the file system "
            "keeps no permissions, set XDG_STATE_HOME to a folder on another one"
        )


def _make(path: Path) -> None:
    """Make the key; of several processes that do so at once, the first one's stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(32)))
            file.flush()
            os.fsync(file.fileno())
        _put(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> None:
    """Put the key in its place, unless another process has put its own there."""
    try:
        os.link(draft, path)  # unlike a rename, it replaces nothing
    except FileExistsError:
        return
    except OSError:  # a file system without links
        draft.replace(path)
