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
from fc_async_plugin.s_yaml.model import is_function, with_props
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
    found = {}
    for file, values in _examples(project).items():
        text = f"values from {os.path.relpath(file)}: {shortened(list(values))} ({beside})"
        found[file] = Wish(key_of("examples", file, content_of([file])), text, runs=False)
    return found


def with_examples(
    project: Project, allowed: Collection[Path], again: Callable[[Mapping[str, str]], Project]
) -> Project:
    """Return a project with examples as values of variables.

    Args:
        project: The project.
        allowed: The files from which the user lets them be taken.
        again: Reads the template with further environment variables.
    """
    given = [each for file, each in _examples(project).items() if file in allowed]
    values = {name: value for each in given for name, value in each.items()}
    if not values:
        return project
    others = {one.name: one.at(ENVIRONMENT) for one in again(values).resources}
    functions = (one for one in project.resources if is_function(one) and others.get(one.name))
    props = {
        one.name: one.props | {ENVIRONMENT: _without_given(one, others[one.name])}
        for one in functions
    }
    unset = tuple(name for name in project.unset if name not in values)
    return msgspec.structs.replace(with_props(project, props), unset=unset)


def _without_given(function: Resource, variables: dict[str, Any]) -> dict[str, Any]:
    """Return variables without those that the runtime gives, unless the function sets them."""
    own = function.at(ENVIRONMENT) or {}
    return {
        name: value
        for name, value in variables.items()
        if name in own or not runtimes.gives_variable(name)
    }


def _examples(project: Project) -> dict[Path, dict[str, str]]:
    """Return the examples in each file by variable; of a variable in several, the first one."""
    found: dict[Path, dict[str, str]] = {}
    lacking = {name for name in project.unset_variables if not runtimes.gives_variable(name)}
    for file in _files(project) if lacking else ():
        with suppress(TemplateError):  # a file that cannot be read has no examples
            read = files.completed({}, file)
            values = {name: read[name] for name in sorted(lacking & read.keys()) if read[name]}
            lacking -= values.keys()
            found |= {file: values} if values else {}
    return found


def _files(project: Project) -> Iterator[Path]:
    code = (Path(os.path.normpath(one.code)) for one in sources_of([project]) if one.code)
    folders = dict.fromkeys([*own_folders(project), *code])
    found = (folder / name for folder in folders for name in _NAMES if (folder / name).is_file())
    yield from (one for one in found if one.resolve().parent == one.parent.resolve())
