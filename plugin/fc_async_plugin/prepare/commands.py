# SPDX-License-Identifier: MIT
"""Commands that start functions: those of ``dev --command``, of ``fc-async.toml`` and of images.

No container is started: the program of an image runs in a folder of this machine. The built-in
runtimes of other languages are not run.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import environments
from fc_async_plugin.prepare.answers import Wish, content_of, key_of
from fc_async_plugin.project import candidates, settings_file
from fc_async_plugin.project.code import folder_of
from fc_async_plugin.project.images import image_of
from fc_async_plugin.project.lack import shortened
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.project.images import Image
    from fc_async_plugin.project.settings_file import FunctionSettings
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_SERVER: Final = ("port", "healthCheckConfig")


def read(options: Sequence[str]) -> dict[str, list[str]]:
    """Return commands by resource.

    Args:
        options: ``NAME=COMMAND``, each with a command as a shell splits it.

    Raises:
        PluginError: One has another form.
    """
    commands = {}
    for option in options:
        name, _, text = option.partition("=")
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise PluginError(f"--command {option}: {error}") from None
        if not words:
            raise PluginError(f"--command {option}: write it as {name}='python app.py'")
        commands[name] = words
    return commands


def with_settings(project: Project, settings: Mapping[str, FunctionSettings]) -> Project:
    """Return a template in which functions start as ``fc-async.toml`` says.

    Args:
        project: The template.
        settings: By resource; what the user has not allowed must not be among them.
    """
    resources = list(project.resources)
    for index, resource in enumerate(resources):
        if resource.name in settings:
            resources[index] = _as_set(project, resource, settings[resource.name])
    return project.with_resources(resources)


def _as_set(project: Project, resource: Resource, settings: FunctionSettings) -> Resource:
    """Return a function with its settings for this machine."""
    if settings.folder:
        resource = _with_props(resource, code=settings.folder)
    if settings.start:
        resource = _started(resource, list(settings.start), settings.folder)
    if settings.env:
        variables = resource.props.get(ENVIRONMENT) or {}
        if isinstance(variables, dict):  # a rule names any other value
            resource = _with_props(resource, **{ENVIRONMENT: variables | dict(settings.env)})
    if settings.python:
        # Not resolved: an environment that is a link stays under the name that the user wrote.
        environment = Path(os.path.abspath(folder_of(project) / settings.python))  # noqa: PTH100
        props = environments.with_paths(resource, environment)
        resource = msgspec.structs.replace(resource, props=props)
    if settings.install is not None:
        # The null device is not a file, so it has no requirements.
        file = str(folder_of(project) / settings.install) if settings.install else os.devnull
        resource = msgspec.structs.replace(resource, requirements=file)
    return resource


def with_commands(
    project: Project, commands: Mapping[str, list[str]], images: Mapping[str, Image]
) -> Project:
    """Return a template in which commands start some of the functions.

    Args:
        project: The template.
        commands: By resource.
        images: Those of the template, by resource; see :func:`images_of`.
    """
    resources = list(project.resources)
    for index, resource in enumerate(resources):
        command = commands.get(resource.name)
        if not command:
            continue
        image = images.get(resource.name)
        if image is None:
            resources[index] = _started(resource, command, "")
        else:
            folder = os.path.relpath(image.folder, folder_of(project))
            resources[index] = _with_image(_started(resource, command, folder), image)
    return project.with_resources(resources)


def _started(resource: Resource, command: list[str], folder: str) -> Resource:
    """Return a function that a command starts in its code folder, or in another one.

    Args:
        resource: The function.
        command: What starts it.
        folder: Its code if the template has none on this machine, relative to the template.
    """
    props = dict(resource.props)
    server: dict[str, Any] = {"command": command}
    container = props.pop("customContainerConfig", None)
    for config in (props.get("customRuntimeConfig"), container):
        if isinstance(config, dict):
            server |= {name: config[name] for name in _SERVER if name in config}
    code = props.get("code")
    if not isinstance(code, str) and (folder or props.get("runtime") == CONTAINER):
        code = None  # a mapping names the image
    props |= {"runtime": "custom", "code": code or folder or ".", "customRuntimeConfig": server}
    return msgspec.structs.replace(resource, props=props)


def _with_image(resource: Resource, image: Image) -> Resource:
    """Return a function with the variables and the requirements of its image."""
    variables = resource.props.get(ENVIRONMENT) or {}
    if image.variables and isinstance(variables, dict):
        resource = _with_props(resource, **{ENVIRONMENT: variables | image.variables})
    file = str(image.requirements or "")
    return msgspec.structs.replace(resource, requirements=file, packages=image.packages)


def _with_props(resource: Resource, **props: object) -> Resource:
    return msgspec.structs.replace(resource, props=resource.props | props)


def settings_of(projects: Iterable[Project]) -> dict[str, FunctionSettings]:
    """Return what the files beside some templates say of their functions, by resource.

    Raises:
        TemplateError: A file cannot be read.
    """
    names_by_file: dict[Path, dict[str, Path]] = {}
    for project in projects:
        top = candidates.top_of(project)
        names = names_by_file.setdefault(settings_file.file_of(project.file), {})
        for resource in project.functions:
            names[resource.name] = top
    settings: dict[str, FunctionSettings] = {}
    for file, names in names_by_file.items():
        settings |= settings_file.read(file, names)
    return settings


def as_if_allowed(projects: Iterable[Project]) -> list[Project]:
    """Return templates whose functions start as ``fc-async.toml`` and plain Dockerfiles say.

    Raises:
        TemplateError: An ``fc-async.toml`` cannot be read.
    """
    projects = [*projects]
    settings = settings_of(projects)
    images = images_of(projects)
    started = {
        name: image.command
        for name, image in images.items()
        if image.command and name not in settings
    }
    return [
        with_commands(with_settings(project, settings), started, images) for project in projects
    ]


def images_of(projects: Iterable[Project]) -> dict[str, Image]:
    """Return the images of some templates, by resource, whose Dockerfile is known."""
    images = {}
    for project in projects:
        for resource in project.functions:
            if image := image_of(project, resource):
                images[resource.name] = image
    return images


def notes_of_image(name: str, image: Image) -> Iterator[str]:
    """Yield what an image needs that nothing here installs or makes, one sentence each."""
    file = os.path.relpath(image.file)
    if image.further:
        fix = "install what the program needs"
        yield f"{name}: {file} installs {shortened(list(image.further))}, not done here: {fix}"
    if image.absent:
        fix = "build it, or correct the path"
        names = shortened(list(image.absent))
        yield f"{name}: {file} copies {names}, which the project does not have: {fix}"


def wish(name: str, image: Image) -> Wish:
    """Return the question whether the program of an image may be started."""
    command = shlex.join(image.command)
    location = f"(in {os.path.relpath(image.folder)}, as {os.path.relpath(image.file)} says)"
    key = key_of("image", image.file, command, content_of([image.file]))
    return Wish(key, f"{name}: {command}  {location}")


def wish_of_settings(file: Path, name: str, settings: FunctionSettings) -> Wish:
    """Return the question whether a function may start as ``fc-async.toml`` says.

    Its build is a question of its own, which also has the files that it reads.

    Args:
        file: The file.
        name: The resource.
        settings: What the file says of it.
    """
    source = f"(as {os.path.relpath(file)} says)"
    lines = settings._replace(build="").lines
    text = f"{name}: {shlex.join(settings.start) or 'settings'}  {source}"
    key = key_of("settings", file, name, *settings.lines)
    return Wish(key, text, (f"{name}  {source}", *(f"  {line}" for line in lines)))
