# SPDX-License-Identifier: MIT
"""Services behind a real server on a free loopback port, for official clients."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import venv
from typing import Any

import oss2
import pytest
import uvicorn


class Server:
    """A uvicorn in a thread of its own, with whatever must live on its loop."""

    def __init__(self, make_app) -> None:
        self._make_app = make_app
        self._ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self) -> Any:
        self._thread.start()
        self._ready.wait(60)
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> Any:
        return f"http://127.0.0.1:{self.port}"

    def call(self, coroutine) -> Any:
        """Run something on the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _main(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                app = await self._make_app(stack)
                config = uvicorn.Config(
                    app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"
                )
                self.server = uvicorn.Server(config)
                self.server.config.load()
                self.server.lifespan = config.lifespan_class(config)
                await self.server.startup()
                self.port = self.server.servers[0].sockets[0].getsockname()[1]
                self.loop = asyncio.get_running_loop()
            except Exception as error:
                self._failure = error
                raise
            finally:
                self._ready.set()
            await self.server.main_loop()
            await self.server.shutdown()


def _run(*command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def run_node(node_packages):
    """``run_node(script, *arguments)``: run JavaScript with the official Node clients at hand."""
    modules = node_packages("node-clients-1", "@alicloud/mns@1.2.0", "@aliyunmq/mq-http-sdk@1.0.4")
    return lambda script, *arguments: _run("node", "-e", script, *arguments, cwd=modules.parent)


@pytest.fixture(scope="session")
def eventbridge_python(installed):
    """A Python with ``alibabacloud-eventbridge``, which can't live beside the FC SDK."""

    def install(fresh):
        venv.create(fresh, symlinks=True)  # its pip is ours: Debian's Python has no ensurepip
        # The client needs pkg_resources, which later versions of setuptools don't have.
        packages = ("alibabacloud-eventbridge==1.3.8", "setuptools<81")
        pip = (sys.executable, "-m", "pip", "--python", fresh / "bin" / "python")
        _run(*pip, "install", "-q", *packages)

    return installed("eventbridge-client-1", install) / "bin" / "python"


@pytest.fixture
def oss_session() -> Any:
    """The connections of clients of OSS, closed with the test.

    ``oss2`` does not read the answer to CompleteMultipartUpload, so its connection never returns to
    those that the session closes.
    """
    session = oss2.Session()
    with contextlib.ExitStack() as answers:

        def note(answer: Any, **_: Any) -> None:
            answers.callback(answer.close)

        session.session.hooks["response"].append(note)
        yield session
    session.session.close()


@pytest.fixture(scope="session")
def serve() -> Any:
    """``with serve(make_app) as server:`` where ``make_app`` is an async factory of an app."""
    return Server
