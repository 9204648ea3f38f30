# SPDX-License-Identifier: MIT
"""Installs ``requirements.txt`` of functions into layers, when asked for.

The packages are for the interpreter that runs functions here, whatever Python version a function
asks for on the service. A layer is installed once for the same requirements and interpreter.

Invariants:
    Nothing is installed unless the user asked for it.
    A layer appears complete or not at all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.dev.sources import sources_of
from fc_async_sdk import _project_folder
from fc_async_sdk._installation import module_command
from fc_async_sdk.spec.runtimes import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fc_async_plugin.dev.sources import Source
    from fc_async_plugin.template import Project

_FILE: Final = "requirements.txt"
_LAST_LINES: Final = 8
"""Lines at the end of the installer's output that are shown if it fails."""


def requirements_of(source: Source) -> Path | None:
    """Return the requirements of a Python function; None if it has none."""
    if source.runtime not in PYTHON or source.code is None:
        return None
    file = source.code / _FILE
    return file if file.is_file() and file.read_text("utf-8", "replace").strip() else None


class Installer:
    """Adds a layer with its packages to each function that has requirements.

    Args:
        say: Told before an installation, which may take long.
        install: Installs the requirements of a file into a folder.
        folder: Where the layers are kept.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        install: Callable[[Path, Path], None] | None = None,
        folder: Path = _project_folder.LAYERS,
    ) -> None:
        self._say = say
        self._install = install or install_packages
        self._folder = folder

    def __call__(self, project: Project) -> Project:
        """Return a template with the layers of its functions.

        Raises:
            PluginError: The packages cannot be installed.
        """
        added = {
            source.resource: self._layer(source.function, file)
            for source in sources_of([project])
            if (file := requirements_of(source)) is not None
        }
        return with_layers(project, added) if added else project

    def _layer(self, function: str, requirements: Path) -> Path:
        text = requirements.read_bytes()
        layer = (self._folder / _key(text)).resolve()
        if layer.is_dir():
            return layer
        self._say(f"installing {_FILE} of {function} for Python {platform.python_version()} …")
        _project_folder.make_private(self._folder)
        draft = Path(tempfile.mkdtemp(prefix=".installing-", dir=self._folder))
        try:
            self._install(requirements, draft / "python")
            draft.rename(layer)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return layer


def _key(requirements: bytes) -> str:
    interpreter = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}\n".encode()
    return hashlib.sha256(interpreter + requirements).hexdigest()[:16]


def with_layers(project: Project, added: dict[str, Path]) -> Project:
    """Return a template whose resources have one more layer, below their own."""
    resources = [
        msgspec.structs.replace(
            one,
            props={
                **one.props,
                "layers": [str(added[one.name]), *(one.props.get("layers") or [])],
            },
        )
        if one.name in added
        else one
        for one in project.resources
    ]
    return msgspec.structs.replace(project, resources=tuple(resources))


def install_packages(requirements: Path, target: Path) -> None:
    """Install packages with pip, or with uv where the interpreter has no pip.

    Raises:
        PluginError: There is neither, or the installation failed.
    """
    done = subprocess.run(  # noqa: S603 -- pip or uv, with the user's own requirements
        [*_installer(), "--target", str(target), "--requirement", str(requirements)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:])
        raise PluginError(f"{requirements} cannot be installed:\n{said}")


def _installer() -> Sequence[str]:
    if importlib.util.find_spec("pip") is not None:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        return module_command("pip", "install", *quiet)
    uv = shutil.which("uv")
    if uv is None:
        raise PluginError("--install needs pip or uv beside this Python: python -m ensurepip")
    return (uv, "pip", "install", "--quiet", "--python", sys.executable)


def hints(sources: Iterable[Source]) -> list[str]:
    """Return which functions have requirements, for a user who did not ask for them."""
    names = [source.function for source in sources if requirements_of(source) is not None]
    if not names:
        return []
    return [f"{', '.join(names)}: {_FILE} is not installed; fc-async dev --install does that"]
