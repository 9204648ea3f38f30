# SPDX-License-Identifier: MIT
"""A real MariaDB server on a Unix socket, and the client that the tests use."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pymysql

from fc_async_tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "tests"
# Debian installs the server in a folder that is on the PATH of root only.
_PATHS = (None, "/usr/sbin")


def program(name: str) -> str | None:
    """Return the path of a program of the package, or None if it is not installed."""
    return next((found for path in _PATHS if (found := shutil.which(name, path=path))), None)


@contextlib.contextmanager
def serve(server: str, folder: Path) -> Iterator[str]:
    """Run a server with a database of its own in a folder; give its socket when it answers."""
    data, socket = folder / "data", folder / "mariadb.sock"
    common = ["--no-defaults", f"--user={getpass.getuser()}", f"--datadir={data}"]
    subprocess.run(
        ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"],
        capture_output=True,
        check=True,
    )
    # Tests kill connections, not machines: what the system holds is not lost.
    command = [
        *(server, *common, f"--socket={socket}", "--skip-networking"),
        *("--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=10"),
    ]
    with servers.running(command, ready="ready for connections"):
        # Case does not count in this collation, and neither do accents: the server's default.
        with connect(str(socket), database=None) as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        yield str(socket)


def connect(socket: str, *, database: str | None = DATABASE) -> pymysql.Connection[Any]:
    """Return a connection to the server."""
    return pymysql.connect(unix_socket=socket, user="root", database=database)
