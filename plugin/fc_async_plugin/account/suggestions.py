# SPDX-License-Identifier: MIT
"""Adds the nearest name to an error about a function or a task that does not exist.

Invariants:

- Looking for a name never replaces the error by another one.
"""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final

from fc_async_plugin import PluginError
from fc_async_sdk.errors import AsyncTaskNotFound, FcAsyncError, FunctionNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_sdk import AsyncTask, Client

_LOOKED_AT: Final = 1_000
"""Names of an account, and tasks of a function, that are compared."""


@contextmanager
def for_function(name: str, names: Iterable[str], client: Client) -> Iterator[None]:
    """Name the nearest function if the service says that a function does not exist.

    Args:
        name: The name as it was typed.
        names: Names in the template.
        client: The client, to list the functions of the account.
    """
    try:
        yield
    except FunctionNotFound as error:
        raise _with_hint(error, name, lambda: [*names, *_functions(client)]) from error


@contextmanager
def for_task(task_id: str, tasks: Iterable[AsyncTask]) -> Iterator[None]:
    """Name the nearest of a function's tasks if the service says that a task does not exist."""
    try:
        yield
    except AsyncTaskNotFound as error:
        raise with_task(error, task_id, tasks) from error


def with_task(error: FcAsyncError, task_id: str, tasks: Iterable[AsyncTask]) -> FcAsyncError:
    """Return the error with the nearest of a function's tasks."""
    return _with_hint(error, task_id, lambda: [task.task_id for task in islice(tasks, _LOOKED_AT)])


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the known name that a typo most likely meant, never the typed one, or ""."""
    names = [candidate for candidate in dict.fromkeys(candidates) if candidate != name]
    near = get_close_matches(name, names, n=1)
    if not near and name:
        # The beginning of a long name is too far from it for a close match.
        near = [candidate for candidate in names if candidate.startswith(name)]
    return near[0] if near else ""


def _functions(client: Client) -> Iterable[str]:
    pages = client.get_paginator("list_functions").paginate()
    return [function.function_name for function in islice(pages.items(), _LOOKED_AT)]


def _with_hint(error: FcAsyncError, name: str, list_names: Callable[[], list[str]]) -> FcAsyncError:
    try:
        near = nearest(name, list_names())
    except FcAsyncError:
        # The first error is the one that the user has to know.
        return error  # keys that may not list
    return PluginError(f"{error}\nDid you mean {near}?") if near else error
