# SPDX-License-Identifier: MIT
"""Functions that run as custom runtimes with a command of the user: ``dev --command``. Pure.

Images are not run on this machine, and neither are the built-in runtimes of other languages.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Resource

_RUNTIME: Final = "custom"
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
            raise PluginError(
                f"--command {one}: write NAME=COMMAND, such as {name}='python app.py'"
            )
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
    made = {"runtime": _RUNTIME, "code": props.get("code") or ".", "customRuntimeConfig": server}
    return msgspec.structs.replace(resource, props=props | made)
