# SPDX-License-Identifier: MIT
"""Addresses at which a container engine may answer on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT_CONTEXT: Final = "default"


def addresses(environment: Mapping[str, str], home: Path) -> Iterator[str]:
    """Return the addresses to try, the likeliest first.

    What the user has set is the only one: an engine that was not asked for must not run it.

    Args:
        environment: Of this process.
        home: The user's folder.
    """
    explicit = environment.get("DOCKER_HOST") or environment.get("CONTAINER_HOST")
    if explicit:
        yield explicit
        return
    context = environment.get("DOCKER_CONTEXT") or _current_context(home)
    if context and context != _DEFAULT_CONTEXT:
        address = _address_of(context, home)
        if address:
            yield address
            return
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = [
        Path("/var/run/docker.sock"),
        home / ".docker" / "run" / "docker.sock",
        Path(runtime, "podman", "podman.sock"),
        Path("/run/podman/podman.sock"),
    ]
    for socket in sockets:
        if _is_socket(socket):
            yield f"unix://{socket}"


def _current_context(home: Path) -> str:
    """Return the context that ``docker context use`` has chosen; "" for none."""
    return _text(home / ".docker" / "config.json", "currentContext")


def _address_of(context: str, home: Path) -> str:
    """Return the address of a context of Docker; "" if there is no such context."""
    for file in (home / ".docker" / "contexts" / "meta").glob("*/meta.json"):
        if _text(file, "Name") == context:
            return _text(file, "Endpoints", "docker", "Host")
    return ""


def _text(file: Path, *path: str) -> str:
    """Return a text in a JSON file; "" if it is not there."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return ""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # a folder that this user may not read
        return False
