# SPDX-License-Identifier: MIT
"""Installs what functions need and this machine lacks, if it is allowed.

``requirements.txt``, packages that a Python runtime ships, and those of public layers become one
layer. The packages are for the interpreter that runs functions here, whatever Python version a
function asks for on the service. A layer is installed once for the same packages and interpreter.
The dependencies of a ``package.json`` go into ``node_modules`` beside it, as npm does.

Invariants:
    Nothing is installed unless the user asked for it, or answered with yes.
    A layer appears complete or not at all.
    What could not be installed is not tried again for a code folder that is as it was then.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import environments, imports, layers, programs, syntax
from fc_async_plugin.prepare.answers import Wish, content_of, key_of
from fc_async_plugin.prepare.imports import Import
from fc_async_plugin.project import pyproject
from fc_async_plugin.project.sources import sources_of
from fc_async_plugin.project.stamps import OF_TOOLS
from fc_async_plugin.s_yaml.model import with_props
from fc_async_sdk import _project_folder, _requirements
from fc_async_sdk._decoding import prepare
from fc_async_sdk._installation import module_command
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON, shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from fc_async_plugin.prepare.answers import Answers
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project

_FILE: Final = "requirements.txt"
NODE_FILE: Final = "package.json"
_NODE_FOLDER: Final = "node_modules"
_MANAGERS: Final = {"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock"}
"""Package managers of Node with their lock files; without one it is npm."""
_DEMANDED: Final = re.compile(r"(npm|pnpm|yarn)(@[\w.-]+)?")
_LOCKS: Final = ("package-lock.json", "npm-shrinkwrap.json")
OF_INSTALLATION: Final = ("preinstall", "install", "postinstall", "prepare")
"""Scripts of a ``package.json`` that package managers run with an installation."""
_SAYS: Final = (
    NODE_FILE,
    *_LOCKS,
    *_MANAGERS.values(),
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "poetry.lock",
    "uv.lock",
    "Dockerfile",
    "Makefile",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "build.rs",
    "Cargo.toml",
)
"""Files that say what builds and installations run: another content is another question."""
_SAYS_ALSO: Final = ("*requirements*.txt", "*constraints*.txt")


class Needs(NamedTuple):
    """Packages of the layer of one function.

    Attributes:
        file: Its ``requirements.txt``; None if it has none.
        packages: Further requirements in Python, sorted.
        node: Packages of Node, sorted.
    """

    file: Path | None
    packages: tuple[str, ...] = ()
    node: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The file and the packages, for people."""
        names = [*self.packages, *self.node]
        if self.file:
            names.insert(0, self.file.name)
        return ", ".join(names)


def requirements_of(source: Source) -> Path | None:
    """Return the requirements of a function in Python or a custom runtime; None if it has none."""
    code = source.code
    if source.runtime not in PYTHON | CUSTOM or code is None:
        return None
    file = source.requirements or code / _FILE
    return file if file.is_file() and file.read_text("utf-8", "replace").strip() else None


def node_packages_missing(source: Source) -> bool:
    """Return whether ``node_modules`` of a function lacks dependencies of its ``package.json``."""
    if source.runtime not in NODE | CUSTOM or source.code is None:
        return False
    folder = source.code / _NODE_FOLDER
    return not all((folder / name).exists() for name in package_json(source.code).dependencies)


def shipped_for_node(source: Source) -> tuple[str, ...]:
    """Return packages that a Node runtime ships and a function needs and lacks, sorted."""
    absent = syntax.absent_modules(source)
    return tuple(sorted(module for module in absent if shipped(source.runtime, module)))


def absent_of_node(projects: Iterable[Project]) -> Iterator[Import]:
    """Yield what functions for Node load and lack and an installation does not bring."""
    for source in sources_of(projects):
        lacks = syntax.absent_modules(source)
        if source.code is None or not lacks:
            continue
        dependencies = package_json(source.code).dependencies
        incomplete = node_packages_missing(source)  # packages may bring further ones
        for name, position in lacks.items():
            may_come = incomplete or name in dependencies
            if name.startswith((".", "/")) or not may_come:
                yield Import(source.function, source.runtime, name, position)


class Package(msgspec.Struct, frozen=True):
    """Relevant part of ``package.json``."""

    dependencies: dict[str, Any] = {}
    scripts: dict[str, Any] = {}
    package_manager: Any = msgspec.field(default="", name="packageManager")


