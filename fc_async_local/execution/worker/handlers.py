# SPDX-License-Identifier: MIT
"""Finds and imports handlers: ``module.function``, ``folder/module.function``, ``a.b.function``.

The code folder comes first, so that a function's ``queue.py`` hides the standard library's.
Failures have the type names of FC's built-in runtime.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
from typing import TYPE_CHECKING, Final

from .errors import LoadFailure, message

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN: Final = __name__.partition(".")[0]


def prepare_path(folder: str) -> None:
    """Put the code folder and then the user's PYTHONPATH at the front of the path."""
    extra = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:0] = [folder, *(os.path.join(folder, entry) for entry in extra)]  # noqa: PTH118 -- pathlib would cost start-up time
    sys.argv[:] = [""]
    importlib.invalidate_caches()


def load(handler: str) -> Callable[..., object]:
    """Import the module of a handler and return the function.

    Args:
        handler: As configured, such as ``index.handler``.

    Raises:
        LoadFailure: InvalidHandleName, ImportModuleError, UserCodeSyntaxError, UserCodeError or
            HandlerNotFound.
    """
    module_name, dot, name = handler.rpartition(".")
    if not dot or not module_name or not name:
        text = f"Invalid handler name '{handler}': it must have the form module.function"
        raise LoadFailure("InvalidHandleName", text, ValueError(handler))
    dotted = module_name.removeprefix("./").replace("/", ".")
    _uncover(dotted.partition(".")[0])
    try:
        module = importlib.import_module(dotted)
    except SyntaxError as error:
        text = f"Syntax error in module '{module_name}': {message(error)}"
        raise LoadFailure("UserCodeSyntaxError", text, error) from error
    except ImportError as error:
        text = f"Unable to import module '{module_name}': {message(error)}"
        raise LoadFailure("ImportModuleError", text, error) from error
    except Exception as error:
        text = f"Module '{module_name}' raised {type(error).__name__}: {message(error)}"
        raise LoadFailure("UserCodeError", text, error) from error
    function = getattr(module, name, None)
    if not callable(function):
        text = f"Handler '{name}' not found in module '{module_name}'"
        raise LoadFailure("HandlerNotFound", text, AttributeError(name))
    loaded: Callable[..., object] = function
    return loaded


def _uncover(top: str) -> None:
    """Unload a module that hides one of the same name in the code folder."""
    if top == _OWN or top not in sys.modules:
        return
    own = importlib.machinery.PathFinder.find_spec(top, sys.path[:1])
    known = getattr(sys.modules[top], "__file__", None)
    if own is not None and own.origin is not None and own.origin != known:
        del sys.modules[top]
