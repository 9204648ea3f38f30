# SPDX-License-Identifier: MIT
"""The command line: one module per command, which parses, calls and prints.

A command is in ``cli/{name}.py`` or, if it has parts, in the folder ``cli/{name}`` (dashes become
underscores, ``import`` is ``import_.py``), which exposes the click command as ``command``. Every
start of ``fc-async`` imports this module, so it imports only small parts of the standard library;
``group`` imports click.
"""

from __future__ import annotations

import sys
import warnings

__all__ = ["main"]


def main() -> int:
    """Run ``fc-async`` with the arguments of the process.

    Returns:
        The exit code: 0 nothing to do or done, 1 failed, 2 ``plan`` has changes, 130 interrupted.
    """
    if sys.argv[1:] in (["--version"], ["-V"]):
        from importlib.metadata import version  # the answer needs neither click nor any command

        sys.stdout.write(f"fc-async {version('fc-async')}\n")
        return 0
    if any(action == "error" for action, *_ in warnings.filters):
        # -W error and PYTHONWARNINGS=error are meant for the user's own code: they must not end a
        # command because a dependency calls something that the newest Python deprecates.
        warnings.filterwarnings("default", module=r"(?!fc_async_)")
    try:
        from fc_async_plugin.cli.group import run
    except KeyboardInterrupt:  # the import takes a noticeable part of a start
        sys.stderr.write("\nInterrupted.\n")
        return 130
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        from fc_async_sdk._installation import how_to_install

        sys.stderr.write(
            f"fc-async: the command line needs {error.name}: {how_to_install('cli')}\n"
        )
        return 1
    return run(sys.argv[1:])
