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

from fc_async_plugin.project import candidates, pyproject
from fc_async_plugin.project.candidates import DOCKERFILE
from fc_async_plugin.project.code import code_path, folder_of
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
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
    r"^[ \t]*RUN .*\bpip3? install [^&|;\n]*[\s'\"]\.(?:\[[^\]]*\])?['\"]?(?=[\s&|;]|$)",
    re.MULTILINE,
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
    """

    file: Path
    folder: Path
    command: list[str]
    variables: dict[str, str]
    requirements: Path | None
    copies: list[str]


class _Instructions(NamedTuple):
    """Instructions of a Dockerfile.

    Attributes:
        last: The last ones of each kind.
        variables: Environment variables.
        copied: What is copied into the WORKDIR.
        installed: Copied files from which pip installs.
        sources: What is copied from the folder in the last stage, by its target.
        built: Where the last stage has what other stages made.
        installs_itself: Whether pip installs the project, not only its requirements.
    """

    last: dict[str, str]
    variables: dict[str, str]
    copied: list[str]
    installed: list[str]
    sources: dict[str, str]
    built: list[str]
    installs_itself: bool


def image_of(project: Project, resource: Resource) -> Image | None:
    """Read the Dockerfile of a function; None if it is not an image or its file is not plain."""
    file = dockerfile_of(project, resource)
    return read_image(project, resource, file) if file else None


def dockerfile_of(project: Project, resource: Resource) -> Path | None:
    """Return the Dockerfile that can only be that of a function; None if there is a choice."""
    if resource.props.get("runtime") != CONTAINER:
        return None
    dockerfiles = candidates.dockerfiles(project)
    path = code_path(project, resource)
    code = Path(os.path.normpath(path)) if path else folder_of(project)
    if code != folder_of(project) and code.is_relative_to(candidates.top_of(project)):
        # The template itself names this folder, so Dockerfiles elsewhere are of something else.
        dockerfiles = [file for file in dockerfiles if file.parent == code] or dockerfiles
    if dockerfiles not in ([code / DOCKERFILE], [folder_of(project) / DOCKERFILE]):
        return None
    # Of several images one beside the template can be any, unless its code folder says which.
    named = code != folder_of(project) and dockerfiles[0].parent == code
    if not named and _has_other_images(project, resource):
        return None
    return dockerfiles[0]


def _has_other_images(project: Project, resource: Resource) -> bool:
    """Return whether another function of the template is another image."""
    return any(
        other.props.get("runtime") == CONTAINER and _image_name(other) != _image_name(resource)
        for other in project.resources
    )


def _image_name(resource: Resource) -> str:
    return str(resource.at("customContainerConfig", "image"))


def read_image(project: Project, resource: Resource, file: Path) -> Image:
    """Read a Dockerfile for a function. What the function sets itself takes precedence."""
    read = _read(file.read_text("utf-8", "replace"))
    last = dict(read.last)
    for name, key in (("ENTRYPOINT", "entrypoint"), ("CMD", "command")):
        if override := resource.at("customContainerConfig", key):
            last[name] = override if isinstance(override, str) else json.dumps(override)
    variables = dict(read.variables)
    command = _command(last, variables)
    variables.pop("PATH", None)
    own_variables = resource.at(ENVIRONMENT)
    if isinstance(own_variables, dict):
        texts = {key: text for key, text in own_variables.items() if isinstance(text, str)}
        variables |= texts
    workdir = last.get("WORKDIR", "").strip().rstrip("/")
    if workdir:
        command = [word.replace(f"{workdir}/", "") for word in command]
        inside = re.compile(rf"{re.escape(workdir)}(?=/|:|$)")
        variables = {name: inside.sub("/code", text) for name, text in variables.items()}
    top = candidates.top_of(project)
    above = [folder for folder in file.parent.parents if folder.is_relative_to(top)]
    context = [file.parent, *above]
    folder = _folder(context, command, read.copied)
    requirements = _requirements(read.installed, [folder, *context])
    if read.installs_itself:
        paths = [f"/code/{path}" for path in pyproject.sources(folder)]
        variables["PYTHONPATH"] = ":".join(filter(None, [*paths, variables.get("PYTHONPATH")]))
    copies = [*_copies(folder, workdir, read)]
    return Image(file, folder, command, variables, requirements, copies)


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
    for folder in folders:
        for name in installed:
            if (folder / name).is_file():
                return folder / name
    return None


class _Stage:
    """Instructions of one stage, and what all stages so far have copied."""

    def __init__(self) -> None:
        self.last: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.built: list[str] = []
        self.copied: list[str] = []
        self.files: list[str] = []
        self._stages: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def begin(self, value: str) -> None:
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

    def copy(self, value: str) -> None:
        """Note what a COPY takes from the folder, or from another stage."""
        words = [word for word in _BETWEEN.split(value) if word and not word.startswith("--")]
        target = words.pop() if words else ""
        paths = [word.lstrip("/") for word in words]
        if "--from" in value:
            self.built.append(target)
        else:
            for path in paths:
                end = Path(path).name if target.endswith("/") else ""
                self.sources[f"{target}{end}"] = path
        self.files += paths
        if target.rstrip("/") in {".", self.last.get("WORKDIR", "").rstrip("/")}:
            self.copied += paths


def _read(text: str) -> _Instructions:
    """Return the instructions of a Dockerfile: of its last stage, and what all of them copy."""
    stage = _Stage()
    plain = _CONTINUED.sub(" ", _COMMENT.sub("", _HEREDOC.sub("", text)))
    for kind, value in _INSTRUCTION.findall(plain):
        name = kind.upper()
        if name == "FROM":
            stage.begin(value)
        elif name == "ENV":
            stage.variables |= _assigned(value)
        elif name in {"COPY", "ADD"}:
            stage.copy(value)
        else:
            stage.last[name] = value
    required = {path.rpartition("/")[2] for path in _REQUIREMENTS.findall(plain)}
    return _Instructions(
        last=stage.last,
        variables=stage.variables,
        copied=stage.copied,
        installed=[path for path in stage.files if path.rpartition("/")[2] in required],
        sources=stage.sources,
        built=stage.built,
        installs_itself=_INSTALLS_ITSELF.search(plain) is not None,
    )


def _copies(folder: Path, workdir: str, read: _Instructions) -> Iterator[str]:
    """Yield commands that copy files of a folder into folders that a build makes in it.

    No other file of the user is written over, and none from outside is copied.
    """

    def inside(path: str) -> list[str]:
        return os.path.normpath(path.removeprefix(f"{workdir}/")).split("/")

    builds = {inside(path)[0] for path in read.built} - {"", ".", ".."}
    for target, source in read.sources.items():
        top, *names = inside(target)
        if top in builds and names and inside(source)[0] != ".." and (folder / source).is_file():
            into = "/".join([top, *names])
            yield shlex.join(["mkdir", "-p", os.path.dirname(into)])  # noqa: PTH120 -- relative
            yield shlex.join(["cp", source, into])


def _folder(context: list[Path], command: list[str], copied: list[str]) -> Path:
    """Return the folder in which the program of an image runs.

    That is the first one that has a file of the command: the folder of the Dockerfile, those above
    it, then what they copy into the ``WORKDIR``. Otherwise it is the first that has what is copied.
    """
    words = " ".join(command).split()
    modules = [word.partition(":")[0].replace(".", "/") for word in words]
    started = [*words, *(f"{name}.py" for name in modules)]
    started += [f"{name}/__main__.py" for name in modules]
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
            if inner.is_dir() and _is_below(inner, folder):
                yield inner


def _is_below(path: Path, *folders: Path) -> bool:
    """Return whether a path, links followed, is one of some folders or below one of them."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder.resolve()) for folder in folders)


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
