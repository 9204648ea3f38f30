# SPDX-License-Identifier: MIT
"""Code of a function on this machine: where it is, what starts it, and whether that is there."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.project.lack import Lack
from fc_async_sdk import packaging
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.s_yaml import problems
    from fc_async_plugin.s_yaml.model import Project, Resource

DEFAULT_HANDLER: Final = "index.handler"
"""Sent if a template has none. Custom runtimes do not call it, but CreateFunction requires one."""
_PARENTS: Final = 2
"""Ours: how many folders above that of a template may have what belongs to it, without ``.git``."""
_LONGEST_FIRST_LINE: Final = 1024
_FIRST_LINES: Final = {".py": "#!/usr/bin/env python3", ".js": "#!/usr/bin/env node"}
_MODULES: Final = {
    **dict.fromkeys(runtimes.NODE, (".js", ".mjs", ".cjs")),
    **dict.fromkeys(runtimes.PYTHON, (".py", "/__init__.py", ".pyc", ".so")),
}
"""Endings of the modules that a built-in runtime loads; those in layers are not looked for."""
_SCRIPT: Final = re.compile(r"[\w.][\w./-]*\.(?:[cm]?js|jar|php|py|rb|sh)")
_ELSEWHERE: Final = re.compile(r"\bcd\s|--(?:chdir|cwd|prefix)\b|[$*?]")
"""Words of a command after which its paths may be relative to another folder, or are not known."""
_BUILDS: Final = {
    "go.mod": "go build",
    "pom.xml": "mvn package",
    "build.gradle": "gradle build",
    "Cargo.toml": "cargo build --release",
}
"""Files that a build reads, with the command of the build."""
_FC_CODE: Final = "/code"
"""The folder of a function's code on the service."""


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


def is_shared(folder: Path) -> bool:
    """Return whether a folder has other projects, so that none of it is searched.

    Those are the root of the file system, the home folder and the one for temporary files.

    Args:
        folder: Absolute, without links.
    """
    # A Dockerfile above a template could lead here, and a deployment would pack every file that
    # the user may read.
    if folder == folder.parent:
        return True
    return folder in (Path.home().resolve(), Path(tempfile.gettempdir()).resolve())


def repository_of(project: Project) -> Path | None:
    """Return the folder of the repository that has a template, also of a copy without ``.git``.

    The home folder and the one for temporary files have other projects, so they are none.
    """
    base = folder_of(project)
    # Without ``.git``, as in a downloaded archive, the topmost ``.gitignore`` marks the repository.
    copy: Path | None = None
    for distance, folder in enumerate([base, *base.parents]):
        if is_shared(folder):
            break
        if (folder / ".git").exists():
            return folder
        if distance <= _PARENTS and (folder / ".gitignore").is_file():
            copy = folder
    return copy


def own_folders(project: Project) -> list[Path]:
    """Return the folder of a template and those above it in its repository, the nearest first.

    Outside of a repository, the folder above may be ``/tmp``, with the files of others.
    """
    base = folder_of(project)
    top = repository_of(project) or base
    return [folder for folder in (base, *base.parents) if folder.is_relative_to(top)]


def code_path(project: Project, resource: Resource) -> Path | None:
    """Return the code folder or zip of a resource, absolute; None if its code is elsewhere."""
    return code_below(folder_of(project), resource)


def code_below(folder: Path, resource: Resource) -> Path | None:
    """Return the code folder or zip of a resource; None if its code is elsewhere.

    Args:
        folder: The one of :func:`folder_of`, which takes system calls to find: who reads many
            resources of a template asks once.
        resource: A function.
    """
    code = resource.props.get("code")
    source = code.get("src") if isinstance(code, dict) else code
    return folder / str(source) if source else None


def python_path(resource: Resource, code: Path) -> Iterator[Path]:
    """Yield the folders in the ``PYTHONPATH`` of a function, on this machine."""
    path = str(resource.variables.get("PYTHONPATH") or "")
    for entry in path.split(":"):
        if entry.startswith(_FC_CODE):
            yield code / entry.removeprefix(_FC_CODE).lstrip("/")
        else:
            yield code / entry


