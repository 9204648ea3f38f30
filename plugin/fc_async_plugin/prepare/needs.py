# SPDX-License-Identifier: MIT
"""Packages that functions need: which of them this machine lacks, and the question for them.

``requirements.txt``, packages that a Python runtime ships, and those of public layers become one
layer. The packages are for the interpreter that runs functions here, whatever Python version a
function asks for on the service. Files are read; nothing is installed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.prepare import imports, layers, node_packages
from fc_async_plugin.prepare.answers import Wish, content_files, content_of, key_of
from fc_async_plugin.project import pyproject
from fc_async_plugin.project.sources import sources_of
from fc_async_sdk import _project_folder, _requirements
from fc_async_sdk.spec.runtimes import CUSTOM, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project

_FILE: Final = "requirements.txt"


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

    @property
    def text(self) -> str:
        """The content of the file; "" without one."""
        return self.file.read_text("utf-8", "replace") if self.file else ""


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
        return self.needs.what if self.needs else node_packages.FILE

    @property
    def wish(self) -> Wish:
        """Question to the user; its answer counts for these packages and files."""
        folder = self.source.code or Path()
        needs = self.needs or Needs(folder / node_packages.FILE)
        beside = needs.file.parent if needs.file else folder
        prefix = f"{beside.name}/" if beside != folder else ""
        text = (
            f"{self.source.function}: install {prefix}{needs.what}  (in {os.path.relpath(folder)})"
        )
        # What is installed may follow from files of both folders: a change of them asks again.
        files = {*content_files(folder), *content_files(beside)}
        key = key_of("install", folder, needs.what, content_of(files))
        return Wish(key, text, (text, *self._details(folder)))

    def _details(self, folder: Path) -> Iterator[str]:
        """Yield further lines of the question: the packages of a file, or scripts that npm runs."""
        if self.needs is None:
            scripts = node_packages.package_json(folder).scripts
            for name in filter(scripts.__contains__, node_packages.OF_INSTALLATION):
                script = " ⏎ ".join(str(scripts[name]).splitlines())
                yield f"  {node_packages.FILE}, {name}: {script}"
            return
        for line in self.needs.text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield f"  {line.rstrip()}"


def installations(
    project: Project, folder: Path = _project_folder.LAYERS, *, of_code_only: bool = False
) -> Iterator[Installation]:
    """Yield what functions need and this machine lacks, and the layers that exist; no changes.

    Args:
        project: The template, in which functions find the packages of the project's own
            environment (:func:`.environments.used`): what that has is not lacking.
        folder: Where the layers are kept.
        of_code_only: Whether a package counts as there only in the code of the function;
            this machine may have it in another version than ``requirements.txt``.
    """
    further = _further_packages(project)
    for source in sources_of([project]):
        if node_packages.is_incomplete(source):
            yield Installation(source, None, None)
        needs = _needs_of(source, further.get(source.function, set()))
        if not any(needs):
            continue
        layer = _layer_of(needs, folder)
        # A layer that was made is used, also when this machine has the packages by now: calls
        # must not change with what else is installed here.
        if layer.is_dir():
            yield Installation(source, needs, layer)
            continue
        if _lacks(needs, source, of_code_only=of_code_only):
            yield Installation(source, needs, layer)


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
    of_program = [*source.packages]
    # A Dockerfile with "pip install -e ." has its packages in pyproject.toml alone.
    if file is None and source.runtime in CUSTOM and source.code and not source.requirements:
        of_program += pyproject.dependencies(source.code)
    required = further.union(_requirements.missing_lines("\n".join(of_program)))
    # The packages in the code hide those of layers and of the runtime.
    packages = _requirements.without(required, Needs(file).text)
    return Needs(file, tuple(packages), node_packages.shipped_packages(source))


def requirements_of(source: Source) -> Path | None:
    """Return the requirements of a function in Python or a custom runtime; None if it has none."""
    code = source.code
    if source.runtime not in PYTHON | CUSTOM or code is None:
        return None
    file = source.requirements or code / _FILE
    return file if file.is_file() and file.read_text("utf-8", "replace").strip() else None


def _layer_of(needs: Needs, folder: Path) -> Path:
    """Return the folder of a layer: another one for other packages or another interpreter."""
    interpreter = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}\n"
    names = "\n".join([*needs.packages, *needs.node, ""])
    digest = hashlib.sha256(f"{interpreter}{names}".encode())
    if needs.file:
        digest.update(needs.file.read_bytes())
    return (folder / digest.hexdigest()[:16]).resolve()


def _lacks(needs: Needs, source: Source, *, of_code_only: bool) -> bool:
    """Return whether the code and this machine lack something that a function needs."""
    # What is named beside the file was looked for already, and is missing.
    if needs.packages or needs.node or needs.file is None:
        return True
    text = needs.text
    # A file that only names another one, with -r, may need anything.
    if of_code_only and not _requirements.named(text):
        return True
    folders = [str(folder) for folder in (source.code, *source.python_path)]
    if not of_code_only:
        folders += sys.path
    return bool(_requirements.missing(text, folders))
