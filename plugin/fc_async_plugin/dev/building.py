# SPDX-License-Identifier: MIT
"""Runs the commands that a template has ``s`` run before a deployment, when asked for.

Each is given to the system's shell in its folder, as ``s`` does, with the variables of the ``.env``
files of the working folder and of the template's folder.

Invariants:
    No command runs that the user did not see and answer with yes on this machine, now or earlier.
    The commands of a resource after one that failed do not run.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_plugin.template import files
from fc_async_plugin.template.desired import is_function
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fc_async_plugin.template import Project
    from fc_async_plugin.template.actions import Build

_STDERR: Final = 2
"""Output of commands goes there: standard output may be JSON lines."""


def builds_of(projects: Iterable[Project]) -> list[Build]:
    """Return the commands of the functions and of the whole templates, each once."""
    found: dict[Build, None] = {}
    for project in projects:
        functions = {one.name for one in project.resources if is_function(one)}
        found.update((one, None) for one in project.builds if one.resource in {"", *functions})
    return list(found)


def shown(build: Build) -> str:
    """Return a command as it is written, with its place, in one line."""
    owner = f"{build.resource}: " if build.resource else ""
    return f"{owner}{build.written}  (in {os.path.relpath(build.folder)})"


def hints(builds: Iterable[Build], *, asked: bool) -> list[str]:
    """Return which commands do not run, one text for each reason."""
    shell = "before a deployment s runs what follows; here: fc-async dev --build"
    component = (
        "before a deployment s runs its own components; run these with s, or try fc-async dev "
        "--install, which does as much for Python and Node"
    )
    texts: dict[str, str] = {}
    for one in builds:
        head = component if one.component else shell
        if one.component or not asked:
            texts[head] = f"{texts.get(head, head)}\n{shown(one)}"
    return list(texts.values())


def allow(
    builds: Iterable[Build],
    confirm: Callable[[Sequence[Build]], None],
    file: Path = _project_folder.BUILDS,
) -> None:
    """Ask for the commands that the user has not allowed before, and remember the answer.

    Args:
        builds: The commands.
        confirm: Shows commands and asks; raises if the answer is not yes.
        file: Where the answer is remembered.
    """
    allowed = set(file.read_text().split()) if file.is_file() else set()
    new = [one for one in builds if _key(one) not in allowed]
    if new:
        confirm(new)
        _project_folder.make_private(file.parent)
        file.write_text("\n".join(sorted(allowed | set(map(_key, new)))) + "\n")


def run(
    builds: Iterable[Build], environ: Mapping[str, str], say: Callable[[str], None]
) -> list[str]:
    """Run commands in their order; the user has allowed them.

    Args:
        builds: The commands.
        environ: The variables that they see.
        say: Is told before each command.

    Returns:
        What failed, one sentence each.
    """
    failed: dict[str, str] = {}
    for one in builds:
        if one.resource not in failed:
            say(shown(one))
            if reason := _run(one, environ):
                failed[one.resource] = f"not built: {shown(one)}: {reason}"
    return list(failed.values())


def _key(build: Build) -> str:
    """Return what stands for a command on this machine: a copied file of answers allows nothing."""
    text = "\0".join((platform.node(), str(build.folder), build.command))
    return hashlib.sha256(text.encode()).hexdigest()


def _run(build: Build, environ: Mapping[str, str]) -> str:
    """Run a command; return why it failed, "" if it did not."""
    if not build.folder.is_dir():
        return "the folder does not exist"
    done = subprocess.run(  # noqa: S602 -- the user's own command line, shown and allowed
        build.command,
        shell=True,
        cwd=build.folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
        check=False,
    )
    return f"exit status {done.returncode}" if done.returncode else ""


def environment(projects: Iterable[Project], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that commands see."""
    folders = [Path.cwd(), *(Path(project.file).resolve().parent for project in projects)]
    return files.variables(folders, environ)
