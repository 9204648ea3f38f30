# SPDX-License-Identifier: MIT
"""Commands that start custom runtimes: those of ``dev --command``, and those that are not here.

Images are not run on this machine, and neither are the built-in runtimes of other languages.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.plan.wanted import local_layers
from fc_async_plugin.template.code import code_path, folder_of, start_command
from fc_async_plugin.template.model import is_function
from fc_async_sdk.spec.runtimes import CONTAINER, CUSTOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Resource

_SERVER: Final = ("port", "healthCheckConfig")
_LINE: Final = re.compile(r"^(ENTRYPOINT|CMD|WORKDIR)[ \t]+(.+)$", re.MULTILINE)


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
        _started(one, commands[one.name]) if one.name in commands else one
        for one in project.resources
    ]
    return msgspec.structs.replace(project, resources=tuple(changed))


def _started(resource: Resource, command: list[str]) -> Resource:
    """Return a function that a command starts in its code folder, or that of the template."""
    props = dict(resource.props)
    server: dict[str, Any] = {"command": command}
    for config in (props.get("customRuntimeConfig"), props.pop("customContainerConfig", None)):
        if isinstance(config, dict):
            server |= {name: config[name] for name in _SERVER if name in config}
    made = {"runtime": "custom", "code": props.get("code") or ".", "customRuntimeConfig": server}
    return msgspec.structs.replace(resource, props=props | made)


def absent(project: Project) -> Iterator[str]:
    """Yield which programs that start custom runtimes this machine lacks, one sentence each.

    Not looked at are functions whose packages or own ``PATH`` may bring the program.
    """
    for resource in filter(is_function, project.resources):
        props, code = resource.props, code_path(project, resource) or Path()
        program = next(iter(start_command(resource)), "")
        brought = "PATH" in str(props.get("environmentVariables")) or any(
            (code / name).is_file() for name in ("requirements.txt", "package.json")
        )
        if props.get("runtime") not in CUSTOM or "/" in program or not program or brought:
            continue
        folders = [one / "bin" for one in local_layers(project, resource)]
        places = [*os.get_exec_path(), str(Path(sys.executable).parent), *map(str, folders)]
        if shutil.which(program, path=os.pathsep.join(places)) is None:
            yield (
                f"{resource.function_name} starts with {program!r}, which is not on the PATH of "
                "this machine: install it"
            )


def of_images(project: Project) -> Iterator[str]:
    """Yield how the program of an image starts here, as its Dockerfile says, one sentence each."""
    for resource in filter(is_function, project.resources):
        folders = [code_path(project, resource), folder_of(project)]
        files = [one / "Dockerfile" for one in folders if one is not None]
        file = next(filter(Path.is_file, files), None)
        if resource.props.get("runtime") != CONTAINER or file is None:
            continue
        last = dict(_LINE.findall(file.read_text("utf-8", "replace")))
        words = [_shell(last[one]) for one in ("ENTRYPOINT", "CMD") if one in last]
        command = " ".join(words)
        if place := last.get("WORKDIR", "").strip().rstrip("/"):
            command = command.replace(f"{place}/", "")
        if words:
            yield (
                f"{resource.function_name} is an image; its Dockerfile says how it may start here: "
                f"fc-async dev --command {resource.name}={shlex.quote(command)}"
            )


def _shell(text: str) -> str:
    """Return a command of a Dockerfile, which may be a list in JSON, for a shell."""
    try:
        return shlex.join(map(str, json.loads(text)))
    except (ValueError, TypeError):
        return text.strip()
