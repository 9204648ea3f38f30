# SPDX-License-Identifier: MIT
"""Errors of a store as those of a command."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def store_errors_shown(*also: type[Exception]) -> Iterator[None]:
    """Show errors of the store, and further ones, as those of a command."""
    from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable

    shown: tuple[type[Exception], ...] = (StoreUnavailable, StoreUnusable, *also)
    try:
        yield
    except shown as error:
        raise click.ClickException(str(error)) from error
