# SPDX-License-Identifier: MIT
"""Images of functions: how their programs start on this machine, as their Dockerfiles say.

A Dockerfile is that of a function without a question if it is the only file of the code folder that
is named so, or if it lies beside the template and the project has no other one. For any other the
user is asked (:mod:`fc_async_plugin.prepare.questions`).

Invariants:
    An absolute path of a Dockerfile is one of the image, never one of this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.project import candidates, image_needs, pyproject
from fc_async_plugin.project.candidates import DOCKERFILE
from fc_async_plugin.project.code import code_path, folder_of
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_HEREDOC: Final = re.compile(r"<<-?(['\"]?)(\w+)\1.*?\n[ \t]*\2$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)
_CONTINUED: Final = re.compile(r"\\[ \t]*\n")
_INSTRUCTION: Final = re.compile(r"^[ \t]*(\w+)[ \t]+(.+)$", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_INSTALLS_ITSELF: Final = re.compile(
    r"\bpip3? install [^&|;\n]*[\s'\"]\.(?:\[[^\]]*\])?['\"]?(?=[\s&|;]|$)"
)
"""``pip install .`` or ``-e .``: the modules of the image are those of a project."""
_BETWEEN: Final = re.compile(r"[\s=:,'\"\[\]{}]+")
_REQUIREMENTS: Final = re.compile(r"(?:-r|--requirement)[ =](\S+\.txt)")


class Image(NamedTuple):
    """Relevant part of a Dockerfile.

    Attributes:
        file: The file.
        folder: Where the program runs.
        command: How it starts there; empty if unknown.
        variables: Environment variables, without its ``PATH``, and those of the function.
        requirements: The file from which it installs Python packages; None if it has none.
        copies: Commands that copy files of the folder to where the image has them in it.
        packages: Requirements in Python that it installs by their names.
        further: Further packages that it installs, each with the program that does it.
        absent: What it copies from the project, which does not have it.
    """

    file: Path
    folder: Path
    command: list[str]
    variables: dict[str, str]
    requirements: Path | None
    copies: list[str]
    packages: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def image_of(project: Project, resource: Resource) -> Image | None:
    """Read the Dockerfile of a function; None if it is not an image or its file is not plain."""
    file = dockerfile_of(project, resource)
    return read_image(project, resource, file) if file else None


def dockerfile_of(project: Project, resource: Resource) -> Path | None:
    """Return the Dockerfile that can only be that of a function; None if there is a choice."""
    if resource.runtime != CONTAINER:
        return None
    base = folder_of(project)
    path = code_path(project, resource)
    code = Path(os.path.normpath(path)) if path else base
    dockerfiles = candidates.dockerfiles(project)
    if code != base:
        in_code = [file for file in dockerfiles if file.parent == code]
        # The template itself names this folder, so Dockerfiles elsewhere are of something else.
        if in_code and code.is_relative_to(candidates.top_of(project)):
            dockerfiles = in_code
        if dockerfiles == [code / DOCKERFILE]:
            return dockerfiles[0]
    # Of several images one beside the template can be any, unless its code folder says which.
    if dockerfiles == [base / DOCKERFILE] and not _has_other_images(project, resource):
        return dockerfiles[0]
    return None


def _has_other_images(project: Project, resource: Resource) -> bool:
    """Return whether another function of the template is another image."""
    images = {_image_name(other) for other in project.resources if other.runtime == CONTAINER}
    return not images <= {_image_name(resource)}


def _image_name(resource: Resource) -> str:
    return str(resource.at("customContainerConfig", "image"))


def read_image(project: Project, resource: Resource, file: Path) -> Image:
    """Read a Dockerfile for a function. What the function sets itself takes precedence."""
    instructions = _Instructions(file.read_text("utf-8", "replace"))
    last = instructions.last
    for name, key in (("ENTRYPOINT", "entrypoint"), ("CMD", "command")):
        if override := resource.at("customContainerConfig", key):
            last[name] = override if isinstance(override, str) else json.dumps(override)
    command = _command(last, instructions.variables)
    workdir = instructions.workdir
    if workdir:
        command = [word.replace(f"{workdir}/", "") for word in command]
    top = candidates.top_of(project)
    parents = [folder for folder in file.parent.parents if folder.is_relative_to(top)]
    context = [file.parent, *parents]
    folder = _folder(context, command, instructions.copied)
    variables = _variables(instructions, resource)
    if instructions.installs_itself:
        # The editable installation of the image put the modules on the path of its Python.
        paths = [f"/code/{path}" for path in pyproject.sources(folder)]
        paths.append(variables.get("PYTHONPATH", ""))
        variables["PYTHONPATH"] = ":".join(filter(None, paths))
    installed = image_needs.installed_by_all(instructions.runs)
    return Image(
        file,
        folder,
        command,
        variables,
        requirements=_requirements(instructions.installed, [folder, *context]),
        copies=list(_copies(folder, instructions)),
        packages=installed.python,
        further=installed.further,
        absent=tuple(_absent(instructions.from_project, context)),
    )


def _variables(instructions: _Instructions, resource: Resource) -> dict[str, str]:
    """Return the environment variables of an image, with those of the function above them."""
    variables = dict(instructions.variables)
    # A PATH of the image has folders of the image, which this machine does not have.
    variables.pop("PATH", None)
    own = {name: text for name, text in resource.variables.items() if isinstance(text, str)}
    variables |= own
    if not instructions.workdir:
        return variables
    # The program runs in a folder of this machine, which functions see as /code. Templates have
    # paths of the image as often as Dockerfiles, such as PYTHONPATH: /app/src.
    inside = re.compile(rf"{re.escape(instructions.workdir)}(?=/|:|$)")
    return {name: inside.sub("/code", text) for name, text in variables.items()}


def _sources_of_copy(value: str) -> list[str]:
    """Return the words of a COPY that name something of the project."""
    with contextlib.suppress(ValueError, TypeError):
        return [*map(str, json.loads(value))][:-1]
    words = [word for word in value.split() if not word.startswith("--")]
    return [word.lstrip("/") for word in words[:-1]]


def _absent(paths: list[str], context: list[Path]) -> Iterator[str]:
    """Yield what an image copies from the project and no folder of the project has."""
    for path in dict.fromkeys(paths):
        is_known = "$" not in path and "://" not in path and not path.startswith("<<")
        if is_known and not any(_has(folder, path) for folder in context):
            yield path


def _has(folder: Path, path: str) -> bool:
    """Return whether a folder has a path, which may be a pattern."""
    try:
        return (folder / path).exists() or any(folder.glob(path))
    except (ValueError, NotImplementedError, IndexError):  # a pattern that is not one of Python
        return True


def _command(last: dict[str, str], variables: dict[str, str]) -> list[str]:
    """Return the words of ENTRYPOINT and CMD with the values of variables in them."""

    def value(reference: re.Match[str]) -> str:
        # In a template, ${NAME} would be a value that is known only after a deployment.
        return variables.get(reference[1], reference[2] or f"${reference[1]}")

    words: list[str] = []
    for name in ("ENTRYPOINT", "CMD"):
        if name in last:
            words += _words(_REFERENCE.sub(value, last[name]))
    return words


def _requirements(installed: list[str], folders: list[Path]) -> Path | None:
    """Return the first of the files from which pip installs that a folder has."""
    # Not requirements.txt of the folder: in the root of a repository that is of other programs.
    for folder in folders:
        for name in installed:
            if (folder / name).is_file():
                return folder / name
    return None


class _Instructions:
    """Instructions of a Dockerfile: of its last stage, and what all of them copy.

    Attributes:
        last: The last ones of each kind.
        variables: Environment variables.
        sources: What is copied from the folder in the last stage, by its target.
        built: Where the last stage has what other stages made.
        copied: What is copied into the WORKDIR.
        from_project: What is copied from the project.
        runs: The commands of all stages.
    """

    def __init__(self, text: str) -> None:
        self.last: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.built: list[str] = []
        self.copied: list[str] = []
        self.from_project: list[str] = []
        self.runs: list[str] = []
        self._files: list[str] = []
        self._stages: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        plain = _CONTINUED.sub(" ", _COMMENT.sub("", _HEREDOC.sub("", text)))
        for kind, value in _INSTRUCTION.findall(plain):
            self._take(kind.upper(), value)

    @property
    def installed(self) -> list[str]:
        """Copied files from which pip installs."""
        required = _REQUIREMENTS.findall("\n".join(self.runs))
        names = {path.rpartition("/")[2] for path in required}
        return [path for path in self._files if path.rpartition("/")[2] in names]

    @property
    def installs_itself(self) -> bool:
        """True if pip installs the project, not only its requirements."""
        return any(_INSTALLS_ITSELF.search(line) for line in self.runs)

    @property
    def workdir(self) -> str:
        """Folder of the image in which the program runs; "" if none is named."""
        return self.last.get("WORKDIR", "").strip().rstrip("/")

    def _take(self, kind: str, value: str) -> None:
        if kind == "FROM":
            self._begin(value)
        elif kind == "ENV":
            self.variables |= _assigned(value)
        elif kind in {"COPY", "ADD"}:
            self._copy(value)
        elif kind == "RUN":
            self.runs.append(value)
        else:
            self.last[kind] = value

    def _begin(self, value: str) -> None:
        """Begin a stage: it has the instructions of the one that it begins with."""
        words = [word for word in value.split() if not word.startswith("--")]
        if not words:
            return
        last, variables = self._stages.get(words[0], ({}, {}))
        self.last = dict(last)
        self.variables = dict(variables)
        if len(words) > 1:
            self._stages[words[-1]] = (self.last, self.variables)
        self.sources = {}
        self.built = []

    def _copy(self, value: str) -> None:
        """Note what a COPY takes from the folder, or from another stage."""
        words = [word for word in _BETWEEN.split(value) if word and not word.startswith("--")]
        target = words[-1] if words else ""
        # Relative to the folder of the Dockerfile also with a slash, never a path of this machine.
        paths = [word.lstrip("/") for word in words[:-1]]
        if "--from" in value:
            self.built.append(target)
        else:
            self.from_project += _sources_of_copy(value)
            for path in paths:
                end = Path(path).name if target.endswith("/") else ""
                self.sources[f"{target}{end}"] = path
        self._files += paths
        # Not what is copied below it: of COPY src ./src, the program does not run in src.
        if target.rstrip("/") in {".", self.last.get("WORKDIR", "").rstrip("/")}:
            self.copied += paths


def _copies(folder: Path, instructions: _Instructions) -> Iterator[str]:
    """Yield commands that copy files of a folder into folders that a build makes in it.

    No other file of the user is written over, and none from outside is copied.
    """

    def parts_of(path: str) -> list[str]:
        return os.path.normpath(path.removeprefix(f"{instructions.workdir}/")).split("/")

    builds = {parts_of(path)[0] for path in instructions.built} - {"", ".", ".."}
    for target, source in instructions.sources.items():
        parts = parts_of(target)
        is_in_build = parts[0] in builds and len(parts) > 1
        is_own = parts_of(source)[0] != ".." and (folder / source).is_file()
        if is_in_build and is_own:
            into = "/".join(parts)
            yield shlex.join(["mkdir", "-p", os.path.dirname(into)])  # noqa: PTH120 -- relative
            yield shlex.join(["cp", source, into])


def _folder(context: list[Path], command: list[str], copied: list[str]) -> Path:
    """Return the folder in which the program of an image runs.

    That is the first one that has a file of the command: the folder of the Dockerfile, those above
    it, then what they copy into the ``WORKDIR``. Otherwise it is the first that has what is copied.
    """
    words = " ".join(command).split()
    started = list(words)
    for word in words:
        module = word.partition(":")[0].replace(".", "/")
        started += [f"{module}.py", f"{module}/__main__.py"]
    folders = [*context, *_copied_folders(context, copied)]
    for names in (started, copied):
        for folder in folders:
            if any((folder / name.lstrip("/")).is_file() for name in names):
                return folder
    return context[0]


def _copied_folders(context: list[Path], copied: list[str]) -> Iterator[Path]:
    """Yield the folders that an image copies into its ``WORKDIR``, none from outside."""
    for folder in context:
        for name in copied:
            inner = folder / name
            # A link may lead out of the folder.
            if inner.is_dir() and inner.resolve().is_relative_to(folder.resolve()):
                yield inner


def _assigned(line: str) -> dict[str, str]:
    """Return the variables of a line ``ENV``, in its form with or without ``=``."""
    name, _, value = line.partition(" ")
    if "=" not in name:
        return {name: value.strip()}
    with contextlib.suppress(ValueError):
        pairs = [word.partition("=") for word in shlex.split(line)]
        return {name: value for name, _, value in pairs if "$" not in value}
    return {}


def _words(text: str) -> list[str]:
    """Return a command of a Dockerfile, a text for a shell or a list in JSON, without a shell."""
    with contextlib.suppress(ValueError, TypeError):
        return [*map(str, json.loads(text))]
    with contextlib.suppress(ValueError):
        if not set(text) & set("$&|;<>"):
            return shlex.split(text)
    return ["sh", "-c", text.strip()]
