# SPDX-License-Identifier: MIT
"""Sends calls over requests, from any thread.

The lean way through requests: one adapter (pool, proxies, TLS) per client, a prepared request per
try, the adapter's own ``send``. There is no session: no cookies, no redirects, no hooks. After a
fork the child gets a pool of its own.

Every read and write on a socket keeps the deadline of the whole call. A socket's own timeout starts
anew with every byte that arrives, so a server that sends one byte now and then would hold a call
for ever.
"""

from __future__ import annotations

import io
import os
import ssl
import threading
import time
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from fc_async_sdk.operations.call import Answer, Call
from fc_async_sdk.transport import common
from fc_async_sdk.transport.retry import Budget, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.transport.common import Deadline

T = TypeVar("T")

_ACCEPTED: Final = 202
_CHUNK: Final = 1024 * 1024


CURRENT: ContextVar[Deadline | None] = ContextVar("fc_async_sdk_deadline", default=None)
"""The deadline of the call that this thread is sending, or None."""


def limited(connection_class: type[Any]) -> type[Any]:
    """Return a subclass of a connection class of urllib3 whose sockets keep the deadline.

    A class that does so already is returned as it is: threads that share a pool may ask twice.
    """
    if issubclass(connection_class, _Limited):
        return connection_class
    # With the same name: it appears in messages of urllib3.
    return type(connection_class.__name__, (_Limited, connection_class), {})


class _Limited:
    """The part of a connection that opens it."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection class beside it
        self.sock = _LimitedSocket(self.sock)


class _LimitedSocket:
    """A connected socket, plain or TLS."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Buffer, *flags: int) -> None:
        if CURRENT.get() is None:
            self._sock.sendall(data, *flags)
            return
        with memoryview(data) as view, view.cast("B") as octets:
            sent = 0
            while sent < len(octets):
                sent += _in_time(self._sock, self._sock.send, octets[sent:])

    def makefile(self, mode: str = "rb", *_: Any) -> io.BufferedReader:
        assert mode == "rb", "http.client only reads through a file"
        return io.BufferedReader(_LimitedReader(self._sock))


class _LimitedReader(io.RawIOBase):
    """The reading end of a socket."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        if CURRENT.get() is None:
            return self._file.readinto(buffer)  # type: ignore[no-any-return]  # of any socket
        return _in_time(self._sock, self._file.readinto, buffer)

    def fileno(self) -> int:
        return self._file.fileno()  # type: ignore[no-any-return]  # of any socket

    def close(self) -> None:
        self._file.close()
        super().close()


def _in_time(sock: Any, act: Callable[[Any], int], data: Any) -> int:
    """Read or write once, before the deadline and within the socket's own timeout."""
    deadline = CURRENT.get()
    assert deadline is not None
    remaining = deadline.left()
    if remaining <= 0:
        raise TimeoutError("the time for the whole call is over")
    timeout = sock.gettimeout()
    sock.settimeout(remaining if timeout is None else min(remaining, timeout))
    try:
        return act(data)
    finally:
        # A socket that was closed meanwhile takes no timeout.
        if sock.fileno() != -1:
            sock.settimeout(timeout)


class _Adapter(HTTPAdapter):
    """The adapter of one endpoint: what is the same for every request is found out once.

    The methods are those that requests offers to subclasses.
    """

    def __init__(self, base_url: str, pool_size: int) -> None:
        super().__init__(
            pool_connections=1,
            pool_maxsize=pool_size,
            max_retries=0,
        )
        self._base = len(base_url)
        self._connections: Any = None

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> Any:
        connections: Any = self._connections
        # Once for the adapter: requests computes the key of the pool anew for each request, and an
        # adapter here has one endpoint.
        if connections is None:
            connections = super().get_connection_with_tls_context(request, verify, proxies, cert)
            connections.ConnectionCls = limited(connections.ConnectionCls)
            self._connections = connections
        return connections

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        if proxies:
            return super().request_url(request, proxies)
        assert request.url is not None
        return request.url[self._base :]

    def build_response(
        self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse
    ) -> requests.Response:
        # Without the cookies and the encoding that requests looks for: an answer is JSON or bytes.
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers  # type: ignore[assignment]  # also case-insensitive
        response.raw = resp
        response.request = req
        return response


