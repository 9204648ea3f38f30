# SPDX-License-Identifier: MIT
"""The base of instances that are the user's own HTTP server.

Calls are ``POST /invoke`` with the event as body, hooks ``POST /initialize`` and ``GET
/pre-stop``. As on the service, the status code and the headers of an answer are ignored, except
``x-fc-status``, and the server itself writes the marks of the log. Requests of HTTP triggers are
passed through (:mod:`forwarding`).
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, ClassVar, Final

import aiohttp

from fc_async_local.execution.instances.instance import Instance
from fc_async_local.execution.instances.replies import BAD_RESPONSE, Ending, Reply, document
from fc_async_local.execution.machine.forwarding import Forwarded, forward, read_bounded
from fc_async_local.execution.protocol import BadResponse
from fc_async_local.execution.worker import frames
from fc_async_local.execution.worker.linux import peak_kb
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.function_errors import INITIALIZATION, MARKED, UNHANDLED

if TYPE_CHECKING:
    from fc_async_local.execution.exits import Exit
    from fc_async_local.execution.instances.call import Call
    from fc_async_local.execution.instances.instance import Common, Handle
    from fc_async_local.execution.instances.server import Server
    from fc_async_local.execution.protocol import Attempt, Deployment

_LOG: Final = logging.getLogger(__name__)

_NO_SUCH_ROUTE: Final = frozenset({404, 405})
_FIRST_WAIT: Final = 0.01
_LONGEST_WAIT: Final = 0.25


class ServingInstance(Instance):
    """An instance with an HTTP server.

    Args:
        deployment: The function.
        common: What it shares with all others.
        server: Finds the server, and has the connections to it.
    """

    exit_grace: ClassVar[float] = 1.0
    """Seconds to wait after a broken connection for the report that the instance has ended."""

    def __init__(self, deployment: Deployment, common: Common, server: Server) -> None:
        super().__init__(deployment, common)
        self._server = server
        self._hinted = False

    # --- differs between kinds ---

    @abc.abstractmethod
    async def _not_started(self) -> Reply:
        """End the instance; return that it was not healthy in time."""

    @abc.abstractmethod
    async def _exited(self, end: Exit, *, listened: bool = True) -> Reply:
        """Return why the instance ended before it was ready."""

    # --- start ---

    async def _get_healthy(self, handle: Handle, first: Attempt) -> Reply | None:
        """Wait until the server is healthy, run the initializer; None or why it is not ready."""
        failure = await self._until_healthy(handle)
        if failure is None and self.deployment.initializer:
            failure = await self._initialize(first)
        return failure

    async def _until_healthy(self, handle: Handle) -> Reply | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._common.bounds.start_seconds
        delay = _FIRST_WAIT
        while not await self._server.find(handle.pid):
            if loop.time() > deadline:
                return await self._not_started()
            await asyncio.wait({handle.exited}, timeout=delay)
            if handle.exited.done():
                return await self._exited(handle.exited.result(), listened=False)
            delay = min(delay * 2, _LONGEST_WAIT)
        check = self.deployment.health_check
        if check is None or await self._server.passes(check, handle.exited):
            return None
        if handle.exited.done():
            return await self._exited(handle.exited.result())
        return await self._not_started()

    async def _initialize(self, first: Attempt) -> Reply | None:
        limit = self.deployment.initializer_timeout_ms
        try:
            text = await self._hook("POST", "/initialize", first, limit)
            if not text:
                return None
        except asyncio.TimeoutError:
            text = f"Function initialization timed out after {limit / 1000:g} seconds"
        except aiohttp.ClientError as error:
            await self._until_exit()
            ended = self._calls.reply_at_end
            if ended is not None and ended.ending is Ending.LOST:
                return ended
            text = f"the initializer broke the connection: {error}"
        return Reply(Ending.FAILED, document(text), INITIALIZATION)

    async def _hook(self, method: str, path: str, attempt: Attempt, limit_ms: int) -> str:
        """Call a hook within its time; return what it answered if it failed, otherwise ""."""
        headers = self._headers(attempt, path)
        timeout = aiohttp.ClientTimeout(total=limit_ms / 1000)
        async with self._server.http.request(
            method, path, headers=headers, timeout=timeout
        ) as response:
            text = (await response.content.read(limits.LOG_TAIL_BYTES)).decode(errors="replace")
            return "" if response.ok else text or f"{path} answered {response.status}"

    # --- calls ---

    def submit(self, call: Call) -> None:
        """Send the call; the connection is closed when the call ends for another reason."""
        if self.dead or not self._server.still_listens():
            call.end(Reply(Ending.UNDELIVERED))
            return
        self._calls.add(call)
        request = asyncio.ensure_future(self._send(call))
        call.done.add_done_callback(lambda _: request.cancel())

    def let_go(self, call: Call) -> bool:
        """Close the connection of a request whose client has hung up.

        With one call at a time the instance is replaced, as on the service (FAQ, "499").
        """
        if call.attempt.exchange is None or self.capacity == 1 or not self.ready:
            return False
        self._calls.finish(call, Reply(Ending.INTERRUPTED))
        return True

    async def _send(self, call: Call) -> None:
        try:
            answer = await (
                self._post(call.attempt)
                if call.attempt.http is None
                else self._pass_through(call.attempt)
            )
        except (BadResponse, aiohttp.ClientResponseError) as error:
            self._calls.finish(call, Reply(Ending.FAILED, document(str(error)), BAD_RESPONSE))
        except aiohttp.ClientError as error:
            await self._until_exit()
            # If it has ended, the call has ended with it, and this reply is ignored.
            text = f"the function's server broke the connection: {error}"
            self._calls.finish(call, Reply(Ending.FAILED, document(text), UNHANDLED))
        except Exception as error:  # noqa: BLE001 -- logged; else the call waits for its time limit
            _LOG.exception("%s: a call failed unexpectedly", call.attempt.request_id)
            self._calls.finish(call, Reply(Ending.FAILED, document(str(error)), UNHANDLED))
        else:
            self.drain_log()
            self._calls.finish(call, self._reply(answer))

    async def _post(self, attempt: Attempt) -> Forwarded:
        headers = self._headers(attempt, "/invoke") | {"Content-Type": "application/octet-stream"}
        # A redirect is an answer of the function, not a place to send the event to.
        async with self._server.http.post(
            "/invoke", data=attempt.payload, headers=headers, allow_redirects=False
        ) as response:
            mark = response.headers.get("x-fc-status", "")
            if response.status in _NO_SUCH_ROUTE and not mark:
                self._hint(response.status)
            return Forwarded(mark, await read_bounded(response))

    def _hint(self, status: int) -> None:
        """Log once that the server does not take calls: web frameworks know their own routes."""
        if not self._hinted:
            self._hinted = True
            _LOG.warning(
                "%s answered %d to POST /invoke, and the service counts that as a success: "
                "serve POST /invoke, or call the function over an HTTP trigger",
                self.deployment.function,
                status,
            )

    async def _pass_through(self, attempt: Attempt) -> Forwarded:
        """Send the request of an HTTP trigger."""
        assert attempt.http is not None
        common = self._headers(attempt, "/http-invoke")
        common["x-fc-base-path"] = attempt.http.target.partition("?")[0]
        return await forward(self._server.http, self._server.address, attempt, common)

    async def _until_exit(self) -> None:
        """Wait a short time for the report that the process has ended."""
        if self._handle is not None:
            await asyncio.wait({self._handle.exited}, timeout=self.exit_grace)

    def _reply(self, answer: Forwarded) -> Reply:
        peak = peak_kb(self.pid)
        if answer.body is None:
            text = f"the answer has more than {frames.MAX_BODY_BYTES} bytes"
            return Reply(Ending.FAILED, document(text), UNHANDLED, peak)
        if answer.mark == "404":
            return Reply(Ending.FAILED, answer.body, MARKED, peak)
        return Reply(Ending.RETURNED, answer.body, peak_kb=peak)

    def _headers(self, attempt: Attempt, control_path: str) -> dict[str, str]:
        deployment, identity = self.deployment, self._common.identity
        headers = {
            "x-fc-request-id": attempt.request_id,
            "x-fc-function-name": deployment.function,
            "x-fc-function-handler": deployment.handler,
            "x-fc-function-memory": str(deployment.memory_mb),
            "x-fc-function-timeout": str(deployment.timeout_ms // 1000),
            "x-fc-region": identity.region,
            "x-fc-account-id": identity.account_id,
            "x-fc-qualifier": attempt.qualifier,
            "x-fc-version-id": deployment.version_id,
            "x-fc-service-logproject": "",
            "x-fc-service-logstore": "",
            "x-fc-access-key-id": identity.access_key_id,
            "x-fc-access-key-secret": identity.access_key_secret,
            "x-fc-security-token": identity.security_token,
            "x-fc-control-path": control_path,
            "x-fc-retry-count": str(attempt.number),
        }
        if attempt.task_id:
            headers["x-fc-async-task-id"] = attempt.task_id
        if deployment.initializer:
            headers["x-fc-function-initializer"] = deployment.initializer
            seconds = deployment.initializer_timeout_ms // 1000
            headers["x-fc-initialization-timeout"] = str(seconds)
        return headers

    # --- end ---

    async def before_stop(self, attempt: Attempt) -> None:
        """Call the pre-stop hook within its time."""
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
            limit = self.deployment.pre_stop_timeout_ms
            await self._hook("GET", "/pre-stop", attempt, limit)

    async def gone(self) -> None:
        """Wait until the process has ended and the connections are closed."""
        await super().gone()
        await self._server.aclose()

    def _read_rest(self) -> None:
        self._server.release()
