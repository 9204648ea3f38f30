# SPDX-License-Identifier: MIT
"""Code of a function on this machine: where it is, and whether a custom runtime can start it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk import packaging
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from fc_async_plugin.template import problems
    from fc_async_plugin.template.model import Project, Resource

DEFAULT_HANDLER: Final = "index.handler"
"""Sent if a template has none. Custom runtimes do not call it, but CreateFunction requires one."""
_LONGEST_FIRST_LINE: Final = 1024


class StartProblem(NamedTuple):
    """Reason why a custom runtime cannot start a file of the code folder.

    Attributes:
        path: Where the template names the file, from props down.
        message: What is wrong.
        fix: What to do.
        missing: The file does not exist; a build may make it.
    """

    path: problems.Path
    message: str
    fix: str
    missing: bool = False


def folder_of(project: Project) -> Path:
    """Return the folder to which the paths in a template are relative, absolute."""
    return Path(project.file).resolve().parent


def code_path(project: Project, resource: Resource) -> Path | None:
    """Return the code folder or zip of a resource, absolute; None if its code is elsewhere."""
    code = resource.props.get("code")
    source = code.get("src") if isinstance(code, dict) else code
    return folder_of(project) / str(source) if source else None


def start_command(resource: Resource) -> list[str]:
    """Return the command of a custom runtime, empty if it has none; FCA016 finds a text."""
    custom = resource.props.get("customRuntimeConfig")
    command = (custom.get("command") if isinstance(custom, dict) else None) or []
    return list(map(str, command)) if isinstance(command, list) else str(command).split()


def start_problem(project: Project, resource: Resource) -> StartProblem | None:
    """Return why a custom runtime cannot start the file that its command names.

    Returns:
        None if it can, or if the command is a program of the runtime, such as ``python3``.
    """
    command = start_command(resource)
    folder = code_path(project, resource)
    if (
        str(resource.props.get("runtime")) not in runtimes.CUSTOM
        or folder is None
        or not folder.is_dir()
    ):
        return None
    first = command[0] if command else f"/code/{packaging.BOOTSTRAP}"
    name = first.removeprefix("/code/").removeprefix("./")
    if name.startswith("/") or (name == first and "/" not in name):
        return None
    path: problems.Path = ("customRuntimeConfig", "command") if command else ("code",)
    file = folder / name
    if not file.is_file():
        text = f"{file}, which starts the function, does not exist"
        return StartProblem(path, text, "build or write it", missing=True)
    reason, fix = _why_not_started(folder, file)
    return StartProblem(path, f"{file}, which starts the function, {reason}", fix) if fix else None


def _why_not_started(folder: Path, file: Path) -> tuple[str, str]:
    """Return what is wrong with a file and what to do; nothing if Linux can start it."""
    packed_so = os.name != "posix" or file == folder / packaging.BOOTSTRAP
    if not packed_so and not file.stat().st_mode & stat.S_IXUSR:
        return "is not executable", f"chmod +x {file}"
    with file.open("rb") as opened:
        head = opened.readline(_LONGEST_FIRST_LINE)
    if head.startswith(b"#!") and head.endswith(b"\r\n"):
        return "has Windows line ends, so Linux does not find its interpreter", "save it with LF"
    if not head.startswith((b"#!", b"\x7fELF")):
        return "is neither a script nor a program for Linux", "begin it with #!/bin/sh"
    return "", ""
