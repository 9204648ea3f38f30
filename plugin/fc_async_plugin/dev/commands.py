# SPDX-License-Identifier: MIT
"""Commands that start functions: those of ``dev --command`` and of images, those that are not here.

No container is started: the program of an image runs in the folder of its ``Dockerfile``. The
built-in runtimes of other languages are not run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.dev.answers import Wish, key_of
from fc_async_plugin.plan.wanted import local_layers
from fc_async_plugin.template.code import (
    code_path,
    folder_of,
    folders_of,
    how_to_build,
    missing_start_file,
    start_command,
    start_problem,
)
from fc_async_plugin.template.model import is_function
from fc_async_plugin.template.resolving import ENVIRONMENT
from fc_async_sdk.spec.runtimes import CONTAINER, CUSTOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Resource

_SERVER: Final = ("port", "healthCheckConfig")
_DOCKERFILE: Final = "Dockerfile"
_LINE: Final = re.compile(r"^(ENTRYPOINT|CMD|WORKDIR|ENV)[ \t]+(.+)$", re.MULTILINE)
_STAGE: Final = re.compile(r"^FROM[ \t]", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_CONTINUED: Final = re.compile(r"\\[ \t]*\n")


def read(given: Sequence[str]) -> dict[str, list[str]]:
    """Return commands by resource.

    Args:
        given: ``NAME=COMMAND``, each with a command as a shell splits it.

    Raises:
        PluginError: One has another form.
    """
    found = {}
    for one in given:
        name, _, text = one.partition("=")
        try:
            found[name] = shlex.split(text)
        except ValueError as error:
            raise PluginError(f"--command {one}: {error}") from None
        if not found[name]:
            raise PluginError(f"--command {one}: write it as {name}='python app.py'")
    return found


def with_commands(project: Project, commands: Mapping[str, list[str]]) -> Project:
    """Return a template in which commands start some of the functions."""
    changed = [
        _started(project, one, commands[one.name]) if one.name in commands else one
        for one in project.resources
    ]
    return msgspec.structs.replace(project, resources=tuple(changed))


def _started(project: Project, resource: Resource, command: list[str]) -> Resource:
    """Return a function that a command starts in its code folder, or that of its image."""
    props = dict(resource.props)
    server: dict[str, Any] = {"command": command}
    for config in (props.get("customRuntimeConfig"), props.pop("customContainerConfig", None)):
        if isinstance(config, dict):
            server |= {name: config[name] for name in _SERVER if name in config}
    file = _dockerfile(project, resource)
    place = os.path.relpath(file.parent, folder_of(project)) if file else "."
    made = {"runtime": "custom", "code": props.get("code") or place, "customRuntimeConfig": server}
    given = props.get(ENVIRONMENT) or {}
    found = _Image.read(file, resource).variables if file else {}
    if found and isinstance(given, dict):
        made[ENVIRONMENT] = found | given
    return msgspec.structs.replace(resource, props=props | made)


def absent(project: Project) -> Iterator[str]:
    """Yield which files and programs that start functions are not here, one sentence each.

    Files that a deployment misses are not named. Programs of functions whose packages or own
    ``PATH`` may bring them are not looked for.
    """
    for resource in filter(is_function, project.resources):
        props, code = resource.props, code_path(project, resource) or Path()
        file, known = missing_start_file(project, resource), start_problem(project, resource)
        custom = props.get("runtime") in CUSTOM
        where = resource.where("customRuntimeConfig" if custom else "handler", "command")
        starts = f"{where}: {resource.function_name} starts with"
        if file not in {"", "."} and known is None:
            fix = how_to_build(project, code, file)
            yield f"{starts} {file}, which is not in {os.path.relpath(code)}: {fix}"
        program = next(iter(start_command(resource)), "")
        brought = "PATH" in str(props.get("environmentVariables")) or any(
            (code / name).is_file() for name in ("requirements.txt", "package.json")
        )
        if not custom or "/" in program or not program or brought:
            continue
        folders = [one / "bin" for one in local_layers(project, resource)]
        places = [*os.get_exec_path(), str(Path(sys.executable).parent), *map(str, folders)]
        if shutil.which(program, path=os.pathsep.join(places)) is None:
            lacks = "which is not on the PATH of this machine: install it"
            yield f"{starts} {program!r}, {lacks}"


def of_images(project: Project) -> Iterator[tuple[Wish, str]]:
    """Yield how programs of images start here: the question, and the option of ``dev`` for it."""
    for resource in filter(is_function, project.resources):
        file = _dockerfile(project, resource)
        command = _Image.read(file, resource).command if file else ""
        if file and command:
            place = f"(in {os.path.relpath(file.parent)}, as {_DOCKERFILE} says)"
            wish = Wish(key_of("image", file, command), f"{resource.name}: {command}  {place}")
            yield wish, f"{resource.name}={command}"


def _dockerfile(project: Project, resource: Resource) -> Path | None:
    """Return the ``Dockerfile`` of an image: of its code, its template, or the folders above."""
    if resource.props.get("runtime") != CONTAINER:
        return None
    folders = [code_path(project, resource), *folders_of(project)]
    files = [one / _DOCKERFILE for one in folders if one]
    return next(filter(Path.is_file, files), None)


class _Image(NamedTuple):
    """Relevant part of a ``Dockerfile``.

    Attributes:
        command: How the program starts in the folder of the file, for a shell; "" if unknown.
        variables: Environment variables, without ``PATH``.
    """

    command: str
    variables: dict[str, str]

    @classmethod
    def read(cls, file: Path, resource: Resource) -> _Image:
        """Read a file; what the function of an image sets itself takes precedence."""
        text = _CONTINUED.sub(" ", file.read_text("utf-8", "replace"))
        lines = _LINE.findall(_STAGE.split(text)[-1])
        last = dict(lines)
        for name, key in (("ENTRYPOINT", "entrypoint"), ("CMD", "command")):
            if own := resource.at("customContainerConfig", key):
                last[name] = json.dumps(own)
        variables: dict[str, str] = {}
        for kind, line in lines:
            if kind == "ENV":
                variables |= _assigned(line)
        variables.pop("PATH", None)
        # In a template, ${NAME} would be a value that is known only after a deployment.
        words = [
            _shell(_REFERENCE.sub(lambda one: variables.get(one[1], one[2] or f"${one[1]}"), text))
            for text in (last[one] for one in ("ENTRYPOINT", "CMD") if one in last)
        ]
        place, command = last.get("WORKDIR", "").strip().rstrip("/"), " ".join(words)
        if place:
            command = command.replace(f"{place}/", "")
            inside = re.compile(rf"{re.escape(place)}(?=/|:|$)")
            variables = {name: inside.sub("/code", one) for name, one in variables.items()}
        return cls(command, variables)


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


def _shell(text: str) -> str:
    """Return a command of a Dockerfile, a text for a shell or a list in JSON, without a shell."""
    try:
        return shlex.join(map(str, json.loads(text)))
    except (ValueError, TypeError):
        plain = text.strip()
        return shlex.join(["sh", "-c", plain]) if set(plain) & set("$&|;<>") else plain
