# SPDX-License-Identifier: MIT
"""Commands that start functions: those of ``dev --command`` and of images, those that are not here.

No container is started: the program of an image runs in a folder of this machine. The built-in
runtimes of other languages are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import runtimes
from fc_async_plugin.prepare.answers import Wish, content_of, key_of
from fc_async_plugin.prepare.installing import NODE_FILE, package_json
from fc_async_plugin.project.attached import shortened
from fc_async_plugin.project.code import (
    code_path,
    folder_of,
    how_to_build,
    missing_start_file,
    start_command,
    start_problem,
    where_started,
)
from fc_async_plugin.project.images import dockerfiles, image_of
from fc_async_plugin.project.wanted import local_layers
from fc_async_plugin.s_yaml.model import is_function
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk.spec.runtimes import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.project.images import Image
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_NPM: Final = re.compile(r"(?:npm|pnpm|yarn) run (?:-s |--silent )?([\w:.-]+)")
_SERVER: Final = ("port", "healthCheckConfig")


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


def with_commands(
    project: Project, commands: Mapping[str, list[str]], images: Mapping[str, Image]
) -> Project:
    """Return a template in which commands start some of the functions.

    Args:
        project: The template.
        commands: By resource.
        images: Those of the template, by resource; see :func:`images_of`.
    """
    changed = [
        _started(project, one, commands[one.name], images.get(one.name))
        if one.name in commands
        else one
        for one in project.resources
    ]
    return msgspec.structs.replace(project, resources=tuple(changed))


def _started(
    project: Project, resource: Resource, command: list[str], image: Image | None
) -> Resource:
    """Return a function that a command starts in its code folder, or that of its image."""
    props = dict(resource.props)
    server: dict[str, Any] = {"command": command}
    for config in (props.get("customRuntimeConfig"), props.pop("customContainerConfig", None)):
        if isinstance(config, dict):
            server |= {name: config[name] for name in _SERVER if name in config}
    code, place = props.get("code"), "."
    if image:
        code = code if isinstance(code, str) else None  # a mapping names the image
        place = os.path.relpath(image.folder, folder_of(project))
    made = {"runtime": "custom", "code": code or place, "customRuntimeConfig": server}
    given = props.get(ENVIRONMENT) or {}
    if image and image.variables and isinstance(given, dict):
        made[ENVIRONMENT] = given | image.variables
    file = str(image.requirements or "") if image else ""
    return msgspec.structs.replace(resource, props=props | made, requirements=file)


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
        name, shown = resource.function_name, os.path.relpath(code)
        starts = f"{where}: {name} starts with"
        if file not in {"", "."} and known is None:
            fix = how_to_build(project, code, file)
            place = where_started(project, resource, file) or where
            yield f"{place}: {name} starts with {file}, which is not in {shown}: {fix}"
        script = _NPM.fullmatch(" ".join(start_command(resource)))
        if custom and script and script[1] not in package_json(code).scripts:
            fix = "write it, or correct the command"
            yield f"{starts} {script[0]}, which is not a script of {shown}/{NODE_FILE}: {fix}"
        program = next(iter(start_command(resource)), "")
        brought = (
            resource.requirements
            or "PATH" in str(props.get("environmentVariables"))
            or any((code / name).is_file() for name in ("requirements.txt", "package.json"))
        )
        if not custom or "/" in program or not program or brought:
            continue
        folders = [one / "bin" for one in local_layers(project, resource)]
        places = [*os.get_exec_path(), str(Path(sys.executable).parent), *map(str, folders)]
        if shutil.which(program, path=os.pathsep.join(places)) is None:
            lacks = "which is not on the PATH of this machine: install it"
            yield f"{starts} {program!r}, {lacks}"


def why_not_run(project: Project, resource: Resource) -> str:
    """Return why a function cannot run on this machine, and what to do; "" if it can."""
    reason = runtimes.reason_unavailable(str(resource.props.get("runtime") or ""))
    if reason and len(files := dockerfiles(project, resource)) > 1:
        names = shortened([os.path.relpath(one) for one in files])
        reason = reason.replace("are not run;", f"are not run, and this may be any of {names};")
    return reason.replace("--command NAME=", f"--command {resource.name}=")


def images_of(projects: Iterable[Project]) -> dict[str, Image]:
    """Return the images of some templates, by resource, whose Dockerfile is known."""
    found = {
        one.name: image_of(project, one)
        for project in projects
        for one in filter(is_function, project.resources)
    }
    return {name: image for name, image in found.items() if image}


def wish(name: str, image: Image) -> Wish:
    """Return the question whether the program of an image may be started."""
    command = shlex.join(image.command)
    place = f"(in {os.path.relpath(image.folder)}, as {os.path.relpath(image.file)} says)"
    key = key_of("image", image.file, command, content_of([image.file]))
    return Wish(key, f"{name}: {command}  {place}")