prepare(Package)


def package_json(folder: Path) -> Package:
    """Return what ``package.json`` of a folder says; nothing if it has none that can be read."""
    try:
        return msgspec.json.decode((folder / NODE_FILE).read_bytes(), type=Package)
    except (OSError, msgspec.DecodeError):
        return Package()


def state_of(folder: Path) -> str:
    """Return a value that changes with the names, sizes and times of files below a folder."""
    digest = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - OF_TOOLS)
        for path in (Path(parent, name) for name in sorted(names)):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                status = path.lstat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def content_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that say what a build or an installation there does."""
    yield Path("fc-async.toml").absolute()
    yield from (folder / name for name in _SAYS)
    yield from (file for pattern in _SAYS_ALSO for file in folder.glob(pattern))


class Installation(NamedTuple):
    """Packages that a function needs.

    Attributes:
        source: The function.
        needs: What its layer has; None: the dependencies of ``package.json``, beside it.
        layer: The folder of the layer; None without ``needs``.
    """

    source: Source
    needs: Needs | None
    layer: Path | None

    @property
    def is_done(self) -> bool:
        """True if its layer exists; packages of Node are named only while some are missing."""
        return self.layer is not None and self.layer.is_dir()

    @property
    def what(self) -> str:
        """The file and the packages, for people."""
        return self.needs.what if self.needs else NODE_FILE

    @property
    def wish(self) -> Wish:
        """Question to the user; its answer counts for these packages and files."""
        folder = self.source.code or Path()
        needs = self.needs or Needs(folder / NODE_FILE)
        beside = needs.file.parent if needs.file else folder
        prefix = f"{beside.name}/" if beside != folder else ""
        text = (
            f"{self.source.function}: install {prefix}{needs.what}  (in {os.path.relpath(folder)})"
        )
        files = {*content_files(folder), *content_files(beside)}
        key = key_of("install", folder, needs.what, content_of(files))
        return Wish(key, text, (text, *self._details(folder)))

    def _details(self, folder: Path) -> Iterator[str]:
        """Yield further lines of the question: the packages of a file, or scripts that npm runs."""
        if self.needs is None:
            scripts = package_json(folder).scripts
            for name in filter(scripts.__contains__, OF_INSTALLATION):
                yield f"  {NODE_FILE}, {name}: {' ⏎ '.join(str(scripts[name]).splitlines())}"
        elif self.needs.file is not None:
            for line in self.needs.file.read_text("utf-8", "replace").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    yield f"  {line.rstrip()}"


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
        self._install_node = install_node or install_node_packages
        self._folder = folder
        self._answers = answers
        self._left_alone: set[Path] = set()
        self._writing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        self._told: set[str] = set()
        self._failed: dict[tuple[Path, str], PluginError] = {}  # code folders and their states

    def __call__(self, project: Project) -> Project:
        """Return a template with the layers of its functions.

        Raises:
            PluginError: The packages cannot be installed.
        """
        project, text = environments.used(project)
        if text:
            self._tell(text)
        added = {}
        for installation in self._wanted(project):
            if not installation.is_done:
                if not self._may(installation):
                    text = f"not installed: {installation.wish.text}"
                    self._tell(f"{text}; fc-async dev asks when it starts")
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
        code = installation.source.code or Path()
        # The deployment after the first watch would try the same again, which may take minutes.
        if error := self._failed.get((code, state_of(code))):
            raise error
        try:
            if installation.layer is not None and installation.needs is not None:
                self._make_layer(
                    installation.layer, installation.needs, installation.source.function
                )
            else:
                self._say(f"installing {NODE_FILE} of {installation.source.function} …")
                with self._writing():
                    self._install_node(code, ())
        except PluginError as error:
            self._failed[code, state_of(code)] = error
            raise

    def due(self, projects: Iterable[Project]) -> list[Installation]:
        """Return what the user must be asked for; nothing more is said of it."""
        installations: list[Installation] = []
        for project in projects:
            needed = self._wanted(environments.used(project)[0])
            installations += (further for further in needed if not further.is_done)
        self._told |= {f"not installed: {further.wish.text}" for further in installations}
        return installations if self._answers is not None else []

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

    def _tell(self, text: str) -> None:
        """Say something once."""
        beginning = text.partition(";")[0]
        if beginning not in self._told:
            self._told.add(beginning)
            self._say(text)

    def _wanted(self, project: Project) -> Iterator[Installation]:
        """Yield the packages of functions, with those whose layer exists."""
        for installation in _installations(project, self._folder):
            source, needs, layer = installation
            if needs is None or layer is None:
                if source.code not in self._left_alone:
                    yield installation
                continue
            # With --install also what this machine has, maybe in another version.
            wanted_anyway = self._answers is None and not _has_own(project, source, needs)
            if layer.is_dir() or wanted_anyway or _lacks(project, source, needs):
                yield installation

    def _make_layer(self, layer: Path, needs: Needs, function: str) -> None:
        language = "Node" if needs.node else f"Python {platform.python_version()}"
        self._say(f"installing {needs.what} of {function} for {language} …")
        _project_folder.make_private(self._folder)
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


def lacking(
    projects: Iterable[Project], folder: Path = _project_folder.LAYERS
) -> Iterator[Installation]:
    """Yield the packages that functions lack and that can be installed; nothing is changed.

    Args:
        projects: The templates.
        folder: Where the layers are kept.
    """
    for project in projects:
        used, _ = environments.used(project)
        for installation in _installations(used, folder):
            source, needs, layer = installation
            if needs is None or layer is None:  # of Node, beside its package.json
                yield installation
                continue
            if not layer.is_dir() and _lacks(used, source, needs):
                yield installation


def _installations(project: Project, folder: Path) -> Iterator[Installation]:
    """Yield the packages of Node that functions lack, and those of Python that they need."""
    further = _further_packages(project)
    for source in sources_of([project]):
        if node_packages_missing(source):
            yield Installation(source, None, None)
        needs = _needs_of(source, further.get(source.function, set()))
        if any(needs):
            yield Installation(source, needs, _layer_of(needs, folder))


def _layer_of(needs: Needs, folder: Path) -> Path:
    text = needs.file.read_bytes() if needs.file else b""
    names = [*needs.packages, *needs.node]
    return (folder / _key("\n".join([*names, ""]).encode() + text)).resolve()


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


def _further_packages(project: Project) -> dict[str, set[str]]:
    """Return the packages of Python that runtimes and public layers bring, by function."""
    packages: dict[str, set[str]] = {}
    for imported in imports.absent(project):
        if imported.mark:
            packages.setdefault(imported.function, set()).add(imported.package)
    for layer, functions in layers.functions_of([project]).items():
        if layer.requirement and not layers.is_here(layer):
            for function in functions:
                packages.setdefault(function, set()).update(layer.requirement.split())
    return packages


def _needs_of(source: Source, further: set[str]) -> Needs:
    """Return what the layer of a function has.

    Args:
        source: The function.
        further: Packages that its runtime and its layers bring.
    """
    file = requirements_of(source)
    # The packages in the code hide those of layers and of the runtime.
    named = _requirements.named(_text(file))
    required = further.union(_of_project(source), _lacking("\n".join(source.packages)))
    packages = sorted(package for package in required if _name(package) not in named)
    return Needs(file, tuple(packages), shipped_for_node(source))


def _text(file: Path | None) -> str:
    """Return the content of a file with requirements; "" without one."""
    return file.read_text("utf-8", "replace") if file else ""


def _of_project(source: Source) -> Iterator[str]:
    """Yield what this machine lacks of ``pyproject.toml`` of a program without requirements."""
    if source.runtime not in CUSTOM or source.code is None or source.requirements:
        return
    # A Dockerfile with "pip install -e ." has its packages in this file alone.
    if requirements_of(source) is None:
        yield from _lacking("\n".join(pyproject.dependencies(source.code)))


def _lacking(required: str) -> Iterator[str]:
    """Yield the lines of requirements whose packages this machine lacks."""
    lacking = _requirements.missing(required)
    lines = [line.partition(" #")[0].strip() for line in required.splitlines()]
    yield from (line for line in lines if _name(line) in lacking)


def _name(requirement: str) -> str:
    return next(iter(_requirements.named(requirement)), requirement)


def _lacks(project: Project, source: Source, needs: Needs) -> bool:
    """Return whether this machine and the code lack something that a function needs."""
    if needs.packages or needs.node or needs.file is None:
        return True
    text = _text(needs.file)
    return bool(_requirements.missing(text, [*sys.path, *_own_places(project, source)]))


def _has_own(project: Project, source: Source, needs: Needs) -> bool:
    """Return whether the code has the packages of its file, as ``pip install -t`` leaves it."""
    if needs.packages or needs.node or needs.file is None:
        return False
    text = _text(needs.file)
    if not _requirements.named(text):
        return False
    return not _requirements.missing(text, _own_places(project, source))


def _own_places(project: Project, source: Source) -> list[str]:
    """Return the folders of the code in which a function finds packages."""
    code = source.code or Path()
    resource = next(each for each in project.resources if each.name == source.resource)
    return [str(code), *map(str, imports.python_path(resource, code))]


def _key(requirements: bytes) -> str:
    interpreter = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}\n".encode()
    return hashlib.sha256(interpreter + requirements).hexdigest()[:16]


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
    text = _text(needs.file)
    file = target.with_name(_FILE)
    taken: list[str] = []
    while True:
        text, lines = _requirements.loosened(text, str(error))
        if not lines:
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
    _run(command, needs.file or ", ".join(needs.packages), folder)


def install_node_packages(folder: Path, packages: Sequence[str]) -> None:
    """Install packages into a folder; without names those of its ``package.json`` and lock file.

    Raises:
        PluginError: There is no npm, or the installation failed.
    """
    if shutil.which("npm") is None:
        raise PluginError("packages of Node need npm: install Node.js")
    folder.mkdir(exist_ok=True)
    usual = "--omit=dev --no-audit --no-fund --loglevel=error"
    if not packages:
        _run(node_install(folder, usual), folder / NODE_FILE, folder)
        return
    target = str(folder.resolve())
    options = [*usual.split(), "--prefix", target, "--"]
    command = ["npm", "install", "--no-package-lock", *options, *packages]
    _run(command, ", ".join(packages), folder)


def node_install(folder: Path, options: str = "") -> str:
    """Return a line for the shell that installs what a ``package.json`` needs.

    The lock file stays as it is: npm would rewrite a tracked file. What npm refuses is installed as
    ``package.json`` has it, with peers that clash, and with development dependencies: ``prepare``
    of the package may need them.

    Args:
        folder: The folder of the file.
        options: Further options of npm.
    """
    tool = node_manager(folder)
    if tool != "npm":
        return f"{tool} install"
    verb = "ci" if _has_lock(folder) else "install --no-package-lock"
    first = f"npm {verb} {options}".strip()
    return f"({first} || npm install --no-package-lock --legacy-peer-deps)"


def node_manager(folder: Path) -> str:
    """Return the command of the package manager of a ``package.json``, such as ``npx --yes pnpm``.

    That is the one of its ``packageManager``, otherwise the one whose lock file is in the folder or
    in one above it: a package of a workspace has its lock file there.
    """
    demanded = _DEMANDED.match(str(package_json(folder).package_manager))
    version = ""
    if demanded:
        name = demanded[1]
        version = demanded[2] or ""
    else:
        name = _manager_of_locks(folder)
    if name == "npm" or shutil.which(name):
        return name
    # npx gets the demanded version: pnpm 10 fetches another one by itself, and fails where the
    # registry does not give its signatures.
    return f"npx --yes {name}{version}"


def _manager_of_locks(folder: Path) -> str:
    if _has_lock(folder):
        return "npm"
    for ancestor in (folder, *folder.resolve().parents):
        for name, lock in _MANAGERS.items():
            if (ancestor / lock).is_file():
                return name
    return "npm"


def _has_lock(folder: Path) -> bool:
    """Return whether a folder has a lock file of npm."""
    return any((folder / name).is_file() for name in _LOCKS)


def _run(command: Sequence[str] | str, subject: object, cwd: Path | None = None) -> None:
    done = programs.run(command, cwd)
    if done.status:
        raise PluginError(f"{subject} cannot be installed:\n{done.tail}")


def _installer() -> Sequence[str]:
    if importlib.util.find_spec("pip") is not None:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        return module_command("pip", "install", *quiet)
    uv = shutil.which("uv")
    if uv is None:
        raise PluginError("packages need pip or uv beside this Python: python -m ensurepip")
    return (uv, "pip", "install", "--quiet", "--python", sys.executable)
