# SPDX-License-Identifier: MIT
"""Compares what a function imports with what it would find on the service.

The process of a function also finds the packages that are installed on this machine. A finder at
the front of ``sys.meta_path`` finds nothing itself: it sees each import, and notes a module that
would be missing on the service.

Invariants:
    * A module of the function's own folder or layers is never noted, whatever else has it.
    * A package of this machine may import what it wants: only its own absence is noted.
    * Without ``strict`` nothing that a function imports is found elsewhere than before.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType


_PYTHON: Final = folder_of(os.__file__)
_WORKER: Final = ("<frozen ", folder_of(__file__))
_ASKING: Final = frozenset({importlib.util.__file__, "<frozen importlib.util>"})


def _is_python(entry: str) -> bool:
    name = os.path.basename(entry)  # noqa: PTH119 -- pathlib would cost start-up time
    zipped = name.startswith("python") and name.endswith(".zip")
    return zipped or name == "lib-dynload" or os.path.join(entry, "") == _PYTHON  # noqa: PTH118 -- as above


# Read before any function can change them: the fork server loads this module.
MACHINE: Final = [entry for entry in sys.path if not _is_python(entry)]
_OF_PYTHON: Final[tuple[object, ...]] = (BuiltinImporter, FrozenImporter, PathFinder)
_FINDERS: Final = [finder for finder in sys.meta_path if finder not in _OF_PYTHON]
"""Finders of packages that are installed in place, and of tools such as setuptools."""


class Missing(NamedTuple):
    """A module that a function imports and that is missing on the service.

    Attributes:
        function: Name of the function.
        runtime: Of the function.
        module: Top-level name of the module.
    """

    function: str
    runtime: str
    module: str

    def sentence(self) -> str:
        """Return what is wrong, and what to do."""
        if self.module in sys.stdlib_module_names:
            return (
                f"{self.function} imports {self.module}, which the standard library of "
                f"{self.runtime} does not have: choose another runtime or another module"
            )
        return (
            f"{self.function} imports {self.module} from this machine; in the cloud it is missing: "
            f"put {_distribution(self.module)} into requirements.txt and install it into the code"
        )


def _records(folder: str, top: str) -> bool:
    """Return whether the package with some metadata has installed a module or a folder.

    Args:
        folder: Its ``.dist-info``, beside what it has installed.
        top: Name of the file or folder.
    """
    try:
        with open(os.path.join(folder, "RECORD"), encoding="utf-8") as record:  # noqa: PTH118, PTH123
            return any(line.startswith((f"{top}/", f"{top},")) for line in record)
    except OSError:
        return False


def _distribution(module: str) -> str:
    """Return the name under which a module of this machine is installed."""
    from importlib.metadata import packages_distributions  # noqa: PLC0415 -- slow, and rarely needed

    if module == "fc_async_sdk":  # an installation in place lists no modules
        return "fc-async"
    names = packages_distributions().get(module)
    return names[0] if names else module.replace("_", "-")


class ImportCheck:
    """Notes the modules that one function imports and that are missing on the service.

    Args:
        rules: ``function``, ``runtime``, ``strict``; ``modules`` that are there beside the standard
            library, and ``absent``: those that the standard library there does not have.
        folders: Where the function's own modules are; the first is the code folder.
    """

    def __init__(self, rules: dict[str, Any], folders: Sequence[str]) -> None:
        self._rules = rules
        self._known = {*rules["modules"]}
        self._absent = {*rules["absent"]}
        self._folders = folders
        self._own = tuple(os.path.join(folder, "") for folder in folders)  # noqa: PTH118 -- as above
        self._machine = tuple(os.path.join(folder, "") for folder in MACHINE)  # noqa: PTH118 -- as above
        self._missing: list[str] = []

    def take(self) -> list[str]:
        """Return the modules that were noted since the last call."""
        missing = self._missing
        self._missing = []
        return missing

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Note an import; return None, so that the next finder is asked.

        Raises:
            ModuleNotFoundError: The module is missing on the service, and the rules are strict.
        """
        # With a path it is a module of a package, which was judged when the package was imported.
        if path is not None or name in self._known or self._is_standard(name):
            return
        is_of_function = PathFinder.find_spec(name, self._folders) is not None
        if not is_of_function and self._is_here(name, target):
            self._note(name)

    def _is_standard(self, name: str) -> bool:
        # A set of these names, made in each fork, would write to many pages that forks share.
        return name in sys.stdlib_module_names and name not in self._absent

    def _is_here(self, name: str, target: ModuleType | None) -> bool:
        """Return whether this machine has a module; others fail here, too, by themselves."""
        if name in sys.stdlib_module_names:
            return True
        if PathFinder.find_spec(name, MACHINE) is not None:
            return True
        return any(finder.find_spec(name, None, target) is not None for finder in _FINDERS)

    def _note(self, name: str) -> None:
        if not self._is_of_function():
            return
        if self._rules["strict"]:
            missing = Missing(self._rules["function"], self._rules["runtime"], name)
            raise ModuleNotFoundError(missing.sentence(), name=name)
        self._known.add(name)
        self._missing.append(name)

    def _is_of_function(self) -> bool:
        """Return whether the function's own code imports, and does not only ask for a place."""
        for file in _callers():
            if file in _ASKING:
                return False
            if file.startswith(self._own):
                return not self._is_installed(file)
            if file.startswith(self._machine):
                return False
        return True  # the handler itself

    def _is_installed(self, file: str) -> bool:
        """Return whether an installed package has a file: what it may import is not the user's.

        Packages lie in layers, and after ``pip install -t`` beside the handler.
        """
        root = next((root for root in self._own if file.startswith(root)), None)
        if root is None:
            return False
        top, _, _ = file.removeprefix(root).partition("/")
        names = os.listdir(root)  # noqa: PTH208 -- as above
        infos = [root + name for name in names if name.endswith(".dist-info")]
        return any(_records(info, top) for info in infos)


def _callers() -> Iterable[str]:
    """Yield the files of the code that runs, innermost first, without the standard library's."""
    for frame, _ in traceback.walk_stack(None):
        file = frame.f_code.co_filename
        if not file.startswith(_WORKER) or file in _ASKING:
            yield file
