# SPDX-License-Identifier: MIT
"""Asks how functions start for which the project does not say it plainly.

A question names all files that may be meant. Its answer goes into ``fc-async.toml``.

Invariants:
    Nothing that a question names is run or read as code before the user has chosen it.
    A function that the user, ``fc-async.toml`` or an action of the template speaks for is not asked
    about.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin.prepare.building import build_of_package, build_scripts_of_packages
from fc_async_plugin.project import candidates, images, settings_file
from fc_async_plugin.project.code import code_path, folder_of, missing_start_file, start_files
from fc_async_plugin.project.lack import shortened
from fc_async_plugin.project.settings_file import FunctionSettings
from fc_async_plugin.project.sources import sources_of
from fc_async_plugin.report.safe_text import visible
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fc_async_plugin.project.images import Image
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource


class Option(NamedTuple):
    """One possible answer.

    Attributes:
        text: The file that is meant, and what it would do.
        settings: What is written into ``fc-async.toml``.
    """

    text: str
    settings: FunctionSettings


class Question(NamedTuple):
    """A question about one function.

    Attributes:
        file: The ``fc-async.toml`` that has its answer.
        resource: The function.
        text: What is not known, with the files that may be meant.
        proposals: What the user can choose; a command may be given instead.
        is_image: Whether the function runs as an image without an answer.
    """

    file: Path
    resource: str
    text: str
    proposals: tuple[Option, ...]
    is_image: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines that a user is shown before the choice."""
        lines = [visible(self.text)]
        for number, option in enumerate(self.proposals, 1):
            lines.append(f"  {number}  {visible(option.text)}")
        return lines

    @property
    def unanswered(self) -> str:
        """The text where no terminal can be asked, with the lines to add to ``fc-async.toml``."""
        unknown = FunctionSettings(start=("COMMAND",))
        choices = [option.settings for option in self.proposals] or [unknown]
        tables = [settings_file.example(self.resource, settings) for settings in choices]
        shown = "\nor\n".join(tables)
        lines = "\n".join(f"  {visible(line)}" for line in shown.split("\n"))
        file = os.path.relpath(self.file)
        otherwise = "not started; add to"
        if self.is_image:
            otherwise = (
                "its image runs, if this machine has it; for a program of this machine, add to"
            )
        return f"{visible(self.text)}: {otherwise} {file}:\n{lines}"

    def answer(self, reply: str) -> FunctionSettings | None:
        """Return the settings that an answer means.

        Args:
            reply: The number of an option, or a command; "": the function is left out.

        Raises:
            ValueError: It is neither.
        """
        text = reply.strip()
        if text.isdigit():
            number = int(text)
            if not 1 <= number <= len(self.proposals):
                raise ValueError(f"write a number from 1 to {len(self.proposals)}, or a command")
            return self.proposals[number - 1].settings
        words = tuple(shlex.split(text))
        return FunctionSettings(start=words) if words else None


def questions(project: Project, answered: Collection[str]) -> list[Question]:
    """Return what the user must be asked about the functions of a template.

    Args:
        project: The template.
        answered: Resources that ``fc-async.toml`` or an option of the command speaks for.
    """
    built = {build.resource for build in project.builds if not build.component}
    asked: list[Question] = []
    for resource in project.functions:
        if resource.name in answered:
            continue
        if resource.runtime == CONTAINER:
            question = _about_image(project, resource)
        elif built & {"", resource.name}:
            question = None  # the template's own build makes what is missing
        else:
            question = _about_code(project, resource)
        if question:
            asked.append(question)
    return asked


def _about_image(project: Project, resource: Resource) -> Question | None:
    if images.dockerfile_of(project, resource):
        return None
    options: list[Option] = []
    dockerfiles = candidates.dockerfiles(project)
    for file in dockerfiles:
        image = images.read_image(project, resource, file)
        # Without a command it cannot be started here, whatever the user chooses.
        if image.command:
            options.append(_option_of(project, resource, image))
    if not dockerfiles:
        return None  # it runs in a container, from an image that is made elsewhere
    text = f"{resource.name} is an image, and {_any_of(dockerfiles)} could be its Dockerfile"
    return Question(
        settings_file.file_of(project.file), resource.name, text, tuple(options), is_image=True
    )


def _option_of(project: Project, resource: Resource, image: Image) -> Option:
    """Return the answer that a Dockerfile is that of an image."""
    # What the function sets itself is in the template, and may be a secret.
    variables = tuple(
        (name, text) for name, text in image.variables.items() if name not in resource.variables
    )
    base = folder_of(project)
    settings = FunctionSettings(
        folder=os.path.relpath(image.folder, base),
        start=tuple(image.command),
        install=os.path.relpath(image.requirements, base) if image.requirements else None,
        env=variables,
    )
    location = f"(in {os.path.relpath(image.folder)})"
    # fc-async.toml names a file with requirements: what else an image installs is only shown.
    installed = [*image.packages, *image.further]
    if installed:
        location += f"; it installs {shortened(installed)}"
    text = f"{os.path.relpath(image.file)}: {shlex.join(image.command)}  {location}"
    return Option(text, settings)


def _about_code(project: Project, resource: Resource) -> Question | None:
    """Return the question for a function without a file that it starts with, if any may make it."""
    lacking = missing_start_file(project, resource)
    [source] = [source for source in sources_of([project]) if source.resource == resource.name]
    if not lacking or build_of_package(source, project):
        return None
    options = [*_options_of_code(project, resource)]
    if not options:
        return None  # a message names the file, see lacks.start_program
    code = os.path.relpath(code_path(project, resource) or folder_of(project))
    if lacking == ".":
        reason = f"its code {code} does not exist"
    else:
        reason = f"{code} has no {lacking}, with which it starts"
    text = f"{resource.name} cannot start: {reason}"
    return Question(settings_file.file_of(project.file), resource.name, text, tuple(options))


def _options_of_code(project: Project, resource: Resource) -> Iterator[Option]:
    """Yield what may make the file with which a function starts, and folders that have it."""
    for line in _build_lines(project):
        yield Option(f"run {line}", FunctionSettings(build=line))
    names = start_files(resource)
    for folder in candidates.folders_with(project, names):
        start_file = next(name for name in names if (folder / name).is_file())
        text = f"take {os.path.relpath(folder)} as its code, which has {start_file}"
        code = os.path.relpath(folder, folder_of(project))
        yield Option(text, FunctionSettings(folder=code))


def _build_lines(project: Project) -> Iterator[str]:
    """Yield the lines for the shell, in the template's folder, that run what may be a build."""
    base = folder_of(project)
    top = candidates.top_of(project)
    for script in candidates.build_scripts(project):
        line = f"bash {shlex.quote(os.path.relpath(script, top))}"
        # A script of a repository mostly expects the folder of the repository.
        yield line if top == base else f"cd {shlex.quote(os.path.relpath(top, base))} && {line}"
    for folder, line in build_scripts_of_packages(project):
        yield line if folder == base else f"cd {os.path.relpath(folder, base)} && {line}"


def _any_of(files: list[Path]) -> str:
    names = [os.path.relpath(file) for file in files]
    if len(names) == 1:
        return names[0]
    return f"any of {', '.join(names[:-1])} and {names[-1]}"