def start_command(resource: Resource) -> list[str]:
    """Return command and arguments of a custom runtime; empty without a command: its bootstrap.

    A command that is a text, which FCA016 finds, is split at blanks.
    """
    command = resource.at("customRuntimeConfig", "command") or []
    if not isinstance(command, list):
        return str(command).split()
    words = list(command)
    arguments = resource.at("customRuntimeConfig", "args")
    if command and isinstance(arguments, list):
        words += arguments
    return [str(word) for word in words]


def start_problem(project: Project, resource: Resource) -> StartProblem | None:
    """Return why a custom runtime cannot start the file that its command names.

    Returns:
        None if it can, or if the command is a program of the runtime, such as ``python3``.
    """
    # Before the folder is looked for: most functions have another runtime.
    if resource.runtime not in runtimes.CUSTOM:
        return None
    command = start_command(resource)
    folder = code_path(project, resource)
    if folder is None or not folder.is_dir():
        return None
    name = _in_code(command[0] if command else f"./{packaging.BOOTSTRAP}")
    file = folder / name
    is_bare_word = command[:1] == [name] and "/" not in name
    is_program = is_bare_word and not _finds(resource, file)
    # An absolute path outside of /code is one of the service, which this machine does not know.
    if is_program or name.startswith("/"):
        return None
    path: problems.Path = ("customRuntimeConfig", "command") if command else ("code",)
    if not file.is_file():
        lack = lacking_file(project, resource, name)
        return StartProblem(path, lack.fault, lack.remedy, missing=True)
    reason, fix = _why_not_started(folder, file)
    if not fix:
        return None
    return StartProblem(path, f"{file}, which starts the function, {reason}", fix)


def missing_start_file(project: Project, resource: Resource) -> str:
    """Return a file with which a function starts and that its code does not have.

    Args:
        project: The template.
        resource: A function.

    Returns:
        Relative to the code folder; "." if the folder or zip does not exist, "" if all is there.
    """
    folder = code_path(project, resource)
    if folder is None:
        return ""
    if not folder.is_dir():
        return "" if folder.exists() else "."
    if _modules_of(resource):
        return _missing_module(folder, resource)
    if resource.runtime not in runtimes.CUSTOM:
        return ""
    problem = start_problem(project, resource)
    if problem and problem.missing:
        return _in_code((start_command(resource) or [packaging.BOOTSTRAP])[0])
    return _missing_script(folder, resource)


def _missing_module(folder: Path, resource: Resource) -> str:
    """Return the module of a built-in runtime that a function lacks, else ""."""
    names = _modules_of(resource)
    # A layer may have the module, too.
    if resource.props.get("layers") or any((folder / name).is_file() for name in names):
        return ""
    return names[0]


def _missing_script(folder: Path, resource: Resource) -> str:
    """Return a script that the command of a custom runtime names and its code lacks, else ""."""
    for name in _scripts(" ".join(start_command(resource))):
        # Node adds the ending itself.
        if not (folder / name).exists() and not (folder / f"{name}.js").exists():
            return name
    return ""


def lacking_file(project: Project, resource: Resource, name: str) -> Lack:
    """Return that a function lacks a file with which it starts.

    Args:
        project: The template.
        resource: The function.
        name: The file, relative to its code folder.
    """
    folder = code_path(project, resource) or folder_of(project)
    is_custom = str(resource.props.get("runtime")) in runtimes.CUSTOM
    key = "customRuntimeConfig" if is_custom else "handler"
    return Lack(
        "file",
        os.path.relpath(folder / name),
        f"{resource.function_name} starts with",
        str(resource.where(key, "command")),
        _how_to_build(project, folder, name),
    )


