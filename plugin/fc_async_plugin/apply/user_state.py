# SPDX-License-Identifier: MIT
"""The key that encrypts journals: per user, outside all projects.

It is in the user's state folder (``$XDG_STATE_HOME``, https://specifications.freedesktop.org/
basedir-spec/latest/; ``%LOCALAPPDATA%`` on Windows), so that neither git nor an archive of a
project holds both the journal and its key.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import filelock
from cryptography.fernet import Fernet

from fc_async_plugin import PluginError


def key_path() -> Path:
    """Return the path of the key, whether it exists or not."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME", "") or str(Path.home() / ".local" / "state")
    return Path(base) / "fc-async" / "journal.key"


def key() -> bytes:
    """Return the key, which is made when it is first needed.

    Raises:
        PluginError: It cannot be read or written.
    """
    path = key_path()
    try:
        if not path.exists():
            _make(path)
        return path.read_bytes()
    except OSError as error:
        raise PluginError(
            f"the key of deployment journals cannot be kept in {path}: {error.strerror}. "
            "Set XDG_STATE_HOME to a folder that can be written"
        ) from error


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock"), mode=0o600):
        if path.exists():
            return
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
