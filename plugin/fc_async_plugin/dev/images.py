# SPDX-License-Identifier: MIT
"""Images of functions: their Dockerfiles, and how their programs start on this machine.

A Dockerfile is searched where a build of the template names it, then in the code folder, beside
the template and in two folders above it, but not outside of the repository, also one folder below
each or with another name. Among several, the resource's name or a compose file decides.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.template.code import code_path, folders_of, own_folders
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Resource

_DOCKERFILE: Final = "Dockerfile"
_NAME: Final = re.compile(r"([\w-]+\.)?dockerfile([.-](?!dockerignore)[\w-]+)?", re.IGNORECASE)
_HEREDOC: Final = re.compile(r"<<-?(['\"]?)(\w+)\1.*?\n[ \t]*\2$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)
_CONTINUED: Final = re.compile(r"\\[ \t]*\n")
_INSTRUCTION: Final = re.compile(r"^[ \t]*(\w+)[ \t]+(.+)$", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_BETWEEN: Final = re.compile(r"[\s=:,'\"\[\]{}]+")


class Image(NamedTuple):
    """Relevant part of a Dockerfile.

    Attributes:
        file: The file.
        folder: Where the program runs.
        command: How it starts there; empty if unknown.
        variables: Environment variables, without ``PATH``.
    """

    file: Path
    folder: Path
    command: list[str]
    variables: dict[str, str]


def image_of(project: Project, resource: Resource) -> Image | None:
    """Read the Dockerfile of a function; None if it is not an image or its file is not known.

    What the function sets itself takes precedence.
    """
    if resource.props.get("runtime") != CONTAINER:
        return None
    file = next(_files(project, resource), None)
    if file is None:
        return None
    last, variables, copied = _read(file.read_text("utf-8", "replace"))
    for name, key in (("ENTRYPOINT", "entrypoint"), ("CMD", "command")):
        if own := resource.at("customContainerConfig", key):
            last[name] = own if isinstance(own, str) else json.dumps(own)
    # In a template, ${NAME} would be a value that is known only after a deployment.
    texts = (
        _REFERENCE.sub(lambda one: variables.get(one[1], one[2] or f"${one[1]}"), last[one])
        for one in ("ENTRYPOINT", "CMD")
        if one in last
    )
    command = [word for text in texts for word in _words(text)]
    variables.pop("PATH", None)
    if place := last.get("WORKDIR", "").strip().rstrip("/"):
        command = [one.replace(f"{place}/", "") for one in command]
        inside = re.compile(rf"{re.escape(place)}(?=/|:|$)")
        variables = {name: inside.sub("/code", one) for name, one in variables.items()}
    above = [one for one in file.parent.parents if one.is_relative_to(folders_of(project)[-1])]
    return Image(file, _folder([file.parent, *above], command, copied), command, variables)


def _files(project: Project, resource: Resource) -> Iterator[Path]:
    """Yield Dockerfiles of an image, the likeliest first."""
    for build in project.builds:
        if build.resource in {"", resource.name} and "docker" in build.written:
            yield from _named(build.folder, build.written)
    path = code_path(project, resource)
    code = [path] if path else []
    folders = [*code, *folders_of(project)]
    below = [*map(_below, [*code, *own_folders(project)])]
    for file in itertools.chain.from_iterable(below):
        if resource.name in {file.suffix[1:], file.stem, file.parent.name}:
            yield file
    yield from filter(Path.is_file, (one / _DOCKERFILE for one in folders))
    compose = (file for one in folders for file in one.glob("*compose*.y*ml"))
    named = (_named(one.parent, one.read_text("utf-8", "replace")) for one in compose)
    yield from (files[0] for files in (*below, *map(list, named)) if len({*files}) == 1)


def _below(folder: Path) -> list[Path]:
    """Return the Dockerfiles of a folder and of those in it."""
    files = itertools.chain(folder.glob("*ockerfile*"), folder.glob("[!.]*/*ockerfile*"))
    return sorted(one for one in files if _NAME.fullmatch(one.name) and one.is_file())


def _named(folder: Path, text: str) -> Iterator[Path]:
    """Yield the Dockerfiles that words of a command or of a compose file name."""
    words = [one for one in _BETWEEN.split(text) if one not in {"", "docker"}]
    places = [one for one in (folder / word for word in words) if one.is_dir()]
    names = [one for one in words if _NAME.fullmatch(one.rpartition("/")[2])]
    files = [place / name for place in (folder, *places) for name in names]
    plain = [place / _DOCKERFILE for place in places]
    yield from [*filter(Path.is_file, files)] or filter(Path.is_file, plain)


def _read(text: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the last instructions of each kind, variables, and what is copied into the WORKDIR.

    A stage has the instructions of the one that it begins with.
    """
    last: dict[str, str] = {}
    variables: dict[str, str] = {}
    stages: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    copied: list[str] = []
    plain = _CONTINUED.sub(" ", _COMMENT.sub("", _HEREDOC.sub("", text)))
    for kind, value in _INSTRUCTION.findall(plain):
        name = kind.upper()
        words = [one for one in _BETWEEN.split(value) if one and not one.startswith("--")]
        if name == "FROM" and words:
            image, *alias = (one for one in value.split() if not one.startswith("--"))
            last, variables = map(dict, stages.get(image, ({}, {})))
            stages |= dict.fromkeys(alias[-1:], (last, variables))
        elif name == "ENV":
            variables |= _assigned(value)
        elif name in {"COPY", "ADD"}:
            into = words.pop().rstrip("/") if words else ""
            copied += words if into in {".", last.get("WORKDIR", "").rstrip("/")} else []
        else:
            last[name] = value
    return last, variables, copied


def _folder(places: list[Path], command: Iterable[str], copied: list[str]) -> Path:
    """Return the folder that has most of the files of a command, then of what an image copies."""
    words = " ".join(command).split()
    modules = [one.partition(":")[0].replace(".", "/") for one in words]
    files = [*words, *(f"{one}.py" for one in modules), *(f"{one}/__main__.py" for one in modules)]
    inside = [one for one in (place / name for place in places for name in copied) if one.is_dir()]

    def count(place: Path, names: Iterable[str]) -> int:
        return sum((place / name.lstrip("/")).is_file() for name in names)

    return max([*places, *inside], key=lambda one: (count(one, files), count(one, copied)))


def _assigned(line: str) -> dict[str, str]:
    """Return the variables of a line ``ENV``, in its form with or without ``=``."""
    name, _, value = line.partition(" ")
    if "=" not in name:
        return {name: value.strip()}
    with contextlib.suppress(ValueError):
        pairs = [one.partition("=") for one in shlex.split(line)]
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
