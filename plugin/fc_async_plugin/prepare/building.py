# SPDX-License-Identifier: MIT
"""Runs the commands that a template has ``s`` run before a deployment, when they are allowed.

Each is given to the system's shell in its folder, as ``s`` does, with the variables of the ``.env``
files of the working folder and of the template's folder.

Invariants:
    The commands of a resource after one that failed do not run, unless it may fail.
    Commands do not run again for files that are as they left them, also if they failed.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fc_async_plugin.prepare import node_packages, programs, tracked
from fc_async_plugin.prepare.answers import Wish, content_files, content_of, key_of
from fc_async_plugin.prepare.node_packages import package_json
from fc_async_plugin.project.code import folder_of, missing_start_file, own_folders
from fc_async_plugin.project.lack import Lack, shortened
from fc_async_plugin.project.sources import sources_of
from fc_async_plugin.project.stamps import changed_since, stamps_below, state_of
from fc_async_plugin.report.safe_text import visible
from fc_async_plugin.s_yaml.actions import Build
from fc_async_sdk import _project_folder
from fc_async_sdk.spec.runtimes import CUSTOM, NODE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from fc_async_plugin.prepare.answers import Answers
    from fc_async_plugin.project.images import Image
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.project.stamps import Stamp
    from fc_async_plugin.s_yaml import Project

_INPUT: Final = re.compile(
    r".*\.(?:c|cc|cpp|cs|go|java|kt|rs|scala|ts|tsx|vue)|requirements\.txt|pyproject\.toml|go\.mod|"
    r"package\.json|pom\.xml|build\.gradle|Cargo\.toml|composer\.json|Makefile"
)
"""Files that a build reads and a function does not."""
_SCRIPT: Final = re.compile(r"build|bundle|pack", re.IGNORECASE)
_SCRIPT_NAME: Final = re.compile(r"[\w:.-]+")
_RUNS: Final = re.compile(
    r"(?:^|[;&|(\n]|\b(?:ba|da|z)?sh|\bnode|\bpython[\d.]*|\bsource)(?:\s+-\S+)*"
    r"(?=\s*((?:\.{1,2}/)*\w[\w./-]{0,200}))"
)
"""Files that a command runs: its first word, and the word after an interpreter."""
_FOLDER: Final = re.compile(r"\bcd\s+((?:\.{1,2}/)*\w[\w./-]{0,200})")
_WORD: Final = re.compile(r"[\w:.-]+")
_USES_SCRIPTS: Final = re.compile(r"\b(?:npm|npx|pnpm|yarn)\b")


def builds_of(
    projects: Iterable[Project],
    answers: Collection[str] = (),
    images: Mapping[str, Image] = MappingProxyType({}),
    lines: Mapping[str, str] = MappingProxyType({}),
) -> list[Build]:
    """Return the commands of the functions and of the whole templates, each once.

    A function that lacks a file with which it starts, and that no command of the template builds,
    has the build of its ``package.json``.

    Args:
        projects: The templates.
        answers: Keys of what the user has allowed; a build among them has made the file.
        images: Images of functions by resource: their builds also copy what the image copies.
        lines: Builds that ``fc-async.toml`` has, by resource; they replace those of a package.
    """
    builds: list[Build] = []
    for project in projects:
        owners = {"", *(resource.name for resource in project.functions)}
        builds += [build for build in project.builds if build.resource in owners]
        for source in sources_of([project]):
            name = source.resource
            line = lines.get(name)
            if line:
                # The line may read any file of the project, so each save may need it.
                builds.append(Build(name, line, folder_of(project), line, any_file=True))
                continue
            package = _needed_build_of_package(source, project, answers, images.get(name))
            if package is not None:
                builds.append(package)
    return list(dict.fromkeys(builds))


def _needed_build_of_package(
    source: Source, project: Project, answers: Collection[str], image: Image | None
) -> Build | None:
    """Return the build of a ``package.json`` if a function needs what it makes.

    Args:
        source: The function.
        project: Its template.
        answers: Keys of what the user has allowed.
        image: Its image.
    """
    built = {build.resource for build in project.builds if not build.component}
    if not built.isdisjoint(["", source.resource]):
        return None
    build = build_of_package(source, project, image)
    if build is None:
        return None
    [resource] = [each for each in project.functions if each.name == source.resource]
    # Once made, the file is no longer missing, and a save must still make it anew.
    is_needed = missing_start_file(project, resource) or wish(build).key in answers
    return build if is_needed else None


def build_of_package(source: Source, project: Project, image: Image | None = None) -> Build | None:
    """Return the build of the ``package.json`` that is nearest to the code of a function.

    Folders above that of the template do not count.

    Args:
        source: The function.
        project: Its template.
        image: Its image: the build also copies what the image copies.
    """
    if source.code is None or source.runtime not in NODE | CUSTOM:
        return None
    folder = _nearest_package(source.code, folder_of(project))
    if folder is None or "build" not in package_json(folder).scripts:
        return None
    command = f"{node_packages.install_line(folder)} && {node_packages.manager(folder)} run build"
    if image and image.folder == folder:
        # Without them, a page that the Dockerfile copies beside the result was missing at a call.
        command = " && ".join([command, *image.copies])
    return Build(source.resource, command, folder, command)


def _nearest_package(code_folder: Path, top: Path) -> Path | None:
    """Return the nearest folder with a ``package.json``, from the code up to a top folder."""
    code = Path(os.path.normpath(code_folder))
    folders = [folder for folder in (code, *code.parents) if folder.is_relative_to(top)]
    # Code beside the template's folder, as of code: ../api/dist: its package is one above it.
    for folder in folders or (code, code.parent):
        if (folder / node_packages.FILE).is_file():
            return folder
    return None


def build_scripts_of_packages(project: Project) -> Iterator[tuple[Path, str]]:
    """Yield the folders whose ``package.json`` has further scripts named as builds are.

    Each comes with the line for the shell that runs one, after the installation and the ``build``.
    """
    for folder in own_folders(project):
        scripts = package_json(folder).scripts
        tool = node_packages.manager(folder)
        first = f"{tool} run build && " if "build" in scripts else ""
        for name in scripts:
            if name != "build" and _SCRIPT.search(name) and _SCRIPT_NAME.fullmatch(name):
                yield folder, f"{node_packages.install_line(folder)} && {first}{tool} run {name}"


def wish(build: Build) -> Wish:
    """Return a command, with its place, and the key of its answer.

    The answer is for the command with its values, the scripts that it runs, and the files that say
    what is built and installed.
    """
    owner = f"{build.resource}: " if build.resource else ""
    location = f"(in {os.path.relpath(build.folder)})"
    # Only "\n" ends a line for a shell; other ends of lines are shown as their escapes.
    command = build.asked or build.written
    lines = [line for line in command.split("\n") if line.strip()]
    # Each line stands by itself: joined, a second command could look like the end of a comment.
    if len(lines) > 1:
        shown = [f"{owner}{location}", *(f"  {line}" for line in lines)]
    else:
        shown = [f"{owner}{''.join(lines).strip()}  {location}"]
    scripts = [] if build.component else _scripts_of(build)
    shown += [f"  {node_packages.FILE}, {name}: {script}" for name, script in scripts]
    text = visible(f"{owner}{_in_one_line(build.written)}  {location}")
    files = [*content_files(build.folder), *_run_by(build, scripts)]
    key = key_of(build.folder, build.command, content_of(files))
    return Wish(key, text, tuple(shown))


def _in_one_line(command: str) -> str:
    """Return a command in one line; an end of a line that ends a command stays visible."""
    lines = [line.strip() for line in command.split("\n") if line.strip()]
    shown = ""
    for line in lines:
        # A comment goes to the end of its line, also if that is a backslash.
        continues = line.endswith("\\") and "#" not in line
        if continues:
            shown += f"{line.removesuffix(chr(92)).strip()} "
        else:
            shown += f"{line} ⏎ "
    return shown.removesuffix(" ⏎ ").strip()


def _scripts_of(build: Build) -> list[tuple[str, str]]:
    """Return the scripts of ``package.json`` that a command runs, with their names.

    A package manager also runs those that have ``pre`` or ``post`` before the name of one.
    """
    if not _USES_SCRIPTS.search(build.command):
        return []
    scripts = {name: str(line) for name, line in package_json(build.folder).scripts.items()}
    words = {*_WORD.findall(build.command), *node_packages.OF_INSTALLATION}
    lines: dict[str, str] = {}
    while words:
        names: set[str] = set()
        for word in words:
            names.update((f"pre{word}", word, f"post{word}"))
        names -= lines.keys()
        new = {name: line for name, line in scripts.items() if name in names}
        lines |= new
        words = {*_WORD.findall("\n".join(new.values()))}
    return [(name, _in_one_line(line)) for name, line in lines.items()]


def _run_by(build: Build, scripts: Iterable[tuple[str, str]]) -> Iterator[Path]:
    """Yield the files of the folder that a command and its scripts run."""
    texts = [build.command, *(script for _, script in scripts)]
    folders = [Path(), *map(Path, _FOLDER.findall("\n".join(texts)))]
    for text in texts:
        for name in _RUNS.findall(text):
            yield from (build.folder / folder / name for folder in folders)


def hints(builds: Iterable[Build]) -> list[str]:
    """Return which commands never run here, in one text."""
    texts = [wish(build).text for build in builds if build.component]
    head = (
        "before a deployment s runs its own components and plugins; what fc3 build does for Python "
        "and Node, the installation of packages does here; run others with s"
    )
    return ["\n".join([head, *texts])] if texts else []


def _key_of_made(folder: Path) -> str:
    return key_of("made", os.path.normpath(folder))


class Builder:
    """Runs the commands of templates.

    Args:
        builds: The commands.
        answers: What the user has allowed.
        environ: The variables that the commands see.
        say: Is told before each command.
        code: The code folders of functions, into which commands may write.

    Attributes:
        answers: As given.
    """

    def __init__(
        self,
        builds: Iterable[Build],
        answers: Answers,
        environ: Mapping[str, str],
        say: Callable[[str], None],
        code: Collection[Path] = (),
    ) -> None:
        self._builds = [build for build in builds if not build.component]
        self._code = frozenset(code)
        self._written: dict[Path, Stamp | None] = {}
        self.answers = answers
        self._environ = environ
        self._say = say
        self._failed: dict[Build, str] = {}  # what they left in their folders

    @property
    def folders(self) -> set[Path]:
        """The folders in which commands run."""
        return {build.folder for build in self._builds if build.folder.is_dir()}

    @property
    def failed_folders(self) -> set[Path]:
        """The folders in which a command has failed that would have installed packages."""
        return {build.folder for build in self._failed if _USES_SCRIPTS.search(build.command)}

    def keep_made(self, folders: Iterable[Path]) -> None:
        """Remember code folders that builds have made: nothing is installed into them."""
        marks = {_key_of_made(folder): "" for folder in folders}
        if marks:
            self.answers.keep(marks)

    def has_made(self, folder: Path) -> bool:
        """Return whether a build has made a folder, in this start or an earlier one."""
        return _key_of_made(folder) in self.answers

    def due(self) -> list[Build]:
        """Return the commands of the resources of which one must run."""
        current = self._current()
        # All commands of a resource: a later one works on what the earlier ones have made.
        due = {build.resource for build in self._builds if build not in current}
        return [build for build in self._builds if build.resource in due]

    def _current(self) -> set[Build]:
        """Return the commands whose folders are as they have left them."""
        # Several commands may run in one folder, which is read once.
        states = {folder: state_of(folder) for folder in {build.folder for build in self._builds}}
        current: set[Build] = set()
        for build in self._builds:
            # Also a build that failed: it would run again when the watch begins.
            ended_with = (self.answers.get(wish(build).key), self._failed.get(build))
            if states[build.folder] in ended_with:
                current.add(build)
        return current

    @contextlib.contextmanager
    def own_writes(self) -> Iterator[None]:
        """Run something that writes into the folders of builds or functions.

        An installation into ``node_modules``, or the build of another function, changes the folder
        of a build. Without this, that build would run again although the user has saved nothing:
        the builds of one project ran three times in eleven minutes.
        """
        current = self._current()
        folders = self.folders | self._code
        before = stamps_below(folders)
        try:
            yield
        finally:
            self._written |= changed_since(before, stamps_below(folders))
            for build in current:
                state = state_of(build.folder)
                if build in self._failed:
                    self._failed[build] = state
                else:
                    self.answers.keep({wish(build).key: state})

    @property
    def written(self) -> dict[Path, Stamp | None]:
        """The files that :meth:`take_written` returns next."""
        return dict(self._written)

    def take_written(self) -> dict[Path, Stamp | None]:
        """Return the files that were written since the last call: they are not saves."""
        written = self._written
        self._written = {}
        return written

    def run(self, builds: Iterable[Build]) -> list[str]:
        """Run those commands that the user has allowed, in their order.

        Returns:
            What failed, one sentence each.
        """
        failed: dict[str, str] = {}
        done: list[Build] = []
        allowed = [build for build in builds if wish(build).key in self.answers]
        if not allowed:
            return []
        with self.own_writes():
            for build in allowed:
                if build.resource in failed:
                    continue
                self._say(wish(build).text)
                if reason := self._run(build):
                    failed[build.resource] = f"not built: {wish(build).text}: {reason}"
                done.append(build)
        self._keep_states(done, failed.keys())
        return list(failed.values())

    def _run(self, build: Build) -> str:
        """Run one command; return why it failed, "" if it may go on."""
        if not build.folder.is_dir():
            return "the folder does not exist"
        # A build may rewrite files that git tracks, such as a lock file: the user is told which.
        before = tracked.files_of(build.folder)
        ended = programs.run(build.command, build.folder, self._environ)
        if changed := tracked.changed(build.folder, before):
            names = shortened([os.path.relpath(file) for file in changed])
            self._say(f"changed by this command: {names}")
        return self._why_failed(build, ended)

    def _keep_states(self, done: Iterable[Build], failed: Collection[str]) -> None:
        """Remember the state in which commands left their folders, also those that failed."""
        self._failed = {
            build: state_of(build.folder) for build in self._builds if build.resource in failed
        }
        # The key is made anew: a build may have written a lock file, which is part of the question.
        good = {
            wish(build).key: state_of(build.folder)
            for build in done
            if build.resource not in failed
        }
        if good:
            self.answers.keep(good)

    def _why_failed(self, build: Build, done: programs.Done) -> str:
        """Return why a command failed, with the end of its output; "" if it may go on."""
        if not done.status or build.may_fail is None or done.status in build.may_fail:
            return ""
        # The whole output of some builds fills several screens before the first line of a function.
        file = self.answers.folder / f"{wish(build).key[:8]}.log"
        _project_folder.make_private(file.parent)
        with _project_folder.replacing(file) as unfinished:
            unfinished.write_text(done.output, "utf-8")
        reason = f"exit status {done.status}"
        if done.absent:
            lacks = (Lack("program", name, "it runs", "", "install it") for name in done.absent)
            reason = "; ".join(map(str, lacks))
        return f"{reason} (all of its output: {os.path.relpath(file)})\n{done.tail}".rstrip()

    def saved(self, changed: Collection[Path] | None = None) -> tuple[list[str], list[Build]]:
        """Run the commands that are due, if they are allowed and read one of the changed files.

        Args:
            changed: The files; None: it is not known which.

        Returns:
            What failed, and the commands that would have to run and are not allowed.
        """
        is_input = changed is None or any(_INPUT.fullmatch(file.name) for file in changed)
        # To ask what is due reads all folders, so a save that no build reads ends here.
        if not is_input and not any(build.any_file for build in self._builds):
            return [], []
        due = [build for build in self.due() if is_input or build.any_file]
        failed = self.run(due)
        return failed, [build for build in due if wish(build).key not in self.answers]