def start_files(resource: Resource) -> list[str]:
    """Return the files with one of which a function starts, relative to its code."""
    names = _modules_of(resource)
    if names or resource.runtime not in runtimes.CUSTOM:
        return names
    command = start_command(resource)
    if not command:
        return [packaging.BOOTSTRAP]
    files = list(_scripts(" ".join(command)))
    if command[0].startswith(("./", "/code/")):
        files.insert(0, _in_code(command[0]))
    return files


def _modules_of(resource: Resource) -> list[str]:
    """Return the files of which the built-in runtime of a function loads one; none of others."""
    return handler_names(resource.runtime, handler_of(resource))


def handler_of(resource: Resource) -> str:
    """Return the handler of a function; the usual one, which a deployment sends, without one."""
    return str(resource.props.get("handler") or DEFAULT_HANDLER)


def _scripts(command: str) -> Iterator[str]:
    """Yield the files of the code that a command runs, relative to the folder."""
    if _ELSEWHERE.search(command):
        return
    words = command.split()
    # The first argument of a shell or an interpreter is a script whatever its name is.
    if len(words) > 1 and _in_code(words[1]) != words[1]:
        yield _in_code(words[1])
    yield from filter(_SCRIPT.fullmatch, map(_in_code, words))


def handler_names(runtime: str, handler: str) -> list[str]:
    """Return the files of which a built-in runtime loads one, relative to the code."""
    module = handler.rpartition(".")[0]
    name = module.replace(".", "/") if runtime in runtimes.PYTHON else module
    return [f"{name}{ending}" for ending in _MODULES.get(runtime, ()) if name]


def _how_to_build(project: Project, folder: Path, name: str) -> str:
    """Return what to do for a missing file in the code of a function.

    Args:
        project: The template. If the file is in its folder or in one above it in the repository,
            that is said.
        folder: The code, for which the nearest build is named.
        name: The file, relative to the code.
    """
    for own_folder in own_folders(project):
        if (own_folder / name).is_file():
            return f"copy it from {os.path.relpath(own_folder)}, or correct code"
    if build := nearest_build(project, folder):
        build_folder, command = build
        return f"build it, as with {command} in {os.path.relpath(build_folder)}"
    return "build or write it"


def nearest_build(project: Project, folder: Path) -> tuple[Path, str] | None:
    """Return the nearest folder that a build reads, from the code up, with the usual command."""
    base = folder_of(project)
    code = folder.resolve()
    for ancestor in (code, *code.parents):
        for file, command in _BUILDS.items():
            if (ancestor / file).is_file():
                return ancestor, command
        if ancestor == base or not ancestor.is_relative_to(base):
            return None
    return None


def _finds(resource: Resource, file: Path) -> bool:
    """Return whether the ``PATH`` of a function has the code folder, and the folder a file."""
    path = str(resource.variables.get("PATH"))
    return "/code" in path.split(":") and file.is_file()


def _in_code(word: str) -> str:
    """Return a word of a command that names a file of the code folder, relative to the folder."""
    return word.removeprefix("/code/").removeprefix("./")


def _why_not_started(folder: Path, file: Path) -> tuple[str, str]:
    """Return what is wrong with a file and what to do; nothing if Linux can start it."""
    # The component fc3 sets the x bits of bootstrap itself (@serverless-devs/zip 0.0.3-beta.8), and
    # so do we: a file without them in git is right.
    packed_so = os.name != "posix" or file == folder / packaging.BOOTSTRAP
    if not packed_so and not file.stat().st_mode & stat.S_IXUSR:
        return "is not executable", f"chmod +x {file}"
    with file.open("rb") as opened:
        head = opened.readline(_LONGEST_FIRST_LINE)
    if head.startswith(b"#!") and head.endswith(b"\r\n"):
        return "has Windows line ends, so Linux does not find its interpreter", "save it with LF"
    if head.startswith(codecs.BOM_UTF8):
        return "begins with a byte order mark, which Linux cannot start", "save it without the mark"
    if not head.startswith((b"#!", b"\x7fELF")):
        begin = _FIRST_LINES.get(file.suffix, "#!/bin/sh")
        return "is neither a script with #! nor a program for Linux", f"begin it with {begin}"
    return "", ""
