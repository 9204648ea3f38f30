# SPDX-License-Identifier: MIT
"""Images of functions: their Dockerfiles, and how their programs start on this machine.

A Dockerfile is searched where a build of the template names it, then in the code folder, beside
the template and in two folders above it, but not outside of the repository, also one folder below
each or with another name. Among several, the resource's name or a compose file decides.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.template.code import code_path, folders_of
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

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
    (own, *above), code = folders_of(project), code_path(project, resource)
    in_repository = any((one / ".git").exists() for one in (own, *own.parents))
    near = [one for one in (code, own) if one]
    file = _found(project, resource, [*near, *above], [*near, *(above if in_repository else [])])
    if file is None:
        return None
    last, variables, copied = _read(file.read_text("utf-8", "replace"))
    for name, key in (("ENTRYPOINT", "entrypoint"), ("CMD", "command")):
        if own_words := resource.at("customContainerConfig", key):
            last[name] = own_words if isinstance(own_words, str) else json.dumps(own_words)
    # In a template, ${NAME} would be a value that is known only after a deployment.
    texts = [
        _REFERENCE.sub(lambda one: variables.get(one[1], one[2] or f"${one[1]}"), last[one])
        for one in ("ENTRYPOINT", "CMD")
        if one in last
    ]
    variables.pop("PATH", None)
    command = [*itertools.chain.from_iterable(map(_words, texts))]
    if place := last.get("WORKDIR", "").strip().rstrip("/"):
        command = [one.replace(f"{place}/", "") for one in command]
        inside = re.compile(rf"{re.escape(place)}(?=/|:|$)")
        variables = {name: inside.sub("/code", one) for name, one in variables.items()}
    top = min([*near, *above], key=lambda one: len(one.parts))
    places = [one for one in (file.parent, *file.parent.parents) if one.is_relative_to(top)]
    return Image(file, _folder(places or [file.parent], command, copied), command, variables)


def _found(
    project: Project, resource: Resource, folders: list[Path], searched: list[Path]
) -> Path | None:
    """Return the Dockerfile of an image.

    Args:
        project: The template.
        resource: The function.
        folders: Where a Dockerfile or a compose file may be.
        searched: Those of them where its name or its folder may be another one.
    """
    builds = (one for one in project.builds if one.resource in {"", resource.name})
    named = [
        file
        for one in builds
        if "docker" in one.written
        for file in _named(one.folder, one.written)
    ]
    for folder in searched:
        named += [
            file
            for file in _below(folder)
            if resource.name in {file.suffix[1:], file.stem}
            or (file.parent != folder and file.parent.name == resource.name)
        ]
    named += filter(lambda file: file.is_file(), (folder / _DOCKERFILE for folder in folders))
    if named:
        return named[0]
    composed = (
        _named(folder, file.read_text("utf-8", "replace"))
        for folder in folders
        for file in folder.glob("*compose*.y*ml")
    )
    only = [*map(_below, searched), *map(list, composed)]
    return next((found[0] for found in only if len({*found}) == 1), None)


def _below(folder: Path) -> list[Path]:
    """Return the Dockerfiles of a folder and of those in it."""
    files = itertools.chain(folder.glob("*ockerfile*"), folder.glob("[!.]*/*ockerfile*"))
    return sorted(one for one in files if _NAME.fullmatch(one.name) and one.is_file())


def _named(folder: Path, text: str) -> Iterator[Path]:
    """Yield the Dockerfiles that words of a command or of a compose file name."""
    words = [one for one in _BETWEEN.split(text) if one not in {"", "docker"}]
    places = [one for one in (folder / word for word in words) if one.is_dir()]
    files = [
        place / word
        for place in (folder, *places)
        for word in words
        if _NAME.fullmatch(word.rpartition("/")[2]) and (place / word).is_file()
    ]
    yield from files or (one for place in places if (one := place / _DOCKERFILE).is_file())


def _read(text: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the last instructions of a kind and the variables of the last stage, what is copied.

    A stage has the instructions of the one that it begins with.
    """
    stages: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    last: dict[str, str] = {}
    variables: dict[str, str] = {}
    copied: list[str] = []
    plain = _CONTINUED.sub(" ", _COMMENT.sub("", _HEREDOC.sub("", text)))
    for kind, value in _INSTRUCTION.findall(plain):
        name = kind.upper()
        words = [one for one in _BETWEEN.split(value) if one and not one.startswith("--")]
        if name == "FROM" and words:
            image, *alias = (one for one in value.split() if not one.startswith("--"))
            before = stages.get(image, ({}, {}))
            last, variables = dict(before[0]), dict(before[1])
            stages |= {alias[-1]: (last, variables)} if alias else {}
        elif name == "ENV":
            variables |= _assigned(value)
        elif name in {"COPY", "ADD"}:
            copied += words[:-1]
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
    try:
        pairs = [one.partition("=") for one in shlex.split(line)]
    except ValueError:
        return {}
    return {name: value for name, _, value in pairs if "$" not in value}


def _words(text: str) -> list[str]:
    """Return a command of a Dockerfile, a text for a shell or a list in JSON, without a shell."""
    try:
        return [*map(str, json.loads(text))]
    except (ValueError, TypeError):
        plain = text.strip()
    try:
        return ["sh", "-c", plain] if set(plain) & set("$&|;<>") else shlex.split(plain)
    except ValueError:
        return ["sh", "-c", plain]
