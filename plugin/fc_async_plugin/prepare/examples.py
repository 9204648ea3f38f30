# SPDX-License-Identifier: MIT
"""Takes examples of environment variables without a value, from files such as ``.env.example``.

Invariants:
    Only values of ``environmentVariables`` are taken, and only from files that the user allowed.
    Values are read anew with each template; no answer and no message has one.
    Only files in the template's own folders and in code folders are read.
    An example never replaces what the runtime itself gives a function, such as its keys.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.prepare.answers import Wish, content_of, key_of
from fc_async_plugin.project.code import own_folders
from fc_async_plugin.project.lack import shortened
from fc_async_plugin.project.sources import sources_of
from fc_async_plugin.s_yaml import TemplateError, files
from fc_async_plugin.s_yaml.model import with_props
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_ENDS: Final = ("example", "sample", "template", "dist")
_NAMES: Final = (*(f".env.{end}" for end in _ENDS), *(f"env.{end}" for end in _ENDS))


def wishes(project: Project) -> dict[Path, Wish]:
    """Return the files with examples of variables that have no value, and what the user is asked.

    One answer is for all examples in a file, as long as it has the same content.
    """
    beside = f"examples; write real ones into .env beside {Path(project.file).name}"
    questions = {}
    for file, values in _examples(project).items():
        text = f"values from {os.path.relpath(file)}: {shortened(list(values))} ({beside})"
        key = key_of("examples", file, content_of([file]))
        questions[file] = Wish(key, text, runs=False)
    return questions


def with_examples(
    project: Project, allowed: Collection[Path], again: Callable[[Mapping[str, str]], Project]
) -> Project:
    """Return a project with examples as values of variables.

    Args:
        project: The project.
        allowed: The files from which the user lets them be taken.
        again: Reads the template with further environment variables.
    """
    values: dict[str, str] = {}
    for file, examples in _examples(project).items():
        if file in allowed:
            values |= examples
    if not values:
        return project
    # An example may stand inside of a longer value, so the whole template is read once more.
    variables = {resource.name: resource.at(ENVIRONMENT) for resource in again(values).resources}
    props = {}
    for function in project.functions:
        if completed := variables.get(function.name):
            environment = _without_those_of_runtime(function, completed)
            props[function.name] = function.props | {ENVIRONMENT: environment}
    unset = tuple(name for name in project.unset if name not in values)
    return msgspec.structs.replace(with_props(project, props), unset=unset)


def _without_those_of_runtime(function: Resource, variables: dict[str, Any]) -> dict[str, Any]:
    """Return variables without those that the runtime gives, unless the function sets them."""
    set_by_function = function.at(ENVIRONMENT) or {}
    return {
        name: value
        for name, value in variables.items()
        if name in set_by_function or not runtimes.gives_variable(name)
    }


def _examples(project: Project) -> dict[Path, dict[str, str]]:
    """Return the examples in each file by variable; of a variable in several, the first one."""
    examples: dict[Path, dict[str, str]] = {}
    # Only what environmentVariables alone needs: a function runs without a role or a VPC here, and
    # the example of one would leave it out. Keys that the runtime gives are better than examples.
    lacking = {name for name in project.unset_variables if not runtimes.gives_variable(name)}
    if not lacking:
        return {}
    for file in _files(project):
        with suppress(TemplateError):  # a file that cannot be read has no examples
            content = files.completed({}, file)
            names = sorted(lacking & content.keys())
            values = {name: content[name] for name in names if content[name]}
            lacking -= values.keys()
            if values:
                examples[file] = values
    return examples


def _files(project: Project) -> Iterator[Path]:
    folders = own_folders(project)
    for source in sources_of([project]):
        if source.code:
            folders.append(Path(os.path.normpath(source.code)))
    for folder in dict.fromkeys(folders):
        for name in _NAMES:
            file = folder / name
            # A link in a repository may lead to any file of the user, such as keys of a cloud.
            if file.is_file() and file.resolve().parent == folder.resolve():
                yield file
