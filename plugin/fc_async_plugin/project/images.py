# SPDX-License-Identifier: MIT
"""Images of functions: their Dockerfiles, and how their programs start on this machine.

A Dockerfile is searched where a build names it, of the template or in a script of the repository,
then in the code folder, beside the template and above it: first what has the name of the function,
then ``Dockerfile`` itself, then the only other one, or the one that names or a compose file choose.

Invariants:
    No file outside of the repository is looked for. Without a repository, it is looked for in the
    code folder, beside the template and one folder below, and with its usual name in two above.
    An absolute path of a Dockerfile is one of the image, never one of this machine.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.project import pyproject
from fc_async_plugin.project.code import code_path, folders_of, own_folders, repository_of
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_DOCKERFILE: Final = "Dockerfile"
_NAME: Final = re.compile(r"([\w-]+\.)?dockerfile([.-](?!dockerignore)[\w-]+)?", re.IGNORECASE)
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
_LONGEST_SCRIPT: Final = 1 << 20
_SCRIPT: Final = re.compile(r".*\.(?:ba)?sh|Makefile|package\.json")
_BUILD: Final = re.compile(
    r"\bdocker\s.*\bbuild\s.*|\bbuild-push-action@.*(?:\n(?!\s*- ).*)*"  # of GitHub Actions
)
_FOLDER: Final = re.compile(r"\$\{?\w+\}?/")
"""Variable that begins a path or a name."""
_REQUIREMENTS: Final = re.compile(r"(?:-r|--requirement)[ =](\S+\.txt)")
_NOT_SEARCHED: Final = {"node_modules", "venv"}
_WORD: Final = re.compile(r"[^\W_]+")


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
        made: Where the last stage has what other stages made.
        installs_itself: Whether pip installs the project, not only its requirements.
    """

    last: dict[str, str]
    variables: dict[str, str]
    copied: list[str]
    installed: list[str]
    sources: dict[str, str]
    made: list[str]
    installs_itself: bool


def image_of(project: Project, resource: Resource) -> Image | None:
    """Read the Dockerfile of a function; None if it is not an image or its file is not known.

    What the function sets itself takes precedence.
    """
    files = dockerfiles(project, resource)
    if len(files) != 1:
        return None
    [file] = files
    read = _read(file.read_text("utf-8", "replace"))
    last, variables, copied, installed, *_ = read
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
    given = resource.at(ENVIRONMENT)
    if isinstance(given, dict):
        variables |= {name: one for name, one in given.items() if isinstance(one, str)}
    workdir = last.get("WORKDIR", "").strip().rstrip("/")
    if workdir:
        command = [one.replace(f"{workdir}/", "") for one in command]
        inside = re.compile(rf"{re.escape(workdir)}(?=/|:|$)")
        variables = {name: inside.sub("/code", one) for name, one in variables.items()}
    above = [one for one in file.parent.parents if one.is_relative_to(folders_of(project)[-1])]
    folder = _folder([file.parent, *above], command, copied)
    found = (place / one for one in installed for place in (folder, file.parent, *above))
    requirements = next(filter(Path.is_file, found), None)
    if read.installs_itself:
        paths = [f"/code/{one}" for one in pyproject.sources(folder)]
        variables["PYTHONPATH"] = ":".join(filter(None, [*paths, variables.get("PYTHONPATH")]))
    copies = [*_copies(folder, workdir, read)]
    return Image(file, folder, command, variables, requirements, copies)


def dockerfiles(project: Project, resource: Resource) -> list[Path]:
    """Return the Dockerfile of a function that is an image; several if it may be any of them."""
    if resource.props.get("runtime") != CONTAINER:
        return []
    path, own = code_path(project, resource), own_folders(project)
    code = [Path(os.path.normpath(path))] if path else []
    image = str(resource.at("customContainerConfig", "image") or "").rpartition("/")[2]
    names = {resource.name, resource.function_name, re.split("[:@]", image)[0]} - {""}
    tree = {*_tree(own[-1], deep=repository_of(project) is not None)}
    tree.update(one for place in code for one in _tree(place))
    # The one from which a build of the template, or of the repository, makes the image.
    builds = [one for one in project.builds if one.resource in {"", resource.name}]
    places = [*code, *folders_of(project)]
    named = (_named(one.folder, one.written) for one in builds if "docker" in one.written)
    own_files = (file for files in named for file in files if _is_below(file, *places))
    if file := next(itertools.chain(own_files, _built(own[-1], sorted(tree), names)), None):
        return [file]
    # In the nearest folder: the one with the name of the function, then "Dockerfile" itself.
    found = sorted(one for one in tree if _NAME.fullmatch(one.name) and os.access(one, os.R_OK))
    below = [[one for one in found if one.is_relative_to(place)] for place in places]
    for place, files in zip(places, below, strict=True):
        same = [one for one in files if names & {one.suffix[1:], one.stem, one.parent.name}]
        for likely in (_likeliest(same, names), [*filter(Path.is_file, [place / _DOCKERFILE])]):
            if len(likely) == 1:
                return likely
    # The only one, or the one that a compose file names.
    likely = _likeliest(next(filter(None, below), []), names)
    compose = (file for one in places for file in one.glob("*compose*.y*ml"))
    listed = ({*_named(one.parent, one.read_text("utf-8", "replace"))} for one in compose)
    chosen = ([file for file in files if _is_below(file, *places)] for files in listed)
    return likely if len(likely) == 1 else next((one for one in chosen if len(one) == 1), likely)