class SyncTransport(common.Transport):
    """Sends calls and brings back their results. Thread-safe."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(endpoint, config, provider)
        self._url = endpoint.url
        self._sleep = sleep
        self._lock = threading.Lock()
        self._adapter: _Adapter | None = None
        proxy = common.proxy(endpoint, config)
        self._proxies = {endpoint.scheme: proxy} if proxy else {}
        self._verify = common.verify(endpoint, config)
        _TRANSPORTS.add(self)

    def send(self, call: Call[T]) -> T:
        """Send a call, again if that is safe and of use, and read its answer.

        Raises:
            PayloadTooLarge: The payload is over the account's limit; nothing was sent.
            LargePayloadError: The store of the payload denied or failed; nothing was sent.
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        call = call.deposited()
        call.check_size(self._config.max_async_payload_bytes)
        limit = self._limit(call)
        if limit is None:
            return self._send(call, None)
        # Sockets find the deadline of their own thread: urllib3 has no argument to hand it through.
        before = CURRENT.set(limit)
        try:
            return self._send(call, limit)
        finally:
            CURRENT.reset(before)

    def _send(self, call: Call[T], limit: Deadline | None) -> T:
        tries = self._tries(call)
        while True:
            outcome = self._try(call, limit)
            wait = tries.wait_after(outcome, None if limit is None else limit.left())
            if wait is None:
                return tries.conclude(outcome)
            self._again(tries, outcome, wait)
            self._sleep(wait)

    def close(self) -> None:
        """Close all connections. Calls that are made later fail."""
        with self._lock:
            self._closed = True
            adapter = self._adapter
            self._adapter = None
        if adapter is not None:
            adapter.close()

    def forget(self) -> None:
        """Drop the pool without touching its connections: they belong to the parent process."""
        # A thread of the parent may have held the lock in the moment of the fork: here nothing
        # releases it.
        self._lock = threading.Lock()
        self._budget = Budget()
        self._adapter = None

    def _pool(self) -> _Adapter:
        with self._lock:
            self.check_open()
            if self._adapter is None:
                self._adapter = _Adapter(self._url, self._config.max_pool_connections)
            return self._adapter

    def _try(self, call: Call[Any], limit: Deadline | None) -> Answer | Failure:
        if self._rate is not None:
            self._sleep(self._rate.wait(time.monotonic()))
        began = time.monotonic()
        outcome: Answer | Failure
        try:
            outcome = self._exchange(call, limit)
        except Failure as failure:
            outcome = failure
        self._answered(call, outcome, began)
        return outcome

    def _exchange(self, call: Call[Any], limit: Deadline | None) -> Answer:
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = (
            f"{self._url}{call.path}?{call.query}" if call.query else self._url + call.path
        )
        headers = self._headers(call)
        headers["Content-Length"] = str(len(call.body))
        request.headers = headers  # type: ignore[assignment]  # send only looks names up in it
        request.body = call.body
        adapter = self._adapter or self._pool()
        try:
            response = adapter.send(
                request,
                stream=True,
                timeout=self._timeouts(call, limit),
                verify=self._verify,
                cert=self._config.cert,
                proxies=self._proxies,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._failure(error) from error
        return Answer(response.status_code, response.headers, self._body(response, call))

    def _failure(self, error: Exception) -> Failure:
        """Return what an exception of requests means: did anything leave?"""
        if isinstance(error, requests.ConnectTimeout):
            return Failure("no connection in time", sent=False, timed_out=True)
        if isinstance(error, requests.exceptions.ProxyError):
            return Failure(f"no connection to the proxy: {_reason(error)}", sent=False)
        # Before the time limits: a certificate is refused before anything of the request is sent.
        refused = _cause(error, ssl.SSLCertVerificationError)
        if refused is not None:
            return Failure(common.no_connection(self._endpoint, refused), sent=False)
        if isinstance(error, requests.Timeout) or _cause(error, TimeoutError) is not None:
            return Failure("no answer in time", sent=True, timed_out=True)
        refused = _cause(error, urllib3.exceptions.NewConnectionError)
        if refused is not None:
            reason = refused.__cause__ or refused
            return Failure(common.no_connection(self._endpoint, reason), sent=False)
        return Failure(f"the connection broke: {_reason(error)}", sent=True)

    def _timeouts(self, call: Call[Any], limit: Deadline | None) -> tuple[float, float]:
        connect = self._config.connect_timeout
        read = call.timeout or self._config.read_timeout
        if limit is None:
            return connect, read
        remaining = limit.left()
        if remaining <= 0:
            raise Failure("the time for the whole call is over", sent=False, timed_out=True)
        # The connection keeps the limit by itself once it is there.
        return min(connect, remaining), read

    def _body(self, response: requests.Response, call: Call[Any]) -> bytes:
        raw = response.raw
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                chunk: bytes = raw.read(_CHUNK)
                if not chunk:
                    break
                chunks.append(chunk)
                size += len(chunk)
                if size > self._config.max_response_bytes:
                    raw.close()
                    raise self._too_long(call, response.headers.get("x-fc-request-id"))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raw.close()
            # The status said all that matters: the invocation is stored. An error here would make
            # the caller send it again.
            if response.status_code == _ACCEPTED:
                return b""
            timed_out = isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError))
            reason = f"the answer broke off: {_reason(error)}"
            raise Failure(reason, sent=True, timed_out=timed_out) from error
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """Return the exception of a kind among those that requests and urllib3 wrapped, or None."""
    # requests and urllib3 wrap errors in each other's arguments and in `reason`, not in
    # `__cause__`.
    seen: list[object] = [error]
    for item in seen:
        if isinstance(item, kind):
            return item
        if isinstance(item, BaseException) and len(seen) < 16:  # noqa: PLR2004 -- a backstop
            seen.extend([*item.args, getattr(item, "reason", None)])
    return None


def _reason(error: BaseException) -> str:
    """Return the innermost message, without addresses of objects that urllib3 adds."""
    for item in (error, *error.args):
        inner = getattr(item, "reason", None)
        if isinstance(inner, BaseException):
            return _reason(inner)
        if isinstance(item, BaseException) and item is not error:
            return _reason(item)
    text = str(error.args[-1] if error.args else error)
    return text.rpartition(">: ")[2] or type(error).__name__


_TRANSPORTS: weakref.WeakSet[SyncTransport] = weakref.WeakSet()


def _forget_pools() -> None:
    for transport in list(_TRANSPORTS):
        transport.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
