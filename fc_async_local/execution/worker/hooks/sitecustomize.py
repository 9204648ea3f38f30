# SPDX-License-Identifier: MIT
"""Loaded by each Python that a function starts, because its folder is in PYTHONPATH.

Changes where connections lead (``../hosts.py``), then runs the ``sitecustomize`` that it hides, if
there is one.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any


def _run(name: str, spec: Any) -> Any:
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _main() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- pathlib would cost start-up time
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]  # noqa: PTH100 -- same
    name, file = "_fc_async_hosts", os.path.join(os.path.dirname(folder), "hosts.py")  # noqa: PTH118, PTH120 -- same
    _run(name, importlib.util.spec_from_file_location(name, file)).install()
    hidden = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if hidden is not None and hidden.loader is not None:
        _run("sitecustomize", hidden)


_main()