def _tree(folder: Path, *, deep: bool = False) -> Iterator[Path]:
    """Yield files of a folder and those in it, if deep of all below it in its repository."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, one) for one in names)
        inner = [one for one in folders if one[0] != "." and one not in _NOT_SEARCHED]
        # Unlike Path.exists, this is False for a folder that this user may not read.
        inner = [one for one in inner if not os.path.exists(os.path.join(place, one, ".git"))]  # noqa: PTH110, PTH118
        folders[:] = inner if deep or Path(place) == folder else []


def _built(top: Path, tree: Iterable[Path], names: set[str]) -> Iterator[Path]:
    """Yield the Dockerfiles from which scripts of a repository build one of some images."""
    scripts = [one for one in tree if _SCRIPT.fullmatch(one.name) and os.access(one, os.R_OK)]
    scripts += sorted((top / ".github" / "workflows").glob("*.y*ml"))
    for script in (one for one in scripts if one.stat().st_size <= _LONGEST_SCRIPT):
        text = _FOLDER.sub("", _CONTINUED.sub(" ", script.read_text("utf-8", "replace")))
        builds = _BUILD.findall(text)
        for one in builds:  # of a script with a single one, another line may name the image
            if names & _last_parts(text if len(builds) == 1 else one):
                files = [*_named(script.parent, one), *_named(top, one)]
                yield from (file for file in files if _is_below(file, top))


def _last_parts(text: str) -> set[str]:
    """Return the words of a script, of paths and of names of images only the last part."""
    return {one.rpartition("/")[2].lstrip("-") for one in _BETWEEN.split(text)}


def _likeliest(files: list[Path], names: set[str]) -> list[Path]:
    """Return the files whose paths have most words of some names, without an ending if any has."""
    words = {*_WORD.findall(" ".join(names).lower())}
    common = len(os.path.commonpath(files)) if files else 0

    def fit(file: Path) -> tuple[int, bool]:
        own = _WORD.findall(str(file)[common:].lower())
        return len(words.intersection(own)), file.name == _DOCKERFILE

    best = max(map(fit, files), default=None)
    return [one for one in files if fit(one) == best]


def _named(folder: Path, text: str) -> Iterator[Path]:
    """Yield the Dockerfiles that words of a command or of a compose file name."""
    # A longer name than a file can have would be an error, not a file that does not exist.
    words = [one[:250] for one in _BETWEEN.split(text) if one not in {"", "docker"}]
    places = [one for one in (folder / word for word in words) if one.is_dir()]
    names = [one for one in words if _NAME.fullmatch(one.rpartition("/")[2])]
    files = [place / name for place in (folder, *places) for name in names]
    plain = [place / _DOCKERFILE for place in places]
    yield from filter(Path.is_file, files if names else plain)


def _read(text: str) -> _Instructions:
    """Return the instructions of a Dockerfile.

    A stage has the instructions of the one that it begins with.
    """
    last: dict[str, str] = {}
    variables: dict[str, str] = {}
    stages: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    copied: list[str] = []
    files: list[str] = []
    sources: dict[str, str] = {}
    made: list[str] = []
    plain = _CONTINUED.sub(" ", _COMMENT.sub("", _HEREDOC.sub("", text)))
    for kind, value in _INSTRUCTION.findall(plain):
        name = kind.upper()
        words = [one for one in _BETWEEN.split(value) if one and not one.startswith("--")]
        if name == "FROM" and words:
            image, *alias = (one for one in value.split() if not one.startswith("--"))
            last, variables = map(dict, stages.get(image, ({}, {})))
            stages |= dict.fromkeys(alias[-1:], (last, variables))
            sources, made = {}, []
        elif name == "ENV":
            variables |= _assigned(value)
        elif name in {"COPY", "ADD"}:
            target = words.pop() if words else ""
            into = target.rstrip("/")
            own = [one.lstrip("/") for one in words]
            if "--from" in value:
                made.append(target)
            else:
                ends = {one: Path(one).name if target.endswith("/") else "" for one in own}
                sources |= {f"{target}{end}": one for one, end in ends.items()}
            files += own
            copied += own if into in {".", last.get("WORKDIR", "").rstrip("/")} else []
        else:
            last[name] = value
    names = {one.rpartition("/")[2] for one in _REQUIREMENTS.findall(plain)}
    installed = [one for one in files if one.rpartition("/")[2] in names]
    installs_itself = _INSTALLS_ITSELF.search(plain) is not None
    return _Instructions(last, variables, copied, installed, sources, made, installs_itself)


def _copies(folder: Path, workdir: str, read: _Instructions) -> Iterator[str]:
    """Yield commands that copy files of a folder into folders that a build makes in it.

    No other file of the user is written over, and none from outside is copied.
    """

    def inside(path: str) -> list[str]:
        return os.path.normpath(path.removeprefix(f"{workdir}/")).split("/")

    builds = {inside(one)[0] for one in read.made} - {"", ".", ".."}
    for target, source in read.sources.items():
        top, *rest = inside(target)
        if top in builds and rest and inside(source)[0] != ".." and (folder / source).is_file():
            into = "/".join([top, *rest])
            yield shlex.join(["mkdir", "-p", os.path.dirname(into)])  # noqa: PTH120 -- relative
            yield shlex.join(["cp", source, into])


def _folder(places: list[Path], command: Iterable[str], copied: list[str]) -> Path:
    """Return the folder that has most of the files of a command, then of what an image copies."""
    words = " ".join(command).split()
    modules = [one.partition(":")[0].replace(".", "/") for one in words]
    files = [*words, *(f"{one}.py" for one in modules), *(f"{one}/__main__.py" for one in modules)]
    inside = [
        place / name
        for place in places
        for name in copied
        if _is_below(place / name, place) and (place / name).is_dir()
    ]

    def count(place: Path, names: Iterable[str]) -> int:
        return sum((place / name.lstrip("/")).is_file() for name in names)

    return max([*places, *inside], key=lambda one: (count(one, files), count(one, copied)))


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
