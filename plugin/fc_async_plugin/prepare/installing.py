# SPDX-License-Identifier: MIT
"""Installs what functions need and this machine lacks, if it is allowed.

Packages of Python, and those that a Node runtime ships, become a layer, which is installed once for
the same packages and interpreter.

Invariants:
    Nothing is installed unless the user asked for it, or answered with yes.
    A layer appears complete or not at all.
    What could not be installed is not tried again for a code folder that is as it was then.
"""

from __future__ import annotations

import contextlib
import importlib.util
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import node_packages, programs
from fc_async_plugin.prepare.needs import installations
from fc_async_plugin.project.stamps import state_of
from fc_async_plugin.s_yaml.model import with_props
from fc_async_sdk import _project_folder, _requirements
from fc_async_sdk._installation import module_command

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from fc_async_plugin.prepare.answers import Answers
    from fc_async_plugin.prepare.needs import Installation, Needs
    from fc_async_plugin.s_yaml import Project


class Installer:
    """Adds a layer to each function that needs Python packages; installs packages of Node.

    Args:
        say: Told before an installation, which may take long.
        install: Installs Python packages into a folder; returns lines of the requirements of which
            another version was installed.
        folder: Where the layers are kept.
        install_node: Installs packages into ``node_modules`` of a folder, without names those of
            its ``package.json``.
        answers: What the user has allowed, of what this machine lacks; None: all of it, also what
            this machine has in another version.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        install: Callable[[Needs, Path], Iterable[str]] | None = None,
        folder: Path = _project_folder.LAYERS,
        install_node: Callable[[Path, Sequence[str]], None] | None = None,
        answers: Answers | None = None,
    ) -> None:
        self._say = say
        self._install = install or install_packages
        self._install_node = install_node or node_packages.install
        self._folder = folder
        self._answers = answers
        self._left_alone: set[Path] = set()
        self._writing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        self._told: set[str] = set()
        self._failed: dict[tuple[Path, str], PluginError] = {}  # code folders and their states

    def __call__(self, project: Project) -> Project:
        """Return a template with the layers of its functions.

        Args:
            project: The template; see :func:`.needs.installations`.

        Raises:
            PluginError: The packages cannot be installed.
        """
        added = {}
        for installation in self._wanted(project):
            if not installation.is_done:
                if not self._may(installation):
                    text = f"not installed: {installation.wish.text}"
                    self.tell(f"{text}; fc-async dev asks when it starts")
                    continue
                self._install_one(installation)
            if installation.layer is not None:
                added[installation.source.resource] = installation.layer
        return with_layers(project, added) if added else project

    def _may(self, installation: Installation) -> bool:
        """Return whether the user has allowed an installation."""
        return self._answers is None or installation.wish.key in self._answers

    def _install_one(self, installation: Installation) -> None:
        """Install the packages of a function, unless that failed and its code has not changed."""
        source, needs, layer = installation
        code = source.code or Path()
        # The deployment after the first watch would try the same again, which may take minutes.
        if error := self._failed.get((code, state_of(code))):
            raise error
        try:
            if layer is not None and needs is not None:
                self._make_layer(layer, needs, source.function)
            else:
                self._say(f"installing {node_packages.FILE} of {source.function} …")
                with self._writing():
                    self._install_node(code, ())
        except PluginError as error:
            self._failed[code, state_of(code)] = error
            raise

    def due(self, projects: Iterable[Project]) -> list[Installation]:
        """Return what the user must be asked for; nothing more is said of it."""
        due: list[Installation] = []
        for project in projects:
            due += (wanted for wanted in self._wanted(project) if not wanted.is_done)
        self._told |= {f"not installed: {installation.wish.text}" for installation in due}
        return due if self._answers is not None else []

    def leave_alone(self, folders: Iterable[Path]) -> None:
        """Install no packages of Node into code folders any more.

        A build has made them with what they need, or has failed to install it there.
        """
        self._left_alone.update(folders)

    def write_within(self, writing: Callable[[], AbstractContextManager[None]]) -> None:
        """Set what is entered while something is installed into a code folder."""
        self._writing = writing

    def after_builds(self, projects: Iterable[Project], allowed: Collection[Installation]) -> None:
        """Keep the answers for what was allowed before the builds and is lacking after them.

        An answer is for the content of files, and the user has also allowed the builds that have
        changed it.
        """
        if self._answers is None:
            return
        names = {(installation.source.function, installation.what) for installation in allowed}
        keys = {}
        for installation in self.due(projects):
            if (installation.source.function, installation.what) in names:
                keys[installation.wish.key] = ""
        self._answers.keep(keys)

    def tell(self, text: str) -> None:
        """Say something once; what differs only after a ``;`` is the same."""
        beginning = text.partition(";")[0]
        if beginning not in self._told:
            self._told.add(beginning)
            self._say(text)

    def _wanted(self, project: Project) -> Iterator[Installation]:
        """Yield the packages of functions, with those whose layer exists."""
        # With --install also what this machine has, maybe in another version.
        with_all = self._answers is None
        for installation in installations(project, self._folder, of_code_only=with_all):
            # Layers are beside the code: only what goes into the code folder is left alone.
            is_of_node = installation.needs is None
            if not (is_of_node and installation.source.code in self._left_alone):
                yield installation

    def _make_layer(self, layer: Path, needs: Needs, function: str) -> None:
        language = "Node" if needs.node else f"Python {platform.python_version()}"
        self._say(f"installing {needs.what} of {function} for {language} …")
        _project_folder.make_private(self._folder)
        # In the same folder, so that the rename at the end makes the whole layer appear at once.
        draft = Path(tempfile.mkdtemp(prefix=".installing-", dir=self._folder))
        packages = draft / "python"
        commands = packages / "bin"
        try:
            if needs.file or needs.packages:
                for line in self._install(needs, packages):
                    self._say(f"{function}: {line.strip()} cannot be installed; a newer one is")
                _remove_backports(packages)
            if needs.node:
                self._install_node(draft / "nodejs", needs.node)
            if commands.is_dir():  # those of packages, such as gunicorn: a layer has them in bin
                commands.rename(draft / "bin")
            draft.rename(layer)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _remove_backports(folder: Path) -> None:
    """Remove modules that the standard library has, which is before it in an installation."""
    # enum34, which tablestore 6.1.0 requires, broke each import of enum: a layer comes first.
    for module in folder.glob("*"):
        if module.name.partition(".")[0] not in sys.stdlib_module_names:
            continue
        if module.is_dir():
            shutil.rmtree(module)
        else:
            module.unlink()


def with_layers(project: Project, added: dict[str, Path]) -> Project:
    """Return a template whose resources have one more layer, below their own."""
    props = {}
    for resource in project.resources:
        if resource.name in added:
            own_layers = resource.props.get("layers") or []
            layers = [str(added[resource.name]), *own_layers]
            props[resource.name] = resource.props | {"layers": layers}
    return with_props(project, props)


def install_packages(needs: Needs, target: Path) -> list[str]:
    """Install packages with pip, or with uv where the interpreter has no pip.

    An exact version that cannot be installed, often because it is older than this Python, is taken
    as the oldest one that will do.

    Returns:
        The lines of the requirements that were taken so.

    Raises:
        PluginError: There is neither pip nor uv, or the installation failed.
    """
    try:
        _install_packages(needs.file, needs, target)
    except PluginError as error:
        return _install_loosened(needs, target, error)
    return []


def _install_loosened(needs: Needs, target: Path, first_error: PluginError) -> list[str]:
    """Install packages; the versions that an installer refuses are taken as the oldest ones.

    An installer names one version at a time, so another round follows until it refuses none.
    """
    error = first_error
    text = needs.text
    file = target.with_name("requirements.txt")
    taken: list[str] = []
    while True:
        text, lines = _requirements.loosened(text, str(error))
        if not lines:
            # Later errors name versions that the user has not written.
            raise first_error
        taken += lines
        file.write_text(text, "utf-8")
        try:
            _install_packages(file, needs, target)
        except PluginError as next_error:
            error = next_error
        else:
            return taken


def _install_packages(file: Path | None, needs: Needs, target: Path) -> None:
    """Install packages; paths in requirements are relative to their file, as in its folder."""
    command = [*_installer(), "--target", str(target.resolve())]
    if file:
        command += ["--requirement", str(file.resolve())]
    if needs.packages:
        command += ["--", *needs.packages]
    # pip resolves "-e ." and "./package.whl" of a file against the folder in which it runs.
    folder = needs.file.parent if needs.file else None
    programs.install(command, needs.file or ", ".join(needs.packages), folder)


def _installer() -> Sequence[str]:
    if importlib.util.find_spec("pip") is not None:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        return module_command("pip", "install", *quiet)
    # An environment that uv has made has no pip.
    uv = shutil.which("uv")
    if uv is None:
        raise PluginError("packages need pip or uv beside this Python: python -m ensurepip")
    return (uv, "pip", "install", "--quiet", "--python", sys.executable)
