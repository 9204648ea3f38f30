# SPDX-License-Identifier: MIT
"""Brings the tables of a component to the version that this program knows.

Runs inside a transaction that its caller ends, so that all steps are done or none.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from fc_async_local.store import sql
from fc_async_local.store.protocol import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SQL: Final = sql.statements("fc_async_local.store.sqlite", "migration.sql")


def migrate(connection: sqlite3.Connection, schemas: Sequence[sql.Schema], path: Path) -> None:
    """Apply the steps that are missing.

    Raises:
        StoreUnusable: The file holds a newer version of a component.
    """
    connection.execute(_SQL["create_versions"])
    installed: dict[str, int] = dict(connection.execute(_SQL["versions"]).fetchall())
    for schema in schemas:
        try:
            steps = sql.pending(schema, installed.get(schema.component, 0), str(path))
        except ValueError as error:
            raise StoreUnusable(str(error)) from error
        for step in steps:
            for statement in _split(step.script):
                connection.execute(statement)
        if steps:
            connection.execute(_SQL["set_version"], (schema.component, schema.version))


def _split(script: str) -> Iterator[str]:
    """Return the statements of a script; ``executescript`` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
