# SPDX-License-Identifier: MIT
"""The installation of this copy and its Python, for messages and for new processes.

An installer records where a distribution came from, if that was a file, a folder or an address
(PEP 610, https://packaging.python.org/en/latest/specifications/direct-url/).
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

# `python -m` searches the working folder first, and -P, which prevents that, is new in Python 3.11
# (https://docs.python.org/3/using/cmdline.html#cmdoption-P). With -c the folder is the entry "".
_RUN_MODULE: Final = (
    "import sys; sys.path[:] = filter(None, sys.path); import runpy; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module on this interpreter.

    Modules in the working folder, which is the user's project, are not imported.

    Args:
        module: Name of the module or package.
        arguments: Its arguments.
    """
    return [sys.executable, "-c", _RUN_MODULE, module, *arguments]


@contextlib.contextmanager
def needed_for(purpose: str, extra: str, otherwise: str = "") -> Iterator[None]:
    """Explain how to install what an import inside lacks.

    Args:
        purpose: What needs it, to begin a sentence.
        extra: Name of the extra that brings it, such as ``cli``.
        otherwise: End of the sentence, such as another way.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{purpose} needs {error.name}: {how_to_install(extra)}{otherwise}"
        ) from error


def how_to_install(extra: str) -> str:
    """Return what a user does to add an extra to this installation.

    Args:
        extra: Name of the extra, such as ``cli``.

    Returns:
        A command of pip with the wheel or the folder that fc-async was installed from, as long as
        that still exists; otherwise a sentence, because the package index that was used is not
        recorded.
    """
    path = installed_from()
    # A command that cannot work is worse than a sentence: the wheel may have been a temporary file.
    if path is None or not path.exists():
        return f"install fc-async[{extra}] from where fc-async was installed"
    # Without it, pip would replace an installation in place, and edits would no longer count.
    editable = "--editable " if _origin().get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}'{path}[{extra}]'"


def installed_from() -> Path | None:
    """Return the wheel file or the folder that fc-async was installed from.

    Returns:
        Its path, which may not exist any more; None if fc-async came from an index or an address.
    """
    parts = urlsplit(_origin().get("url", ""))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _origin() -> dict[str, Any]:
    # Slow to import, and needed for a message only.
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415

    try:
        recorded = distribution("fc-async").read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    origin: dict[str, Any] = json.loads(recorded or "{}")
    return origin
