# SPDX-License-Identifier: MIT
"""Rules about the environment variables of a function.

Invariants:

- No message has the value of a variable: it may be a password.
- A folder that a function has in the cloud is never found: see :data:`_RUNTIME`, and the mounts of
  the function.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.check.rules.rule import Found, rule
from fc_async_plugin.project.code import folder_of
from fc_async_plugin.s_yaml.model import is_unresolved
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.s_yaml.model import Resource

_RUNTIME: Final = tuple(map(PurePosixPath, ("/code", "/opt", "/tmp", "/mnt")))  # noqa: S108 -- no file is made
"""Folders of the runtimes: code, layers, temporary files, mounts."""
_HOMES: Final = tuple(map(PurePosixPath, ("/home", "/Users", "/private/var", "/var/folders")))
"""Homes of Linux and macOS, and macOS's folder for temporary files. No runtime has such folders."""
_MOUNTS: Final = ("nasConfig", "ossMountConfig")
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/\s,;\"']*)(?P<path>/[^\s,;\"'?#]*)?"
)
_PATH: Final = re.compile(r"(?:^|(?<=[\s:;,=\"'(\[]))/[^\s:;,\"')\]]+")


@rule("FCA057", "path-of-this-machine", "warning")
def machine_paths(context: Context) -> Iterator[Found]:
    """An environment variable with a path of this machine, which the cloud does not have.

    Looks for the folder of the template, for homes, and for URLs such as file:///… of them.
    """
    for project in context.projects:
        folder = PurePosixPath(folder_of(project).as_posix())
        for resource in project.functions:
            for name, value in resource.variables.items():
                if not isinstance(value, str) or is_unresolved(value):
                    continue
                owner = machine_folder(value, resource, folder=folder, home=context.home)
                if owner:
                    yield Found(
                        f"{name} of {resource.function_name} names {owner}, which the function does"
                        " not have in the cloud",
                        resource.where(ENVIRONMENT, name),
                        f"name a folder of the runtime, such as /tmp or a mount, and set {name} to"
                        " one of this machine only where fc-async dev is started",
                    )


def machine_folder(
    value: str, resource: Resource, *, folder: PurePosixPath, home: PurePosixPath
) -> str:
    """Return which folder of this machine a value names, in words; "" if it names none.

    Args:
        value: Value of an environment variable.
        resource: The function.
        folder: The folder of its template.
        home: The home of the user.
    """
    runtime = [*_RUNTIME, *mounts(resource)]
    in_image = resource.runtime == runtimes.CONTAINER
    for path in paths_in(value):
        if _is_below(path, mounts(resource)):
            continue
        if path.is_relative_to(folder) and _is_specific(folder):
            return "a path in the folder of the template"
        if in_image or _is_below(path, runtime):
            continue  # an image has what folders its author likes
        if path.is_relative_to(home) and len(home.parts) > 1:
            return "a path in the home of this machine's user"
        if _is_below(path, _HOMES):
            return "a path of a developer's machine"
    return ""


def paths_in(value: str) -> Iterator[PurePosixPath]:
    """Yield the absolute paths in a text: alone, in a list such as PATH, or as a URL of a file.

    In URLs of databases three slashes begin a relative path, and four an absolute one:
    ``sqlite:///etl.db``, ``sqlite:////data/etl.db``.
    """
    for url in _URL.finditer(value):
        path = url["path"] or ""
        is_file = url["scheme"].lower() in {"file", "fileb"} and url["host"] in {"", "localhost"}
        is_absolute = not url["host"] and path.startswith("//")
        if path and (is_file or is_absolute):
            yield _normal(path)
    for match in _PATH.finditer(_URL.sub(" ", value)):
        yield _normal(match[0])


def _normal(path: str) -> PurePosixPath:
    return PurePosixPath("/" + path.lstrip("/"))


def _is_specific(folder: PurePosixPath) -> bool:
    """Return whether a path in the folder of a template is surely not one of the runtime."""
    is_runtime = folder in _RUNTIME or _is_below(folder, _RUNTIME[:2])
    return len(folder.parts) > 1 and not is_runtime


def _is_below(path: PurePosixPath, folders: Any) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def mounts(resource: Resource) -> list[PurePosixPath]:
    """Return where file systems and buckets are mounted in a function."""
    points: list[Any] = []
    for name in _MOUNTS:
        listed = resource.at(name, "mountPoints")
        points += listed if isinstance(listed, list) else ()
    folders = (point.get("mountDir") for point in points if isinstance(point, dict))
    return [PurePosixPath(folder) for folder in folders if isinstance(folder, str)]
