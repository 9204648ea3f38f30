# SPDX-License-Identifier: MIT
"""File systems that a function mounts, as folders of this machine.

A share of NAS and a folder of a bucket are one folder each, below a folder of this machine that
stays between starts: functions that mount the same one see each other's files, as on the service.
What is in a bucket of the local OSS is not in its folder.

Invariants:
    * No folder is outside of that folder, whatever a template says.
    * The paths of the service are those of the function only: nothing is made below ``/mnt`` or
      any other folder of this machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST_NAME: Final = 200
"""Of a folder: file systems allow 255 bytes."""
_NOT_MOUNTED_OVER: Final = frozenset({"code", "dev", "opt", "proc", "sys"})


class MountPoint(NamedTuple):
    """A mount point of a function.

    Attributes:
        path: Where the function sees it: absolute, without ``..``.
        source: What is mounted: the same for all functions that share it.
        read_only: Whether the function may not write.
    """

    path: str
    source: str
    read_only: bool = False


class Mount(NamedTuple):
    """A mount point and the folder of this machine that it leads to."""

    path: str
    folder: Path
    read_only: bool = False


def mount_points(
    nas: Mapping[str, Any] | None, oss: Mapping[str, Any] | None
) -> tuple[MountPoint, ...]:
    """Return the mount points of a function, without those that have no valid path.

    Args:
        nas: Its ``nasConfig``.
        oss: Its ``ossMountConfig``.
    """
    points = [_of_share(point) for point in _listed(nas)]
    points += [_of_bucket(point) for point in _listed(oss)]
    return tuple(point for point in points if _is_mountable(point.path))


def _of_share(point: Mapping[str, Any]) -> MountPoint:
    path = str(point.get("mountDir"))
    address = point.get("serverAddr") or path
    return MountPoint(path, f"nas-{address}")


def _of_bucket(point: Mapping[str, Any]) -> MountPoint:
    folder = str(point.get("bucketPath") or "").strip("/")
    source = f"{point.get('bucketName')}/{folder}".strip("/")
    return MountPoint(
        path=str(point.get("mountDir")),
        source=f"oss-{source}",
        read_only=point.get("readOnly") is True,
    )


def _listed(config: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    points = config.get("mountPoints") if isinstance(config, dict) else None
    if not isinstance(points, list):
        return []
    return [point for point in points if isinstance(point, dict)]


def _is_mountable(path: str) -> bool:
    """Return whether a path is below a folder that a mount namespace may have of its own."""
    pure = PurePosixPath(path)
    is_plain = str(pure) == path.rstrip("/") and ".." not in pure.parts
    if not is_plain or not pure.is_absolute():
        return False
    _, *parts = pure.parts
    if not parts or parts[0] in _NOT_MOUNTED_OVER:
        return False
    # A folder in the root of this machine, such as /usr, has what programs need to run.
    return len(parts) > 1 or not Path(path).exists()


def make(points: Sequence[MountPoint], below: Path) -> tuple[Mount, ...]:
    """Make the folders of mount points that do not exist yet; it blocks.

    Args:
        points: The mount points of a function.
        below: The folder for all of them, made with permissions for its owner only.

    Raises:
        OSError: A folder cannot be made.
    """
    if not points:
        return ()
    # A function wrote into /mnt of this machine as root, before its mounts were folders of ours.
    _project_folder.make_private(below)
    folders = []
    for point in points:
        folder = below / _name_of(point.source)
        folder.mkdir(mode=0o700, exist_ok=True)
        folders.append(Mount(point.path.rstrip("/"), folder, point.read_only))
    return tuple(folders)


def _name_of(source: str) -> str:
    """Return a name for a folder, which differs for different sources."""
    # Quoted: a slash in a name of the template would lead out of the folder of all mounts.
    name = quote(source, safe="@:")
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[: _LONGEST_NAME - len(digest)]}{digest}"


def described(mounts: Iterable[Mount]) -> str:
    """Return what is where, for a message."""
    return ", ".join(f"{mount.path} is {mount.folder}" for mount in mounts)
