# SPDX-License-Identifier: MIT
"""Probes for what functions and commands need on this machine.

Each probe returns a :class:`~fc_async_plugin.project.lack.Lack`, whose words are the same in
``dev``, ``doctor`` and ``validate``.

Invariants:
    No program and no module of a project runs, and nothing is changed.
    Only :func:`of_functions` with ``processes`` starts a process: Node, which reads JavaScript.
    What :func:`of_functions` returns has no value from outside of a template, such as of ``env()``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import (
    commands,
    environments,
    imports,
    layers,
    needs,
    node_packages,
    runtimes,
)
from fc_async_plugin.project import attached
from fc_async_plugin.project.code import (
    code_path,
    folder_of,
    lacking_file,
    missing_start_file,
    nearest_build,
    start_command,
    start_problem,
)
from fc_async_plugin.project.lack import Lack
from fc_async_plugin.project.layers import local_layers
from fc_async_plugin.s_yaml.model import is_function
from fc_async_plugin.s_yaml.provenance import masked, relevant
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk import _endpoint
from fc_async_sdk.errors import ConnectFailed
from fc_async_sdk.spec.runtimes import CUSTOM, NODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.prepare.imports import Import
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_sdk import Client

_INSTALL: Final = "fc-async dev --install"
_NAMING: Final = (
    *("code", "handler", "runtime", "layers"),
    *("customRuntimeConfig", "customContainerConfig"),
)
"""Props of which parts are in the names of what is lacking."""
_NPM: Final = re.compile(r"(?:npm|pnpm|yarn) run (?:-s |--silent )?([\w:.-]+)")


def of_functions(projects: Sequence[Project], *, processes: bool) -> list[Lack]:
    """Return what the functions of some templates lack, as ``fc-async dev`` would start them.

    Args:
        projects: The templates.
        processes: Whether Node may be started, to read JavaScript; otherwise modules of Node and
            packages that ``fc-async dev`` installs on request are left out.
    """
    started = [_without_hidden(project) for project in commands.as_if_allowed(projects)]
    lacks: list[Lack] = []
    for project in started:
        lacks += attached.unset(project)
        for resource in filter(is_function, project.resources):
            lacks += _lacks_of_start(project, resource)
    used = [environments.used(project).project for project in started]
    if processes:
        lacks += _packages(used)
    lacks += of_layers(started)
    lacks += modules(used, of_node=processes)
    return _masked(lacks, projects)


def program(
    name: str,
    use: str,
    where: str = "",
    *,
    path: str | None = None,
    folders: Iterable[str] = (),
    remedy: str = "install it",
) -> Lack | None:
    """Return that a program is not found; None if it is there.

    Args:
        name: The program.
        use: As of :class:`Lack`.
        where: As of :class:`Lack`.
        path: Where it is looked for, as in the variable ``PATH``; None: that of this process.
        folders: Further folders.
        remedy: As of :class:`Lack`.
    """
    searched = os.get_exec_path() if path is None else path.split(os.pathsep)
    if shutil.which(name, path=os.pathsep.join([*searched, *folders])):
        return None
    return Lack("program", name, use, where, remedy)


def interpreter(resource: Resource) -> Lack | None:
    """Return that this machine has nothing that runs a function; None if it has."""
    lack = attached.not_run_here(resource)
    runtime = str(resource.props.get("runtime"))
    # A Node on the PATH is enough; to search the folders of version managers takes the runtime.
    if lack or runtime not in NODE or shutil.which("node") or runtimes.has_node():
        return lack
    use = f"{resource.function_name} runs on"
    remedy = f"install Node.js {runtime.removeprefix('nodejs')}"
    return Lack("interpreter", "node", use, str(resource.where("runtime")), remedy)


def start_file(project: Project, resource: Resource) -> Iterator[Lack]:
    """Yield the file with which a function starts and that does not exist, and what builds it.

    A folder or zip that does not exist is not one: packing it says so.
    """
    name = missing_start_file(project, resource)
    if name in {"", "."}:
        return
    # The module of a handler may also be where this variable leads, such as /code/src. A script
    # of a command is not looked for there.
    is_script = resource.runtime in CUSTOM
    if not is_script and "PYTHONPATH" in str(resource.props.get(ENVIRONMENT)):
        return
    lack = lacking_file(project, resource, name)
    yield lack
    build = nearest_build(project, code_path(project, resource) or folder_of(project))
    if build:
        tool = program(build[1].split()[0], f"the build of {resource.function_name} runs")
        if tool:
            yield tool


def check_start(project: Project) -> None:
    """Refuse a function that lacks a file with which it starts: each call of it would fail.

    Files that a deployment misses by itself are left to it.

    Raises:
        PluginError: With the place, the file and what to do.
    """
    for resource in filter(is_function, project.resources):
        lacks = [*start_file(project, resource)]
        if lacks and not start_problem(project, resource):
            raise PluginError("; ".join(map(str, lacks)))


def start_program(project: Project, resource: Resource) -> Iterator[Lack]:
    """Yield the program or script that starts a function and is not on this machine.

    A program that the packages or the ``PATH`` of the function may bring is not looked for.
    """
    if str(resource.props.get("runtime")) not in CUSTOM:
        return
    code = code_path(project, resource) or Path()
    command = start_command(resource)
    use = f"{resource.function_name} starts with"
    where = str(resource.where("customRuntimeConfig", "command"))
    script = _NPM.fullmatch(" ".join(command))
    if script and script[1] not in node_packages.package_json(code).scripts:
        file = os.path.relpath(code / node_packages.FILE)
        remedy = "write it, or correct the command"
        yield Lack("file", f"{script[0]}, a script of {file}", use, where, remedy)
    if command and "/" not in command[0] and not _may_be_brought(resource, code):
        folders = [str(layer / "bin") for layer in local_layers(project, resource)]
        # Custom runtimes find the programs of the environment in which fc-async runs.
        folders.append(str(Path(sys.executable).parent))
        lack = program(command[0], use, where, folders=folders)
        if lack:
            yield lack


def of_layers(projects: Iterable[Project], *, install: bool = True) -> Iterator[Lack]:
    """Yield the layers of the service for which this machine has nothing instead.

    Args:
        projects: The templates.
        install: Whether the packages of a layer are installed if they are lacking.
    """
    for layer, functions in layers.functions_of(projects).items():
        if layers.is_here(layer) or (install and layer.requirement):
            continue
        remedy = f"install {layer.command}" if layer.command else _INSTALL
        if not (layer.command or layer.requirement):
            remedy = (
                "write a folder or a zip of its files in its place in layers, for this machine "
                "alone in env.yaml: fc-async dev --env"
            )
        has = "has" if len(functions) == 1 else "have"
        yield Lack("layer", layer.name, f"{', '.join(functions)} {has} the layer", "", remedy)


def modules(projects: Sequence[Project], *, of_node: bool = True) -> Iterator[Lack]:
    """Yield the modules that calls always load and that neither this machine nor a runtime has.

    Args:
        projects: The templates, whose functions find the project's own environment.
        of_node: Whether functions in Node are read, too, which starts a process.
    """
    absent: list[Import] = []
    for project in projects:
        absent += imports.absent(project)
    if of_node:
        absent += node_packages.absent_imports(projects)
    # What a runtime ships is installed on request, and what may never run is not needed.
    yield from (absence.lack for absence in absent if absence.runs and not absence.mark)


def service(client: Client) -> Lack | None:
    """Return that nothing answers at the endpoint of a client; None if something does.

    Raises:
        FcAsyncError: It answers with an error.
    """
    try:
        client.list_functions(limit=1)
    except ConnectFailed:
        endpoint = client.endpoint_url
        remedy = "check --endpoint, --region and the network"
        if _endpoint.parse(endpoint).loopback:
            remedy = "fc-async local start"
        return Lack("service", endpoint, "this folder uses", "", remedy)
    return None


def _without_hidden(project: Project) -> Project:
    """Return a template without the functions whose lacks would tell a value from outside.

    A file or a module is named after a part of ``handler``, in which the value is not found again.
    """
    resources = [
        resource
        for resource in project.resources
        if not _tells(repr([resource.props.get(name) for name in _NAMING]), project.sources)
    ]
    return msgspec.structs.replace(project, resources=tuple(resources))


def _tells(text: str, sources: Mapping[str, str]) -> bool:
    return masked(text, relevant(sources, [text])) != text


def _masked(lacks: Iterable[Lack], projects: Iterable[Project]) -> list[Lack]:
    """Return lacks with expressions in place of values, as of ``functionName``."""
    sources: dict[str, str] = {}
    for project in projects:
        sources |= project.sources
    return [
        lack._replace(
            use=masked(lack.use, sources),
            where=masked(lack.where, sources),
            remedy=masked(lack.remedy, sources),
        )
        for lack in lacks
    ]


def _lacks_of_start(project: Project, resource: Resource) -> Iterator[Lack]:
    """Yield what keeps a function from starting; of one that cannot run here only that."""
    lack = interpreter(resource)
    if lack:
        yield lack
        return
    built = {build.resource for build in project.builds if not build.component}
    # What a build of the template makes is not lacking: dev runs the build first.
    if not built & {"", resource.name}:
        yield from start_file(project, resource)
    yield from start_program(project, resource)


def _packages(projects: Iterable[Project]) -> Iterator[Lack]:
    """Yield the packages that ``fc-async dev`` would ask to install."""
    for project in projects:
        for installation in needs.installations(project):
            if installation.is_done:
                continue
            source = installation.source
            where = os.path.relpath(source.code or Path())
            use = f"{source.function} needs"
            yield Lack("module", installation.what, use, where, _INSTALL)


def _may_be_brought(resource: Resource, code: Path) -> bool:
    """Return whether packages or a ``PATH`` of a function may have its program."""
    if resource.requirements or "PATH" in str(resource.props.get(ENVIRONMENT)):
        return True
    return any((code / name).is_file() for name in ("requirements.txt", node_packages.FILE))
